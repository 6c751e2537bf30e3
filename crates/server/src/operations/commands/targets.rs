//! The nodes a command addresses: listed by id, or selected by targets.
//! Source: systems-manager.md 0.7, 1.2.

use api::Timestamp;
use api::ssm::{ErrorCode, SendCommandRequest};
use domain::ids::NodeId;
use domain::target::{TargetError, Targets};
use store::nodes::{self, Node, NodeCondition};
use store::{Scope, Tx};

use super::{node_id, refuse_duplicates};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::groups::{by_id, conditions};

/// Nodes read at once.
const CHUNK: i64 = 1000;

/// Who is addressed, before anything is looked up.
#[derive(Clone)]
pub enum Addressed {
    /// Each must be there, and fit.
    Listed(Vec<NodeId>),
    /// Whoever matches when the command starts.
    Selected(Targets),
}

/// Exactly one of the two ways, without duplicates.
pub fn parse(ctx: &Ctx, request: &SendCommandRequest) -> Result<Addressed, ApiError> {
    let ids = request.instance_ids.as_deref().unwrap_or_default();
    let targets = request.targets.as_deref().unwrap_or_default();
    match (ids, targets) {
        ([], []) => Err(error::validation("give InstanceIds or Targets")),
        (ids, []) => {
            refuse_duplicates(ids)?;
            Ok(Addressed::Listed(ids.iter().map(|id| node_id(ctx, id)).collect::<Result<_, _>>()?))
        }
        ([], targets) => {
            let targets = Targets::parse(targets).map_err(|error| match error {
                TargetError::NodeId(_) => ApiError::new(ErrorCode::InvalidInstanceId, error.to_string()),
                _ => error::validation(error.to_string()),
            })?;
            Ok(Addressed::Selected(targets))
        }
        _ => Err(error::validation("give InstanceIds or Targets, not both")),
    }
}

pub async fn resolve(ctx: &Ctx, tx: &mut Tx, addressed: &Addressed) -> Result<Vec<Node>, ApiError> {
    match addressed {
        Addressed::Listed(ids) => {
            let nodes = select(ctx, tx, &[by_id(ids.iter())]).await?;
            let missing: Vec<&str> = ids
                .iter()
                .filter(|id| !nodes.iter().any(|node| node.id == **id))
                .map(NodeId::as_str)
                .collect();
            if missing.is_empty() {
                return Ok(nodes);
            }
            Err(error::node_not_managed(&missing.join(", "), ctx.account.as_str()))
        }
        Addressed::Selected(targets) => matching(ctx, tx, targets).await,
    }
}

/// All nodes that targets select at the moment.
pub async fn matching(ctx: &Ctx, tx: &mut Tx, targets: &Targets) -> Result<Vec<Node>, ApiError> {
    let conditions = conditions(tx, (&ctx.account, &ctx.region), targets).await?;
    select(ctx, tx, &conditions).await
}

/// The first `limit` nodes, by id, that targets select at the moment.
pub async fn select_ids(
    tx: &mut Tx,
    scope: Scope<'_>,
    targets: &Targets,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<NodeId>, ApiError> {
    let conditions = conditions(tx, scope, targets).await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = nodes::list(tx, scope, &conditions, now, None, limit).await?;
    Ok(found.into_iter().map(|node| node.id).collect())
}

/// All nodes that meet the conditions.
pub async fn select(ctx: &Ctx, tx: &mut Tx, conditions: &[NodeCondition]) -> Result<Vec<Node>, ApiError> {
    let mut found: Vec<Node> = Vec::new();
    loop {
        let after = found.last().map(|node| node.id.clone());
        let after = after.as_ref().map(NodeId::as_str);
        let scope = (&ctx.account, &ctx.region);
        let chunk = nodes::list(tx, scope, conditions, ctx.now, after, CHUNK).await?;
        let is_last = i64::try_from(chunk.len()).is_ok_and(|count| count < CHUNK);
        found.extend(chunk);
        if is_last {
            return Ok(found);
        }
    }
}
