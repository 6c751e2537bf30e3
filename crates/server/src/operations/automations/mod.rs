//! Automation: starting executions of runbooks, reading how they go, telling them something.
//! Going on with them is `automations`' work. Source: systems-manager.md 7.

mod describe_automation_executions;
mod describe_automation_step_executions;
mod get_automation_execution;
mod get_execution_preview;
mod send_automation_signal;
mod shown;
mod start_automation_execution;
mod start_execution_preview;
mod stop_automation_execution;
#[cfg(test)]
mod tests;

pub use describe_automation_executions::describe_automation_executions;
pub use describe_automation_step_executions::describe_automation_step_executions;
pub use get_automation_execution::get_automation_execution;
pub use get_execution_preview::get_execution_preview;
pub use send_automation_signal::send_automation_signal;
pub use start_automation_execution::start_automation_execution;
pub use start_execution_preview::start_execution_preview;
pub use stop_automation_execution::stop_automation_execution;

use api::Timestamp;
use api::ssm::ErrorCode;
use store::automations::AutomationKey;

use crate::ctx::Ctx;
use crate::error::ApiError;

const DEFAULT_PAGE: i32 = 50;

fn not_found(id: &str) -> ApiError {
    let message = format!("the automation execution `{id}` does not exist");
    ApiError::new(ErrorCode::AutomationExecutionNotFoundException, message)
}

fn key(ctx: &Ctx, id: &str) -> Result<AutomationKey, ApiError> {
    let parsed = id.parse().map_err(|_| not_found(id))?;
    Ok(AutomationKey { account: ctx.account.clone(), region: ctx.region.clone(), id: parsed })
}

fn invalid_value(key: &str, value: &str) -> ApiError {
    let message = format!("filter {key}: `{value}` is not one of its values");
    ApiError::new(ErrorCode::InvalidFilterValue, message)
}

/// The moment that a filter names.
fn time(key: &str, values: &[String]) -> Result<Timestamp, ApiError> {
    let [value] = values else {
        let message = format!("filter {key} takes one date");
        return Err(ApiError::new(ErrorCode::InvalidFilterValue, message));
    };
    Timestamp::parse(value).ok_or_else(|| invalid_value(key, value))
}
