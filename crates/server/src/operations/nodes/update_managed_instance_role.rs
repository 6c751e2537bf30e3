//! UpdateManagedInstanceRole: the role that a node's credentials stand for, from its next token on.
//! Source: API reference, UpdateManagedInstanceRole.

use api::ssm::{UpdateManagedInstanceRoleRequest, UpdateManagedInstanceRoleResult};
use domain::ids::NodeId;
use store::nodes;

use crate::ctx::Ctx;
use crate::error::{self, ApiError};

pub async fn update_managed_instance_role(
    ctx: &Ctx,
    request: UpdateManagedInstanceRoleRequest,
) -> Result<UpdateManagedInstanceRoleResult, ApiError> {
    let refusal = || error::node_not_managed(&request.instance_id, ctx.account.as_str());
    let id: NodeId = request.instance_id.parse().map_err(|_| refusal())?;

    let mut tx = ctx.store.write().await?;
    if !nodes::update_role(&mut tx, (&ctx.account, &ctx.region), &id, &request.iam_role).await? {
        return Err(refusal());
    }
    tx.commit().await?;
    Ok(UpdateManagedInstanceRoleResult {})
}
