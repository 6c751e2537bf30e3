//! DescribeInstancePatchStates: the numbers of the newest report of each of the nodes named; nodes
//! without a report are absent.
//! Source: API reference, DescribeInstancePatchStates; patch-manager.md 6.3.

use api::ssm::{DescribeInstancePatchStatesRequest, DescribeInstancePatchStatesResult};
use store::patch_states;

use super::{DEFAULT_PAGE, to_state};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

pub async fn describe_instance_patch_states(
    ctx: &Ctx,
    request: DescribeInstancePatchStatesRequest,
) -> Result<DescribeInstancePatchStatesResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "DescribeInstancePatchStates", &request.instance_ids, token, size)?;

    let mut tx = ctx.store.read_each().await?;
    let scope = (&ctx.account, &ctx.region);
    let after = page.after.as_deref();
    let rows = patch_states::list_of(&mut tx, scope, &request.instance_ids, after, page.fetch()).await?;
    let cut = page.cut(ctx, rows, |report| report.node.to_string());
    Ok(DescribeInstancePatchStatesResult {
        instance_patch_states: Some(cut.rows.into_iter().map(to_state).collect()),
        next_token: cut.next_token,
    })
}
