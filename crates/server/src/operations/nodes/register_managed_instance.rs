//! RegisterManagedInstance: a machine becomes a node. Unsigned: the activation is the proof.
//! Source: agent-protocol.md 1.2.

use api::ssm::{ErrorCode, RegisterManagedInstanceRequest, RegisterManagedInstanceResult};
use domain::ids::{ActivationId, NodeId};
use store::activations::{self, Activation};
use store::nodes::{self, Node, NodeInformation};
use store::tags::{self, Tagged};
use subtle::ConstantTimeEq;

use super::code_sha256;
use crate::auth::NodeKey;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::keyring::random;

pub async fn register_managed_instance(
    ctx: &Ctx,
    request: RegisterManagedInstanceRequest,
) -> Result<RegisterManagedInstanceResult, ApiError> {
    if NodeKey::parse(&request.public_key).is_none() {
        return Err(error::validation(
            "PublicKey: expected base64 of the DER SubjectPublicKeyInfo of an RSA key of 2048 bits or more",
        ));
    }
    let id: ActivationId =
        request.activation_id.as_deref().unwrap_or_default().parse().map_err(|_| refused())?;
    let code = code_sha256(request.activation_code.as_deref().unwrap_or_default());

    // One row of one activation or node: its lock is enough, and a fleet may start all at once.
    let mut tx = ctx.store.write_by_locks().await?;
    let activation = activations::find_unscoped(&mut tx, &id).await?.ok_or_else(refused)?;
    let is_code_right = activation.code_sha256.as_bytes().ct_eq(code.as_bytes());
    if !bool::from(is_code_right) || !activations::take_registration(&mut tx, &id, ctx.now).await? {
        return Err(refused());
    }
    let node = new_node(ctx, &request, &activation);
    nodes::insert(&mut tx, &node).await?;
    copy_tags(&mut tx, &activation, &node).await?;
    tx.commit().await?;

    tracing::info!(node_id = %node.id, activation_id = %id, "node registered");
    Ok(RegisterManagedInstanceResult { instance_id: node.id.to_string() })
}

fn new_node(ctx: &Ctx, request: &RegisterManagedInstanceRequest, activation: &Activation) -> Node {
    Node {
        account: activation.account.clone(),
        region: activation.region.clone(),
        id: NodeId::mint(random()),
        activation_id: Some(activation.id.clone()),
        iam_role: activation.iam_role.clone(),
        name: activation.default_instance_name.clone(),
        registered_at: ctx.now,
        fingerprint: request.fingerprint.clone(),
        public_key: request.public_key.clone(),
        previous_public_key: None,
        information: NodeInformation::default(),
        last_seen_at: None,
        channel_until: None,
    }
}

/// The tags of an activation are those of its nodes.
async fn copy_tags(tx: &mut store::Tx, activation: &Activation, node: &Node) -> Result<(), ApiError> {
    let from = Tagged {
        account: &activation.account,
        region: &activation.region,
        resource_type: "Activation",
        resource_id: activation.id.as_str(),
    };
    let copied = tags::list(tx, from).await?;
    Ok(tags::put(tx, Tagged::node(&node.account, &node.region, &node.id), &copied).await?)
}

/// One answer for every refusal: a guess learns nothing from it.
fn refused() -> ApiError {
    ApiError::new(
        ErrorCode::InvalidActivation,
        "the activation is not valid: unknown, wrong code, expired or used up",
    )
}
