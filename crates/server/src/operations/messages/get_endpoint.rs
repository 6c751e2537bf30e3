//! GetEndpoint: where the node finds its messages: here, as it addressed us.
//! Source: agent-protocol.md 3.1.

use api::mds::{GetEndpointRequest, GetEndpointResult};

use super::{calling_node, refuse_other_destination};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_endpoint(ctx: &Ctx, request: GetEndpointRequest) -> Result<GetEndpointResult, ApiError> {
    let node = calling_node(ctx)?;
    refuse_other_destination(&node, &request.destination)?;
    Ok(GetEndpointResult { endpoint: Some(ctx.endpoint.clone()) })
}
