//! DeregisterManagedInstance: the node is gone, and its calls are refused from now on. Its reports
//! are kept; what it showed is shown no longer.
//! Source: API reference, DeregisterManagedInstance; systems-manager.md 15.1.

use api::ssm::{DeregisterManagedInstanceRequest, DeregisterManagedInstanceResult};
use domain::ids::NodeId;
use store::associations::standing;
use store::tags::{self, Tagged};
use store::{compliance, facts, inventory, nodes, past_fleet, patch_states, resource_groups};

use crate::ctx::Ctx;
use crate::error::{self, ApiError};

pub async fn deregister_managed_instance(
    ctx: &Ctx,
    request: DeregisterManagedInstanceRequest,
) -> Result<DeregisterManagedInstanceResult, ApiError> {
    let refusal = || error::node_not_managed(&request.instance_id, ctx.account.as_str());
    let id: NodeId = request.instance_id.parse().map_err(|_| refusal())?;

    let mut tx = ctx.store.write_by_locks().await?;
    nodes::lock(&mut tx, &ctx.account, &ctx.region, &id).await?;
    let node = nodes::find(&mut tx, &ctx.account, &ctx.region, &id).await?.ok_or_else(refusal)?;
    past_fleet::note_departure(&mut tx, &node, ctx.now).await?;
    nodes::delete(&mut tx, &ctx.account, &ctx.region, &id).await?;
    tags::remove_all(&mut tx, Tagged::node(&ctx.account, &ctx.region, &id)).await?;
    let scope = (&ctx.account, &ctx.region);
    resource_groups::leave(&mut tx, scope, &id).await?;
    patch_states::delete(&mut tx, scope, &id).await?;
    compliance::delete_resource(&mut tx, scope, id.as_str()).await?;
    inventory::delete_node(&mut tx, scope, &id).await?;
    facts::delete_newest(&mut tx, scope, &id).await?;
    standing::leave_node(&mut tx, scope, &id, ctx.now).await?;
    tx.commit().await?;
    tracing::info!(node_id = %id, "node deregistered");
    Ok(DeregisterManagedInstanceResult {})
}
