//! One line per node: the fleet at a glance.

use std::collections::BTreeMap;

use api::Timestamp;
use api::ssm::{InstanceInformation, InstancePatchState};

use super::table::Table;
use super::{Style, Tone, age, count, or_unknown};

/// Reports older than this are named as old: what they say may no longer hold.
const STALE_SECONDS: i64 = 7 * 86_400;

pub fn render(
    nodes: &[InstanceInformation],
    states: &[InstancePatchState],
    now: Timestamp,
    style: Style,
) -> String {
    if nodes.is_empty() {
        return super::nodes::render(nodes, now, style);
    }
    let states: BTreeMap<&str, &InstancePatchState> =
        states.iter().map(|state| (state.instance_id.as_str(), state)).collect();
    let mut table =
        Table::new(&["NODE", "NAME", "STATUS", "MISSING", "FAILED", "PENDING REBOOT", "SCANNED", "BASELINE"]);
    let (mut bad, mut unknown) = (0, 0);
    for node in nodes {
        let id = node.instance_id.as_deref().unwrap_or_default();
        let state = states.get(id).copied();
        let status = status(state, now);
        bad += usize::from(status == "non-compliant");
        unknown += usize::from(status.starts_with("unknown"));
        let number = |field: fn(&InstancePatchState) -> Option<i32>| {
            state.and_then(field).map_or_else(|| "-".to_owned(), |number| number.to_string())
        };
        table.row([
            or_unknown(Some(id)),
            or_unknown(node.computer_name.as_deref()),
            status.to_owned(),
            number(|state| state.missing_count),
            number(|state| state.failed_count),
            number(|state| state.installed_pending_reboot_count),
            state.map_or_else(|| "never".to_owned(), |state| age::since(state.operation_end_time, now)),
            or_unknown(state.map(|state| state.baseline_id.as_str())),
        ]);
    }
    let mut out = table.render("");
    out.push('\n');
    out.push_str(&count(nodes.len(), "node", "nodes"));
    if bad > 0 {
        out.push_str(&style.paint(Tone::Bad, &format!(", {bad} non-compliant")));
    }
    if unknown > 0 {
        out.push_str(&style.paint(Tone::Warning, &format!(", {unknown} unknown")));
    }
    out.push_str("; `fettle why NODE` explains one\n");
    out
}

/// Unknown is never shown as compliant, old never as new.
fn status(state: Option<&InstancePatchState>, now: Timestamp) -> &'static str {
    let Some(state) = state else { return "unknown" };
    let broken = [
        state.missing_count,
        state.failed_count,
        state.installed_rejected_count,
        state.installed_pending_reboot_count,
        state.critical_non_compliant_count,
        state.security_non_compliant_count,
        state.other_non_compliant_count,
    ];
    if broken.into_iter().flatten().any(|number| number > 0) {
        "non-compliant"
    } else if now.millis_since(state.operation_end_time) > STALE_SECONDS * 1000 {
        "unknown (old)"
    } else {
        "compliant"
    }
}
