//! What runs changed on this node, by execution: the reverse of it is the undo.
//! Taking changes back is `undo`'s.

use std::path::Path;

use anyhow::{Context, bail};
use api::Timestamp;
use domain::patch::transaction::Change;
use serde::{Deserialize, Serialize};

use crate::files;

/// In the agent's data folder.
const FILE: &str = "patch-history.json";
const MAX_RUNS: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastRun {
    pub execution_id: String,
    pub at: Timestamp,
    pub changes: Vec<Change>,
}

/// Newest first.
pub fn load(data_dir: &Path) -> anyhow::Result<Vec<PastRun>> {
    let path = data_dir.join(FILE);
    let text = files::read_if_present(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let Some(text) = text else { return Ok(Vec::new()) };
    serde_json::from_str(&text).with_context(|| format!("{} is damaged\n  hint: remove it", path.display()))
}

/// Adds to the run's changes; a run that changes nothing leaves no trace. Durable on return.
pub fn remember(
    data_dir: &Path,
    execution_id: &str,
    at: Timestamp,
    changes: &[Change],
) -> anyhow::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut runs = load(data_dir)?;
    match runs.iter_mut().find(|run| run.execution_id == execution_id) {
        Some(run) => run
            .changes
            .extend(changes.iter().filter(|new| !run.changes.contains(new)).cloned().collect::<Vec<_>>()),
        None => {
            runs.insert(0, PastRun { execution_id: execution_id.to_owned(), at, changes: changes.to_vec() })
        }
    }
    runs.truncate(MAX_RUNS);
    let path = data_dir.join(FILE);
    files::write_atomically(&path, &serde_json::to_vec(&runs)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// By the execution's id or the beginning of it.
pub fn find(data_dir: &Path, execution_id: &str) -> anyhow::Result<PastRun> {
    let runs = load(data_dir)?;
    let known: Vec<String> =
        runs.iter().map(|run| format!("{} of {}", run.execution_id, run.at.to_iso_seconds())).collect();
    let mut found = runs.into_iter().filter(|run| run.execution_id.starts_with(execution_id));
    match (found.next(), found.next()) {
        (Some(run), None) => Ok(run),
        (Some(_), Some(_)) => bail!("more than one run begins with `{execution_id}`: {}", known.join(", ")),
        (None, _) if known.is_empty() => bail!("no run has changed anything on this node"),
        (None, _) => bail!("no run `{execution_id}` is remembered on this node, but {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use domain::patch::transaction::ChangeReason;

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

    #[test]
    fn remembers_the_newest_runs() {
        let dir = tempfile::tempdir().unwrap();
        let at = Timestamp::from_seconds(1_800_000_000);
        assert!(find(dir.path(), "a").unwrap_err().to_string().contains("no run has changed"));
        remember(dir.path(), "empty", at, &[]).unwrap();
        for number in 0..25 {
            remember(dir.path(), &format!("run-{number:02}"), at, &[change("a")]).unwrap();
        }
        remember(dir.path(), "run-24", at, &[change("a"), change("b")]).unwrap();
        let runs = load(dir.path()).unwrap();
        assert_eq!((runs.len(), runs[0].execution_id.as_str()), (MAX_RUNS, "run-24"));
        assert_eq!(find(dir.path(), "run-24").unwrap().changes, [change("a"), change("b")]);
        assert!(find(dir.path(), "run-2").unwrap_err().to_string().contains("more than one"));
        assert!(find(dir.path(), "run-01").unwrap_err().to_string().contains("no run `run-01`"));
    }
}
