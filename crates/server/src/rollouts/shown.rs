//! A staged rollout as the API shows it: every ring with its nodes in numbers, and the evidence of those that were judged.

use api::Timestamp;
use api::fettle::{RolloutPhase, RolloutRingState, RolloutStatus};
use domain::rollout::{Phase, Standing, soaks_until};
use store::Tx;
use store::rollouts::{self, Record, Rollout};

use super::drive::shown_evidence;
use super::look::{Look, look_at};
use crate::error::ApiError;

pub async fn to_wire(
    tx: &mut Tx,
    rollout: Rollout,
    now: Timestamp,
) -> Result<api::fettle::Rollout, ApiError> {
    let look = look_at(tx, rollout, now).await?;
    let rollout = &look.rollout;
    let state = &rollout.state;
    let rings: Vec<RolloutRingState> = (0..look.plan.rings.len()).map(|ring| shown(&look, ring)).collect();
    let overruled = rings.iter().filter(|ring| ring.phase == RolloutPhase::Overruled);
    let overruled: Vec<String> = overruled.map(|ring| ring.name.clone()).collect();
    Ok(api::fettle::Rollout {
        rollout_id: rollout.key.id.to_string(),
        association_id: rollout.association.to_string(),
        plan: rollout.plan.clone(),
        status: match state.standing {
            Standing::Succeeded if !overruled.is_empty() => RolloutStatus::CompletedWithFailure,
            standing => RolloutStatus::from(rollouts::standing_text(standing)),
        },
        reason: Some(rollout.reason.clone()).filter(|reason| !reason.is_empty()),
        ring: look.plan.rings[state.ring].name.clone(),
        started_at: rollout.created_at,
        ends_at: state.ends_at,
        ended_at: rollout.ended_at,
        failed_nodes: rings.iter().map(|ring| ring.failed).sum(),
        overruled_rings: overruled,
        rings,
    })
}

fn shown(look: &Look, number: usize) -> RolloutRingState {
    let (ring, state) = (&look.plan.rings[number], &look.rollout.state);
    let tally = look.tallies.get(&number).copied().unwrap_or_default();
    let record = look.rollout.records.get(&number);
    let is_current = number == state.ring;
    let is_over = matches!(state.standing, Standing::Stopped | Standing::Succeeded);
    let phase = match (number.cmp(&state.ring), state.standing) {
        (std::cmp::Ordering::Less, _) if record.is_some_and(Record::is_overruled) => "Overruled",
        (std::cmp::Ordering::Less, _) | (std::cmp::Ordering::Equal, Standing::Succeeded) => "Passed",
        (_, Standing::Stopped) => "Stopped",
        (std::cmp::Ordering::Greater, _) => "Waiting",
        (std::cmp::Ordering::Equal, _) => rollouts::phase_text(state.phase),
    };
    let wire = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let kept = record.and_then(|record| record.evidence.clone());
    // As it was when it was judged, once it was; until then as it is.
    let is_judged = state.standing == Standing::Paused || state.phase == Phase::AwaitingApproval;
    let evidence = match is_current && !is_over && !is_judged {
        true => Some(shown_evidence(look)),
        false => kept.or_else(|| is_current.then(|| shown_evidence(look))),
    };
    let soaks = is_current && !is_over && state.phase == Phase::Soaking;
    RolloutRingState {
        name: ring.name.clone(),
        phase: RolloutPhase::from(phase),
        nodes: wire(tally.nodes()),
        waiting: wire(tally.waiting),
        at_work: wire(tally.at_work),
        succeeded: wire(tally.succeeded),
        failed: wire(tally.failed),
        unreached: wire(tally.unreached),
        began_at: record.map(|record| record.began_at),
        soaks_until: soaks.then(|| soaks_until(&look.plan, state, &tally)),
        approved_by: record.and_then(|record| record.approved_by.clone()),
        evidence,
    }
}
