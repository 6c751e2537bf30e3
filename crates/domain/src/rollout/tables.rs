//! Staged rollouts by tables: bounds against figures that were computed by exact sums, plans, decisions, signals.

use std::collections::BTreeMap;

use api::Timestamp;
use api::fettle::{PatchNowTarget, RolloutBudget, RolloutGates, RolloutPlan, RolloutProbe, RolloutRing};

use super::*;
use crate::ids::NodeId;

#[test]
fn bounds_are_those_of_clopper_and_pearson() {
    // Failed, of, confidence: hundredths of a percent.
    let rows = [
        (0, 1, 95, 9_500),
        (0, 5, 95, 4_508),
        (0, 10, 95, 2_589),
        (1, 20, 95, 2_162),
        (0, 58, 95, 504),
        (0, 59, 95, 496),
        (2, 100, 95, 617),
        (5, 100, 90, 908),
        (0, 5, 50, 1_295),
        (3, 10, 80, 4_837),
        (9, 10, 95, 9_949),
        (10, 200, 99, 982),
        (0, 299, 95, 100),
        (50, 1_000, 95, 629),
        (10, 10, 95, 10_000),
        (0, 0, 95, 10_000),
    ];
    for (failed, ended, confidence, bound) in rows {
        assert_eq!(upper_bound(failed, ended, confidence), bound, "{failed} of {ended} at {confidence} %");
    }
    for (percent, confidence, nodes) in
        [(5, 95, 59), (10, 95, 29), (1, 99, 459), (50, 50, 1), (20, 80, 8), (99, 50, 1)]
    {
        assert_eq!(nodes_needed(percent, confidence), nodes, "{percent} % at {confidence} %");
    }
}

fn ring(name: &str, change: impl FnOnce(&mut RolloutRing)) -> RolloutRing {
    let mut ring = RolloutRing { name: name.to_owned(), ..RolloutRing::default() };
    change(&mut ring);
    ring
}

fn target(key: &str, value: &str) -> PatchNowTarget {
    PatchNowTarget { key: key.to_owned(), values: vec![value.to_owned()] }
}

fn plan_of(rings: Vec<RolloutRing>) -> Result<Plan, PlanError> {
    Plan::read(&RolloutPlan { rings: Some(rings), ..RolloutPlan::default() })
}

