//! DescribeMaintenanceWindowExecutionTaskInvocations: the pieces of work of a task of a run, in their order.
//! Source: API reference, DescribeMaintenanceWindowExecutionTaskInvocations; systems-manager.md 4.4.

use api::ssm::{
    DescribeMaintenanceWindowExecutionTaskInvocationsRequest,
    DescribeMaintenanceWindowExecutionTaskInvocationsResult,
    MaintenanceWindowExecutionTaskInvocationIdentity,
};
use store::window_executions::{TaskExecution, TaskInvocation};

use super::executions::{details, execution_id, load_invocations, load_task, position_key};
use super::filters::Filters;
use super::{DEFAULT_PAGE, page_of};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const OPERATION: &str = "DescribeMaintenanceWindowExecutionTaskInvocations";

pub async fn describe_maintenance_window_execution_task_invocations(
    ctx: &Ctx,
    request: DescribeMaintenanceWindowExecutionTaskInvocationsRequest,
) -> Result<DescribeMaintenanceWindowExecutionTaskInvocationsResult, ApiError> {
    let filters = Filters::read(request.filters.as_deref(), &["STATUS"])?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let bound_to = (&request.window_execution_id, &request.task_id, &request.filters);
    let page = Page::open(ctx, OPERATION, &bound_to, request.next_token.as_deref(), size)?;

    let (execution, task) = (&request.window_execution_id, &request.task_id);
    let mut tx = ctx.store.read().await?;
    let of_task = load_task(&mut tx, ctx, execution, task).await?;
    let mut found = load_invocations(&mut tx, ctx, execution, task).await?;
    found.retain(|invocation| filters.pass("STATUS", |status| invocation.state.status.as_str() == status));
    let cut = page_of(ctx, &page, found, |invocation| position_key(invocation.position));
    let shown = cut.rows.into_iter().map(|invocation| shown(execution, &of_task, invocation));
    Ok(DescribeMaintenanceWindowExecutionTaskInvocationsResult {
        window_execution_task_invocation_identities: Some(shown.collect()),
        next_token: cut.next_token,
    })
}

fn shown(
    execution: &str,
    task: &TaskExecution,
    invocation: TaskInvocation,
) -> MaintenanceWindowExecutionTaskInvocationIdentity {
    MaintenanceWindowExecutionTaskInvocationIdentity {
        window_execution_id: Some(execution.to_owned()),
        task_execution_id: Some(invocation.task.to_string()),
        invocation_id: Some(invocation.id.to_string()),
        execution_id: execution_id(task, &invocation),
        task_type: task.task.task_type.clone(),
        parameters: invocation.parameters,
        status: Some(invocation.state.status.as_str().into()),
        status_details: details(&invocation.state.details),
        start_time: invocation.state.started_at,
        end_time: invocation.state.finished_at,
        owner_information: invocation.plan.owner_information,
        window_target_id: invocation.plan.window_target_id,
    }
}
