//! Going back to the snapshot from before a run: what else that takes along is said first. Nothing is different before
//! the machine restarts, which is left to whoever ordered it. How it is done is `snapshots`'.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;

use anyhow::Context;
use domain::patch::execution::{ExecutionKind, NodePlan, PatchExecution, Snapshot, UndoOutlook};
use domain::patch::transaction::{Change, Plan, RebootSign};
use domain::patch::{Failure, FailureCode};

use super::super::memory::MemoryFile;
use super::super::output::Output;
use super::super::preview::{put, silent, tell};
use super::super::{Exit, Session, history};
use super::{Mode, UndoRequest, execution_id, refuse_in_between};
use crate::snapshots::{Outlook, Volume};
use crate::transport::call::now;

pub(super) fn go_back(
    request: &UndoRequest,
    session: Option<&Session>,
    memory: &MemoryFile,
    past: &PatchExecution,
    output: &Rc<RefCell<Output>>,
) -> anyhow::Result<Exit> {
    let id = &past.execution_id;
    let snapshot =
        past.snapshot.as_ref().with_context(|| format!("no snapshot was taken before run {id}"))?;
    let mut tools = silent(&request.data_dir);
    let found = Volume::of(&request.root);
    let outlook = found.as_ref().map(|volume| volume.outlook(&mut tools, snapshot));
    let answer = answer(past, snapshot, outlook);
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
    refuse_in_between(memory)?;
    volume.go_back(&mut tools, snapshot, now())?;
    let done = PatchExecution {
        execution_id: execution_id(request),
        kind: ExecutionKind::Undo,
        ended_at: now(),
        baseline_id: String::new(),
        snapshot_id: String::new(),
        undo_of: Some(id.clone()),
        changes: answer.plan.changes,
        failed: Vec::new(),
        undo: UndoOutlook::Unknown { reason: "it went back to a snapshot".to_owned() },
        snapshot: None,
    };
    history::remember(&request.data_dir, done)?;
    output
        .borrow_mut()
        .say("Prepared. It takes effect when the machine restarts, which it has not been told to.");
    Ok(Exit::Done)
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
