//! What a node would change: for an installation, or to take one back.

use std::fmt::Write as _;

use api::fettle::{
    ChangeAction, ExecutionKind, GetPatchPlanResponse, PackageChange, PatchPlan, PatchRefusal,
};

use super::{Style, Tone, clean, count};

/// More would only scroll away; `--json` has them all.
const SHOWN: usize = 250;

pub fn render(answer: &GetPatchPlanResponse, style: Style) -> String {
    let Some(plan) = &answer.plan else {
        return format!("{} has not answered yet.\n", clean(&answer.instance_id));
    };
    let node = clean(&answer.instance_id);
    let is_undo = answer.kind == ExecutionKind::Undo;
    let title = match (&answer.execution_id, is_undo) {
        (Some(execution), true) => format!("Taking back {} on {node}", clean(execution)),
        _ => format!("Plan of an installation on {node}"),
    };
    let mut out = format!("{}\n", style.paint(Tone::Heading, &title));
    if let (Some(approved), Some(baseline)) = (plan.approved, &plan.baseline_id) {
        let approved = count(usize::try_from(approved).unwrap_or(0), "patch", "patches");
        line(&mut out, &format!("{approved} approved by {} missing", clean(baseline)));
    }
    for blocker in &plan.blockers {
        let text =
            format!("In the way of everything now: {}: {}", clean(&blocker.code), clean(&blocker.detail));
        line(&mut out, &style.paint(Tone::Bad, &text));
    }
    if plan.changes.is_empty() {
        line(&mut out, if is_undo { "Nothing can be taken back." } else { "Nothing would change." });
    }
    changes(&mut out, &plan.changes);
    refused(&mut out, &plan.refused, style);
    circumstances(&mut out, plan, style);
    out
}

// Writing to a String cannot fail.
fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "{text}");
}

/// By what happens to them.
pub(super) fn changes(out: &mut String, changes: &[PackageChange]) {
    let groups = [
        (ChangeAction::Upgrade, "Upgrade"),
        (ChangeAction::Downgrade, "Downgrade"),
        (ChangeAction::Install, "Install"),
        (ChangeAction::Remove, "Remove"),
    ];
    for (action, title) in groups {
        let group: Vec<&PackageChange> =
            changes.iter().filter(|change| change.action.as_ref() == Some(&action)).collect();
        if group.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{title}:");
        for change in group.iter().take(SHOWN) {
            line(out, &format!("  {}", one(change)));
        }
        more(out, group.len());
    }
}

pub(super) fn one(change: &PackageChange) -> String {
    let version = |version: &Option<String>| version.as_deref().map_or_else(|| "-".to_owned(), clean);
    let (from, to) = (version(&change.from_version), version(&change.to_version));
    format!("{}.{} {from} -> {to}", clean(&change.name), clean(&change.arch))
}

pub(super) fn refused(out: &mut String, refused: &[PatchRefusal], style: Style) {
    if refused.is_empty() {
        return;
    }
    line(out, &format!("\n{}", style.paint(Tone::Warning, "Not possible:")));
    for refusal in refused.iter().take(SHOWN) {
        let failure = &refusal.failure;
        let subject = failure.subject.as_deref().map(|subject| format!(" ({})", clean(subject)));
        let _ = writeln!(
            out,
            "  {}.{} {}: {}{}: {}",
            clean(&refusal.name),
            clean(&refusal.arch),
            clean(&refusal.version),
            clean(&failure.code),
            subject.unwrap_or_default(),
            clean(&failure.detail)
        );
    }
    more(out, refused.len());
}

fn more(out: &mut String, number: usize) {
    if number > SHOWN {
        line(out, &format!("  and {} more: --json lists all", number - SHOWN));
    }
}

fn circumstances(out: &mut String, plan: &PatchPlan, style: Style) {
    if !plan.services_to_restart.is_empty() {
        let names: Vec<String> = plan.services_to_restart.iter().map(|name| clean(name)).collect();
        line(out, &format!("\nServices that will run replaced files: {}", names.join(", ")));
    }
    out.push('\n');
    if let Some(bytes) = plan.download_bytes {
        line(out, &format!("Download: {bytes} bytes"));
    }
    if let Some(bytes) = plan.disk_bytes {
        line(out, &format!("Disk: {bytes:+} bytes"));
    }
    let reboot = match (plan.reboot_expected, plan.reboot_reasons.is_empty()) {
        (true, _) => style.paint(Tone::Warning, "will be needed, by the publisher's word"),
        (false, false) => style.paint(Tone::Warning, "likely"),
        (false, true) => "not announced".to_owned(),
    };
    line(out, &format!("Reboot: {reboot}"));
    for reason in plan.reboot_reasons.iter().take(SHOWN) {
        line(out, &format!("  {}: {}", clean(&reason.package), clean(&reason.reason)));
    }
}
