//! DeleteGroup: the group is gone; its members are not touched. What has it as a target fails from now on.
//! Source: API reference, DeleteGroup.

use api::resourcegroups::{DeleteGroupInput, DeleteGroupOutput};
use store::resource_groups as rows;
use store::tags;

use super::{check, named, refusal, tagged, to_wire};
use crate::associations::leave_unmatched_of_group;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn delete_group(ctx: &Ctx, request: DeleteGroupInput) -> Result<DeleteGroupOutput, ApiError> {
    let mut tx = ctx.store.write().await?;
    let by = (request.group.as_deref(), request.group_name.as_deref());
    let group = named(ctx, &mut tx, by).await?;
    let is_protected = check::parameter(&group.settings, check::PROTECTION).is_some();
    if is_protected && !rows::members(&mut tx, &group.key).await?.is_empty() {
        return Err(refusal(format!(
            "the resource group `{}` is protected while it has members: ungroup them first",
            group.key.name
        )));
    }
    tags::remove_all(&mut tx, tagged(&group.key)).await?;
    rows::delete(&mut tx, &group.key).await?;
    leave_unmatched_of_group(ctx, &mut tx, &group.key).await?;
    tx.commit().await?;
    Ok(DeleteGroupOutput { group: Some(to_wire(&group)) })
}
