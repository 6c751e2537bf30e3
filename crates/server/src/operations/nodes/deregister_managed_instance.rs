//! DeregisterManagedInstance: the node is gone, and its calls are refused from now on.
//! Source: API reference, DeregisterManagedInstance; systems-manager.md 15.1.

use api::ssm::{DeregisterManagedInstanceRequest, DeregisterManagedInstanceResult};
use domain::ids::NodeId;
use store::nodes;
use store::tags::{self, Tagged};

use crate::ctx::Ctx;
use crate::error::{self, ApiError};

pub async fn deregister_managed_instance(
    ctx: &Ctx,
    request: DeregisterManagedInstanceRequest,
) -> Result<DeregisterManagedInstanceResult, ApiError> {
    let refusal = || error::node_not_managed(&request.instance_id, ctx.account.as_str());
    let id: NodeId = request.instance_id.parse().map_err(|_| refusal())?;

    let mut tx = ctx.store.write().await?;
    if !nodes::delete(&mut tx, &ctx.account, &ctx.region, &id).await? {
        return Err(refusal());
    }
    tags::remove_all(&mut tx, Tagged::node(&ctx.account, &ctx.region, &id)).await?;
    tx.commit().await?;
    tracing::info!(node_id = %id, "node deregistered");
    Ok(DeregisterManagedInstanceResult {})
}
