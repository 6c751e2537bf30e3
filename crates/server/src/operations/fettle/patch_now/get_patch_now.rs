//! GetPatchNow: what was ordered, and how far it is at this moment.

use api::fettle::{GetPatchNowRequest, GetPatchNowResponse};

use super::{add_rollout, find, to_wire};
use crate::associations::count_run;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_patch_now(ctx: &Ctx, request: GetPatchNowRequest) -> Result<GetPatchNowResponse, ApiError> {
    let mut tx = ctx.store.read().await?;
    let found = find(ctx, &mut tx, &request.patch_now_id).await?;
    // By what the nodes' parts are now, also where nobody has followed yet.
    let counted = count_run(&mut tx, &found.run).await?;
    let run = counted.map_or(found.run, |(_, counted)| counted);
    let mut patch_now = to_wire(&found.association, &run);
    add_rollout(&mut tx, &mut patch_now, &found.command.key, ctx.now).await?;
    Ok(GetPatchNowResponse { patch_now })
}
