//! Going back to the snapshot from before a run: what else that takes along is said first. Nothing is different before
//! the machine restarts, which is left to whoever ordered it. How it is done is `snapshots`'.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use anyhow::Context;
use domain::patch::execution::{NodePlan, PatchExecution, Snapshot, SnapshotKind, UndoOutlook};
use domain::patch::transaction::{Change, Plan, RebootSign};
use domain::patch::{Failure, FailureCode};

use super::super::memory::{MemoryFile, Phase, RunRecord};
use super::super::output::Output;
use super::super::preview::{put, silent, tell};
use super::super::{Exit, Session, history, settle};
use super::{Mode, UndoRequest, execution_id, refuse_in_between};
use crate::boot::Boot;
use crate::enroll::{identity_files, lasting_identity_files};
use crate::files;
use crate::snapshots::{Outlook, Volume};
use crate::transport::call::now;

pub(super) fn go_back(
    request: &UndoRequest,
    session: Option<&Session>,
    memory: &mut MemoryFile,
    boot: &Boot,
    past: &PatchExecution,
    output: &Rc<RefCell<Output>>,
) -> anyhow::Result<Exit> {
    let id = &past.execution_id;
    let snapshot =
        past.snapshot.as_ref().with_context(|| format!("no snapshot was taken before run {id}"))?;
    let mut tools = silent(&request.data_dir);
    let found = Volume::of(&request.root);
    let outlook = found.as_ref().map(|volume| volume.outlook(&mut tools, snapshot));
    let mut answer = answer(past, snapshot, outlook);
    if let Ok(volume) = &found {
        answer.plan.blockers.extend(lost_identity(request, volume, snapshot));
    }
    if let Some(session) = session {
        put(session, &request.command_id, &answer)?;
    }
    let mut text = format!("Going back to {} of {}.\n", snapshot.name, snapshot.taken_at.to_iso_seconds());
    for loss in &answer.losses {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "Lost besides: {loss}");
    }
    tell(&mut text, &answer.plan, "The run changed nothing.");
    output.borrow_mut().say(text.trim_end());
    let volume = match found {
        _ if request.mode == Mode::Preview => return Ok(Exit::Done),
        Ok(volume) if answer.plan.blockers.is_empty() => volume,
        _ => return Ok(Exit::SomeFailed),
    };
    refuse_in_between(request, memory, boot, output)?;
    let going = Going { request, boot, volume: &volume, snapshot, undo_of: id, changes: answer.plan.changes };
    going.prepare(memory)?;
    output
        .borrow_mut()
        .say("Prepared. It takes effect when the machine restarts, which it has not been told to.");
    Ok(Exit::Done)
}

/// What was decided.
struct Going<'a> {
    request: &'a UndoRequest,
    boot: &'a Boot,
    volume: &'a Volume,
    snapshot: &'a Snapshot,
    undo_of: &'a str,
    changes: Vec<Change>,
}

impl Going<'_> {
    fn prepare(self, memory: &mut MemoryFile) -> anyhow::Result<()> {
        let data_dir = &self.request.data_dir;
        let (mark, left) = (settle::mark_in(&self.request.root), memory.get().run.clone());
        let record = self.record(&mark, left.clone());
        // Before it is done: whoever comes after a kill can tell how far it came.
        files::write_atomically(&mark, record.execution_id.as_bytes())
            .with_context(|| format!("cannot write {}", mark.display()))?;
        memory.change(|memory| memory.run = Some(record.clone()))?;
        let carried: Vec<PathBuf> = match data_dir.canonicalize() {
            Ok(data_dir) => identity_files(&data_dir),
            Err(_) => Vec::new(),
        };
        if let Err(failure) = self.volume.go_back(&mut silent(data_dir), self.snapshot, &carried, now()) {
            settle::unmark(&mark);
            memory.change(|memory| memory.run = left)?;
            return Err(failure.into());
        }
        let undo = UndoOutlook::Unknown { reason: "it went back to a snapshot".to_owned() };
        history::remember(data_dir, PatchExecution { undo, ..record.told(self.changes, now()) })?;
        if self.volume.kind() == SnapshotKind::Zfs {
            // Done already, and the file with it, unless that lies elsewhere.
            let mut memory = MemoryFile::open(data_dir, &self.boot.id)?;
            if memory.get().run.is_some() {
                memory.change(|memory| memory.run = None)?;
            }
        }
        Ok(())
    }

    fn record(&self, mark: &Path, left: Option<RunRecord>) -> RunRecord {
        RunRecord {
            execution_id: execution_id(self.request),
            started_at: now(),
            phase: Phase::GoingBack {
                to: self.snapshot.clone(),
                changes: self.changes.clone(),
                boot_id: self.boot.id.clone(),
                mark: mark.to_owned(),
                left: left.map(Box::new),
            },
            snapshot: None,
            undo_of: Some(self.undo_of.to_owned()),
        }
    }
}

/// A node that goes back with its old key, where the server knows only the new one, could not report any more.
fn lost_identity(request: &UndoRequest, volume: &Volume, snapshot: &Snapshot) -> Option<Failure> {
    if volume.carries_files() || !volume.holds(&request.root, &request.data_dir) {
        return None;
    }
    let changed = |file: &PathBuf| {
        let modified = std::fs::metadata(file).and_then(|found| found.modified()).ok()?;
        let seconds = modified.duration_since(UNIX_EPOCH).ok()?.as_secs();
        (i64::try_from(seconds).ok()? > snapshot.taken_at.as_seconds()).then_some(())
    };
    let lasting = lasting_identity_files(&request.data_dir);
    let file = lasting.iter().find(|file| changed(file).is_some())?;
    let detail = format!(
        "{} was made anew since, and the server knows only the new one: enrol the node again after going back by hand",
        file.display()
    );
    Some(Failure { code: FailureCode::SnapshotFailed, subject: snapshot.of.clone(), detail })
}

fn answer(past: &PatchExecution, snapshot: &Snapshot, outlook: Result<Outlook, &Failure>) -> NodePlan {
    let (losses, blockers) = match outlook {
        Ok(Outlook { losses, blocker }) => {
            let failure =
                |detail| Failure { code: FailureCode::SnapshotFailed, subject: snapshot.of.clone(), detail };
            (losses, blocker.map(failure).into_iter().collect())
        }
        Err(failure) => (Vec::new(), vec![failure.clone()]),
    };
    let reversed =
        |change: &Change| Change { from: change.to.clone(), to: change.from.clone(), ..change.clone() };
    let sign = RebootSign {
        package: snapshot.of.clone(),
        reason: "a file system goes back with the next boot".to_owned(),
    };
    let plan = Plan {
        changes: past.changes.iter().map(reversed).collect(),
        reboot_signs: vec![sign],
        blockers,
        ..Plan::default()
    };
    NodePlan {
        made_at: now(),
        baseline_id: String::new(),
        snapshot_id: String::new(),
        approved: None,
        plan,
        snapshot: Some(snapshot.clone()),
        losses,
        undo: None,
    }
}