#[test]
fn plans_that_cannot_be_meant_are_refused() {
    let percent = |name: &str, percent| ring(name, |ring| ring.percent = Some(percent));
    let gated = |gates: RolloutGates| vec![ring("a", |ring| ring.gates = Some(gates))];
    let rows = [
        (vec![percent("a", 1), percent("a", 1)], "two rings are named `a`"),
        (vec![percent("a", 60), percent("b", 41)], "add up to 101 %"),
        (vec![ring("a", |_| ()), percent("b", 1)], "`a` has neither Targets nor Percent"),
        (vec![ring("a", |ring| ring.require_approval = Some(true))], "no next one to approve"),
        (
            vec![ring("a", |ring| {
                ring.percent = Some(1);
                ring.targets = Some(vec![target("tag:a", "b")]);
            })],
            "has Targets and Percent",
        ),
        (
            vec![ring("a", |ring| ring.targets = Some(vec![target("Name", "b")]))],
            "the key `Name` is not known",
        ),
        (gated(RolloutGates { confidence_percent: Some(90), ..Default::default() }), "which is not there"),
    ];
    for (rings, expected) in rows {
        let error = plan_of(rings).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let budget = RolloutBudget { tag_key: "Service".to_owned(), limit: "1".to_owned() };
    let twice = RolloutPlan { budgets: Some(vec![budget.clone(), budget]), ..RolloutPlan::default() };
    assert!(Plan::read(&twice).unwrap_err().to_string().contains("`Service` is there twice"));

    let alone = Plan::read(&RolloutPlan::default()).unwrap();
    assert_eq!((alone.rings.len(), &alone.rings[0].members), (1, &Members::Rest));
    assert_eq!((alone.on_gate_failed, alone.ends_after_seconds), (OnGateFailed::Pause, 168 * 3600));
}

pub(super) fn node(number: usize) -> NodeId {
    format!("mi-{number:017x}").parse().unwrap()
}

fn fleet(count: usize) -> Vec<(NodeId, BTreeMap<String, String>)> {
    let tags = |i: usize| [("Canary".to_owned(), if i < 2 { "yes" } else { "no" }.to_owned())].into();
    (0..count).map(|i| (node(i), tags(i))).collect()
}

fn three_rings() -> Plan {
    let rings = vec![
        ring("canary", |ring| ring.targets = Some(vec![target("tag:Canary", "yes")])),
        ring("early", |ring| ring.percent = Some(10)),
        ring("rest", |_| ()),
    ];
    plan_of(rings).unwrap()
}

#[test]
fn rings_take_their_nodes_by_targets_then_by_hash() {
    let plan = three_rings();
    let assigned = plan.assign(&fleet(40));
    let of = |ring: usize| assigned.values().filter(|of| **of == ring).count();
    assert_eq!([of(0), of(1), of(2)], [2, 4, 34]);
    assert_eq!((assigned[&node(0)], assigned[&node(1)]), (0, 0));
    // A share of few is one at least.
    assert_eq!(plan.assign(&fleet(4)).values().filter(|ring| **ring == 1).count(), 1);
    // Nobody moves but at the border.
    let more = plan.assign(&fleet(41));
    let moved = assigned.iter().filter(|(node, ring)| more[*node] != **ring).count();
    assert!(moved <= 1, "{moved} nodes moved");
    assert_eq!(assigned, plan.assign(&fleet(40).into_iter().rev().collect::<Vec<_>>()));
}

pub(super) const START: Timestamp = Timestamp::from_seconds(1_000_000);

pub(super) fn state(change: impl FnOnce(&mut State)) -> State {
    let mut state = State {
        standing: Standing::InProgress,
        ring: 0,
        phase: Phase::Running,
        phase_at: START,
        ring_at: START,
        ends_at: START.plus_seconds(100 * 3600),
    };
    change(&mut state);
    state
}

fn tally(change: impl FnOnce(&mut Tally)) -> Seen {
    let mut tally = Tally::default();
    change(&mut tally);
    Seen { tally, at_work: tally.at_work, concurrency: 2, ..Seen::default() }
}

fn gated() -> Plan {
    let gates = RolloutGates {
        max_failures: Some(1),
        nodes_back: Some(true),
        probe: Some(RolloutProbe { document_name: "Probe".to_owned(), ..RolloutProbe::default() }),
        ..RolloutGates::default()
    };
    let first = ring("first", |ring| {
        ring.percent = Some(50);
        ring.soak_minutes = Some(30);
        ring.gates = Some(gates);
        ring.require_approval = Some(true);
    });
    plan_of(vec![first, ring("second", |_| ())]).unwrap()
}

#[test]
fn a_ring_runs_soaks_is_judged_and_approved() {
    let plan = gated();
    let act = |state: &State, seen: &Seen, seconds| next(&plan, state, seen, START.plus_seconds(seconds));
    let running = state(|_| ());
    let rows = [
        (tally(|t| (t.waiting, t.online) = (5, 5)), 0, Act::Start(2)),
        (tally(|t| (t.waiting, t.online, t.at_work) = (5, 5, 1)), 0, Act::Start(1)),
        (tally(|t| (t.waiting, t.online, t.at_work) = (5, 5, 2)), 0, Act::Wait),
        (tally(|t| (t.waiting, t.succeeded) = (5, 1)), 24 * 3600 - 1, Act::Wait),
        (tally(|t| (t.waiting, t.succeeded) = (5, 1)), 24 * 3600, Act::Enter(Phase::Soaking)),
        (tally(|t| t.succeeded = 5), 0, Act::Enter(Phase::Soaking)),
        // One more failed than may: the others are spared, those at work waited for.
        (tally(|t| (t.waiting, t.online, t.failed, t.at_work) = (5, 5, 2, 1)), 0, Act::Wait),
        (tally(|t| (t.waiting, t.online, t.failed) = (5, 5, 2)), 0, Act::Enter(Phase::Judging)),
        (tally(|t| t.succeeded = 5), 100 * 3600, Act::Stop("its time is over".to_owned())),
    ];
    for (seen, seconds, expected) in rows {
        assert_eq!(act(&running, &seen, seconds), expected, "{seen:?} after {seconds} s");
    }
    let soaking = state(|state| state.phase = Phase::Soaking);
    assert_eq!(act(&soaking, &tally(|t| t.succeeded = 5), 1799), Act::Wait);
    assert_eq!(act(&soaking, &tally(|t| t.succeeded = 5), 1800), Act::Enter(Phase::Judging));
    // By the clock of another server the last node ended ten seconds after this one let the ring soak.
    let ended_later = |t: &mut Tally| (t.succeeded, t.last_ended_at) = (5, Some(START.plus_seconds(10)));
    assert_eq!(act(&soaking, &tally(ended_later), 1809), Act::Wait);
    assert_eq!(act(&soaking, &tally(ended_later), 1810), Act::Enter(Phase::Judging));

    let judging = state(|state| state.phase = Phase::Judging);
    let seen = |back: Option<(u32, u32, u32)>, probe: Option<(u32, u32)>| Seen {
        asked: Asked {
            back: back.map(|(back, away, pending_reboot)| Back { back, away, pending_reboot }),
            probe: probe.map(|(ended, succeeded)| ProbeTally { nodes: 5, ended, succeeded }),
            units: None,
        },
        ..tally(|t| (t.succeeded, t.failed) = (5, 1))
    };
    let rows = [
        (seen(None, None), "it is not known whether the nodes are back"),
        (seen(Some((4, 0, 0)), None), "only 4 of 5 nodes are known to be back"),
        (seen(Some((4, 1, 0)), None), "of 5 nodes that succeeded 1 is not online and 0 have a restart"),
        (seen(Some((4, 0, 1)), None), "0 are not online and 1 has a restart outstanding"),
        (seen(Some((5, 0, 0)), Some((5, 4))), "the probe `Probe` has not succeeded on 1 of 5 nodes"),
        (seen(Some((5, 0, 0)), Some((5, 0))), "has succeeded on none of 5 nodes"),
        (tally(|t| t.failed = 1), "the ring's one node has not succeeded"),
        (tally(|t| t.failed = 2), "none of the ring's 2 nodes has succeeded"),
        (tally(|_| ()), "the ring has no nodes"),
    ];
    for (seen, expected) in rows {
        let Act::Pause(reason) = act(&judging, &seen, 0) else { panic!("{seen:?} passes") };
        assert!(reason.starts_with("ring `first`: ") && reason.contains(expected), "{reason}");
    }
    assert_eq!(act(&judging, &seen(Some((5, 0, 0)), None), 0), Act::Probe);
    assert_eq!(act(&judging, &seen(Some((5, 0, 0)), Some((4, 4))), 0), Act::Wait);
    let passed = seen(Some((5, 0, 0)), Some((5, 5)));
    assert_eq!(act(&judging, &passed, 0), Act::Enter(Phase::AwaitingApproval));
    let waiting = state(|state| state.phase = Phase::AwaitingApproval);
    assert_eq!(act(&waiting, &passed, 3600), Act::Wait);
    // The last ring has nobody to let begin: it ends, well or not.
    let last = state(|state| (state.ring, state.phase) = (1, Phase::Judging));
    assert_eq!(act(&last, &tally(|t| t.succeeded = 5), 0), Act::Succeed);
    assert!(matches!(act(&last, &tally(|t| t.failed = 5), 0), Act::Stop(_)));
    assert_eq!(act(&last, &tally(|_| ()), 0), Act::Succeed, "nobody was left for it");
    let stopped = state(|state| state.standing = Standing::Stopped);
    assert_eq!(act(&stopped, &tally(|t| t.at_work = 1), 0), Act::Wait);
    assert_eq!(act(&stopped, &tally(|t| t.waiting = 1), 0), Act::Settle);
}

#[test]
fn units_that_failed_are_counted_and_silence_is_no_evidence() {
    let gates = RolloutGates { max_failed_units: Some(1), ..RolloutGates::default() };
    let plan = plan_of(vec![
        ring("first", |ring| (ring.percent, ring.gates) = (Some(50), Some(gates))),
        ring("second", |_| ()),
    ]);
    let plan = plan.unwrap();
    let judging = state(|state| state.phase = Phase::Judging);
    let act = |units: Option<(u32, u32, u32)>| {
        let units = units.map(|(told, silent, failed)| Units { told, silent, failed });
        let seen = Seen { asked: Asked { units, ..Asked::default() }, ..tally(|t| t.succeeded = 3) };
        next(&plan, &judging, &seen, START)
    };
    assert_eq!(act(Some((3, 0, 1))), Act::Promote);
    for (units, expected) in [
        (None, "it is not known which units have failed"),
        (Some((3, 0, 2)), "2 units failed since the installation began, which is more than 1"),
        (Some((2, 1, 2)), "2 units failed since"),
        (Some((2, 1, 0)), "1 of 3 nodes that succeeded did not tell"),
    ] {
        let Act::Pause(reason) = act(units) else { panic!("{units:?} passes") };
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn signals_mean_what_fits_where_it_stands() {
    use Order::*;
    let plan = gated();
    let paused = state(|state| (state.standing, state.phase) = (Standing::Paused, Phase::Judging));
    let asks = state(|state| state.phase = Phase::AwaitingApproval);
    let over = state(|state| state.standing = Standing::Succeeded);
    let early = || Err(SignalError::NotJudged("first".to_owned()));
    let rows = [
        (state(|_| ()), Approve, early()),
        (state(|state| state.standing = Standing::Paused), Approve, early()),
        (state(|state| state.phase = Phase::Judging), Approve, early()),
        (paused, Approve, Ok(Effect::Promote)),
        (asks, Approve, Ok(Effect::Promote)),
        (paused, Resume, Ok(Effect::Resume)),
        (asks, Resume, Ok(Effect::Nothing)),
        (paused, Pause, Ok(Effect::Nothing)),
        (asks, Pause, Ok(Effect::Pause)),
        (paused, Stop, Ok(Effect::Stop)),
        (over, Stop, Ok(Effect::Nothing)),
        (over, Resume, Err(SignalError::Over)),
    ];
    for (state, order, expected) in rows {
        assert_eq!(signal(&plan, &state, order), expected, "{order:?} of {state:?}");
    }
}
