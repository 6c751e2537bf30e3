//! GetAutomationExecution: one execution, with its first steps.
//! Source: API reference, GetAutomationExecution; systems-manager.md 7.3.

use api::ssm::{GetAutomationExecutionRequest, GetAutomationExecutionResult};

use super::{key, not_found, shown};
use crate::automations::Loaded;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_automation_execution(
    ctx: &Ctx,
    request: GetAutomationExecutionRequest,
) -> Result<GetAutomationExecutionResult, ApiError> {
    let key = key(ctx, &request.automation_execution_id)?;

    let mut tx = ctx.store.read().await?;
    let loaded = Loaded::find(&mut tx, &key).await?.ok_or_else(|| not_found(key.id.as_str()))?;
    Ok(GetAutomationExecutionResult { automation_execution: Some(shown::execution(&loaded)) })
}
