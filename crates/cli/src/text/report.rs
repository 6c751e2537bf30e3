//! One node's patch report.

use std::collections::BTreeMap;

use api::Timestamp;
use api::fettle::{
    BaselineChoice, GetNodeReportResponse, NodeComplianceStatus, RefreshOutcome, ReportedPatch,
};

use super::table::Table;
use super::{Style, Tone, age, clean, count, or_unknown};

/// States in the order of what needs doing.
const STATES: [(&str, &str); 9] = [
    ("MISSING", "Missing"),
    ("FAILED", "Failed"),
    ("INSTALLED_REJECTED", "Installed although rejected"),
    ("INSTALLED_PENDING_REBOOT", "Installed, pending reboot"),
    ("PENDING_APPROVAL", "Pending approval"),
    ("AVAILABLE_SECURITY_UPDATE", "Security update, not approved"),
    ("INSTALLED", "Installed, approved by the baseline"),
    ("INSTALLED_OTHER", "Installed, not covered by the baseline"),
    ("NOT_APPLICABLE", "Not applicable"),
];

const LEVELS: [&str; 6] = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNSPECIFIED"];

const MISSING: &str = "Missing patches";

/// So many CVE ids are listed per patch.
const CVES_SHOWN: usize = 3;

pub fn render(report: &GetNodeReportResponse, style: Style) -> String {
    let mut out = String::new();
    out.push_str(&title(report, style));
    out.push('\n');
    out.push_str(&facts(report, style));
    out.push('\n');
    out.push_str(&verdict(report, style));
    out.push('\n');
    out.push_str(&states(&report.counts));
    let levels = levels(&report.severity_counts);
    if !levels.is_empty() {
        out.push_str(&format!("\n  Not compliant, by level: {levels}\n"));
    }
    patches(&mut out, MISSING, &report.missing, style);
    patches(&mut out, "Other patches that are not compliant", &report.non_compliant, style);
    out
}

fn title(report: &GetNodeReportResponse, style: Style) -> String {
    let node = &report.node;
    let id = clean(&node.instance_id);
    let named = node.computer_name.as_deref().filter(|name| !name.is_empty());
    let name = named.map_or_else(|| id.clone(), |name| format!("{} ({id})", clean(name)));
    format!("{}\n", style.paint(Tone::Heading, &format!("Patch report of {name}")))
}

/// What the report is about, how old its data are, and what they were judged by.
fn facts(report: &GetNodeReportResponse, style: Style) -> String {
    let mut lines: Vec<(&str, String)> = vec![];
    let node = &report.node;
    let system = [node.platform_name.as_deref(), node.platform_version.as_deref()];
    let system: Vec<String> = system.into_iter().flatten().map(clean).collect();
    let kernel = report.running_kernel.as_deref().map(|kernel| format!(", kernel {}", clean(kernel)));
    lines.push(("System", format!("{}{}", or_unknown(Some(&system.join(" "))), kernel.unwrap_or_default())));
    lines.push(("Status", presence(report, style)));
    lines.push(("Scanned", scanned(report, style)));
    lines.push(("Lists", lists(report, style)));
    for failure in &report.failed_repositories {
        let place = [failure.uri.as_deref(), failure.suite.as_deref()];
        let place: Vec<String> = place.into_iter().flatten().map(clean).collect();
        let cause = or_unknown(failure.error.as_deref());
        lines.push(("", style.paint(Tone::Warning, &format!("failed: {}: {cause}", place.join(" ")))));
    }
    let (baseline, because) = baseline(report.baseline.as_ref());
    lines.push(("Baseline", baseline));
    if let Some(because) = because {
        lines.push(("", because));
    }
    for feed in report.cve_feeds.iter().flatten() {
        let from = format!(
            "{}, {} old, from {}",
            clean(&feed.feed),
            age::duration(feed.age_seconds),
            clean(&feed.origin)
        );
        lines.push(("CVE data", from));
    }
    if let Some(reboot) = reboot(report) {
        lines.push(("Reboot", style.paint(Tone::Warning, &reboot)));
    }
    for (at, waiting) in report.not_in_effect.iter().flatten().enumerate() {
        let name = if at == 0 { "Waiting" } else { "" };
        lines.push((name, style.paint(Tone::Warning, &clean(waiting))));
    }
    for (at, updater) in report.automatic_updates.iter().flatten().enumerate() {
        lines.push((if at == 0 { "By itself" } else { "" }, clean(updater)));
    }
    lines.iter().map(|(name, text)| format!("  {name:<10}{text}\n")).collect()
}

