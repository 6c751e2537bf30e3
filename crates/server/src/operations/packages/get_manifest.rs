//! GetManifest: refers the agent's package plugin to the document of that name, always. The plugin reads
//! this error as "ask for the document"; an empty answer would crash it.
//! Source: agent-protocol.md 9.2.

use api::ssm::{ErrorCode, GetManifestRequest, GetManifestResult};

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_manifest(_: &Ctx, request: GetManifestRequest) -> Result<GetManifestResult, ApiError> {
    let message = format!("`{}` has no manifest of its own: it may be a document", request.package_name);
    Err(ApiError::new(ErrorCode::ResourceNotFoundException, message))
}
