//! What a ring has shown: the evidence in numbers, and what it lacks for the next ring to begin. Evidence that was not
//! gathered is evidence that is not there.

use api::Timestamp;
use api::fettle::RolloutEvidence;

use super::bound::upper_bound;
use super::plan::{FailureRate, Gates, Probe};

/// The nodes of a ring, by how far they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub waiting: u32,
    /// Of those that wait.
    pub online: u32,
    pub at_work: u32,
    pub succeeded: u32,
    /// With those that took the work and were not heard of again.
    pub failed: u32,
    /// Ended without having begun.
    pub unreached: u32,
    /// When the last of those that were let start ended.
    pub last_ended_at: Option<Timestamp>,
}

impl Tally {
    pub fn nodes(&self) -> u32 {
        self.waiting + self.at_work + self.ended() + self.unreached
    }

    pub fn ended(&self) -> u32 {
        self.succeeded + self.failed
    }
}

/// The run of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProbeTally {
    pub nodes: u32,
    pub ended: u32,
    pub succeeded: u32,
}

/// Of the nodes that succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Back {
    pub back: u32,
    pub away: u32,
    /// Online, and their restart is outstanding.
    pub pending_reboot: u32,
}

/// Of the nodes that succeeded: units of systemd that failed since their installation began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// Nodes that told.
    pub told: u32,
    /// Nodes that did not, for this rollout.
    pub silent: u32,
    pub failed: u32,
}

/// Everything that is asked of nodes beside how their work ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub probe: Option<ProbeTally>,
    pub back: Option<Back>,
    pub units: Option<Units>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// These things are missing.
    Short(Vec<String>),
    /// Everything else is there: the probe is to be run.
    ProbeWanted,
    ProbeRuns,
    Passed,
}

/// Whether the next ring may begin, by the gates.
pub fn judge(gates: &Gates, tally: &Tally, asked: &Asked) -> Judgement {
    let mut short: Vec<String> = Vec::new();
    if tally.succeeded == 0 {
        short.push(match tally.nodes() {
            0 => "the ring has no nodes".to_owned(),
            1 => "the ring's one node has not succeeded".to_owned(),
            nodes => format!("none of the ring's {nodes} nodes has succeeded"),
        });
    }
    short.extend(too_many(gates, tally.failed, tally.ended()));
    if gates.nodes_back {
        short.extend(not_back(tally, asked.back.as_ref()));
    }
    if let Some(most) = gates.max_failed_units {
        short.extend(units_failed(most, asked.units.as_ref()));
    }
    if !short.is_empty() {
        return Judgement::Short(short);
    }
    match (&gates.probe, &asked.probe) {
        (None, _) => Judgement::Passed,
        (Some(_), None) => Judgement::ProbeWanted,
        (Some(_), Some(run)) if run.ended < run.nodes => Judgement::ProbeRuns,
        (Some(gate), Some(run)) => match probed(gate, run) {
            None => Judgement::Passed,
            Some(short) => Judgement::Short(vec![short]),
        },
    }
}

/// Of `ended` nodes `failed`: why that is too many.
pub(super) fn too_many(gates: &Gates, failed: u32, ended: u32) -> Vec<String> {
    let mut short = Vec::new();
    if let Some(most) = gates.max_failures.filter(|most| failed > *most) {
        short.push(format!("{} failed, which is more than {most}", counted(failed, "node", "nodes")));
    }
    if let Some(FailureRate { max_percent, confidence_percent }) = gates.failure_rate {
        let bound = upper_bound(failed, ended, confidence_percent);
        if bound > u32::from(max_percent) * 100 {
            short.push(format!(
                "{failed} of {ended} nodes failed: with {confidence_percent} % confidence the failure rate is up to {} %, \
                 which is above {max_percent} %",
                percent(bound)
            ));
        }
    }
    short
}

fn not_back(tally: &Tally, back: Option<&Back>) -> Option<String> {
    let Some(back) = back else { return Some("it is not known whether the nodes are back".to_owned()) };
    match (back.away, back.pending_reboot) {
        (0, 0) if back.back >= tally.succeeded => None,
        (0, 0) => Some(format!("only {} of {} nodes are known to be back", back.back, tally.succeeded)),
        (away, pending) => Some(format!(
            "of {} that succeeded {away} {} not online and {pending} {} a restart outstanding",
            counted(tally.succeeded, "node", "nodes"),
            if away == 1 { "is" } else { "are" },
            if pending == 1 { "has" } else { "have" },
        )),
    }
}

fn units_failed(most: u32, units: Option<&Units>) -> Option<String> {
    let Some(units) = units else { return Some("it is not known which units have failed".to_owned()) };
    match (units.failed > most, units.silent) {
        (true, _) => Some(format!(
            "{} failed since the installation began, which is more than {most}",
            counted(units.failed, "unit", "units")
        )),
        (false, 0) => None,
        (false, silent) => Some(format!(
            "{silent} of {} nodes that succeeded did not tell which units failed: they have no systemd, or the agent is \
             an older one",
            units.told + silent
        )),
    }
}

fn probed(gate: &Probe, run: &ProbeTally) -> Option<String> {
    let failed = run.ended.saturating_sub(run.succeeded);
    if run.succeeded == 0 {
        return Some(format!("the probe `{}` has succeeded on none of {} nodes", gate.document, run.nodes));
    }
    (failed > gate.max_failures).then(|| {
        format!(
            "the probe `{}` has not succeeded on {failed} of {} nodes, which is more than {}",
            gate.document, run.nodes, gate.max_failures
        )
    })
}

/// `1 node`, `3 nodes`.
fn counted(count: u32, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Hundredths of a percent as people read them.
pub(super) fn percent(hundredths: u32) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// The same in numbers, whatever there is of it.
pub fn evidence(gates: &Gates, tally: &Tally, asked: &Asked) -> RolloutEvidence {
    let Asked { probe, back, units } = asked;
    let wire = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let shortfalls = match judge(gates, tally, asked) {
        Judgement::Short(short) => short,
        Judgement::ProbeWanted => vec!["the probe has not run".to_owned()],
        Judgement::ProbeRuns => vec!["the probe runs".to_owned()],
        Judgement::Passed => Vec::new(),
    };
    let rate = gates.failure_rate;
    RolloutEvidence {
        ended: wire(tally.ended()),
        failed: wire(tally.failed),
        max_failures: gates.max_failures.map(wire),
        failure_bound: rate
            .map(|rate| wire(upper_bound(tally.failed, tally.ended(), rate.confidence_percent))),
        max_failure_bound: rate.map(|rate| i32::from(rate.max_percent) * 100),
        confidence_percent: rate.map(|rate| i32::from(rate.confidence_percent)),
        nodes_back: back.as_ref().map(|back| wire(back.back)),
        nodes_away: back.as_ref().map(|back| wire(back.away)),
        nodes_pending_reboot: back.as_ref().map(|back| wire(back.pending_reboot)),
        probe_command_id: None,
        failed_units: units.as_ref().map(|units| wire(units.failed)),
        nodes_without_units: units.as_ref().map(|units| wire(units.silent)),
        probe_nodes: probe.as_ref().map(|probe| wire(probe.nodes)),
        probe_succeeded: probe.as_ref().map(|probe| wire(probe.succeeded)),
        probe_ended: probe.as_ref().map(|probe| wire(probe.ended)),
        shortfalls,
    }
}
