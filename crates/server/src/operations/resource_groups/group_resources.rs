//! GroupResources: lists nodes in a group that has no query. Whoever is in it already stays.
//! Source: API reference, GroupResources.

use api::resourcegroups::{GroupResourcesInput, GroupResourcesOutput};
use domain::resource_group::{NodeKind, node_of};
use store::resource_groups as rows;

use super::{Asked, check, existing, failed, refusal};
use crate::ctx::Ctx;
use crate::error::ApiError;

/// Of one group: what a statement takes at once.
const MOST_MEMBERS: usize = 1_000;

pub async fn group_resources(
    ctx: &Ctx,
    request: GroupResourcesInput,
) -> Result<GroupResourcesOutput, ApiError> {
    let mut tx = ctx.store.write().await?;
    let group = existing(ctx, &mut tx, &request.group).await?;
    let name = &group.key.name;
    if group.settings.query.is_some() {
        return Err(refusal(format!("the members of the resource group `{name}` are those of its query")));
    }
    let mut asked = Asked::read(ctx, &mut tx, &request.resource_arns).await?;
    let admits = |kind: NodeKind| check::admits(&group.settings, kind);
    asked.nodes.retain(|node| admits(NodeKind::of(node)));
    let (succeeded, refused): (Vec<_>, Vec<_>) = asked
        .succeeded
        .into_iter()
        .partition(|arn| node_of(arn, group.key.scope()).is_some_and(|node| asked.nodes.contains(&node)));
    let of_type = |arn: &String| {
        failed(arn, "RESOURCE_TYPE_NOT_SUPPORTED", "allowed-resource-types of the group leaves it out")
    };
    asked.failed.extend(refused.iter().map(of_type));
    let all = rows::members(&mut tx, &group.key).await?.union(&asked.nodes).count();
    if all > MOST_MEMBERS {
        return Err(refusal(format!(
            "a resource group lists at most {MOST_MEMBERS} members: select them by tags"
        )));
    }
    rows::add_members(&mut tx, &group.key, &asked.nodes).await?;
    tx.commit().await?;
    Ok(GroupResourcesOutput { succeeded: Some(succeeded), failed: Some(asked.failed), pending: Some(vec![]) })
}
