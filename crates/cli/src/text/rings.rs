//! A plan of rings, as a patch policy has it: a line for each ring, then what holds for all of them.

use api::Timestamp;
use api::fettle::{RolloutGateAction, RolloutGates, RolloutPlan, RolloutRing};

use super::table::Table;
use super::{age, clean};

/// The server's own, where a plan says nothing.
const ENDS_AFTER_HOURS: i32 = 168;

pub fn shown(plan: &RolloutPlan, updated_at: Timestamp, now: Timestamp) -> String {
    let mut out = String::new();
    match plan.rings.as_deref() {
        None | Some([]) => out.push_str("One ring of all nodes.\n"),
        Some(rings) => {
            let mut table = Table::new(&["RING", "NODES", "AT ONCE", "SOAK", "WHAT IT MUST SHOW"]);
            for ring in rings {
                table.row([
                    clean(&ring.name),
                    who(ring),
                    ring.max_concurrency.as_deref().map_or_else(|| "as ordered".to_owned(), clean),
                    soak(ring),
                    gates(ring),
                ]);
            }
            out.push_str(&table.render(""));
        }
    }
    for budget in plan.budgets.iter().flatten() {
        let (limit, tag) = (clean(&budget.limit), clean(&budget.tag_key));
        out.push_str(&format!(
            "At most {limit} of the nodes with the same value of the tag {tag} at work at once.\n"
        ));
    }
    let then = match plan.on_gate_failed {
        Some(RolloutGateAction::Stop) => "stops",
        _ => "waits for somebody",
    };
    let hours = plan.ends_after_hours.unwrap_or(ENDS_AFTER_HOURS);
    out.push_str(&format!(
        "A ring that falls short {then}. What has not begun after {hours} hours never does.\n"
    ));
    out.push_str(&format!("Set {}.\n", age::since(updated_at, now)));
    out
}

pub fn none() -> String {
    "The policy has no rings: it installs on all of its nodes, as its rate control lets it.\n".to_owned()
}

pub fn removed() -> String {
    "The policy has no rings any more: it installs on all of its nodes the next time.\n".to_owned()
}

fn who(ring: &RolloutRing) -> String {
    if let Some(percent) = ring.percent {
        return format!("{percent} %");
    }
    let targets = ring.targets.iter().flatten();
    let targets: Vec<String> =
        targets.map(|target| format!("{}={}", clean(&target.key), clean(&target.values.join(",")))).collect();
    if targets.is_empty() { "the rest".to_owned() } else { targets.join(" and ") }
}

fn soak(ring: &RolloutRing) -> String {
    match ring.soak_minutes.unwrap_or_default() {
        0 => "none".to_owned(),
        60 => "1 hour".to_owned(),
        minutes if minutes % 60 == 0 => format!("{} hours", minutes / 60),
        minutes => format!("{minutes} minutes"),
    }
}

fn gates(ring: &RolloutRing) -> String {
    let mut parts = ring.gates.as_ref().map_or_else(Vec::new, asked);
    if ring.require_approval == Some(true) {
        parts.push("somebody's approval".to_owned());
    }
    if parts.is_empty() { "one success".to_owned() } else { parts.join(", ") }
}

fn asked(gates: &RolloutGates) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(most) = gates.max_failures {
        parts.push(format!("at most {most} failures"));
    }
    if let Some(percent) = gates.max_failure_percent {
        let sure = gates.confidence_percent.unwrap_or(95);
        parts.push(format!("a failure rate up to {percent} % ({sure} % confidence)"));
    }
    if gates.nodes_back == Some(true) {
        parts.push("all nodes back".to_owned());
    }
    if let Some(most) = gates.max_failed_units {
        parts.push(format!("at most {most} failed units"));
    }
    if let Some(probe) = &gates.probe {
        parts.push(format!("the probe {}", clean(&probe.document_name)));
    }
    parts
}

#[cfg(test)]
mod tests {
    use api::fettle::{PatchNowTarget, RolloutBudget, RolloutProbe};

    use super::*;

    #[test]
    fn every_member_of_a_plan_is_told() {
        let canary = RolloutRing {
            name: "canary".to_owned(),
            targets: Some(vec![PatchNowTarget {
                key: "tag:Env".to_owned(),
                values: vec!["canary".to_owned()],
            }]),
            soak_minutes: Some(120),
            max_concurrency: Some("10%".to_owned()),
            require_approval: Some(true),
            gates: Some(RolloutGates {
                max_failures: Some(0),
                max_failure_percent: Some(5),
                nodes_back: Some(true),
                max_failed_units: Some(1),
                probe: Some(RolloutProbe {
                    document_name: "web-is-up".to_owned(),
                    ..RolloutProbe::default()
                }),
                ..RolloutGates::default()
            }),
            ..RolloutRing::default()
        };
        let some = RolloutRing { name: "some".to_owned(), percent: Some(20), ..RolloutRing::default() };
        let rest = RolloutRing { name: "rest".to_owned(), ..RolloutRing::default() };
        let plan = RolloutPlan {
            rings: Some(vec![canary, some, rest]),
            budgets: Some(vec![RolloutBudget { tag_key: "Service".to_owned(), limit: "1".to_owned() }]),
            ..RolloutPlan::default()
        };
        let text = shown(&plan, Timestamp::from_seconds(0), Timestamp::from_seconds(7200));
        let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = text.lines().map(squeezed).collect();
        let expected = [
            "RING NODES AT ONCE SOAK WHAT IT MUST SHOW",
            "canary tag:Env=canary 10% 2 hours at most 0 failures, a failure rate up to 5 % (95 % confidence), all nodes \
             back, at most 1 failed units, the probe web-is-up, somebody's approval",
            "some 20 % as ordered none one success",
            "rest the rest as ordered none one success",
            "At most 1 of the nodes with the same value of the tag Service at work at once.",
            "A ring that falls short waits for somebody. What has not begun after 168 hours never does.",
            "Set 2 hours ago.",
        ];
        assert_eq!(lines, expected);
        let bare = shown(&RolloutPlan::default(), Timestamp::from_seconds(0), Timestamp::from_seconds(0));
        assert!(bare.starts_with("One ring of all nodes.\n"), "{bare}");
    }
}
