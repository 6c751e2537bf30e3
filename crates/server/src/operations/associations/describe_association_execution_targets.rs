//! DescribeAssociationExecutionTargets: what one run came to on each node.
//! Source: API reference, DescribeAssociationExecutionTargets; systems-manager.md 3.3.

use api::ssm::{
    AssociationExecutionTarget, AssociationExecutionTargetsFilter, AssociationExecutionTargetsFilterKey,
    DescribeAssociationExecutionTargetsRequest, DescribeAssociationExecutionTargetsResult, ErrorCode,
    OutputSource,
};
use domain::association::TargetStatus;
use domain::command::InvocationStatus;
use domain::ids::{CommandId, NodeId};
use store::associations::executions::{self, Execution};
use store::automations::{self, Automation};
use store::invocations::{self, Invocation};
use store::{Tx, commands};

use super::{DEFAULT_PAGE, existing};
use crate::associations::runbook;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const RESOURCE_TYPE: &str = "ManagedInstance";
/// What a runbook has as targets beside nodes, and where it has none.
const VALUE_TYPE: &str = "ParameterValue";
const EXECUTION_TYPE: &str = "AutomationExecution";

pub async fn describe_association_execution_targets(
    ctx: &Ctx,
    request: DescribeAssociationExecutionTargetsRequest,
) -> Result<DescribeAssociationExecutionTargetsResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let scope = (&request.association_id, &request.execution_id, &request.filters);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "DescribeAssociationExecutionTargets", &scope, token, size)?;
    let filters = request.filters.unwrap_or_default();
    let filter = Filter::read(&filters);

    let mut tx = ctx.store.read().await?;
    let association = existing(ctx, &mut tx, &request.association_id).await?;
    let id = request.execution_id.to_ascii_lowercase();
    let unknown = || {
        let message = format!("association `{}` has no execution `{id}`", association.key.id);
        ApiError::new(ErrorCode::AssociationExecutionDoesNotExist, message)
    };
    let run: CommandId = id.parse().map_err(|_| unknown())?;
    let execution = executions::find(&mut tx, &association.key, run.as_str()).await?.ok_or_else(unknown)?;
    if commands::find(&mut tx, &execution.command()).await?.is_none()
        && let Some((automation, _)) = runbook::count(&mut tx, &execution).await?
    {
        return of_runbook(ctx, &mut tx, (&execution, automation), (&page, &filter)).await;
    }
    let conditions = (filter.states.as_deref(), filter.node);
    let (command, after) = (execution.command(), page.after.as_deref());
    let rows = invocations::list_of_command(&mut tx, &command, conditions, after, page.fetch()).await?;
    let cut = page.cut(ctx, rows, |row| row.key.node.to_string());
    Ok(DescribeAssociationExecutionTargetsResult {
        association_execution_targets: Some(
            cut.rows.into_iter().map(|row| to_wire(&execution, row)).collect(),
        ),
        next_token: cut.next_token,
    })
}

/// Each target is an execution of its own; without targets there is the one. A page is filtered after it was read, so that it
/// may be shorter.
async fn of_runbook(
    ctx: &Ctx,
    tx: &mut Tx,
    (execution, automation): (&Execution, Automation),
    (page, filter): (&Page, &Filter<'_>),
) -> Result<DescribeAssociationExecutionTargetsResult, ApiError> {
    let rows = match &automation.progress.rollout {
        Some(_) => {
            automations::list_children(tx, &automation.key, page.after.as_deref(), page.fetch()).await?
        }
        None if page.after.is_none() => vec![automation],
        None => Vec::new(),
    };
    let cut = page.cut(ctx, rows, |row| row.key.id.to_string());
    let fits = |row: &&Automation| {
        let is_of_state = |states: &[InvocationStatus]| states.contains(&runbook::state(row.progress.status));
        filter.states.as_deref().is_none_or(is_of_state)
            && filter.node.is_none_or(|node| row.target.as_deref() == Some(node))
    };
    Ok(DescribeAssociationExecutionTargetsResult {
        association_execution_targets: Some(
            cut.rows.iter().filter(fits).map(|row| runbook_to_wire(execution, row)).collect(),
        ),
        next_token: cut.next_token,
    })
}

fn runbook_to_wire(execution: &Execution, row: &Automation) -> AssociationExecutionTarget {
    let state = runbook::state(row.progress.status);
    let (id, kind) = match row.target.as_deref() {
        Some(target) if target.parse::<NodeId>().is_ok() => (target, RESOURCE_TYPE),
        Some(target) => (target, VALUE_TYPE),
        None => (row.key.id.as_str(), EXECUTION_TYPE),
    };
    AssociationExecutionTarget {
        association_id: Some(execution.association.id.to_string()),
        association_version: Some(execution.version.to_string()),
        execution_id: Some(execution.id.to_string()),
        resource_id: Some(id.to_owned()),
        resource_type: Some(kind.to_owned()),
        status: Some(TargetStatus::of(state).as_str().to_owned()),
        detailed_status: Some(TargetStatus::detail(state).to_owned()),
        last_execution_date: Some(row.started_at),
        output_source: Some(OutputSource {
            output_source_id: Some(row.key.id.to_string()),
            output_source_type: Some("Automation".to_owned()),
        }),
    }
}

/// All of them hold; no state is left when they exclude each other.
#[derive(Default)]
struct Filter<'a> {
    states: Option<Vec<InvocationStatus>>,
    node: Option<&'a str>,
}

impl<'a> Filter<'a> {
    fn read(filters: &'a [AssociationExecutionTargetsFilter]) -> Self {
        let mut read = Self::default();
        for filter in filters {
            let value = filter.value.as_str();
            match filter.key {
                AssociationExecutionTargetsFilterKey::Status => {
                    let named = TargetStatus::states_named(value);
                    match &mut read.states {
                        None => read.states = Some(named),
                        Some(states) => states.retain(|state| named.contains(state)),
                    }
                }
                AssociationExecutionTargetsFilterKey::ResourceId
                    if read.node.is_none_or(|node| node == value) && value.parse::<NodeId>().is_ok() =>
                {
                    read.node = Some(value);
                }
                AssociationExecutionTargetsFilterKey::ResourceType if value == RESOURCE_TYPE => {}
                _ => read.states = Some(Vec::new()),
            }
        }
        read
    }
}

fn to_wire(execution: &Execution, invocation: Invocation) -> AssociationExecutionTarget {
    AssociationExecutionTarget {
        association_id: Some(execution.association.id.to_string()),
        association_version: Some(execution.version.to_string()),
        execution_id: Some(execution.id.to_string()),
        resource_id: Some(invocation.key.node.to_string()),
        resource_type: Some(RESOURCE_TYPE.to_owned()),
        status: Some(TargetStatus::of(invocation.status).as_str().to_owned()),
        detailed_status: Some(TargetStatus::detail(invocation.status).to_owned()),
        last_execution_date: invocation.delivered_at,
        output_source: Some(OutputSource {
            output_source_id: Some(invocation.key.command.id.to_string()),
            output_source_type: Some("RunCommand".to_owned()),
        }),
    }
}
