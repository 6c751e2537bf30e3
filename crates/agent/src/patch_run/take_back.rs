//! Taking back what one run changed, or telling what of it can be. Which versions are still to be had is the package
//! managers' to find out; what runs changed is `history`'s.

mod go_back;

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::bail;
use domain::patch::Failure;
use domain::patch::execution::{ExecutionKind, NodePlan, PatchExecution, UndoOutlook};
use domain::patch::transaction::{Change, Plan};

use super::memory::{MemoryFile, Phase, RunRecord, difference, installed};
use super::operate::{clear_scratch, counted};
use super::output::Output;
use super::preview::{complete, list_refused, look, put, silent, tell};
use super::{Exit, Gathered, Session, gather, history, lock, settle};
use crate::boot::Boot;
use crate::packages::{PackageManager, RefreshLists};
use crate::transport::call::{new_id, now};

/// Whether changes are only looked at, or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Preview,
    /// Everything, or nothing.
    Apply,
    /// What can be.
    ApplyPartly,
}

impl Mode {
    pub const NAMES: [&str; 3] = ["Preview", "Apply", "ApplyPartly"];

    pub fn parse(text: &str) -> Option<Self> {
        let modes = [Self::Preview, Self::Apply, Self::ApplyPartly];
        let at = Self::NAMES.iter().position(|name| name.eq_ignore_ascii_case(text))?;
        Some(modes[at])
    }
}

#[derive(Clone, Debug)]
pub struct UndoRequest {
    pub root: PathBuf,
    pub data_dir: PathBuf,
    /// Of the run to take back.
    pub execution_id: String,
    pub mode: Mode,
    pub way: Way,
    /// Of the command that runs this; empty when started by hand.
    pub command_id: String,
}

/// How a run is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The old versions are installed again.
    Packages,
    /// The root goes back to the snapshot from before the run, with everything on it.
    Snapshot,
}

impl Way {
    pub const NAMES: [&str; 2] = ["Packages", "Snapshot"];

    pub fn parse(text: &str) -> Option<Self> {
        let at = Self::NAMES.iter().position(|name| name.eq_ignore_ascii_case(text))?;
        Some([Self::Packages, Self::Snapshot][at])
    }
}

/// `fettle-agent undo`. Needs a server only for runs that this node forgot.
pub fn undo(request: &UndoRequest) -> anyhow::Result<Exit> {
    let _one_at_a_time = lock(&request.data_dir)?;
    let session = match Session::require(&request.data_dir) {
        Ok(()) => Some(Session::open(&request.data_dir)?),
        Err(_) => None,
    };
    let past = history::find_or_ask(session.as_ref(), &request.data_dir, &request.execution_id)?;
    let boot = Boot::of(&request.root);
    let mut memory = MemoryFile::open(&request.data_dir, &boot.id)?;
    let output = Rc::new(RefCell::new(Output::new(&request.data_dir)));
    if request.way == Way::Snapshot {
        let result = go_back::go_back(request, session.as_ref(), &mut memory, &boot, &past, &output);
        return told(session.as_ref(), request, &output, result);
    }
    let result = gather::with_manager(&request.root, &request.data_dir, |manager, facts_hash| {
        if request.mode != Mode::Preview {
            settle_before(request, manager, &boot, &mut memory, &output)?;
        }
        let seen = look(manager, &boot, &request.data_dir, RefreshLists::Never, facts_hash)?;
        let found = manager.undo_plan(&past.changes, &mut silent(&request.data_dir));
        // A node that forgot the run knows it again from here on.
        history::remember(&request.data_dir, PatchExecution { undo: outlook(&found), ..past.clone() })?;
        let plan = complete(found, manager, &boot, &seen, &mut silent(&request.data_dir));
        let answer = NodePlan {
            made_at: now(),
            baseline_id: String::new(),
            snapshot_id: String::new(),
            approved: None,
            plan,
            snapshot: None,
            losses: Vec::new(),
            undo: None,
        };
        if let Some(session) = &session {
            put(session, &request.command_id, &answer)?;
        }
        let mut text = format!(
            "Run {} of {} changed {}.\n",
            past.execution_id,
            past.ended_at.to_iso_seconds(),
            counted(past.changes.len(), "package")
        );
        tell(&mut text, &answer.plan, "There is nothing to take back.");
        output.borrow_mut().say(text.trim_end());
        if let Some(exit) = without_change(request.mode, &answer.plan, &output) {
            return Ok(exit);
        }
        take_back(request, manager, memory, &past, &seen, &output)
    });
    told(session.as_ref(), request, &output, result)
}

/// Whatever came of it, the server is to know.
fn told(
    session: Option<&Session>,
    request: &UndoRequest,
    output: &Rc<RefCell<Output>>,
    result: anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    clear_scratch(&request.data_dir);
    if let Some(session) = session
        && let Err(error) = history::tell(session, &request.data_dir)
    {
        output.borrow_mut().say(&format!("The server was not told; it is with the next run: {error:#}"));
    }
    result
}

/// How it ends when nothing is to be changed.
fn without_change(mode: Mode, plan: &Plan, output: &Rc<RefCell<Output>>) -> Option<Exit> {
    let is_whole = plan.refused.is_empty() && plan.blockers.is_empty();
    if mode == Mode::Preview {
        return Some(Exit::Done);
    }
    if plan.changes.is_empty() {
        return Some(if is_whole { Exit::Done } else { Exit::SomeFailed });
    }
    if mode == Mode::Apply && !plan.refused.is_empty() {
        let count = counted(plan.refused.len(), "package");
        output.borrow_mut().say(&format!(
            "Nothing was taken back, because {count} cannot be; ApplyPartly takes back the others."
        ));
        return Some(Exit::SomeFailed);
    }
    None
}

