//! StartPatchUndo: asks a node to take back what one run changed, or only whether it can. A node that forgot the run
//! reads it back from here.

use std::collections::BTreeMap;

use api::fettle::{StartPatchUndoRequest, StartPatchUndoResponse, UndoWay};
use store::patch_executions;

use super::super::{managed_node, not_found};
use super::{UNDO_DOCUMENT, ask};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn start_patch_undo(
    ctx: &Ctx,
    request: StartPatchUndoRequest,
) -> Result<StartPatchUndoResponse, ApiError> {
    let mut tx = ctx.store.read().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?.id;
    let scope = (&ctx.account, &ctx.region);
    let id = request.execution_id.as_str();
    let found = patch_executions::find(&mut tx, scope, &node, id).await?;
    let past = found.ok_or_else(|| not_found(format!("no run `{id}` that changed {node} is kept")))?;
    drop(tx);
    let by_snapshot = request.by == Some(UndoWay::Snapshot);
    if by_snapshot && past.snapshot.is_none() {
        return Err(not_found(format!("no snapshot of {node} was taken before run `{id}`")));
    }
    let mode = match (request.dry_run.unwrap_or_default(), request.allow_partial.unwrap_or_default()) {
        (true, _) => "Preview",
        (false, false) => "Apply",
        (false, true) => "ApplyPartly",
    };
    let parameters = BTreeMap::from([
        ("ExecutionId".to_owned(), vec![request.execution_id]),
        ("Mode".to_owned(), vec![mode.to_owned()]),
        ("By".to_owned(), vec![if by_snapshot { "Snapshot" } else { "Packages" }.to_owned()]),
    ]);
    let plan_id = ask(ctx, UNDO_DOCUMENT, vec![request.instance_id], parameters).await?;
    Ok(StartPatchUndoResponse { plan_id })
}
