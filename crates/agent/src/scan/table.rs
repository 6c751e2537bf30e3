//! A scan as text for a person: what is wrong first, each line with its reason, and how old the knowledge is.

use std::fmt::Write;

use api::Timestamp;
use domain::facts::{FactSet, ListRefresh, Observation};
use domain::patch::{Decision, Evaluation, HiddenFixCause, NotApproved, PatchState, Restriction, Verdict};

use super::BaselineUsed;

/// Left out where no row has one.
const ADVISORY: &str = "ADVISORY";
/// More CVE ids than these are counted only.
const NAMED_CVES: usize = 3;

pub fn render(
    baseline: &BaselineUsed,
    facts: &FactSet,
    observation: &Observation,
    evaluation: &Evaluation,
    now: Timestamp,
) -> String {
    let mut text = String::new();
    for (label, value) in [
        ("System", system(facts, observation)),
        ("Lists", lists(facts, observation, now)),
        ("Baseline", baseline_line(baseline)),
        ("Status", status(evaluation)),
        ("Reboot", reboot(observation)),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{label:<10}{value}");
    }
    for failure in &observation.failed_repositories {
        let _ = writeln!(text, "{:<10}{} {}: {}", "Failed", failure.uri, failure.suite, failure.error);
    }
    for line in observation.not_in_effect.lines() {
        let _ = writeln!(text, "{:<10}{line}", "Waiting");
    }
    let bad: Vec<_> = evaluation.non_compliant().map(|verdict| row(facts, verdict)).collect();
    section(
        &mut text,
        "Not compliant",
        &["STATE", "PACKAGE", "INSTALLED", "FIX", "FROM", "SEVERITY", ADVISORY, "WHY"],
        &bad,
    );
    let upcoming: Vec<_> = evaluation.verdicts.iter().filter_map(upcoming_row).collect();
    section(&mut text, "Approved later", &["PACKAGE", "INSTALLED", "FIX", "ADVISORY", "ON", "BY"], &upcoming);
    let hidden: Vec<_> =
        evaluation.verdicts.iter().filter_map(|verdict| hidden_row(facts, verdict)).collect();
    section(
        &mut text,
        "Fixes that are out of reach",
        &["PACKAGE", "INSTALLED", "FIX", "FROM", "WHY"],
        &hidden,
    );
    text
}

fn system(facts: &FactSet, observation: &Observation) -> String {
    let name = if facts.os.pretty_name.is_empty() { &facts.os.id } else { &facts.os.pretty_name };
    let mut text = format!("{name}, {}, {} packages", facts.os.arch, facts.packages.len());
    if !observation.running_kernel.is_empty() {
        let _ = write!(text, ", kernel {}", observation.running_kernel);
    }
    text
}

fn lists(facts: &FactSet, observation: &Observation, now: Timestamp) -> String {
    let age = observation.lists_updated_at.map_or_else(
        || "no package list, so nothing can be missing".to_owned(),
        |at| {
            format!(
                "{} indexes, the oldest {} old ({})",
                facts.repositories.len(),
                age(now.millis_since(at)),
                at.to_iso_seconds()
            )
        },
    );
    let refresh = match &observation.refresh {
        ListRefresh::Refreshed => "refreshed for this scan".to_owned(),
        ListRefresh::Partial => "refreshed in part".to_owned(),
        ListRefresh::Skipped => "not refreshed for this scan".to_owned(),
        ListRefresh::Failed(reason) => format!("refresh failed: {reason}"),
    };
    format!("{age}; {refresh}")
}