fn presence(report: &GetNodeReportResponse, style: Style) -> String {
    let status = or_unknown(report.node.ping_status.as_deref());
    let seen = match (report.node.last_ping_date_time, server_now(report)) {
        (Some(then), Some(now)) => format!(", seen {}", age::since(then, now)),
        _ => String::new(),
    };
    let tone = if status == "Online" { Tone::Good } else { Tone::Warning };
    style.paint(tone, &format!("{status}{seen}"))
}

fn scanned(report: &GetNodeReportResponse, style: Style) -> String {
    let Some(ended_at) = report.ended_at else { return style.paint(Tone::Warning, "never") };
    let age = report.age_seconds.map(|seconds| format!("{}, ", age::ago(seconds))).unwrap_or_default();
    let took = report.started_at.map(|started_at| ended_at.millis_since(started_at));
    let took = took.map(|took| format!(", took {}", seconds(took))).unwrap_or_default();
    let operation =
        report.operation.as_ref().map(|operation| format!(" ({operation}{took})")).unwrap_or_default();
    let text = format!("{age}at {}{operation}", ended_at.to_iso_seconds());
    if report.stale == Some(true) {
        return style.paint(Tone::Warning, &format!("{text}: too old to be trusted, scan again"));
    }
    text
}

fn seconds(milliseconds: i64) -> String {
    if milliseconds < 10_000 {
        format!("{}.{} s", milliseconds.max(0) / 1000, milliseconds.max(0) % 1000 / 100)
    } else {
        age::duration(milliseconds / 1000)
    }
}

/// How fresh the node's knowledge of its repositories was.
fn lists(report: &GetNodeReportResponse, style: Style) -> String {
    let age = match (report.lists_updated_at, server_now(report)) {
        (Some(then), Some(now)) => {
            format!("package lists of {} ({})", then.to_iso_seconds(), age::since(then, now))
        }
        (Some(then), None) => format!("package lists of {}", then.to_iso_seconds()),
        (None, _) => "the age of the package lists is not known".to_owned(),
    };
    let reason = report.refresh_reason.as_deref().filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| format!(": {}", clean(reason))).unwrap_or_default();
    match &report.refresh {
        Some(RefreshOutcome::Refreshed) => format!("{age}, refreshed by this scan"),
        Some(RefreshOutcome::Partial) => {
            style.paint(Tone::Warning, &format!("{age}, refreshed in part{reason}"))
        }
        Some(RefreshOutcome::Failed) => style.paint(Tone::Warning, &format!("{age}, refresh failed{reason}")),
        Some(RefreshOutcome::Skipped) => format!("{age}, not refreshed{reason}"),
        Some(other) => format!("{age}, refresh {}{reason}", clean(other.as_str())),
        None => age,
    }
}

/// The baseline, and why it is this one.
pub fn baseline(choice: Option<&BaselineChoice>) -> (String, Option<String>) {
    let Some(choice) = choice else { return ("not known".to_owned(), None) };
    let id = or_unknown(choice.baseline_id.as_deref());
    let name = choice.name.as_deref().filter(|name| !name.is_empty());
    let text = name.map_or_else(|| id.clone(), |name| format!("{} ({id})", clean(name)));
    (text, choice.reason.as_deref().map(|reason| format!("because {}", sentence_end(&clean(reason)))))
}

/// Reasons are sentences; here they continue one.
fn sentence_end(reason: &str) -> String {
    let reason = reason.trim().trim_end_matches('.');
    let reason = reason.strip_prefix("because ").unwrap_or(reason);
    let mut characters = reason.chars();
    match (characters.next(), characters.clone().next()) {
        // An acronym or a name keeps its capital.
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(characters).collect()
        }
        (Some('A'), Some(' ')) => format!("a{}", characters.as_str()),
        _ => reason.to_owned(),
    }
}

fn reboot(report: &GetNodeReportResponse) -> Option<String> {
    let packages = report.reboot_required_by.as_ref()?;
    let packages: Vec<String> = packages.iter().map(|package| clean(package)).collect();
    Some(match packages.is_empty() {
        true => "required; the node does not say for what".to_owned(),
        false => format!("required by {}", packages.join(", ")),
    })
}

fn verdict(report: &GetNodeReportResponse, style: Style) -> String {
    let missing = report.missing.len();
    let others = report.non_compliant.len();
    let level = report.non_compliant_severity.as_deref().filter(|level| !level.is_empty());
    let level = level.map(|level| format!(" (worst level: {})", clean(level))).unwrap_or_default();
    let (tone, text) = match &report.status {
        NodeComplianceStatus::Compliant if report.stale == Some(true) => {
            (Tone::Warning, "UNKNOWN: it was compliant, but the report is too old to say so now".to_owned())
        }
        NodeComplianceStatus::Compliant => {
            (Tone::Good, "COMPLIANT: nothing that the baseline approves is missing".to_owned())
        }
        NodeComplianceStatus::NonCompliant => {
            let mut parts = vec![];
            if missing > 0 {
                parts.push(format!("{} missing", count(missing, "patch is", "patches are")));
            }
            if others > 0 {
                parts.push(format!("{} otherwise not in order", count(others, "patch is", "patches are")));
            }
            (Tone::Bad, format!("NON-COMPLIANT: {}{level}", parts.join(", ")))
        }
        NodeComplianceStatus::Unknown(_) | NodeComplianceStatus::UnknownValue => {
            (Tone::Warning, "UNKNOWN: the report does not tell; `fettle why` does".to_owned())
        }
    };
    format!("  {}\n", style.paint(tone, &text))
}

