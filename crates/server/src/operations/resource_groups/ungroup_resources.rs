//! UngroupResources: takes nodes off the list of a group; who is not on it need not be.
//! Source: API reference, UngroupResources.

use api::resourcegroups::{UngroupResourcesInput, UngroupResourcesOutput};
use store::resource_groups as rows;

use super::{Asked, existing, refusal};
use crate::associations::leave_unmatched;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn ungroup_resources(
    ctx: &Ctx,
    request: UngroupResourcesInput,
) -> Result<UngroupResourcesOutput, ApiError> {
    let mut tx = ctx.store.write().await?;
    let group = existing(ctx, &mut tx, &request.group).await?;
    if group.settings.query.is_some() {
        let name = &group.key.name;
        return Err(refusal(format!("the members of the resource group `{name}` are those of its query")));
    }
    let asked = Asked::read(ctx, &mut tx, &request.resource_arns).await?;
    rows::remove_members(&mut tx, &group.key, &asked.nodes).await?;
    for node in &asked.nodes {
        leave_unmatched(ctx, &mut tx, node.as_str()).await?;
    }
    tx.commit().await?;
    Ok(UngroupResourcesOutput {
        succeeded: Some(asked.succeeded),
        failed: Some(asked.failed),
        pending: Some(vec![]),
    })
}
