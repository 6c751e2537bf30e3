//! UpdateInstanceAssociationStatus: how a run went that the agent fetched. A report about anything else is logged, and
//! answered so that the agent goes on.
//! Source: agent-protocol.md 5.3.

use api::ssm::{
    InstanceAssociationExecutionResult, UpdateInstanceAssociationStatusRequest,
    UpdateInstanceAssociationStatusResult,
};
use domain::command::{Ending, Event};
use domain::ids::AssociationId;
use store::associations::AssociationKey;
use store::associations::{executions, standing};
use store::invocations::{self, InvocationKey};

use crate::associations::fetched;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::progress;

pub async fn update_instance_association_status(
    ctx: &Ctx,
    request: UpdateInstanceAssociationStatusRequest,
) -> Result<UpdateInstanceAssociationStatusResult, ApiError> {
    let mut tx = ctx.store.write().await?;
    let node = super::managed_node(ctx, &mut tx, &request.instance_id).await?;
    let (association_id, result) = (&request.association_id, request.execution_result);
    let unknown = || {
        let status = &result.status;
        tracing::info!(node_id = %node.id, association_id, status, "status of an association that is not ours");
        Ok(UpdateInstanceAssociationStatusResult {})
    };
    let Ok(id) = association_id.parse::<AssociationId>() else { return unknown() };
    let key = AssociationKey { account: ctx.account.clone(), region: ctx.region.clone(), id };
    let Some(standing) = standing::find(&mut tx, &key, &node.id).await? else { return unknown() };
    let Some(run) = executions::find(&mut tx, &key, &standing.execution).await? else { return unknown() };
    let command = store::commands::find(&mut tx, &run.command()).await?;
    // What went as a command is reported as one.
    if !command.as_ref().is_some_and(fetched::is_fetched) {
        return unknown();
    }
    let invocation = InvocationKey { command: run.command(), node: node.id.clone() };
    let Some(mut invocation) = invocations::find(&mut tx, &invocation).await? else { return unknown() };
    let event = event(&result);
    let changed = event.is_some_and(|event| progress::apply(&mut invocation, event, ctx.now));
    if changed {
        invocations::update(&mut tx, &invocation).await?;
    }
    if let Some(summary) = result.execution_summary.as_deref() {
        standing::set_summary(&mut tx, &run, &node.id, &summary.replace('\0', " ")).await?;
    }
    tx.commit().await?;
    if changed {
        ctx.app.agents.touch(run.command());
        ctx.app.agents.settle(&ctx.app).await;
    }
    Ok(UpdateInstanceAssociationStatusResult {})
}

/// `None` where nothing has happened yet, and for words that are not known.
fn event(result: &InstanceAssociationExecutionResult) -> Option<Event> {
    match result.status.as_str() {
        "InProgress" => Some(Event::PickedUp),
        // Skipped: no step was for this platform.
        "Success" | "Skipped" => Some(Event::Ended(Ending::Success)),
        "Failed" => Some(Event::Ended(Ending::Failed)),
        "TimedOut" => Some(Event::Ended(Ending::TimedOut)),
        _ => None,
    }
}
