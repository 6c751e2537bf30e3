//! What a node would change: for an installation, or to take one back.

use std::fmt::Write as _;

use api::fettle::{
    ChangeAction, ExecutionKind, GetPatchPlanResponse, PackageChange, PatchPlan, PatchRefusal,
};

use super::forecast;

use super::{Style, Tone, clean, count};

/// More would only scroll away; `--json` has them all.
pub(super) const SHOWN: usize = 250;

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
    if let Some(snapshot) = &plan.snapshot {
        let at = snapshot.taken_at.to_iso_seconds();
        line(&mut out, &format!("By the snapshot {} of {at}", clean(&snapshot.name)));
    }
    for loss in plan.losses.iter().flatten() {
        line(&mut out, &style.paint(Tone::Warning, &format!("Lost besides: {}", clean(loss))));
    }
    for blocker in &plan.blockers {
        let text =
            format!("In the way of everything now: {}: {}", clean(&blocker.code), clean(&blocker.detail));
        line(&mut out, &style.paint(Tone::Bad, &text));
    }
    if plan.changes.is_empty() {
        line(&mut out, if is_undo { "Nothing can be taken back." } else { "Nothing would change." });
    }
    let ways = forecast::Ways::of(plan.undo.as_ref());
    changes_with(&mut out, &plan.changes, &|change| ways.note(change, style));
    refused(&mut out, &plan.refused, style);
    for warning in plan.warnings.iter().flatten() {
        line(&mut out, &format!("Warning: {}: {}", clean(&warning.code), clean(&warning.detail)));
    }
    circumstances(&mut out, plan, style);
    if let Some(undo) = &plan.undo {
        forecast::render(&mut out, undo, style);
    }
    out
}

// Writing to a String cannot fail.
pub(super) fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "{text}");
}

/// By what happens to them.
pub(super) fn changes(out: &mut String, changes: &[PackageChange]) {
    changes_with(out, changes, &|_| String::new());
}

/// With a note behind each.
fn changes_with(out: &mut String, changes: &[PackageChange], note: &dyn Fn(&PackageChange) -> String) {
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
            line(out, &format!("  {}{}", one(change), note(change)));
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

pub(super) fn more(out: &mut String, number: usize) {
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

#[cfg(test)]
mod tests {
    use api::Timestamp;
    use api::fettle::{ChangeReason, FileSystemSnapshot, PatchFailure, RebootReason, SnapshotKind};

    use super::*;

    fn change(name: &str, action: ChangeAction, from: Option<&str>, to: Option<&str>) -> PackageChange {
        PackageChange {
            name: name.to_owned(),
            arch: "amd64".to_owned(),
            action: Some(action),
            from_version: from.map(str::to_owned),
            to_version: to.map(str::to_owned),
            reason: ChangeReason::Wanted,
        }
    }

    fn answer() -> GetPatchPlanResponse {
        let failure = |code: &str, subject: &str, detail: &str| PatchFailure {
            code: code.to_owned(),
            subject: Some(subject.to_owned()),
            detail: detail.to_owned(),
        };
        let plan = PatchPlan {
            approved: Some(3),
            baseline_id: Some("pb-0123456789abcdef0".to_owned()),
            changes: vec![
                change("curl", ChangeAction::Upgrade, Some("1.0"), Some("1.1")),
                change("new", ChangeAction::Install, None, Some("1")),
            ],
            refused: vec![PatchRefusal {
                name: "vim".to_owned(),
                arch: "amd64".to_owned(),
                version: "2".to_owned(),
                failure: failure("held", "vim", "it is on hold\u{1b}[2J"),
            }],
            blockers: vec![failure("lock-held", "apt-get (pid 7)", "apt-get (pid 7) holds the lock")],
            download_bytes: Some(2048),
            disk_bytes: Some(-5),
            services_to_restart: vec!["nginx.service".to_owned()],
            reboot_reasons: vec![RebootReason { package: "libc6".to_owned(), reason: "long".to_owned() }],
            ..PatchPlan::default()
        };
        GetPatchPlanResponse {
            instance_id: "mi-0123456789abcdef0".to_owned(),
            kind: ExecutionKind::Install,
            plan: Some(plan),
            ..GetPatchPlanResponse::default()
        }
    }

    #[test]
    fn a_plan_says_what_changes_and_what_is_in_the_way() {
        let expected = "\
Plan of an installation on mi-0123456789abcdef0
3 patches approved by pb-0123456789abcdef0 missing
In the way of everything now: lock-held: apt-get (pid 7) holds the lock

Upgrade:
  curl.amd64 1.0 -> 1.1

Install:
  new.amd64 - -> 1

Not possible:
  vim.amd64 2: held (vim): it is on hold [2J

Services that will run replaced files: nginx.service

Download: 2048 bytes
Disk: -5 bytes
Reboot: likely
  libc6: long
";
        assert_eq!(render(&answer(), Style::Plain), expected);
    }

    #[test]
    fn an_undo_by_snapshot_says_what_else_is_lost() {
        let mut answer = answer();
        answer.kind = ExecutionKind::Undo;
        answer.execution_id = Some("0b9c9f7a-63a6-4f0e-9a53-0f4a2e0a6c11".to_owned());
        answer.plan = Some(PatchPlan {
            snapshot: Some(FileSystemSnapshot {
                kind: SnapshotKind::Btrfs,
                name: "/.fettle-snapshots/s".to_owned(),
                of: "/".to_owned(),
                taken_at: Timestamp::from_seconds(1_800_000_000),
            }),
            losses: Some(vec!["everything written to /".to_owned()]),
            changes: vec![change("curl", ChangeAction::Downgrade, Some("1.1"), Some("1.0"))],
            ..PatchPlan::default()
        });
        let expected = "\
Taking back 0b9c9f7a-63a6-4f0e-9a53-0f4a2e0a6c11 on mi-0123456789abcdef0
By the snapshot /.fettle-snapshots/s of 2027-01-15T08:00:00Z
Lost besides: everything written to /

Downgrade:
  curl.amd64 1.1 -> 1.0

Reboot: not announced
";
        assert_eq!(render(&answer, Style::Plain), expected);
        answer.plan = None;
        assert_eq!(render(&answer, Style::Plain), "mi-0123456789abcdef0 has not answered yet.\n");
    }
}
