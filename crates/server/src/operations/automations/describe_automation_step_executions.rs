//! DescribeAutomationStepExecutions: the steps of an execution, in their order.
//! Source: API reference, DescribeAutomationStepExecutions; systems-manager.md 7.3.

use api::ssm::{
    DescribeAutomationStepExecutionsRequest, DescribeAutomationStepExecutionsResult, StepExecution,
    StepExecutionFilter, StepExecutionFilterKey as Key,
};

use super::{DEFAULT_PAGE, key, not_found, shown, time};
use crate::automations::Loaded;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const OPERATION: &str = "DescribeAutomationStepExecutions";

pub async fn describe_automation_step_executions(
    ctx: &Ctx,
    request: DescribeAutomationStepExecutionsRequest,
) -> Result<DescribeAutomationStepExecutionsResult, ApiError> {
    let key = key(ctx, &request.automation_execution_id)?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let is_reversed = request.reverse_order.unwrap_or_default();
    let scope = (&request.automation_execution_id, &request.filters, is_reversed);
    let page = Page::open(ctx, OPERATION, &scope, request.next_token.as_deref(), size)?;

    let mut tx = ctx.store.read().await?;
    let loaded = Loaded::find(&mut tx, &key).await?.ok_or_else(|| not_found(key.id.as_str()))?;
    drop(tx);
    let filters = request.filters.unwrap_or_default();
    let mut rows = Vec::new();
    for (place, step) in shown::steps(&loaded).into_iter().enumerate() {
        if passes(&step, &filters)? {
            rows.push((place, step));
        }
    }
    if is_reversed {
        rows.reverse();
    }
    if let Some(last) = page.after.as_deref().and_then(|place| place.parse::<usize>().ok()) {
        rows.retain(|(place, _)| if is_reversed { *place < last } else { *place > last });
    }
    rows.truncate(size.saturating_add(1));
    let cut = page.cut(ctx, rows, |(place, _)| place.to_string());
    Ok(DescribeAutomationStepExecutionsResult {
        step_executions: Some(cut.rows.into_iter().map(|(_, step)| step).collect()),
        next_token: cut.next_token,
    })
}

/// Values of one filter are alternatives, filters hold together.
fn passes(step: &StepExecution, filters: &[StepExecutionFilter]) -> Result<bool, ApiError> {
    let parent = step.parent_step_details.clone().unwrap_or_default();
    for filter in filters {
        let values = filter.values.as_slice();
        let is_one = |text: Option<&str>| text.is_some_and(|text| values.iter().any(|value| value == text));
        let passes = match filter.key {
            Key::StartTimeBefore => {
                let before = time("StartTimeBefore", values)?;
                step.execution_start_time.is_some_and(|at| at < before)
            }
            Key::StartTimeAfter => {
                let after = time("StartTimeAfter", values)?;
                step.execution_start_time.is_some_and(|at| at > after)
            }
            Key::StepExecutionStatus => is_one(step.step_status.as_ref().map(|status| status.as_str())),
            Key::StepExecutionId => is_one(step.step_execution_id.as_deref()),
            Key::StepName => is_one(step.step_name.as_deref()),
            Key::Action => is_one(step.action.as_deref()),
            Key::ParentStepExecutionId => is_one(parent.step_execution_id.as_deref()),
            Key::ParentStepIteration => is_one(parent.iteration.map(|pass| pass.to_string()).as_deref()),
            Key::ParentStepIteratorValue => is_one(parent.iterator_value.as_deref()),
            Key::Unknown(_) => false,
        };
        if !passes {
            return Ok(false);
        }
    }
    Ok(true)
}
