//! How a staged rollout goes: a line while it does, and its rings with what they have shown.

use api::Timestamp;
use api::fettle::{Rollout, RolloutEvidence, RolloutPhase, RolloutRingState, RolloutStatus};

use super::table::Table;
use super::{Style, Tone, age, clean, count};

/// Where it is, in one line.
pub fn line(rollout: &Rollout, now: Timestamp) -> String {
    let number = rollout.rings.iter().position(|ring| ring.name == rollout.ring).unwrap_or_default();
    let place = format!("ring {}/{} {}", number + 1, rollout.rings.len(), clean(&rollout.ring));
    let Some(ring) = rollout.rings.get(number) else { return place };
    match rollout.status {
        RolloutStatus::Paused => format!("{place}: paused, {}", reason(rollout)),
        RolloutStatus::Stopped => format!("{place}: stopped, {}", reason(rollout)),
        RolloutStatus::CompletedWithFailure => {
            format!("{place}: {}; {}", phase(ring, now), overruled(rollout))
        }
        _ => format!("{place}: {}", phase(ring, now)),
    }
}

fn reason(rollout: &Rollout) -> String {
    clean(rollout.reason.as_deref().unwrap_or("nobody said why"))
}

fn phase(ring: &RolloutRingState, now: Timestamp) -> String {
    match (&ring.phase, ring.soaks_until) {
        (RolloutPhase::Soaking, Some(until)) => {
            format!("soaking, {} left", age::duration(until.millis_since(now) / 1000))
        }
        (RolloutPhase::AwaitingApproval, _) => "awaiting approval".to_owned(),
        (phase, _) => phase.as_str().to_lowercase(),
    }
}

/// Which rings somebody let pass, and how many nodes have failed.
fn overruled(rollout: &Rollout) -> String {
    let rings: Vec<String> = rollout.overruled_rings.iter().map(|ring| clean(ring)).collect();
    format!("{} fell short and was overruled; {}", rings.join(", "), failed(rollout))
}

fn failed(rollout: &Rollout) -> String {
    match rollout.failed_nodes {
        1 => "1 node failed".to_owned(),
        nodes => format!("{nodes} nodes failed"),
    }
}

/// Nothing happens before somebody says something.
pub fn waits_for_somebody(rollout: &Rollout) -> bool {
    let awaits = |ring: &RolloutRingState| ring.phase == RolloutPhase::AwaitingApproval;
    rollout.status == RolloutStatus::Paused || rollout.rings.iter().any(awaits)
}

/// A line per ring, the evidence of those that have any, and what to do where somebody is waited for.
pub fn table(rollout: &Rollout, now: Timestamp, style: Style) -> String {
    let mut table =
        Table::new(&["RING", "STATE", "NODES", "WAITING", "AT WORK", "SUCCEEDED", "FAILED", "UNREACHED"]);
    for ring in &rollout.rings {
        let is_paused = rollout.status == RolloutStatus::Paused && ring.name == rollout.ring;
        table.row([
            clean(&ring.name),
            if is_paused { "paused".to_owned() } else { phase(ring, now) },
            ring.nodes.to_string(),
            ring.waiting.to_string(),
            ring.at_work.to_string(),
            ring.succeeded.to_string(),
            ring.failed.to_string(),
            ring.unreached.to_string(),
        ]);
    }
    let mut out = table.render("");
    for ring in &rollout.rings {
        if let Some(evidence) = &ring.evidence {
            out.push_str(&told(ring, evidence));
        }
    }
    let tone = match rollout.status {
        RolloutStatus::Succeeded => Tone::Good,
        RolloutStatus::Stopped => Tone::Bad,
        RolloutStatus::Paused | RolloutStatus::CompletedWithFailure => Tone::Warning,
        _ => Tone::Heading,
    };
    out.push_str(&format!("{}\n", style.paint(tone, &sum(rollout, now))));
    out
}

