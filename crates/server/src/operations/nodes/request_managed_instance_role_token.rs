//! RequestManagedInstanceRoleToken: temporary credentials for a node that signed with its own key.
//! Source: agent-protocol.md 1.4.

use api::ssm::{ErrorCode, RequestManagedInstanceRoleTokenRequest, RequestManagedInstanceRoleTokenResult};
use store::nodes;

use crate::auth::Session;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};

pub async fn request_managed_instance_role_token(
    ctx: &Ctx,
    request: RequestManagedInstanceRoleTokenRequest,
) -> Result<RequestManagedInstanceRoleTokenResult, ApiError> {
    let Some(id) = ctx.caller.node() else {
        return Err(error::access_denied(ctx.caller.arn(), "ssm:RequestManagedInstanceRoleToken", "*"));
    };
    // One row of one activation or node: its lock is enough, and a fleet may start all at once.
    let mut tx = ctx.store.write_by_locks().await?;
    let node = super::managed_node(ctx, &mut tx, id.as_str()).await?;
    if node.fingerprint != request.fingerprint {
        let message = format!("{id} was registered by a machine with another fingerprint");
        return Err(ApiError::new(ErrorCode::MachineFingerprintDoesNotMatch, message));
    }
    if nodes::is_due(&node, ctx.now) {
        nodes::record_seen(&mut tx, id, ctx.now).await?;
        tx.commit().await?;
    }

    let session = Session::mint(node.account, node.region, node.id, node.iam_role, ctx.now);
    Ok(RequestManagedInstanceRoleTokenResult {
        session_token: session.to_token(&ctx.app.keyring),
        access_key_id: session.access_key_id,
        secret_access_key: session.secret_access_key,
        token_expiration_date: session.expires_at,
        update_key_pair: false,
    })
}
