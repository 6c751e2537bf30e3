//! What runs changed on this node, by execution: the reverse of it is the undo. The server is told, and asked about runs
//! that this node forgot. Taking changes back is `take_back`'s.

use std::path::Path;

use anyhow::{Context, bail};
use api::fettle::{GetPatchExecutionRequest, PutPatchExecutionRequest};
use domain::patch::execution::{PatchExecution, UndoOutlook};
use domain::patch::transaction_wire::version_order;
use serde::{Deserialize, Serialize};

use super::Session;
use super::patience::patiently;
use crate::files;
use crate::transport::call::CALL_TIMEOUT;

/// In the agent's data folder.
const FILE: &str = "patch-history.json";
const MAX_RUNS: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PastRun {
    #[serde(flatten)]
    execution: PatchExecution,
    /// The server has it as it stands here.
    #[serde(default)]
    told: bool,
}

/// Newest first.
fn load(data_dir: &Path) -> anyhow::Result<Vec<PastRun>> {
    let path = data_dir.join(FILE);
    let text = files::read_if_present(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let Some(text) = text else { return Ok(Vec::new()) };
    serde_json::from_str(&text).with_context(|| format!("{} is damaged\n  hint: remove it", path.display()))
}

fn save(data_dir: &Path, runs: &[PastRun]) -> anyhow::Result<()> {
    let path = data_dir.join(FILE);
    files::write_atomically(&path, &serde_json::to_vec(runs)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Adds to the run's changes; a run that changes nothing leaves no trace. Durable on return.
pub fn remember(data_dir: &Path, mut execution: PatchExecution) -> anyhow::Result<()> {
    if execution.changes.is_empty() {
        return Ok(());
    }
    let mut runs = load(data_dir)?;
    let is_same = |run: &PastRun| run.execution.execution_id == execution.execution_id;
    if let Some(at) = runs.iter().position(is_same) {
        let known = runs.remove(at).execution;
        let mut changes = known.changes;
        let new: Vec<_> = execution.changes.drain(..).filter(|new| !changes.contains(new)).collect();
        changes.extend(new);
        execution.changes = changes;
        if matches!(execution.undo, UndoOutlook::Unknown { .. }) {
            execution.undo = known.undo;
        }
        execution.snapshot = execution.snapshot.or(known.snapshot);
    }
    let at = runs.iter().position(|run| run.execution.ended_at <= execution.ended_at);
    runs.insert(at.unwrap_or(runs.len()), PastRun { execution, told: false });
    runs.truncate(MAX_RUNS);
    save(data_dir, &runs)
}

/// Changes what is known of a run; nothing happens when this node does not remember it.
pub fn amend(
    data_dir: &Path,
    execution_id: &str,
    change: impl FnOnce(&mut PatchExecution),
) -> anyhow::Result<()> {
    let mut runs = load(data_dir)?;
    let found = runs.iter_mut().find(|run| run.execution.execution_id == execution_id);
    let Some(run) = found else { return Ok(()) };
    change(&mut run.execution);
    run.told = false;
    save(data_dir, &runs)
}

/// Snapshots that remembered runs were kept by.
pub fn snapshots(data_dir: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let of = |run: PastRun| Some((run.execution.snapshot?.name, run.execution.execution_id));
    Ok(load(data_dir)?.into_iter().filter_map(of).collect())
}

/// What is known now of taking a run back. Nothing happens when this node does not remember it.
pub fn note_outlook(data_dir: &Path, execution_id: &str, undo: UndoOutlook) -> anyhow::Result<()> {
    amend(data_dir, execution_id, |execution| execution.undo = undo)
}

/// By the execution's id or the beginning of it.
pub fn find(data_dir: &Path, execution_id: &str) -> anyhow::Result<PatchExecution> {
    let runs = load(data_dir)?;
    let name = |run: &PastRun| {
        format!("{} of {}", run.execution.execution_id, run.execution.ended_at.to_iso_seconds())
    };
    let known: Vec<String> = runs.iter().map(name).collect();
    let mut found = runs.into_iter().filter(|run| run.execution.execution_id.starts_with(execution_id));
    match (found.next(), found.next()) {
        (Some(run), None) => Ok(run.execution),
        (Some(_), Some(_)) => bail!("more than one run begins with `{execution_id}`: {}", known.join(", ")),
        (None, _) if known.is_empty() => bail!("no run has changed anything on this node"),
        (None, _) => bail!("no run `{execution_id}` is remembered on this node, but {}", known.join(", ")),
    }
}

/// The same, also of runs that only the server still knows.
pub fn find_or_ask(
    session: Option<&Session>,
    data_dir: &Path,
    execution_id: &str,
) -> anyhow::Result<PatchExecution> {
    let unknown = match find(data_dir, execution_id) {
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    let Some(session) = session else { return Err(unknown) };
    let ask = GetPatchExecutionRequest {
        instance_id: session.instance_id.clone(),
        execution_id: execution_id.to_owned(),
    };
    match patiently(|| session.caller.call_blocking(&session.credentials, &ask, CALL_TIMEOUT)) {
        Ok(answer) => {
            PatchExecution::from_wire(answer.execution).context("the server's record cannot be read")
        }
        // It is not kept there either, or this is not a whole id.
        Err(error) if error.code().is_some() => Err(unknown.context(error)),
        Err(error) => Err(unknown.context(error).context("the server, which may know it, cannot be asked")),
    }
}

/// Whether there is something that [`tell`] would tell.
pub fn is_untold(data_dir: &Path) -> bool {
    load(data_dir).is_ok_and(|runs| runs.iter().any(|run| !run.told))
}

/// Tells the server every run that it does not have in this form, oldest first. What it does not take is told again
/// with the next run; the first refusal is the error.
pub fn tell(session: &Session, data_dir: &Path) -> anyhow::Result<()> {
    let mut runs = load(data_dir)?;
    let mut first_refusal: Option<anyhow::Error> = None;
    for at in (0..runs.len()).rev() {
        if runs[at].told {
            continue;
        }
        let request = PutPatchExecutionRequest {
            instance_id: session.instance_id.clone(),
            // Actions are for readers; the server orders versions by what it knows of this node.
            execution: runs[at].execution.to_wire(version_order(None), &[]),
        };
        match patiently(|| session.caller.call_blocking(&session.credentials, &request, CALL_TIMEOUT)) {
            Ok(_) => {
                runs[at].told = true;
                save(data_dir, &runs)?;
            }
            Err(error) if error.code().is_some() => {
                let run = format!("run {}", runs[at].execution.execution_id);
                first_refusal.get_or_insert(anyhow::Error::new(error).context(run));
            }
            Err(error) => return Err(error.into()),
        }
    }
    first_refusal.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use api::Timestamp;
    use domain::patch::execution::ExecutionKind;
    use domain::patch::transaction::{Change, ChangeReason};

    use super::*;

    fn change(name: &str) -> Change {
        Change {
            name: name.into(),
            arch: "amd64".into(),
            from: Some("1".into()),
            to: Some("2".into()),
            reason: ChangeReason::Wanted,
        }
    }

    fn run(id: &str, at: i64, changes: &[Change]) -> PatchExecution {
        PatchExecution {
            execution_id: id.into(),
            kind: ExecutionKind::Install,
            ended_at: Timestamp::from_seconds(1_800_000_000 + at),
            baseline_id: String::new(),
            snapshot_id: String::new(),
            undo_of: None,
            changes: changes.to_vec(),
            failed: Vec::new(),
            undo: UndoOutlook::default(),
            snapshot: None,
        }
    }

    #[test]
    fn remembers_the_newest_runs() {
        let dir = tempfile::tempdir().unwrap();
        assert!(find(dir.path(), "a").unwrap_err().to_string().contains("no run has changed"));
        remember(dir.path(), run("empty", 0, &[])).unwrap();
        for number in 0..25 {
            remember(dir.path(), run(&format!("run-{number:02}"), number, &[change("a")])).unwrap();
        }
        remember(dir.path(), run("run-24", 30, &[change("a"), change("b")])).unwrap();
        let runs = load(dir.path()).unwrap();
        assert_eq!((runs.len(), runs[0].execution.execution_id.as_str()), (MAX_RUNS, "run-24"));
        assert_eq!(find(dir.path(), "run-24").unwrap().changes, [change("a"), change("b")]);
        assert!(find(dir.path(), "run-2").unwrap_err().to_string().contains("more than one"));
        assert!(find(dir.path(), "run-01").unwrap_err().to_string().contains("no run `run-01`"));
        assert!(is_untold(dir.path()));
    }

    #[test]
    fn an_outlook_is_news_and_outlasts_a_second_round() {
        let dir = tempfile::tempdir().unwrap();
        remember(dir.path(), run("run", 1, &[change("a")])).unwrap();
        let mut runs = load(dir.path()).unwrap();
        runs[0].told = true;
        save(dir.path(), &runs).unwrap();
        assert!(!is_untold(dir.path()));
        let known = UndoOutlook::Known { checked_at: Timestamp::from_seconds(2), refused: Vec::new() };
        note_outlook(dir.path(), "run", known.clone()).unwrap();
        note_outlook(dir.path(), "another", known.clone()).unwrap();
        assert!(is_untold(dir.path()));
        remember(dir.path(), run("run", 3, &[change("b")])).unwrap();
        let found = find(dir.path(), "run").unwrap();
        assert_eq!((found.changes.len(), found.undo), (2, known));
    }
}