fn sum(rollout: &Rollout, now: Timestamp) -> String {
    let id = &rollout.rollout_id;
    let is_waiting = waits_for_somebody(rollout);
    match rollout.status {
        RolloutStatus::Succeeded if rollout.failed_nodes == 0 => "All rings have passed.".to_owned(),
        RolloutStatus::Succeeded => {
            format!("All rings have passed; {}, which their gates allow.", failed(rollout))
        }
        RolloutStatus::CompletedWithFailure => format!("Completed with failure: {}.", overruled(rollout)),
        RolloutStatus::Paused => format!(
            "Paused: {}\n`fettle patch approve {id}` lets the next ring begin all the same, `fettle patch resume {id}` \
             looks again, `fettle patch stop {id}` ends it",
            reason(rollout)
        ),
        RolloutStatus::Stopped => format!("Stopped: {}", reason(rollout)),
        _ if is_waiting => {
            format!("`fettle patch approve {id}` lets the next ring begin, `fettle patch stop {id}` ends it")
        }
        _ => line(rollout, now),
    }
}

/// The numbers of one ring.
fn told(ring: &RolloutRingState, evidence: &RolloutEvidence) -> String {
    let mut parts = vec![format!("{} of {} failed", evidence.failed, evidence.ended)];
    if let Some(most) = evidence.max_failures {
        parts.push(format!("at most {most} may"));
    }
    if let (Some(bound), Some(most), Some(sure)) =
        (evidence.failure_bound, evidence.max_failure_bound, evidence.confidence_percent)
    {
        parts.push(format!(
            "failure rate up to {} % ({sure} % confidence), {} % may be",
            percent(bound),
            percent(most)
        ));
    }
    if let Some(back) = evidence.nodes_back {
        let (away, pending) =
            (evidence.nodes_away.unwrap_or_default(), evidence.nodes_pending_reboot.unwrap_or_default());
        parts.push(format!("{back} back, {away} away, {pending} with a restart outstanding"));
    }
    if let Some(failed) = evidence.failed_units {
        let silent = evidence.nodes_without_units.unwrap_or_default();
        parts.push(format!("{failed} units failed, {silent} nodes did not tell"));
    }
    if let Some(nodes) = evidence.probe_nodes {
        let (good, ended) =
            (evidence.probe_succeeded.unwrap_or_default(), evidence.probe_ended.unwrap_or_default());
        parts.push(format!("probe: {good} good of {ended} that ended, of {nodes}"));
    }
    if let Some(by) = &ring.approved_by {
        parts.push(format!("approved by {}", clean(by)));
    }
    format!("  {}: {}\n", clean(&ring.name), parts.join("; "))
}

/// Hundredths of a percent.
fn percent(hundredths: i32) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn status(status: &RolloutStatus) -> String {
    match status {
        RolloutStatus::InProgress => "in progress".to_owned(),
        RolloutStatus::CompletedWithFailure => "completed with failure".to_owned(),
        other => clean(&other.as_str().to_lowercase()),
    }
}

