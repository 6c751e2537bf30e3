//! DescribeAutomationExecutions: executions of runbooks, newest first.
//! Source: API reference, DescribeAutomationExecutions; systems-manager.md 7.3.

use api::Timestamp;
use api::ssm::{
    AutomationExecutionFilter, AutomationExecutionFilterKey as Key, AutomationExecutionStatus,
    DescribeAutomationExecutionsRequest, DescribeAutomationExecutionsResult,
};
use store::automations::{self, AutomationFilter};

use super::{DEFAULT_PAGE, invalid_value, shown, time};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const OPERATION: &str = "DescribeAutomationExecutions";

pub async fn describe_automation_executions(
    ctx: &Ctx,
    request: DescribeAutomationExecutionsRequest,
) -> Result<DescribeAutomationExecutionsResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, OPERATION, &request.filters, request.next_token.as_deref(), size)?;
    let filters = request.filters.unwrap_or_default();
    let Some(filter) = read(&filters)? else {
        let none = Some(Vec::new());
        return Ok(DescribeAutomationExecutionsResult {
            automation_execution_metadata_list: none,
            next_token: None,
        });
    };
    let after = page.after.as_deref().and_then(|key| {
        let (at, id) = key.split_once('/')?;
        Some((Timestamp::from_millis(at.parse().ok()?), id))
    });

    let mut tx = ctx.store.read_each().await?;
    let rows = automations::list(&mut tx, (&ctx.account, &ctx.region), filter, after, page.fetch()).await?;
    let cut = page.cut(ctx, rows, |row| format!("{}/{}", row.started_at.as_millis(), row.key.id));
    Ok(DescribeAutomationExecutionsResult {
        automation_execution_metadata_list: Some(cut.rows.iter().map(shown::metadata).collect()),
        next_token: cut.next_token,
    })
}

/// All of them hold; `None` when nothing here can meet them. Of two filters of one key the last one counts.
fn read(filters: &[AutomationExecutionFilter]) -> Result<Option<AutomationFilter<'_>>, ApiError> {
    let mut read = AutomationFilter::default();
    for filter in filters {
        let values = filter.values.as_slice();
        match filter.key {
            Key::DocumentNamePrefix => read.document_prefixes = values,
            Key::ExecutionId => read.ids = values,
            Key::ParentExecutionId => read.parents = values,
            Key::CurrentAction => read.actions = values,
            Key::TagKey => read.tag_keys = values,
            Key::StartTimeAfter => read.started_after = Some(time("StartTimeAfter", values)?),
            Key::StartTimeBefore => read.started_before = Some(time("StartTimeBefore", values)?),
            Key::ExecutionStatus => {
                let is_none =
                    |value: &&String| matches!(value.as_str().into(), AutomationExecutionStatus::Unknown(_));
                if let Some(value) = values.iter().find(is_none) {
                    return Err(invalid_value("ExecutionStatus", value));
                }
                read.statuses = values;
            }
            // All are of this account and region, and none is of a change request or an OpsItem.
            Key::AutomationType => {
                if let Some(value) =
                    values.iter().find(|value| !["Local", "CrossAccount"].contains(&value.as_str()))
                {
                    return Err(invalid_value("AutomationType", value));
                }
                if !values.iter().any(|value| value == "Local") {
                    return Ok(None);
                }
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(read))
}
