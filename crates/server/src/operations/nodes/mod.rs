//! Activations, registration, and what is known of registered nodes.

mod association_state;
mod create_activation;
mod delete_activation;
mod deregister_managed_instance;
mod describe_activations;
mod describe_instance_information;
mod describe_instance_properties;
mod filters;
mod get_connection_status;
mod list_instance_associations;
mod register_managed_instance;
mod request_managed_instance_role_token;
mod update_instance_association_status;
mod update_instance_information;
mod update_managed_instance_public_key;
mod update_managed_instance_role;

#[cfg(test)]
mod tests;

pub use create_activation::create_activation;
pub use delete_activation::delete_activation;
pub use deregister_managed_instance::deregister_managed_instance;
pub use describe_activations::describe_activations;
pub use describe_instance_information::describe_instance_information;
pub use describe_instance_properties::describe_instance_properties;
pub use get_connection_status::get_connection_status;
pub use list_instance_associations::list_instance_associations;
pub use register_managed_instance::register_managed_instance;
pub use request_managed_instance_role_token::request_managed_instance_role_token;
pub use update_instance_association_status::update_instance_association_status;
pub use update_instance_information::update_instance_information;
pub use update_managed_instance_public_key::update_managed_instance_public_key;
pub use update_managed_instance_role::update_managed_instance_role;

use domain::ids::NodeId;
use sha2::{Digest, Sha256};
use store::Tx;
use store::nodes::{self, Node};

use crate::ctx::Ctx;
use crate::error::{self, ApiError};

/// Activation codes are kept as this.
fn code_sha256(code: &str) -> String {
    hex::encode(Sha256::digest(code.as_bytes()))
}

/// The registered node of this id, or `InvalidInstanceId`.
pub async fn managed_node(ctx: &Ctx, tx: &mut Tx, instance_id: &str) -> Result<Node, ApiError> {
    let refusal = || error::node_not_managed(instance_id, ctx.account.as_str());
    let id: NodeId = instance_id.parse().map_err(|_| refusal())?;
    nodes::find(tx, &ctx.account, &ctx.region, &id).await?.ok_or_else(refusal)
}
