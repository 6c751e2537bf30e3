//! ListPatchExecutions: the runs that changed a node's packages, newest first, and whether each can be taken back.

use api::Timestamp;
use api::fettle::{ListPatchExecutionsRequest, ListPatchExecutionsResponse};
use domain::patch::execution::PatchExecution;
use store::patch_executions::{self, After};

use super::super::managed_node;
use super::order_of;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

/// Each may list hundreds of packages.
const DEFAULT_PAGE: i32 = 10;

pub async fn list_patch_executions(
    ctx: &Ctx,
    request: ListPatchExecutionsRequest,
) -> Result<ListPatchExecutionsResponse, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "ListPatchExecutions", &request.instance_id, token, size)?;

    let scope = (&ctx.account, &ctx.region);
    let mut tx = ctx.store.read().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?;
    let after = page.after.as_deref().and_then(after);
    let rows = patch_executions::list(&mut tx, scope, &node.id, after, page.fetch()).await?;
    let cut = page.cut(ctx, rows, key);
    let ids: Vec<&str> = cut.rows.iter().map(|row| row.execution_id.as_str()).collect();
    let undoers = patch_executions::undoers(&mut tx, scope, &node.id, &ids).await?;
    drop(tx);

    let order = order_of(&node);
    let to_wire = |row: &PatchExecution| {
        row.to_wire(order, undoers.get(&row.execution_id).map(Vec::as_slice).unwrap_or_default())
    };
    let executions = cut.rows.iter().map(to_wire).collect();
    Ok(ListPatchExecutionsResponse { executions, next_token: cut.next_token })
}

fn key(row: &PatchExecution) -> String {
    format!("{}/{}", row.ended_at.as_millis(), row.execution_id)
}

fn after(key: &str) -> Option<After<'_>> {
    let (at, execution_id) = key.split_once('/')?;
    Some(After { ended_at: Timestamp::from_millis(at.parse().ok()?), execution_id })
}
