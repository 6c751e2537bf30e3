//! What is seen of a staged rollout at one moment: its nodes, its probe, who is back. Reads, and decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use api::Timestamp;
use domain::command::InvocationStatus;
use domain::ids::NodeId;
use domain::rollout::{Asked, Back, Disruption, Limit, Phase, Plan, ProbeTally, Seen, Tally, Units};
use store::clause::Comparison;
use store::commands::{self, Command, CommandKey};
use store::nodes::{self, Node, NodeCondition, NodeField};
use store::rollouts::{self, Rollout};
use store::{Tx, facts, invocations, patch_states};

use super::begin::read;
use crate::error::ApiError;

/// Of the nodes that may start, so many are looked at; the others are when these have begun.
const READY: i64 = 5_000;
/// Ids of one statement.
const CHUNK: usize = 500;

/// One rollout, and all that is known of it.
pub struct Look {
    pub rollout: Rollout,
    pub plan: Plan,
    /// Never before what it follows: this server's clock may be behind another's, or its turn to write came late.
    pub now: Timestamp,
    /// `None`: it was forgotten, or deleted.
    pub command: Option<Command>,
    pub tallies: BTreeMap<usize, Tally>,
    /// Nodes of the ring that may start.
    pub ready: Vec<NodeId>,
    pub seen: Seen,
}

/// `None`: there is none, or it has ended.
pub async fn look(tx: &mut Tx, key: &CommandKey, now: Timestamp) -> Result<Option<Look>, ApiError> {
    match rollouts::find(tx, key).await? {
        Some(rollout) if rollout.ended_at.is_none() => Ok(Some(look_at(tx, rollout, now).await?)),
        _ => Ok(None),
    }
}

pub async fn look_at(tx: &mut Tx, rollout: Rollout, now: Timestamp) -> Result<Look, ApiError> {
    let plan = read(&rollout)?;
    let (key, state) = (&rollout.key, &rollout.state);
    let now = now.max(state.phase_at);
    let command = commands::find(tx, key).await?;
    let tallies = rollouts::tallies(tx, key).await?;
    let mut tally = tallies.get(&state.ring).copied().unwrap_or_default();
    let ready = match state.phase {
        Phase::Running if tally.waiting > 0 => rollouts::list_ready(tx, key, state.ring, now, READY).await?,
        _ => Vec::new(),
    };
    tally.online = u32::try_from(ready.len()).unwrap_or(u32::MAX);
    let ring = &plan.rings[state.ring];
    let asked = command.as_ref().and_then(|command| command.request.max_concurrency.as_deref());
    let limit = ring.max_concurrency.or_else(|| asked.and_then(|text| text.parse().ok()));
    let back = match ring.gates.nodes_back && state.phase == Phase::Judging {
        true => Some(back(tx, &rollout, now).await?),
        false => None,
    };
    let units = match ring.gates.max_failed_units.is_some() && state.phase == Phase::Judging {
        true => Some(units(tx, &rollout).await?),
        false => None,
    };
    let seen = Seen {
        tally,
        concurrency: limit.unwrap_or(Limit::Count(1)).of(tally.nodes()).max(1),
        at_work: tallies.values().map(|tally| tally.at_work).sum(),
        is_cancelled: is_cancelled(command.as_ref(), &tallies, state.ring),
        asked: Asked { probe: probe(tx, &rollout).await?, back, units },
    };
    Ok(Look { plan, now, command, tallies, ready, seen, rollout })
}

/// Somebody called the command off, or ended what later rings have left.
fn is_cancelled(command: Option<&Command>, tallies: &BTreeMap<usize, Tally>, ring: usize) -> bool {
    let Some(command) = command else { return true };
    let later = || tallies.range(ring + 1..).map(|(_, tally)| tally);
    let were_ended = || later().any(|tally| tally.nodes() > 0) && later().all(|tally| tally.waiting == 0);
    command.cancelled_at.is_some() || (command.finished_at.is_some() && were_ended())
}

