//! SendAutomationSignal: approvals, going on, starting and stopping steps.
//! Source: API reference, SendAutomationSignal; systems-manager.md 7.3.

use api::ssm::{ErrorCode, SendAutomationSignalRequest, SendAutomationSignalResult, SignalType};
use domain::automation::{Signal, SignalError};

use super::{key, not_found};
use crate::automations::Loaded;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn send_automation_signal(
    ctx: &Ctx,
    request: SendAutomationSignalRequest,
) -> Result<SendAutomationSignalResult, ApiError> {
    let key = key(ctx, &request.automation_execution_id)?;
    let given = |name: &str| {
        let values = request.payload.as_ref().and_then(|payload| payload.get(name));
        values.and_then(|values| values.first()).cloned()
    };
    let (by, comment) = (ctx.caller.arn().to_owned(), given("Comment").unwrap_or_default());
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidAutomationSignalException, message);
    let signal = match &request.signal_type {
        SignalType::Approve => Signal::Approve { by, comment },
        SignalType::Reject => Signal::Reject { by, comment },
        SignalType::Resume => Signal::Resume { step: given("StepName") },
        SignalType::StartStep => Signal::StartStep { step: given("StepName") },
        SignalType::StopStep => match given("StepExecutionId") {
            Some(id) => Signal::StopStep { id },
            None => return Err(invalid("StopStep needs StepExecutionId in its payload".to_owned())),
        },
        other => return Err(invalid(format!("an execution of a runbook does not wait for {other}"))),
    };

    let mut tx = ctx.store.write_by_locks().await?;
    let loaded = Loaded::lock(&mut tx, &key).await?;
    let mut loaded = loaded.ok_or_else(|| not_found(key.id.as_str()))?;
    loaded.signal(signal, ctx.now).map_err(|error| match error {
        SignalError::UnknownStep(_) => {
            ApiError::new(ErrorCode::AutomationStepNotFoundException, error.to_string())
        }
        _ => invalid(error.to_string()),
    })?;
    loaded.save(&mut tx).await?;
    tx.commit().await?;
    Ok(SendAutomationSignalResult {})
}
