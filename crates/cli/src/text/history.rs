//! The runs that changed a node, and whether each can be taken back.

use std::fmt::Write as _;

use api::Timestamp;
use api::fettle::{ExecutionKind, PatchExecution, UndoPossible};

use super::{Style, Tone, age, clean, count, plan};

/// Changes of one run in the list of all.
const SHOWN: usize = 20;

pub fn list(runs: &[PatchExecution], now: Timestamp, style: Style) -> String {
    if runs.is_empty() {
        return "No run that changed this node is kept.\n".to_owned();
    }
    let mut out = String::new();
    for run in runs {
        out.push_str(&head(run, now, style));
        for change in run.changes.iter().take(SHOWN) {
            let _ = writeln!(out, "  {}", plan::one(change));
        }
        if run.changes.len() > SHOWN {
            let _ = writeln!(out, "  and {} more: name the run to see them all", run.changes.len() - SHOWN);
        }
        out.push('\n');
    }
    out.push_str(&count(runs.len(), "run", "runs"));
    out.push('\n');
    out
}

pub fn one(run: &PatchExecution, now: Timestamp, style: Style) -> String {
    let mut out = head(run, now, style);
    plan::changes(&mut out, &run.changes);
    plan::refused(&mut out, &run.failed, style);
    if !run.undo_refused.is_empty() {
        out.push_str("\nOf an undo:\n");
        plan::refused(&mut out, &run.undo_refused, style);
    }
    out
}

/// What an undo came to.
pub fn taken_back(run: &PatchExecution, style: Style) -> String {
    let mut out = format!("Taken back: {}.\n", count(run.changes.len(), "package", "packages"));
    plan::changes(&mut out, &run.changes);
    plan::refused(&mut out, &run.failed, style);
    out
}

fn head(run: &PatchExecution, now: Timestamp, style: Style) -> String {
    let what = match (&run.kind, &run.undo_of) {
        (ExecutionKind::Undo, Some(of)) => format!("undo of {}", clean(of)),
        (ExecutionKind::Undo, None) => "undo".to_owned(),
        _ => "installation".to_owned(),
    };
    let baseline = run.baseline_id.as_deref().map(|id| format!(" by {}", clean(id))).unwrap_or_default();
    let mut out = format!("{}\n", style.paint(Tone::Heading, &clean(&run.execution_id)));
    let _ = writeln!(
        out,
        "  {what}{baseline}, {} ({}): {}, {} not possible",
        run.ended_at.to_iso_seconds(),
        age::since(run.ended_at, now),
        count(run.changes.len(), "change", "changes"),
        run.failed.len()
    );
    let _ = writeln!(out, "  undo: {}", undo(run, now, style));
    if let Some(snapshot) = &run.snapshot {
        let _ = writeln!(out, "  snapshot before it: {} of {}", clean(&snapshot.name), clean(&snapshot.of));
    }
    out
}

fn undo(run: &PatchExecution, now: Timestamp, style: Style) -> String {
    let checked = run.undo_checked_at.map(|at| format!(", looked at {}", age::since(at, now)));
    let reason = run.undo_reason.as_deref().map(|reason| format!(": {}", clean(reason)));
    let (reason, checked) = (reason.unwrap_or_default(), checked.unwrap_or_default());
    match &run.undo_possible {
        Some(UndoPossible::Yes) => format!("{}{checked}", style.paint(Tone::Good, "possible")),
        Some(UndoPossible::Partly) => {
            let (refused, changes) = (run.undo_refused.len(), run.changes.len());
            let text = format!("partly, {refused} of {changes} cannot come back");
            format!("{}{reason}{checked}", style.paint(Tone::Warning, &text))
        }
        Some(UndoPossible::No) => format!("{}{reason}{checked}", style.paint(Tone::Bad, "not possible")),
        _ => format!("not known{reason}"),
    }
}

#[cfg(test)]
mod tests {
    use api::fettle::{ChangeAction, ChangeReason, PackageChange};

    use super::*;

    #[test]
    fn each_run_says_what_it_changed_and_whether_it_can_be_taken_back() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let change = PackageChange {
            name: "curl".to_owned(),
            arch: "amd64".to_owned(),
            action: Some(ChangeAction::Upgrade),
            from_version: Some("1.0".to_owned()),
            to_version: Some("1.1".to_owned()),
            reason: ChangeReason::Wanted,
        };
        let run = |possible: UndoPossible, reason: Option<&str>| PatchExecution {
            execution_id: "0b9c9f7a-63a6-4f0e-9a53-0f4a2e0a6c11".to_owned(),
            kind: ExecutionKind::Install,
            ended_at: now.plus_seconds(-7200),
            baseline_id: Some("pb-0123456789abcdef0".to_owned()),
            changes: vec![change.clone()],
            undo_possible: Some(possible),
            undo_reason: reason.map(str::to_owned),
            ..PatchExecution::default()
        };
        let head = "\
0b9c9f7a-63a6-4f0e-9a53-0f4a2e0a6c11
  installation by pb-0123456789abcdef0, 2027-01-15T06:00:00Z (2 hours ago): 1 change, 0 not possible
";
        for (possible, reason, expected) in [
            (UndoPossible::Yes, None, "possible"),
            (UndoPossible::No, Some("it was taken back by x"), "not possible: it was taken back by x"),
            (UndoPossible::UnknownValue, Some("nobody asked"), "not known: nobody asked"),
        ] {
            let whole = format!("{head}  undo: {expected}\n  curl.amd64 1.0 -> 1.1\n\n1 run\n");
            assert_eq!(list(&[run(possible, reason)], now, Style::Plain), whole);
        }
        assert_eq!(list(&[], now, Style::Plain), "No run that changed this node is kept.\n");
    }
}
