//! ListPatchNow: every Patch now that is kept, newest first.

use std::collections::BTreeMap;

use api::fettle::{ListPatchNowRequest, ListPatchNowResponse};
use store::associations::Association;
use store::associations::executions;

use super::{is_patch_now, to_wire};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::associations::all;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

pub async fn list_patch_now(
    ctx: &Ctx,
    request: ListPatchNowRequest,
) -> Result<ListPatchNowResponse, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "ListPatchNow", &"", request.next_token.as_deref(), size)?;

    let mut tx = ctx.store.read().await?;
    // Bounded by how many associations an account may have.
    let mut found = all(ctx, &mut tx).await?;
    found.retain(|association| is_patch_now(&association.settings));
    found.sort_unstable_by_key(|association| std::cmp::Reverse(key(association)));
    found.retain(|association| page.after.as_ref().is_none_or(|after| key(association) < *after));
    let cut = page.cut(ctx, found, key);
    let ids: Vec<&str> = cut.rows.iter().map(|association| association.key.id.as_str()).collect();
    let runs = executions::list_first(&mut tx, (&ctx.account, &ctx.region), &ids).await?;
    let mut runs: BTreeMap<_, _> = runs.into_iter().map(|run| (run.association.clone(), run)).collect();
    let shown = cut.rows.iter().filter_map(|association| {
        // One whose run was forgotten goes with the next sweep.
        let run = runs.remove(&association.key)?;
        Some(to_wire(association, &run))
    });
    Ok(ListPatchNowResponse { patch_now: shown.collect(), next_token: cut.next_token })
}

/// Sorts by time.
fn key(association: &Association) -> String {
    format!("{:020}/{}", association.created_at.as_millis(), association.key.id)
}
