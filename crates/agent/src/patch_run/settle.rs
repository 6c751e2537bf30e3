//! What an undo left that did not live to its end: told truthfully, and cleared away before something else begins.
//! Interrupted installations are `operate`'s; undos that come first settle them with this as well.

use std::path::{Path, PathBuf};

use domain::patch::execution::{PatchExecution, Snapshot};
use domain::patch::transaction::{Change, Refusal};
use domain::patch::{Failure, FailureCode, InstalledPackage};

use super::memory::{Memory, MemoryFile, Phase, RunRecord};
use super::{PatchRequest, history};
use crate::boot::Boot;
use crate::files;
use crate::packages::ways_back::before_change;
use crate::snapshots::Volume;
use crate::transport::call::now;

/// What became of an undo that was to go back to a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// The next start of the machine goes back.
    Waits,
    /// It was interrupted before it had prepared anything.
    Nothing,
    /// The machine was started since, and did not go back.
    NotDone,
    /// It did, and the agent's own data lies elsewhere.
    Done,
}

/// In this root, until it goes.
pub fn mark_in(root: &Path) -> PathBuf {
    root.join("etc/fettle-agent.goes-back")
}

/// Whether the root of now is the one that was to go.
fn is_marked(mark: &Path, execution_id: &str) -> bool {
    files::read_if_present(mark).ok().flatten().is_some_and(|text| text == execution_id)
}

/// It is litter once it is known what became of the undo.
pub fn unmark(mark: &Path) {
    if let Err(error) = files::remove_if_present(mark) {
        tracing::warn!(mark = %mark.display(), error = %error, "the mark of an undo stays in the root");
    }
}

/// `waits` is what the root goes back to with the next start.
pub fn became(record: &RunRecord, boot_id: &str, waits: Option<&str>) -> Option<Became> {
    let Phase::GoingBack { boot_id: prepared_in, mark, .. } = &record.phase else { return None };
    Some(match (prepared_in == boot_id, waits) {
        (false, _) if is_marked(mark, &record.execution_id) => Became::NotDone,
        (false, _) => Became::Done,
        (true, Some(_)) => Became::Waits,
        (true, None) => Became::Nothing,
    })
}

/// Tells what became of it, and forgets it unless it still waits for the restart, which is the answer.
pub fn settle_going_back(
    memory: &mut MemoryFile,
    data_dir: &Path,
    boot_id: &str,
    waits: &dyn Fn() -> Result<Option<String>, Failure>,
    say: &dyn Fn(&str),
) -> anyhow::Result<Option<String>> {
    let Some(record) = memory.get().run.clone() else { return Ok(None) };
    let Phase::GoingBack { to, changes, mark, left, .. } = &record.phase else { return Ok(None) };
    // Where nobody can tell, it is taken to be so: what is lost otherwise is lost for good.
    let found = waits().unwrap_or_else(|failure| Some(failure.to_string()));
    let id = &record.execution_id;
    // The server learns of an undo that did not live to tell.
    let remember = || match history::find(data_dir, id) {
        Ok(_) => Ok(()),
        Err(_) => history::remember(data_dir, record.told(changes.clone(), now())),
    };
    let mut rest = left.as_deref().cloned();
    match became(&record, boot_id, found.as_deref()) {
        None => {}
        Some(Became::Waits) => {
            remember()?;
            let text = format!(
                "the root goes back to {} when this machine restarts (undo {id}); what is installed before that is lost",
                to.name
            );
            say(&format!("Note: {text}."));
            return Ok(Some(text));
        }
        Some(Became::Nothing) => {
            say(&format!("The undo {id} was interrupted before it had prepared anything."))
        }
        Some(Became::NotDone) => {
            say(&format!("The machine restarted, and its root did not go back to {} (undo {id}).", to.name));
            history::amend(data_dir, id, |execution| not_done(execution, to))?;
        }
        Some(Became::Done) => {
            remember()?;
            say(&format!("The machine restarted, and its root went back to {} (undo {id}).", to.name));
            // What was left half done went with the root.
            rest = None;
        }
    }
    memory.change(|memory| memory.run = rest)?;
    unmark(mark);
    Ok(None)
}

