//! StopAutomationExecution: the execution is told to end, at once or after the step that runs.
//! Source: API reference, StopAutomationExecution; systems-manager.md 7.3.

use api::ssm::{ErrorCode, StopAutomationExecutionRequest, StopAutomationExecutionResult, StopType};
use domain::automation::StopKind;

use super::{key, not_found};
use crate::automations::ask_to_stop;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn stop_automation_execution(
    ctx: &Ctx,
    request: StopAutomationExecutionRequest,
) -> Result<StopAutomationExecutionResult, ApiError> {
    let key = key(ctx, &request.automation_execution_id)?;
    let kind = match request.r#type {
        Some(StopType::Complete) => StopKind::Complete,
        _ => StopKind::Cancel,
    };
    match ask_to_stop(ctx, &key, kind).await? {
        None => Err(not_found(key.id.as_str())),
        Some(true) => Ok(StopAutomationExecutionResult {}),
        Some(false) => {
            let message = format!("the automation execution `{}` has ended", key.id);
            Err(ApiError::new(ErrorCode::InvalidAutomationStatusUpdateException, message))
        }
    }
}