/// A line per rollout.
pub fn list(found: &[Rollout], now: Timestamp) -> String {
    if found.is_empty() {
        return "No staged rollout is kept. `fettle patch now --rings FILE` starts one.\n".to_owned();
    }
    let mut table = Table::new(&["ROLLOUT", "STARTED", "STATUS", "RING", "NODES", "SUCCEEDED", "FAILED"]);
    for rollout in found {
        let sum = |of: fn(&RolloutRingState) -> i32| rollout.rings.iter().map(of).sum::<i32>().to_string();
        table.row([
            clean(&rollout.rollout_id),
            age::since(rollout.started_at, now),
            status(&rollout.status),
            clean(&rollout.ring),
            sum(|ring| ring.nodes),
            sum(|ring| ring.succeeded),
            sum(|ring| ring.failed),
        ]);
    }
    format!("{}\n{}\n", table.render(""), count(found.len(), "rollout", "rollouts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout() -> Rollout {
        let evidence = RolloutEvidence {
            ended: 29,
            failure_bound: Some(982),
            max_failure_bound: Some(1_000),
            confidence_percent: Some(95),
            probe_nodes: Some(29),
            probe_succeeded: Some(28),
            probe_ended: Some(29),
            shortfalls: vec!["x".to_owned()],
            ..RolloutEvidence::default()
        };
        let ring = |name: &str, phase| RolloutRingState {
            name: name.to_owned(),
            phase,
            nodes: 29,
            succeeded: 29,
            ..RolloutRingState::default()
        };
        let mut canary = ring("canary", RolloutPhase::Soaking);
        canary.soaks_until = Some(Timestamp::from_seconds(10_800));
        canary.evidence = Some(evidence);
        Rollout {
            rollout_id: "3f0c".to_owned(),
            status: RolloutStatus::InProgress,
            ring: "canary".to_owned(),
            rings: vec![canary, ring("rest", RolloutPhase::Waiting)],
            ..Rollout::default()
        }
    }

    #[test]
    fn a_line_says_which_ring_and_how_long_it_soaks() {
        let now = Timestamp::from_seconds(3_600);
        let mut shown = rollout();
        assert_eq!(line(&shown, now), "ring 1/2 canary: soaking, 2 hours left");
        (shown.status, shown.reason) = (RolloutStatus::Paused, Some("ring `canary`:\u{1b} x".to_owned()));
        assert_eq!(line(&shown, now), "ring 1/2 canary: paused, ring `canary`:  x");
        let text = table(&shown, now, Style::Plain);
        assert!(text.contains("`fettle patch approve 3f0c` lets the next ring begin"), "{text}");
    }

    #[test]
    fn a_ring_that_somebody_let_pass_is_said_wherever_the_rollout_is() {
        let now = Timestamp::from_seconds(3_600);
        let mut shown = rollout();
        (shown.status, shown.ring) = (RolloutStatus::Succeeded, "rest".to_owned());
        assert!(table(&shown, now, Style::Plain).ends_with("\nAll rings have passed.\n"));
        shown.failed_nodes = 1;
        let within = table(&shown, now, Style::Plain);
        assert!(
            within.ends_with("\nAll rings have passed; 1 node failed, which their gates allow.\n"),
            "{within}"
        );

        (shown.status, shown.failed_nodes) = (RolloutStatus::CompletedWithFailure, 2);
        shown.overruled_rings = vec!["canary".to_owned()];
        (shown.rings[0].phase, shown.rings[1].phase) = (RolloutPhase::Overruled, RolloutPhase::Passed);
        let why = "canary fell short and was overruled; 2 nodes failed";
        assert_eq!(line(&shown, now), format!("ring 2/2 rest: passed; {why}"));
        let text = table(&shown, now, Style::Plain);
        assert!(text.ends_with(&format!("\nCompleted with failure: {why}.\n")), "{text}");
        assert!(text.lines().any(|line| line.starts_with("canary") && line.contains("overruled")), "{text}");
        let listed = list(&[shown], now);
        assert!(listed.contains("completed with failure"), "{listed}");
    }

    #[test]
    fn the_table_shows_the_evidence_in_numbers() {
        let text = table(&rollout(), Timestamp::from_seconds(3_600), Style::Plain);
        let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = text.lines().map(squeezed).collect();
        let expected = [
            "RING STATE NODES WAITING AT WORK SUCCEEDED FAILED UNREACHED",
            "canary soaking, 2 hours left 29 0 0 29 0 0",
            "rest waiting 29 0 0 29 0 0",
            "canary: 0 of 29 failed; failure rate up to 9.82 % (95 % confidence), 10.00 % may be; probe: 28 good of 29 \
             that ended, of 29",
            "ring 1/2 canary: soaking, 2 hours left",
        ];
        assert_eq!(lines, expected);
        let listed = list(&[rollout()], Timestamp::from_seconds(60));
        assert!(squeezed(listed.lines().nth(1).unwrap()).ends_with("in progress canary 58 58 0"), "{listed}");
    }
}
