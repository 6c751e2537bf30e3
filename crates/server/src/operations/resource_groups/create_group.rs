//! CreateGroup: a group of the nodes that a query selects, or an empty one for members to be listed in.
//! Source: API reference, CreateGroup.

use api::resourcegroups::{CreateGroupInput, CreateGroupOutput};
use store::resource_groups::{self as rows, Group, Settings};
use store::tags;

use super::{arn, check, checked, get_group_configuration, key, refusal, tagged, to_wire};
use crate::ctx::Ctx;
use crate::error::ApiError;

/// Of an account in a region: what the lists read whole.
const MOST_GROUPS: i64 = 1_000;

pub async fn create_group(ctx: &Ctx, request: CreateGroupInput) -> Result<CreateGroupOutput, ApiError> {
    check::name(&request.name)?;
    let settings = Settings {
        description: request.description,
        display_name: request.display_name,
        owner: request.owner,
        criticality: request.criticality,
        query: request.resource_query,
        configuration: request.configuration,
    };
    check::contents(&settings)?;
    let given = checked(&request.tags.unwrap_or_default())?;
    let group = Group { key: key(ctx, &request.name), settings, created_at: ctx.now };

    let mut tx = ctx.store.write().await?;
    if rows::count(&mut tx, group.key.scope()).await? >= MOST_GROUPS {
        return Err(refusal(format!("an account has at most {MOST_GROUPS} resource groups in a region")));
    }
    if !rows::insert(&mut tx, &group).await? {
        return Err(refusal(format!("the resource group `{}` is there already", arn(&group.key))));
    }
    tags::put(&mut tx, tagged(&group.key), &given).await?;
    tx.commit().await?;
    Ok(CreateGroupOutput {
        group: Some(to_wire(&group)),
        resource_query: group.settings.query.clone(),
        tags: (!given.is_empty()).then_some(given),
        group_configuration: get_group_configuration::shown(&group),
    })
}