/// It changed nothing, and everything that it was to take back is still there.
fn not_done(execution: &mut PatchExecution, to: &Snapshot) {
    let failure = || Failure {
        code: FailureCode::SnapshotFailed,
        subject: to.of.clone(),
        detail: format!("the machine restarted without going back to {}", to.name),
    };
    // The changes of an undo are those of the run, turned around.
    let refusal = |change: Change| {
        let back = Change { from: change.to.clone(), to: change.from.clone(), ..change };
        Refusal { wanted: before_change(&back), failure: failure() }
    };
    execution.failed = std::mem::take(&mut execution.changes).into_iter().map(refusal).collect();
}

/// Of an undo that was killed: what it had not taken back yet.
pub fn name_left_over(told: &mut PatchExecution, data_dir: &Path, installed: &[InstalledPackage]) {
    let past = told.undo_of.as_deref().and_then(|of| history::find(data_dir, of).ok());
    if let Some(past) = past {
        told.failed = left_over(&past, installed);
    }
}

fn left_over(past: &PatchExecution, installed: &[InstalledPackage]) -> Vec<Refusal> {
    let failure = |change: &Change| Failure {
        code: FailureCode::NotInstalled,
        subject: change.name.clone(),
        detail: "the undo was interrupted before it was taken back".to_owned(),
    };
    let has = |change: &Change, version: &Option<String>| {
        let is_it = |package: &InstalledPackage| {
            (&package.name, &package.arch) == (&change.name, &change.arch)
                && version.as_ref() == Some(&package.version)
        };
        installed.iter().any(is_it)
    };
    let is_back =
        |change: &&Change| !has(change, &change.to) && (change.from.is_none() || has(change, &change.from));
    let left = past.changes.iter().filter(|change| !is_back(change));
    left.map(|change| Refusal { wanted: before_change(change), failure: failure(change) }).collect()
}

/// What stands in the way of an installation on a root that is about to go.
pub fn goes_back(memory: &Memory, request: &PatchRequest, boot: &Boot) -> Option<Failure> {
    let record = memory.run.as_ref()?;
    let Phase::GoingBack { to, .. } = &record.phase else { return None };
    let found = waits(&request.root, &request.data_dir).unwrap_or_else(|failure| Some(failure.to_string()));
    (became(record, &boot.id, found.as_deref()) == Some(Became::Waits)).then(|| Failure {
        code: FailureCode::RestartFirst,
        subject: String::new(),
        detail: format!("the root goes back to {} when this machine restarts", to.name),
    })
}