/// What the solver's answer says of an undo at this moment.
pub(super) fn outlook(found: &Result<Plan, Failure>) -> UndoOutlook {
    match found {
        Ok(plan) => UndoOutlook::Known { checked_at: now(), refused: plan.refused.clone() },
        Err(failure) => UndoOutlook::Unknown { reason: failure.to_string() },
    }
}

/// Written down first, as an installation is: what a killed run left is repaired by the next installation.
fn take_back(
    request: &UndoRequest,
    manager: &dyn PackageManager,
    mut memory: MemoryFile,
    past: &PatchExecution,
    seen: &Gathered,
    output: &Rc<RefCell<Output>>,
) -> anyhow::Result<Exit> {
    let execution_id = execution_id(request);
    let phase = Phase::Installing { wanted: Vec::new(), before: installed(&seen.facts) };
    let record = RunRecord {
        execution_id: execution_id.clone(),
        started_at: now(),
        phase,
        snapshot: None,
        undo_of: Some(past.execution_id.clone()),
    };
    memory.change(|memory| memory.run = Some(record))?;
    let listener = Rc::clone(output);
    let mut run = silent(&request.data_dir).streaming_to(move |_, line| listener.borrow_mut().pass_on(line));
    let outcome = manager.undo(&past.changes, &mut run);
    let (done, failed) = match &outcome {
        Ok(outcome) => (outcome.changes.clone(), outcome.failed.clone()),
        Err(_) => (Vec::new(), Vec::new()),
    };
    let undo = again(manager, &done, request);
    history::remember(
        &request.data_dir,
        PatchExecution {
            execution_id,
            kind: ExecutionKind::Undo,
            ended_at: now(),
            baseline_id: String::new(),
            snapshot_id: String::new(),
            undo_of: Some(past.execution_id.clone()),
            changes: done.clone(),
            failed,
            undo,
            snapshot: None,
        },
    )?;
    memory.change(|memory| {
        memory.count_installed(&done);
        memory.run = None;
    })?;
    let outcome = outcome?;
    let mut text = format!("Taken back: {}.\n", counted(outcome.changes.len(), "package"));
    list_refused(&mut text, &outcome.failed);
    output.borrow_mut().say(text.trim_end());
    Ok(if outcome.failed.is_empty() { Exit::Done } else { Exit::SomeFailed })
}

/// Of the undo itself.
fn execution_id(request: &UndoRequest) -> String {
    match request.command_id.as_str() {
        "" => new_id().to_string(),
        id => id.to_owned(),
    }
}

/// What a killed run left is finished and told first, as the next installation would.
fn settle_before(
    request: &UndoRequest,
    manager: &dyn PackageManager,
    boot: &Boot,
    memory: &mut MemoryFile,
    output: &Rc<RefCell<Output>>,
) -> anyhow::Result<()> {
    let data_dir = &request.data_dir;
    refuse_in_between(request, memory, boot, output)?;
    let Some(record) = memory.get().run.clone() else { return Ok(()) };
    let Phase::Installing { wanted, before } = &record.phase else {
        bail!("run {} ended before it had reported; a scan settles that", record.execution_id);
    };
    output.borrow_mut().say(&record.interrupted());
    if let Err(failure) = manager.repair(&mut silent(data_dir)) {
        // What stays broken fails by itself in the undo, where it is told.
        output.borrow_mut().say(&format!("The repair failed: {failure}"));
    }
    let facts = look(manager, boot, data_dir, RefreshLists::Never, &|| None)?.facts;
    let changes = difference(wanted, before, &facts);
    output.borrow_mut().say(&format!("It had changed {}.", counted(changes.len(), "package")));
    let mut told = record.told(changes.clone(), now());
    settle::name_left_over(&mut told, data_dir, &installed(&facts));
    history::remember(data_dir, told)?;
    memory.change(|memory| {
        memory.count_installed(&changes);
        memory.run = None;
    })
}

/// A root that is about to go is not worked on, and neither is one whose run goes on after a restart.
fn refuse_in_between(
    request: &UndoRequest,
    memory: &mut MemoryFile,
    boot: &Boot,
    output: &Rc<RefCell<Output>>,
) -> anyhow::Result<()> {
    let say = |line: &str| output.borrow_mut().say(line);
    let waits = || settle::waits(&request.root, &request.data_dir);
    if let Some(text) = settle::settle_going_back(memory, &request.data_dir, &boot.id, &waits, &say)? {
        bail!("{text}; restart it first, nothing was taken back");
    }
    if let Some(RunRecord { execution_id, phase: Phase::Rebooting { .. }, .. }) = &memory.get().run {
        bail!("run {execution_id} goes on after a restart of this machine; restart it first");
    }
    Ok(())
}

/// Whether what was taken back could come again.
fn again(manager: &dyn PackageManager, done: &[Change], request: &UndoRequest) -> UndoOutlook {
    match done {
        [] => UndoOutlook::default(),
        done => outlook(&manager.undo_plan(done, &mut silent(&request.data_dir))),
    }
}
