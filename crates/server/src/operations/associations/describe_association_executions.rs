//! DescribeAssociationExecutions: the runs of an association, newest first.
//! Source: API reference, DescribeAssociationExecutions; systems-manager.md 3.3.

use api::Timestamp;
use api::ssm::{
    AssociationExecution, AssociationExecutionFilter, AssociationExecutionFilterKey,
    AssociationFilterOperatorType, DescribeAssociationExecutionsRequest, DescribeAssociationExecutionsResult,
};
use domain::association::{ExecutionStatus, count_text};
use domain::ids::CommandId;
use store::associations::executions::{self, Execution, ExecutionFilter};

use super::{DEFAULT_PAGE, existing};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::page::{Page, page_size};

pub async fn describe_association_executions(
    ctx: &Ctx,
    request: DescribeAssociationExecutionsRequest,
) -> Result<DescribeAssociationExecutionsResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let scope = (&request.association_id, &request.filters);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "DescribeAssociationExecutions", &scope, token, size)?;
    let filters = request.filters.unwrap_or_default();
    let filter = read(&filters)?;
    let before = page.after.as_deref().and_then(|run| run.parse().ok());

    let mut tx = ctx.store.read().await?;
    let association = existing(ctx, &mut tx, &request.association_id).await?;
    let rows = executions::list(&mut tx, &association.key, &filter, before, page.fetch()).await?;
    let cut = page.cut(ctx, rows, |row| row.run.to_string());
    Ok(DescribeAssociationExecutionsResult {
        association_executions: Some(cut.rows.into_iter().map(to_wire).collect()),
        next_token: cut.next_token,
    })
}

/// All of them hold.
fn read(filters: &[AssociationExecutionFilter]) -> Result<ExecutionFilter<'_>, ApiError> {
    let mut read = ExecutionFilter::default();
    for filter in filters {
        let value = filter.value.as_str();
        let is_equal = filter.r#type == AssociationFilterOperatorType::Equal;
        match filter.key {
            AssociationExecutionFilterKey::CreatedTime => add_time(&mut read, filter)?,
            _ if !is_equal => {
                let key = filter.key.as_str();
                return Err(error::validation(format!("{key} is compared with EQUAL only")));
            }
            // What is no id or no status is no run's.
            AssociationExecutionFilterKey::ExecutionId => {
                narrow(&mut read.ids, value, value.parse::<CommandId>().is_ok());
            }
            _ => narrow(&mut read.statuses, value, ExecutionStatus::parse(value).is_some()),
        }
    }
    Ok(read)
}

/// Two different values of one key hold of nothing.
fn narrow<'a>(list: &mut Option<Vec<&'a str>>, value: &'a str, can_be: bool) {
    let values = list.get_or_insert_with(|| vec![value]);
    values.retain(|known| *known == value && can_be);
}

fn add_time(read: &mut ExecutionFilter<'_>, filter: &AssociationExecutionFilter) -> Result<(), ApiError> {
    let value = &filter.value;
    let invalid =
        || error::validation(format!("CreatedTime: `{value}` is not a time such as 2026-01-31T12:00:00Z"));
    let at = Timestamp::parse(value).ok_or_else(invalid)?;
    let later = |known: Option<Timestamp>, at| Some(known.map_or(at, |known| known.max(at)));
    let earlier = |known: Option<Timestamp>, at| Some(known.map_or(at, |known| known.min(at)));
    let (after, before) = match filter.r#type {
        AssociationFilterOperatorType::LessThan => (None, Some(at)),
        AssociationFilterOperatorType::GreaterThan => (Some(at), None),
        _ => (Some(at.plus_millis(-1)), Some(at.plus_millis(1))),
    };
    if let Some(after) = after {
        read.created_after = later(read.created_after, after);
    }
    if let Some(before) = before {
        read.created_before = earlier(read.created_before, before);
    }
    Ok(())
}

fn to_wire(execution: Execution) -> AssociationExecution {
    // What kept it from running begins with a word for it; of a failure somebody has to know the rest as well.
    let reason = execution.omitted.as_deref().map(|reason| match execution.status {
        ExecutionStatus::Failed => reason,
        _ => reason.split_once(':').map_or(reason, |(word, _)| word),
    });
    let detail = reason.unwrap_or_else(|| execution.status.detail(&execution.counts));
    AssociationExecution {
        association_id: Some(execution.association.id.to_string()),
        association_version: Some(execution.version.to_string()),
        execution_id: Some(execution.id.to_string()),
        status: Some(execution.status.as_str().to_owned()),
        detailed_status: Some(detail.to_owned()),
        created_time: Some(execution.created_at),
        last_execution_date: execution.omitted.is_none().then_some(execution.created_at),
        resource_count_by_status: Some(count_text(&execution.counts)),
        ..AssociationExecution::default()
    }
}
