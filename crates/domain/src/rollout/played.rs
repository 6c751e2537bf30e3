//! Whole rollouts, played an hour at a time with random plans, nodes and mishaps.

use std::collections::{BTreeMap, BTreeSet};

use api::Timestamp;
use api::fettle::{RolloutBudget, RolloutGateAction, RolloutGates, RolloutPlan, RolloutProbe, RolloutRing};
use proptest::prelude::*;

use super::tables::{START, node, state};
use super::*;
use crate::ids::NodeId;

/// How a node of a played rollout will do.
#[derive(Clone, Copy, Debug)]
struct Fate {
    succeeds: bool,
    /// Online from this hour on.
    online_from: i64,
    hours: i64,
    tag: u8,
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = (prop::bool::weighted(0.85), prop_oneof![4 => Just(0i64), 1 => 0..400i64], 1..4i64, 0..3u8);
    let fate =
        fate.prop_map(|(succeeds, online_from, hours, tag)| Fate { succeeds, online_from, hours, tag });
    prop::collection::vec(fate, 1..30)
}

fn plans() -> impl Strategy<Value = RolloutPlan> {
    let gates = (prop::option::of(0..3i32), prop::option::of(10..60i32), any::<bool>(), any::<bool>());
    let gates = gates.prop_map(|(max_failures, max_failure_percent, nodes_back, is_probed)| RolloutGates {
        max_failures,
        max_failure_percent,
        nodes_back: Some(nodes_back),
        probe: is_probed.then(|| RolloutProbe { document_name: "Probe".to_owned(), ..Default::default() }),
        ..RolloutGates::default()
    });
    let ring = (1..40i32, 0..600i32, 1..40i32, gates, any::<bool>());
    let rings = prop::collection::vec(ring, 1..4).prop_map(|rings| {
        let count = rings.len();
        let rings =
            rings.into_iter().enumerate().map(|(i, (percent, soak, wait, gates, approval))| RolloutRing {
                name: format!("ring-{i}"),
                percent: (i + 1 < count).then_some(percent.min(30)),
                soak_minutes: Some(soak),
                wait_hours: Some(wait),
                gates: Some(gates),
                require_approval: Some(approval && i + 1 < count),
                max_concurrency: Some("40%".to_owned()),
                ..RolloutRing::default()
            });
        rings.collect::<Vec<_>>()
    });
    let budget = prop_oneof![(1..4u32).prop_map(|n| n.to_string()), (1..60u32).prop_map(|n| format!("{n}%"))];
    (rings, prop::option::of(budget), any::<bool>()).prop_map(|(rings, budget, stops)| RolloutPlan {
        rings: Some(rings),
        budgets: budget.map(|limit| vec![RolloutBudget { tag_key: "Service".to_owned(), limit }]),
        on_gate_failed: Some(if stops { RolloutGateAction::Stop } else { RolloutGateAction::Pause }),
        ends_after_hours: Some(300),
    })
}

/// A rollout and the world it goes through, an hour at a time.
struct Play {
    plan: Plan,
    fates: BTreeMap<NodeId, Fate>,
    rings: BTreeMap<NodeId, usize>,
    /// When those that have begun end.
    began: BTreeMap<NodeId, i64>,
    ended: BTreeSet<NodeId>,
    state: State,
    probe: Option<ProbeTally>,
    /// Work of other rollouts, by tag.
    elsewhere: BTreeMap<String, u32>,
}

impl Play {
    fn new(plan: Plan, fates: Vec<Fate>, elsewhere: u32) -> Self {
        let nodes: Vec<(NodeId, BTreeMap<String, String>)> =
            (0..fates.len()).map(|i| (node(i), BTreeMap::new())).collect();
        let rings = plan.assign(&nodes);
        let fates = nodes.into_iter().map(|(node, _)| node).zip(fates).collect();
        let state = state(|state| state.ends_at = START.plus_seconds(plan.ends_after_seconds));
        Self {
            plan,
            fates,
            rings,
            began: BTreeMap::new(),
            ended: BTreeSet::new(),
            state,
            probe: None,
            elsewhere: [("0".to_owned(), elsewhere)].into(),
        }
    }

    fn tally(&self, hour: i64) -> Tally {
        let mut tally = Tally::default();
        for (node, _) in self.rings.iter().filter(|(_, ring)| **ring == self.state.ring) {
            let fate = self.fates[node];
            match (self.began.contains_key(node), self.ended.contains(node)) {
                (false, _) => {
                    tally.waiting += 1;
                    tally.online += u32::from(fate.online_from <= hour);
                }
                (true, false) => tally.at_work += 1,
                (true, true) if fate.succeeds => tally.succeeded += 1,
                (true, true) => tally.failed += 1,
            }
        }
        tally
    }

    fn seen(&self, hour: i64) -> Seen {
        let tally = self.tally(hour);
        let ring = &self.plan.rings[self.state.ring];
        Seen {
            tally,
            concurrency: ring.max_concurrency.map_or(1, |limit| limit.of(tally.nodes())).max(1),
            at_work: (self.began.len() - self.ended.len()) as u32,
            is_cancelled: false,
            asked: Asked {
                probe: self.probe,
                back: Some(Back { back: tally.succeeded, away: 0, pending_reboot: 0 }),
                units: None,
            },
        }
    }

