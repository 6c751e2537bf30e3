//! DeleteAssociation: nothing of it runs any more, executions of a runbook are called off, and what it said of nodes is taken
//! back.
//! Source: API reference, DeleteAssociation.

use api::ssm::{DeleteAssociationRequest, DeleteAssociationResult};
use domain::association::{Counts, ExecutionStatus};
use domain::ids::CommandId;
use store::Tx;
use store::associations::executions::{self, Execution, ExecutionFilter, Superseded};
use store::associations::{self, Association};
use store::commands::CommandKey;
use store::tags;

use super::{named, tagged};
use crate::associations::runbook;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::keyring::random;

/// More than one only where a new run has not called off the one before yet.
const OPEN_RUNS: i64 = 10;

pub async fn delete_association(
    ctx: &Ctx,
    request: DeleteAssociationRequest,
) -> Result<DeleteAssociationResult, ApiError> {
    let by = (request.name.as_deref(), request.instance_id.as_deref());
    stop_runbooks(ctx, request.association_id.as_deref(), by).await?;
    let mut tx = ctx.store.write().await?;
    let association = named(ctx, &mut tx, request.association_id.as_deref(), by).await?;
    let ended = remove(ctx, &mut tx, &association).await?;
    tx.commit().await?;
    ended.into_iter().for_each(|command| ctx.app.agents.touch(command));
    Ok(DeleteAssociationResult {})
}

/// Executions of its runbook are called off first: afterwards nobody would know whose they are. Who asks again finds them
/// called off.
async fn stop_runbooks(
    ctx: &Ctx,
    id: Option<&str>,
    by: (Option<&str>, Option<&str>),
) -> Result<(), ApiError> {
    let mut tx = ctx.store.read().await?;
    let association = named(ctx, &mut tx, id, by).await?;
    let open = [ExecutionStatus::Pending.as_str(), ExecutionStatus::InProgress.as_str()];
    let filter = ExecutionFilter { statuses: Some(open.to_vec()), ..ExecutionFilter::default() };
    let found = executions::list(&mut tx, &association.key, &filter, None, OPEN_RUNS).await?;
    drop(tx);
    for run in found {
        runbook::stop(ctx, &run).await?;
    }
    Ok(())
}

/// In a transaction of the caller's, who touches the commands that this ended after the commit.
pub async fn remove(ctx: &Ctx, tx: &mut Tx, association: &Association) -> Result<Vec<CommandKey>, ApiError> {
    // As if a run followed that addresses nobody.
    let nobody = Execution {
        association: association.key.clone(),
        id: CommandId::mint(random()),
        run: association.runs_made + 1,
        version: association.version,
        created_at: ctx.now,
        omitted: None,
        cancel_at: None,
        counts: Counts::default(),
        status: ExecutionStatus::Pending,
        finished_at: None,
    };
    let ended = executions::supersede(tx, &nobody, Superseded::Everywhere, ctx.now).await?;
    associations::delete(tx, &association.key).await?;
    tags::remove_all(tx, tagged(ctx, &association.key)).await?;
    Ok(ended)
}
