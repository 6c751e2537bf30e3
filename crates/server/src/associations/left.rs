//! Nodes whose tags have changed, and groups whose members have, and with them the associations that address them. Nodes that newly match are the job's
//! `reach_nodes`; what was said of those that match no longer is taken back by the job `follow_associations`.
//! Source: systems-manager.md 3.2, 3.4.

use std::collections::BTreeSet;

use domain::ids::NodeId;
use store::associations::{self, Association, standing};
use store::resource_groups::GroupKey;
use store::tags::{self, Tagged};
use store::{Tx, nodes};

use super::addressed;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::groups::{by_id, conditions, resolve_what_is_there};

/// Rows of one statement.
const CHUNK: i64 = 500;

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

/// To be called in the transaction that changed a group's query or deleted the group.
pub async fn leave_unmatched_of_group(ctx: &Ctx, tx: &mut Tx, group: &GroupKey) -> Result<(), ApiError> {
    let mut last = None::<String>;
    loop {
        let chunk = associations::list(tx, group.scope(), last.as_deref(), CHUNK).await?;
        for association in &chunk {
            let targets = addressed(&association.settings)?;
            let is_of_group = |name: &str| name == group.name;
            if targets.as_ref().and_then(|targets| targets.group()).is_some_and(|of| is_of_group(&of.name)) {
                leave_unmatched_by(ctx, tx, association).await?;
            }
        }
        let is_last = i64::try_from(chunk.len()).is_ok_and(|count| count < CHUNK);
        last = chunk.into_iter().next_back().map(|association| association.key.id.to_string());
        if is_last {
            return Ok(());
        }
    }
}

async fn leave_unmatched_by(ctx: &Ctx, tx: &mut Tx, association: &Association) -> Result<(), ApiError> {
    let scope = association.key.scope();
    let Some(targets) = addressed(&association.settings)? else { return Ok(()) };
    let targets = resolve_what_is_there(tx, scope, &targets).await?;
    let wanted = conditions(tx, scope, &targets).await?;
    let mut last = None::<NodeId>;
    loop {
        let reached = standing::list_reached(tx, &association.key, last.as_ref(), CHUNK).await?;
        if reached.is_empty() {
            return Ok(());
        }
        let mut conditions = wanted.clone();
        conditions.push(by_id(reached.iter()));
        let found = nodes::list(tx, scope, &conditions, ctx.now, None, CHUNK).await?;
        let still: BTreeSet<NodeId> = found.into_iter().map(|node| node.id).collect();
        let left: Vec<NodeId> = reached.iter().filter(|node| !still.contains(*node)).cloned().collect();
        if !left.is_empty() {
            standing::leave_many(tx, &association.key, &left, ctx.now).await?;
        }
        let is_last = i64::try_from(reached.len()).is_ok_and(|count| count < CHUNK);
        last = reached.into_iter().next_back();
        if is_last {
            return Ok(());
        }
    }
}