/// What the root of this request goes back to with the next start; nothing where it is on nothing that could.
pub fn waits(root: &Path, data_dir: &Path) -> Result<Option<String>, Failure> {
    match Volume::of(root) {
        Ok(volume) => volume.waits(&mut super::preview::silent(data_dir)),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use api::Timestamp;
    use domain::patch::execution::SnapshotKind;
    use domain::patch::transaction::ChangeReason;

    use super::*;

    fn change(name: &str, from: Option<&str>, to: Option<&str>) -> Change {
        let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
        Change { name: name.into(), arch: "amd64".into(), from, to, reason: ChangeReason::Wanted }
    }

    fn record(phase: Phase) -> RunRecord {
        RunRecord {
            execution_id: "undo".into(),
            started_at: Timestamp::from_seconds(1),
            phase,
            snapshot: None,
            undo_of: Some("run".into()),
        }
    }

    /// Of a root that has been marked.
    fn going_back(mark: PathBuf) -> RunRecord {
        let to = Snapshot {
            kind: SnapshotKind::Lvm,
            name: "vg/s".into(),
            of: "/dev/mapper/vg-root".into(),
            taken_at: Timestamp::from_seconds(1),
        };
        let changes = vec![change("a", Some("2"), Some("1")), change("new", Some("1"), None)];
        let left = RunRecord {
            execution_id: "killed".into(),
            undo_of: None,
            ..record(Phase::Installing { wanted: Vec::new(), before: Vec::new() })
        };
        std::fs::write(&mark, "undo").unwrap();
        let (boot_id, left) = ("first".into(), Some(Box::new(left)));
        record(Phase::GoingBack { to, changes, boot_id, mark, left })
    }

    /// What is told, whether the undo waits, and whose record is there afterwards.
    fn settle(dir: &Path, boot_id: &str, waits: Option<&str>) -> (String, bool, Option<String>) {
        let told = std::cell::RefCell::new(Vec::new());
        let mut memory = MemoryFile::open(dir, boot_id).unwrap();
        let waits = || Ok(waits.map(str::to_owned));
        let say = |line: &str| told.borrow_mut().push(line.to_owned());
        let answer = settle_going_back(&mut memory, dir, boot_id, &waits, &say).unwrap();
        let run = memory.get().run.as_ref().map(|run| run.execution_id.clone());
        (told.into_inner().join("\n"), answer.is_some(), run)
    }

    #[test]
    fn the_file_system_and_the_boot_tell_what_became_of_it() {
        let begin = || {
            let dir = tempfile::tempdir().unwrap();
            let mark = dir.path().join("mark");
            let mut memory = MemoryFile::open(dir.path(), "first").unwrap();
            memory.change(|memory| memory.run = Some(going_back(mark.clone()))).unwrap();
            (dir, mark)
        };
        let killed = || Some("killed".to_owned());

        let (dir, mark) = begin();
        let (told, waits, run) = settle(dir.path(), "first", Some("vg/s"));
        assert!(told.contains("goes back to vg/s when this machine restarts (undo undo)"), "{told}");
        assert_eq!((waits, run), (true, Some("undo".to_owned())));
        // The server learns of an undo whose run did not live to tell.
        assert_eq!(history::find(dir.path(), "undo").unwrap().undo_of.as_deref(), Some("run"));
        // The same root after a start.
        let (told, waits, run) = settle(dir.path(), "second", None);
        assert!(told.contains("did not go back to vg/s"), "{told}");
        assert_eq!((waits, run, mark.exists()), (false, killed(), false));
        let undo = history::find(dir.path(), "undo").unwrap();
        let left: Vec<_> =
            undo.failed.iter().map(|r| (r.wanted.name.as_str(), r.wanted.version.as_str())).collect();
        assert_eq!((undo.changes.len(), left), (0, vec![("a", "1"), ("new", "")]));

        let (dir, mark) = begin();
        let (told, waits, run) = settle(dir.path(), "first", None);
        assert!(told.contains("interrupted before it had prepared anything"), "{told}");
        assert_eq!((waits, run, mark.exists()), (false, killed(), false));
        assert!(history::find(dir.path(), "undo").is_err());
        assert_eq!(settle(dir.path(), "first", None), (String::new(), false, killed()));

        // Another root after a start, which knows of no mark or of another one, and the agent's data elsewhere.
        for content in [None, Some("another undo")] {
            let (dir, mark) = begin();
            std::fs::remove_file(&mark).unwrap();
            if let Some(content) = content {
                std::fs::write(&mark, content).unwrap();
            }
            let (told, waits, run) = settle(dir.path(), "second", None);
            assert!(told.contains("its root went back to vg/s (undo undo)"), "{told}");
            assert_eq!((waits, run), (false, None));
            let undo = history::find(dir.path(), "undo").unwrap();
            assert_eq!((undo.changes.len(), undo.failed.len()), (2, 0));
        }
    }

    #[test]
    fn a_killed_undo_names_what_it_left() {
        let dir = tempfile::tempdir().unwrap();
        let mut past = record(Phase::Installing { wanted: Vec::new(), before: Vec::new() });
        (past.execution_id, past.undo_of) = ("run".into(), None);
        let changes = vec![
            change("a", Some("1"), Some("2")),
            change("b", Some("1"), Some("2")),
            change("c", None, Some("1")),
            change("d", None, Some("1")),
            change("gone", Some("1"), None),
        ];
        history::remember(dir.path(), past.told(changes, Timestamp::from_seconds(2))).unwrap();
        let package = |name: &str, version: &str| InstalledPackage {
            name: name.into(),
            arch: "amd64".into(),
            version: version.into(),
        };
        let now = [package("a", "1"), package("b", "2"), package("c", "1")];
        let mut told = record(Phase::Installing { wanted: Vec::new(), before: Vec::new() })
            .told(vec![change("a", Some("2"), Some("1"))], Timestamp::from_seconds(3));
        name_left_over(&mut told, dir.path(), &now);
        let left: Vec<_> = told.failed.iter().map(|refusal| refusal.wanted.name.as_str()).collect();
        assert_eq!(left, ["b", "c", "gone"]);
    }
}
