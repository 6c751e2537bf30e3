//! StartAutomationExecution: an execution becomes rows, and goes on by itself.
//! Source: API reference, StartAutomationExecution; systems-manager.md 7.3.

use api::ssm::{StartAutomationExecutionRequest, StartAutomationExecutionResult};

use crate::automations::{place, prepare};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::idempotency::{self, Repeat};

const OPERATION: &str = "StartAutomationExecution";

pub async fn start_automation_execution(
    ctx: &Ctx,
    mut request: StartAutomationExecutionRequest,
) -> Result<StartAutomationExecutionResult, ApiError> {
    let token = request.client_token.take();
    let repeat = Repeat::new(OPERATION, token, &request);
    // Before anything is looked up: what was there the first time may be gone by now.
    let mut tx = ctx.store.read().await?;
    if let Some(first) = idempotency::first_answer(&mut tx, ctx, &repeat).await? {
        return Ok(first);
    }
    drop(tx);
    let order = prepare(ctx, request).await?;

    let mut tx = ctx.store.write().await?;
    if let Some(first) = idempotency::first_answer(&mut tx, ctx, &repeat).await? {
        return Ok(first);
    }
    let id = place(ctx, &mut tx, &order, None).await?;
    let result = StartAutomationExecutionResult { automation_execution_id: Some(id.to_string()) };
    idempotency::remember(&mut tx, ctx, &repeat, &result).await?;
    tx.commit().await?;
    Ok(result)
}