fn age(milliseconds: i64) -> String {
    let minutes = milliseconds.max(0) / 60_000;
    match minutes {
        0 => "less than a minute".to_owned(),
        1..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

fn baseline_line(baseline: &BaselineUsed) -> String {
    match &baseline.file {
        Some(file) => format!("{} (from {})", baseline.name, file.display()),
        None => format!("{} (provided default)", baseline.name),
    }
}

fn status(evaluation: &Evaluation) -> String {
    let counts = &evaluation.counts;
    let named = [
        (counts.missing, "missing"),
        (counts.failed, "failed"),
        (counts.installed_pending_reboot, "pending reboot"),
        (counts.installed_rejected, "rejected but installed"),
        (counts.available_security_update, "security updates available"),
        (counts.installed, "installed"),
        (counts.installed_other, "other"),
        (counts.not_applicable, "not applicable"),
    ];
    let named = named.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    format!("{}: {}", evaluation.status().as_str(), named.collect::<Vec<_>>().join(", "))
}

fn reboot(observation: &Observation) -> String {
    match &observation.reboot_required_by {
        None => "not asked for".to_owned(),
        Some(packages) if packages.is_empty() => "required".to_owned(),
        Some(packages) => format!("required by {}", packages.join(", ")),
    }
}

fn row(facts: &FactSet, verdict: &Verdict) -> Vec<String> {
    let (installed, fix) = versions(verdict);
    vec![
        verdict.state.as_str().to_owned(),
        name(verdict),
        installed,
        fix,
        verdict
            .candidate
            .as_ref()
            .and_then(|candidate| candidate.repository)
            .map_or_else(|| "-".to_owned(), |at| suite(facts, at)),
        or_dash(&verdict.severity),
        or_dash(verdict.advisory.as_deref().unwrap_or_default()),
        why(verdict),
    ]
}

fn upcoming_row(verdict: &Verdict) -> Option<Vec<String>> {
    let upcoming = verdict.upcoming.as_ref()?;
    Some(vec![
        name(verdict),
        versions(verdict).0,
        if verdict.arch.is_empty() { "-".to_owned() } else { upcoming.version.clone() },
        or_dash(upcoming.advisory.as_deref().unwrap_or_default()),
        upcoming.at.to_iso_seconds(),
        format!("rule {}", upcoming.rule + 1),
    ])
}

/// Updates have names that say little: their title follows.
fn name(verdict: &Verdict) -> String {
    match verdict.title.as_str() {
        "" => verdict.id(),
        title => format!("{} {title}", verdict.id()),
    }
}

/// The installed version and the one to come. Those of Windows updates are GUIDs, which say nothing to people.
fn versions(verdict: &Verdict) -> (String, String) {
    if verdict.id().starts_with("KB") {
        return ("-".to_owned(), "-".to_owned());
    }
    (or_dash(&verdict.installed_version), or_dash(verdict.fix_version().unwrap_or_default()))
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}

fn hidden_row(facts: &FactSet, verdict: &Verdict) -> Option<Vec<String>> {
    let fix = verdict.hidden_fix.as_ref().filter(|_| !verdict.is_non_compliant())?;
    let cause = match fix.cause {
        HiddenFixCause::NewerOutsideSecurity => "a newer version outside the security suite is the candidate",
        HiddenFixCause::Pinned => "a pin prefers an older version",
        HiddenFixCause::NotOffered => "approved and announced, but no enabled repository offers it",
    };
    Some(vec![
        verdict.id(),
        verdict.installed_version.clone(),
        fix.version.clone(),
        suite(facts, fix.repository),
        cause.to_owned(),
    ])
}

fn suite(facts: &FactSet, repository: u32) -> String {
    let Some(repository) = facts.repositories.get(repository as usize) else { return "-".to_owned() };
    let names = [&repository.codename, &repository.suite, &repository.uri];
    names.into_iter().find(|name| !name.is_empty()).cloned().unwrap_or_default()
}

fn why(verdict: &Verdict) -> String {
    let mut why = match (&verdict.decision, verdict.state) {
        (Decision::ApprovedByRule { .. }, PatchState::InstalledPendingReboot) => {
            "waits for a reboot".to_owned()
        }
        (Decision::ApprovedByRule { rule }, _) => format!("approved by rule {}", rule + 1),
        (Decision::ApprovedByList { entry }, _) => format!("approved by list entry `{entry}`"),
        (Decision::RejectedByList { entry, .. }, _) => format!("rejected by list entry `{entry}`"),
        (Decision::NotApproved { because }, _) => not_approved(because),
    };
    if let Some((first, rest)) = verdict.cve_ids.split_at_checked(NAMED_CVES.min(verdict.cve_ids.len()))
        && !first.is_empty()
    {
        let _ = write!(why, "; closes {}", first.join(", "));
        if !rest.is_empty() {
            let _ = write!(why, " and {} more", rest.len());
        }
    }
    for restriction in &verdict.restrictions {
        let _ = match restriction {
            Restriction::Held => write!(why, "; held"),
            Restriction::LivePatched { package } => write!(why, "; live patched by {package}"),
            Restriction::Hidden => write!(why, "; hidden by an administrator"),
            Restriction::PhasedOut { percent: Some(percent) } => {
                write!(why, "; phased, {percent} % of machines so far")
            }
            Restriction::PhasedOut { percent: None } => write!(why, "; phased"),
            Restriction::Unfinished { .. } => write!(why, "; its installation was not finished"),
        };
    }
    why
}

fn not_approved(because: &NotApproved) -> String {
    let text = match because {
        NotApproved::NoCandidate => "pins forbid every version",
        NotApproved::NotOffered => "no repository offers it",
        NotApproved::Downgrade => "the candidate is older",
        NotApproved::OutsideSecurity { .. } => "the candidate is not security content",
        NotApproved::GlobalFilter { .. } => "the global filters leave it out",
        NotApproved::NoRuleMatches { .. } => "no rule matches",
        NotApproved::NoRules => "the baseline has no rules",
        NotApproved::NoReadableDate { .. } => "its advisory has no date that can be read",
        NotApproved::ApprovedLater { rule, at } => {
            return format!("approved by rule {} on {}", rule + 1, at.to_iso_seconds());
        }
        NotApproved::ReleasedTooLate { rule, released_at } => {
            return format!("released {}, too late for rule {}", released_at.to_iso_seconds(), rule + 1);
        }
        NotApproved::Rejected { entry } => {
            return format!("the new version is rejected by list entry `{entry}`");
        }
    };
    text.to_owned()
}

/// Columns as wide as their longest cell; nothing at all for no rows.
fn section(text: &mut String, title: &str, header: &[&str], rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    let is_shown = |column: &usize| header[*column] != ADVISORY || rows.iter().any(|row| row[*column] != "-");
    let shown: Vec<usize> = (0..header.len()).filter(is_shown).collect();
    let pick = |row: &[String]| shown.iter().map(|&column| row[column].clone()).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| pick(row)).collect();
    let header: Vec<String> = shown.iter().map(|&column| header[column].to_owned()).collect();
    let width = |column: usize| {
        rows.iter().chain([&header]).map(|row| row[column].chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..header.len()).map(width).collect();
    let _ = writeln!(text, "\n{title}");
    for row in [&header].into_iter().chain(&rows) {
        for (cell, &width) in row.iter().zip(&widths) {
            text.push_str("  ");
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
}
