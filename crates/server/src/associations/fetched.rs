//! Targets that a node fetches: documents of plugins that the stock agent runs for associations alone. They are not sent
//! as commands; the agent finds them in its list of associations, once, and reports in the way of associations.
//! Source: agent-protocol.md 5, 7.5.

use domain::ids::NodeId;
use store::Tx;
use store::commands::Command;
use store::nodes;

use crate::error::ApiError;

/// The stock agent refuses it in commands.
const ONLY_FOR_ASSOCIATIONS: &str = "aws:softwareInventory";
/// Ours takes every document as a command.
pub const OWN_AGENT: &str = "fettle-agent";

/// Whether stock agents fetch it.
pub fn is_fetched(command: &Command) -> bool {
    command.association.is_some() && command.steps.iter().any(|step| step.plugin == ONLY_FOR_ASSOCIATIONS)
}

/// Of nodes that may start now, those that are to be sent the command.
pub async fn without_fetchers(
    tx: &mut Tx,
    command: &Command,
    nodes: Vec<NodeId>,
) -> Result<Vec<NodeId>, ApiError> {
    if !is_fetched(command) {
        return Ok(nodes);
    }
    let scope = (&command.key.account, &command.key.region);
    Ok(nodes::with_agent(tx, scope, &nodes, OWN_AGENT).await?)
}
