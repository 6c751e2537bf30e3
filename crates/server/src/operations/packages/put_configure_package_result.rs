//! PutConfigurePackageResult: what installing or removing a package came to, told by the agent beside the
//! reply to its command. The reply is what is kept; this goes to the log.
//! Source: agent-protocol.md 9.2.

use api::ssm::{PutConfigurePackageResultRequest, PutConfigurePackageResultResult};

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn put_configure_package_result(
    ctx: &Ctx,
    request: PutConfigurePackageResultRequest,
) -> Result<PutConfigurePackageResultResult, ApiError> {
    tracing::info!(
        node_id = ctx.caller.node().map(|node| node.as_str()),
        package = request.package_name,
        version = request.package_version,
        operation = request.operation,
        result = request.result,
        "package configured"
    );
    Ok(PutConfigurePackageResultResult {})
}
