//! What a staged rollout does next, given how far it is and what is seen of its nodes. Whoever asks does it, writes down how
//! far that brought it, and asks again: a server that comes second decides the same.

use api::Timestamp;

use super::judge::{Asked, Judgement, Tally, judge, too_many};
use super::plan::{Approval, OnGateFailed, Plan};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    InProgress,
    /// Until somebody says something, or its time is over.
    Paused,
    Stopped,
    Succeeded,
}

/// Where the ring is that the rollout has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Running,
    Soaking,
    Judging,
    AwaitingApproval,
}

/// What is remembered between two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    pub standing: Standing,
    pub ring: usize,
    pub phase: Phase,
    pub phase_at: Timestamp,
    pub ring_at: Timestamp,
    pub ends_at: Timestamp,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Of the ring.
    pub tally: Tally,
    /// At once, at most.
    pub concurrency: u32,
    /// In all rings.
    pub at_work: u32,
    pub is_cancelled: bool,
    pub asked: Asked,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing, until something changes.
    Wait,
    /// This many nodes of the ring may start, if the budgets let them; at least one.
    Start(u32),
    Enter(Phase),
    /// Run the probe on the nodes that succeeded.
    Probe,
    /// The next ring begins. Whom this one has not reached falls back to it.
    Promote,
    Pause(String),
    /// Nothing begins any more.
    Stop(String),
    /// The last ring has passed.
    Succeed,
    /// It is over, and nobody is at work.
    Settle,
}

pub fn next(plan: &Plan, state: &State, seen: &Seen, now: Timestamp) -> Act {
    if matches!(state.standing, Standing::Stopped | Standing::Succeeded) {
        return if seen.at_work == 0 { Act::Settle } else { Act::Wait };
    }
    if seen.is_cancelled {
        return Act::Stop("it was cancelled".to_owned());
    }
    if now >= state.ends_at {
        return Act::Stop("its time is over".to_owned());
    }
    if state.standing == Standing::Paused {
        return Act::Wait;
    }
    match state.phase {
        Phase::Running => run(plan, state, seen, now),
        Phase::Soaking => {
            if now >= soaks_until(plan, state, &seen.tally) {
                Act::Enter(Phase::Judging)
            } else {
                Act::Wait
            }
        }
        Phase::Judging => conclude(plan, state, seen),
        Phase::AwaitingApproval => Act::Wait,
    }
}

/// Counted from the end of the last node's work, whatever the clock of the server said that saw it: the soak is the ring's own.
pub fn soaks_until(plan: &Plan, state: &State, tally: &Tally) -> Timestamp {
    let began_at = tally.last_ended_at.map_or(state.phase_at, |at| at.max(state.phase_at));
    began_at.plus_seconds(plan.rings[state.ring].soak_seconds)
}

fn run(plan: &Plan, state: &State, seen: &Seen, now: Timestamp) -> Act {
    let (ring, tally) = (&plan.rings[state.ring], &seen.tally);
    // Even if all others succeed it cannot pass: they are spared.
    let is_lost = tally.failed > 0
        && !too_many(&ring.gates, tally.failed, tally.ended() + tally.at_work + tally.waiting).is_empty();
    let free = seen.concurrency.max(1).saturating_sub(tally.at_work).min(tally.online);
    if !is_lost && free > 0 {
        return Act::Start(free);
    }
    let has_waited = !plan.is_last(state.ring) && now >= state.ring_at.plus_seconds(ring.wait_seconds);
    match () {
        () if seen.at_work > 0 => Act::Wait,
        () if is_lost => Act::Enter(Phase::Judging),
        () if tally.waiting == 0 || has_waited => match ring.soak_seconds {
            0 => Act::Enter(Phase::Judging),
            _ => Act::Enter(Phase::Soaking),
        },
        () => Act::Wait,
    }
}

fn conclude(plan: &Plan, state: &State, seen: &Seen) -> Act {
    let (ring, is_last) = (&plan.rings[state.ring], plan.is_last(state.ring));
    if is_last && seen.tally.nodes() == 0 {
        return Act::Succeed;
    }
    match judge(&ring.gates, &seen.tally, &seen.asked) {
        Judgement::ProbeWanted => Act::Probe,
        Judgement::ProbeRuns => Act::Wait,
        Judgement::Passed if is_last => Act::Succeed,
        Judgement::Passed if ring.approval == Approval::Asked => Act::Enter(Phase::AwaitingApproval),
        Judgement::Passed => Act::Promote,
        Judgement::Short(short) => {
            let reason = format!("ring `{}`: {}", ring.name, short.join("; "));
            match plan.on_gate_failed {
                OnGateFailed::Pause if !is_last => Act::Pause(reason),
                _ => Act::Stop(reason),
            }
        }
    }
}
