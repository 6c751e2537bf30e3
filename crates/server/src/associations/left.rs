//! Nodes whose tags have changed, and with them the associations that address them. Nodes that newly match are the job's
//! `reach_nodes`; what was said of those that match no longer is taken back by the job `follow_associations`.
//! Source: systems-manager.md 3.2, 3.4.

use domain::ids::NodeId;
use store::associations::{self, standing};
use store::tags::{self, Tagged};
use store::{Tx, nodes};

use super::addressed;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::groups::resolve_what_is_there;

/// To be called in the transaction that changed tags. `resource` may be anything that carries tags.
pub async fn leave_unmatched(ctx: &Ctx, tx: &mut Tx, resource: &str) -> Result<(), ApiError> {
    let Ok(node) = resource.parse::<NodeId>() else { return Ok(()) };
    let scope = (&ctx.account, &ctx.region);
    let standings = standing::list_of_nodes(tx, scope, &[node.as_str()]).await?;
    let ids: Vec<&str> = standings.iter().map(|standing| standing.association.as_str()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    nodes::lock(tx, scope.0, scope.1, &node).await?;
    let tags = tags::list(tx, Tagged::node(scope.0, scope.1, &node)).await?;
    for association in associations::find_many(tx, scope, &ids).await? {
        let matches = match addressed(&association.settings)? {
            Some(targets) => resolve_what_is_there(tx, scope, &targets).await?.matches(&node, &tags),
            None => false,
        };
        if !matches {
            standing::leave(tx, &association.key, &node, ctx.now).await?;
        }
    }
    Ok(())
}
