//! How all associations of a node stand together, as lists of nodes show it.
//! Source: agent-protocol.md 2.4.

use std::collections::BTreeMap;

use api::Timestamp;
use api::ssm::InstanceAggregatedAssociationOverview;
use domain::association::{Counts, Overview};
use domain::ids::NodeId;
use store::associations::standing;
use store::nodes::Node;

use crate::ctx::Ctx;
use crate::error::ApiError;

/// Of a node that some association has addressed.
#[derive(Clone, Debug, Default)]
pub struct AssociationState {
    pub status: Option<String>,
    pub last_execution_at: Option<Timestamp>,
    pub last_success_at: Option<Timestamp>,
    pub overview: Option<InstanceAggregatedAssociationOverview>,
}

/// Of a page of nodes, by node; those without associations are absent.
pub async fn of_nodes(ctx: &Ctx, nodes: &[Node]) -> Result<BTreeMap<NodeId, AssociationState>, ApiError> {
    let ids: Vec<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
    let mut tx = ctx.store.read_each().await?;
    let standings = standing::list_of_nodes(&mut tx, (&ctx.account, &ctx.region), &ids).await?;
    let mut counts: BTreeMap<NodeId, Counts> = BTreeMap::new();
    let mut states: BTreeMap<NodeId, AssociationState> = BTreeMap::new();
    for standing in standings {
        counts.entry(standing.node.clone()).or_default().add(standing.status, 1);
        let state = states.entry(standing.node).or_default();
        state.last_execution_at = state.last_execution_at.max(standing.executed_at);
        state.last_success_at = state.last_success_at.max(standing.succeeded_at);
    }
    for (node, counts) in counts {
        let Overview { status, detailed_status, aggregated } = Overview::of(&counts);
        let count = |(name, count): (&str, u32)| (name.to_owned(), i32::try_from(count).unwrap_or(i32::MAX));
        let state = states.entry(node).or_default();
        state.status = Some(status.to_owned());
        state.overview = Some(InstanceAggregatedAssociationOverview {
            detailed_status: Some(detailed_status.to_owned()),
            instance_association_status_aggregated_count: Some(aggregated.into_iter().map(count).collect()),
        });
    }
    Ok(states)
}
