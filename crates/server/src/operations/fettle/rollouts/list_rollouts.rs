//! ListRollouts: every staged rollout that is kept, of patch policies and of Patch now, newest first.

use api::Timestamp;
use api::fettle::{ListRolloutsRequest, ListRolloutsResponse};
use store::rollouts::{self, Rollout};

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};
use crate::rollouts::to_wire;

const DEFAULT_PAGE: i32 = 50;

pub async fn list_rollouts(
    ctx: &Ctx,
    request: ListRolloutsRequest,
) -> Result<ListRolloutsResponse, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "ListRollouts", &"", request.next_token.as_deref(), size)?;
    let after = page.after.as_deref().and_then(read_key);

    let mut tx = ctx.store.read().await?;
    let rows = rollouts::list(&mut tx, (&ctx.account, &ctx.region), after, page.fetch()).await?;
    let cut = page.cut(ctx, rows, key);
    let mut shown = Vec::new();
    // A page of them.
    for rollout in cut.rows {
        shown.push(to_wire(&mut tx, rollout, ctx.now).await?);
    }
    Ok(ListRolloutsResponse { rollouts: shown, next_token: cut.next_token })
}

fn key(rollout: &Rollout) -> String {
    format!("{}/{}", rollout.created_at.as_millis(), rollout.key.id)
}

fn read_key(text: &str) -> Option<(Timestamp, &str)> {
    let (at, id) = text.split_once('/')?;
    Some((Timestamp::from_millis(at.parse().ok()?), id))
}