fn states(counts: &BTreeMap<String, i32>) -> String {
    let mut table = Table::new(&["PATCHES", "STATE"]);
    for (state, words) in STATES {
        if let Some(number) = counts.get(state) {
            table.row([format!("{number:>7}"), words.to_owned()]);
        }
    }
    for (state, number) in counts.iter().filter(|(state, _)| STATES.iter().all(|(known, _)| known != state)) {
        table.row([format!("{number:>7}"), clean(state)]);
    }
    table.render("  ")
}

fn levels(counts: &BTreeMap<String, i32>) -> String {
    let known = LEVELS.iter().filter_map(|level| counts.get(*level).map(|number| (*level, number)));
    let others = counts.iter().map(|(level, number)| (level.as_str(), number));
    let others = others.filter(|(level, _)| !LEVELS.contains(level));
    let shown = known.chain(others).filter(|(_, number)| **number > 0);
    shown.map(|(level, number)| format!("{number} {}", clean(level))).collect::<Vec<_>>().join(", ")
}

fn patches(out: &mut String, heading: &str, patches: &[ReportedPatch], style: Style) {
    if patches.is_empty() {
        return;
    }
    out.push_str(&format!("\n{}\n", style.paint(Tone::Heading, &format!("{heading} ({})", patches.len()))));
    // A heading that says the state does not need a column for it.
    let mut states: Vec<&Option<String>> = patches.iter().map(|patch| &patch.state).collect();
    states.dedup();
    let state_column = usize::from(heading != MISSING || states.len() > 1);
    // Where nobody publishes advisories or delays approvals, there is nothing to show of them.
    let has_advisories = patches.iter().any(|patch| patch.advisory.is_some() || patch.advisory_ids.is_some());
    let has_approvals = patches.iter().any(|patch| patch.approved_at.is_some());
    let mut headings = vec!["PACKAGE", "ARCH", "INSTALLED", "FIX", "SUITE", "FROM", "LEVEL", "CVES"];
    headings.extend(has_advisories.then_some("ADVISORY"));
    headings.extend(has_approvals.then_some("APPROVED ON"));
    headings.extend((state_column == 1).then_some("STATE"));
    let mut table = Table::new(&headings);
    for patch in patches {
        let mut cells = vec![
            clean(&patch.name),
            or_unknown(patch.arch.as_deref()),
            or_unknown(patch.installed_version.as_deref()),
            or_unknown(patch.fix_version.as_deref()),
            or_unknown(patch.suite.as_deref()),
            or_unknown(patch.repository.as_deref()),
            or_unknown(patch.compliance_level.as_deref()),
            cves(patch.cves.as_deref()),
        ];
        cells.extend(has_advisories.then(|| advisory(patch)));
        cells.extend(has_approvals.then(|| or_unknown(patch.approved_at.map(day).as_deref())));
        cells.extend((state_column == 1).then(|| or_unknown(patch.state.as_deref())));
        table.row(cells);
    }
    out.push_str(&table.render("  "));
}

/// What the node's repositories publish, else what feeds name.
fn advisory(patch: &ReportedPatch) -> String {
    match patch.advisory.as_deref() {
        Some(own) => clean(own),
        None => super::advisories::ids(patch.advisory_ids.as_deref()),
    }
}

/// `2026-11-21`
fn day(at: Timestamp) -> String {
    at.to_iso_seconds().chars().take(10).collect()
}

/// Absent means that nobody knows, which is not the same as none.
fn cves(ids: Option<&[String]>) -> String {
    let Some(ids) = ids else { return "no data".to_owned() };
    if ids.is_empty() {
        return "none".to_owned();
    }
    let mut shown: Vec<String> = ids.iter().take(CVES_SHOWN).map(|id| clean(id)).collect();
    if ids.len() > CVES_SHOWN {
        shown.push(format!("and {} more", ids.len() - CVES_SHOWN));
    }
    shown.join(", ")
}

/// The server's clock at its answer, so that this machine's clock does not matter.
fn server_now(report: &GetNodeReportResponse) -> Option<Timestamp> {
    Some(report.ended_at?.plus_seconds(report.age_seconds?))
}
