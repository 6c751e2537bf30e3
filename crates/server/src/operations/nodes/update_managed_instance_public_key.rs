//! UpdateManagedInstancePublicKey: a node's new key, signed with the old one.
//! Source: agent-protocol.md 1.6.

use api::ssm::{UpdateManagedInstancePublicKeyRequest, UpdateManagedInstancePublicKeyResult};
use store::nodes;

use crate::auth::NodeKey;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};

pub async fn update_managed_instance_public_key(
    ctx: &Ctx,
    request: UpdateManagedInstancePublicKeyRequest,
) -> Result<UpdateManagedInstancePublicKeyResult, ApiError> {
    let Some(id) = ctx.caller.node() else {
        return Err(error::access_denied(ctx.caller.arn(), "ssm:UpdateManagedInstancePublicKey", "*"));
    };
    if NodeKey::parse(&request.new_public_key).is_none() {
        return Err(error::validation(
            "NewPublicKey: expected base64 of the DER SubjectPublicKeyInfo of an RSA key of 2048 bits or more",
        ));
    }
    let mut tx = ctx.store.write().await?;
    let node = super::managed_node(ctx, &mut tx, id.as_str()).await?;
    // A repetition of a call whose answer was lost changes nothing.
    if node.public_key != request.new_public_key {
        nodes::rotate_key(&mut tx, &node, &request.new_public_key).await?;
        tx.commit().await?;
    }
    Ok(UpdateManagedInstancePublicKeyResult {})
}