    fn budget(&self) -> Vec<Disruption> {
        let Some(budget) = self.plan.budgets.first() else { return Vec::new() };
        let value = |node: &NodeId| self.fates[node].tag.to_string();
        let mut at_work = self.elsewhere.clone();
        for node in self.began.keys().filter(|node| !self.ended.contains(*node)) {
            *at_work.entry(value(node)).or_default() += 1;
        }
        let mut nodes: BTreeMap<String, u32> = BTreeMap::new();
        self.fates.keys().for_each(|node| *nodes.entry(value(node)).or_default() += 1);
        let values = self.fates.keys().map(|node| (node.clone(), value(node))).collect();
        vec![Disruption { limit: budget.limit, values, at_work, nodes }]
    }

    /// Whoever was admitted has found room.
    fn check_budget(&self, admitted: &[NodeId]) {
        for budget in self.budget() {
            for value in admitted.iter().map(|node| &budget.values[node]) {
                let (at_work, nodes) = (budget.at_work[value], budget.nodes[value]);
                assert!(at_work <= budget.limit.of(nodes).max(1), "{value}: {at_work} of {nodes}");
            }
        }
    }

    /// Does what follows until nothing does; whether it is over.
    fn settle(&mut self, hour: i64) -> bool {
        let now = START.plus_seconds(hour * 3600);
        for _ in 0..200 {
            let seen = self.seen(hour);
            match next(&self.plan, &self.state, &seen, now) {
                Act::Wait => return false,
                Act::Settle => return true,
                Act::Start(most) => {
                    let waits = |node: &&NodeId| {
                        self.rings[*node] == self.state.ring
                            && !self.began.contains_key(*node)
                            && self.fates[*node].online_from <= hour
                    };
                    let waiting: Vec<NodeId> = self.fates.keys().filter(waits).cloned().collect();
                    let admitted = admit(&waiting, most, self.budget());
                    if admitted.is_empty() {
                        return false;
                    }
                    for node in &admitted {
                        self.began.insert(node.clone(), hour + self.fates[node].hours);
                    }
                    assert!(self.seen(hour).tally.at_work <= seen.concurrency);
                    self.check_budget(&admitted);
                }
                Act::Enter(phase) => (self.state.phase, self.state.phase_at) = (phase, now),
                Act::Probe => {
                    let nodes = seen.tally.succeeded;
                    self.probe = Some(ProbeTally { nodes, ended: nodes, succeeded: nodes });
                }
                Act::Promote => self.promote(&seen, now),
                Act::Pause(_) => self.state.standing = Standing::Paused,
                Act::Stop(_) => self.state.standing = Standing::Stopped,
                Act::Succeed => {
                    assert!(self.began.len() == self.fates.len() && seen.at_work == 0);
                    self.state.standing = Standing::Succeeded;
                }
            }
        }
        panic!("it does not come to rest: {:?}", self.state);
    }

    /// By the numbers alone, in other words than the code's.
    fn promote(&mut self, seen: &Seen, now: Timestamp) {
        let ring = &self.plan.rings[self.state.ring];
        let tally = seen.tally;
        assert!(tally.succeeded > 0 && tally.at_work == 0 && ring.approval == Approval::NotAsked);
        assert!(ring.gates.max_failures.is_none_or(|most| tally.failed <= most));
        if let Some(rate) = ring.gates.failure_rate {
            // The plain rate is below the bound.
            assert!(tally.failed * 100 <= u32::from(rate.max_percent) * tally.ended());
        }
        assert!(ring.gates.probe.is_none() || self.probe.is_some_and(|probe| probe.succeeded > 0));
        assert!(now >= self.state.ring_at.plus_seconds(ring.soak_seconds));
        self.go_on(now);
    }

    fn go_on(&mut self, now: Timestamp) {
        let from = self.state.ring;
        for (node, ring) in &mut self.rings {
            if *ring == from && !self.began.contains_key(node) {
                *ring += 1;
            }
        }
        (self.state.ring, self.state.phase) = (from + 1, Phase::Running);
        (self.state.standing, self.probe) = (Standing::InProgress, None);
        (self.state.ring_at, self.state.phase_at) = (now, now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        rng_seed: proptest::test_runner::RngSeed::Fixed(33),
        ..ProptestConfig::default()
    })]

    /// Whatever happens: no ring begins without the evidence, no budget is exceeded, and it ends.
    #[test]
    fn rollouts_promote_on_evidence_keep_budgets_and_end(
        given in plans(), fates in fates(), elsewhere in 0..3u32, approves in any::<bool>(),
    ) {
        let plan = Plan::read(&given).unwrap();
        let mut play = Play::new(plan, fates, elsewhere);
        let (mut hour, mut is_over) = (0, false);
        while !is_over {
            prop_assert!(hour < 320, "it never ends: {:?}", play.state);
            let ended: Vec<NodeId> =
                play.began.iter().filter(|(_, ends)| **ends <= hour).map(|(node, _)| node.clone()).collect();
            play.ended.extend(ended);
            // Others come and go.
            play.elsewhere.insert("0".to_owned(), if hour % 5 == 0 { elsewhere } else { 0 });
            is_over = play.settle(hour);
            if approves && signal(&play.plan, &play.state, Order::Approve) == Ok(Effect::Promote) {
                play.go_on(START.plus_seconds(hour * 3600));
            }
            hour += 1;
        }
        prop_assert!(play.began.len() == play.ended.len(), "it ends with nodes at work");
        let has_reached_all = play.ended.len() == play.fates.len();
        prop_assert!(play.state.standing == Standing::Stopped || has_reached_all);
    }
}
