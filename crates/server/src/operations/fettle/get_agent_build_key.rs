//! GetAgentBuildKey: with which key this server signs builds of the agent.
//! Source: `api/model/fettle.json`; docs/decisions, logs and updates.

use api::fettle::{GetAgentBuildKeyRequest, GetAgentBuildKeyResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_agent_build_key(
    ctx: &Ctx,
    _request: GetAgentBuildKeyRequest,
) -> Result<GetAgentBuildKeyResponse, ApiError> {
    Ok(GetAgentBuildKeyResponse { public_key: STANDARD.encode(ctx.app.keyring.build_key()) })
}
