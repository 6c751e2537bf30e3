//! Disruption budgets: who of those that may start does, so that of nodes with the same value of a tag never more are at work
//! than the budget says. Who is at work, in all rollouts, is counted by the caller.

use std::collections::BTreeMap;

use super::Limit;
use crate::ids::NodeId;

/// One budget, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disruption {
    pub limit: Limit,
    /// Of the candidates that have the tag.
    pub values: BTreeMap<NodeId, String>,
    /// By value: nodes that have begun and not ended, in whatever rollout.
    pub at_work: BTreeMap<String, u32>,
    /// By value: all nodes that have it.
    pub nodes: BTreeMap<String, u32>,
}

impl Disruption {
    /// At least one, or nothing with the value would ever begin.
    fn most(&self, value: &str) -> u32 {
        self.limit.of(self.nodes.get(value).copied().unwrap_or_default()).max(1)
    }
}

/// The first of the candidates, at most `at_most`, that no budget holds back. Nodes without a budget's tag are not held back
/// by it.
pub fn admit(candidates: &[NodeId], at_most: u32, mut budgets: Vec<Disruption>) -> Vec<NodeId> {
    let mut admitted = Vec::new();
    for node in candidates {
        if u32::try_from(admitted.len()).is_ok_and(|count| count >= at_most) {
            break;
        }
        let has_room = |budget: &Disruption| {
            let Some(value) = budget.values.get(node) else { return true };
            budget.at_work.get(value).copied().unwrap_or_default() < budget.most(value)
        };
        if !budgets.iter().all(has_room) {
            continue;
        }
        for budget in &mut budgets {
            if let Some(value) = budget.values.get(node) {
                *budget.at_work.entry(value.clone()).or_default() += 1;
            }
        }
        admitted.push(node.clone());
    }
    admitted
}
