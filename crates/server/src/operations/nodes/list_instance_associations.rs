//! ListInstanceAssociations: what State Manager has for a node. There are no associations yet, and
//! an agent that is told so asks again in its own time.
//! Source: agent-protocol.md 5.1.

use api::ssm::{ListInstanceAssociationsRequest, ListInstanceAssociationsResult};

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn list_instance_associations(
    ctx: &Ctx,
    request: ListInstanceAssociationsRequest,
) -> Result<ListInstanceAssociationsResult, ApiError> {
    let mut tx = ctx.store.read_each().await?;
    super::managed_node(ctx, &mut tx, &request.instance_id).await?;
    Ok(ListInstanceAssociationsResult { associations: Some(Vec::new()), next_token: None })
}