async fn probe(tx: &mut Tx, rollout: &Rollout) -> Result<Option<ProbeTally>, ApiError> {
    let Some(id) = &rollout.probe else { return Ok(None) };
    let key = CommandKey { id: id.clone(), ..rollout.key.clone() };
    let mut tally = ProbeTally::default();
    for row in invocations::count_by_state(tx, &key).await? {
        let count = u32::try_from(row.count).unwrap_or(u32::MAX);
        tally.nodes += count;
        tally.ended += if row.status.is_terminal() { count } else { 0 };
        tally.succeeded += if row.status == InvocationStatus::Success { count } else { 0 };
    }
    Ok(Some(tally))
}

/// Nodes of the ring that succeeded: who is online, and has no restart outstanding by a report that was made since the ring
/// began.
async fn back(tx: &mut Tx, rollout: &Rollout, now: Timestamp) -> Result<Back, ApiError> {
    let scope = (&rollout.key.account, &rollout.key.region);
    let wanted = rollouts::list_succeeded(tx, &rollout.key, rollout.state.ring).await?;
    let mut back = Back::default();
    for chunk in wanted.chunks(CHUNK) {
        let found = list(tx, rollout, chunk, now).await?;
        let online: BTreeSet<&NodeId> =
            found.iter().filter(|node| node.is_online(now)).map(|node| &node.id).collect();
        let ids: Vec<String> = online.iter().map(|node| node.to_string()).collect();
        let limit = i64::try_from(CHUNK).unwrap_or(i64::MAX);
        for report in patch_states::list_of(tx, scope, &ids, None, limit).await? {
            if report.key.ended_at < rollout.state.ring_at {
                continue;
            }
            match report.summary.counts.installed_pending_reboot {
                0 => back.back += 1,
                _ => back.pending_reboot += 1,
            }
        }
        back.away += u32::try_from(chunk.len() - online.len()).unwrap_or(u32::MAX);
    }
    Ok(back)
}

/// Nodes of the ring that succeeded: what failed on them since this rollout's installation began, as they told at its end.
async fn units(tx: &mut Tx, rollout: &Rollout) -> Result<Units, ApiError> {
    let scope = (&rollout.key.account, &rollout.key.region);
    let wanted = rollouts::list_succeeded(tx, &rollout.key, rollout.state.ring).await?;
    let mut units = Units::default();
    for chunk in wanted.chunks(CHUNK) {
        let told = facts::list_observations(tx, scope, chunk).await?;
        let since = told.into_iter().filter_map(|told| told.observation.failed_units?.since);
        for since in since.filter(|since| since.execution_id == rollout.key.id.as_str()) {
            units.told += 1;
            units.failed += u32::try_from(since.units.len()).unwrap_or(u32::MAX);
        }
    }
    units.silent = u32::try_from(wanted.len()).unwrap_or(u32::MAX).saturating_sub(units.told);
    Ok(units)
}

/// Those that are still registered.
async fn list(tx: &mut Tx, rollout: &Rollout, ids: &[NodeId], now: Timestamp) -> Result<Vec<Node>, ApiError> {
    let scope = (&rollout.key.account, &rollout.key.region);
    let values = ids.iter().map(NodeId::to_string).collect();
    let named = NodeCondition { field: NodeField::Id, comparison: Comparison::Equal, values };
    let limit = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    Ok(nodes::list(tx, scope, &[named], now, None, limit).await?)
}

/// The nodes that a ring's probe runs on.
pub async fn probed(tx: &mut Tx, rollout: &Rollout, now: Timestamp) -> Result<Vec<Node>, ApiError> {
    let wanted = rollouts::list_succeeded(tx, &rollout.key, rollout.state.ring).await?;
    let mut found = Vec::new();
    for chunk in wanted.chunks(CHUNK) {
        found.extend(list(tx, rollout, chunk, now).await?);
    }
    Ok(found)
}

/// The plan's budgets as they stand, for the nodes that may start.
pub async fn budgets(tx: &mut Tx, look: &Look) -> Result<Vec<Disruption>, ApiError> {
    let scope = (&look.rollout.key.account, &look.rollout.key.region);
    let mut budgets = Vec::new();
    // Five at most.
    for budget in &look.plan.budgets {
        budgets.push(Disruption {
            limit: budget.limit,
            values: rollouts::tag_values(tx, scope, &budget.tag, &look.ready).await?,
            at_work: rollouts::at_work_by_tag(tx, scope, &budget.tag).await?,
            nodes: rollouts::nodes_by_tag(tx, scope, &budget.tag).await?,
        });
    }
    Ok(budgets)
}
