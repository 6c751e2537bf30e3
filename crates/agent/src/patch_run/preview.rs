//! What an installation would do, and taking one back: the node's own solver is asked, and nothing changes unless
//! that was ordered. What to ask for is `domain::patch`'s, solving and changing the package managers'.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, bail};
use domain::patch::transaction::{Change, Plan, Refusal};
use domain::patch::{Conditions, PendingScope, evaluate, limits, wanted};

use super::memory::{MemoryFile, Phase, RunRecord, installed};
use super::operate::{SCRATCH_FOLDER, clear_scratch, counted};
use super::output::Output;
use super::{Exit, FactsHash, Gathered, PatchRequest, Session, gather, history, lock, snapshot};
use crate::boot::Boot;
use crate::packages::tool::ToolRun;
use crate::packages::{GatherOptions, PackageManager, RefreshLists};
use crate::transport::call::now;

/// Solving takes seconds; downloading old versions may take minutes.
const TIME_LIMIT: Duration = Duration::from_secs(3600);
/// More would not be kept by a step's output.
const MAX_LISTED: usize = 250;

/// `fettle-agent plan`: what AWS-RunPatchBaseline's Install would do now.
pub fn plan(request: &PatchRequest) -> anyhow::Result<String> {
    let session = Session::open(&request.data_dir)?;
    let _one_at_a_time = lock(&request.data_dir)?;
    let snapshot = snapshot::fetch(&session, request)?;
    let boot = Boot::of(&request.root);
    let memory = MemoryFile::open(&request.data_dir, &boot.id)?;
    let result = gather::with_manager(&request.root, &request.data_dir, |manager, facts_hash| {
        super::use_own_repositories(&snapshot.rules, manager)?;
        let seen = look(manager, &boot, &request.data_dir, RefreshLists::WherePossible, facts_hash)?;
        let conditions = Conditions {
            now: now(),
            installed_by_us: &memory.get().installed,
            pending_scope: PendingScope::Any,
        };
        let evaluation = evaluate(&snapshot.rules, &seen.facts, &seen.observation, &conditions)
            .with_context(|| format!("baseline {} cannot be applied", snapshot.baseline_id))?;
        let asked = wanted(&evaluation);
        let plan = manager.plan(&asked, &limits(&snapshot.rules), &mut silent(&request.data_dir))?;
        let mut text =
            format!("{} approved by {} missing.\n", counted(asked.len(), "patch"), snapshot.baseline_id);
        tell(&mut text, &plan, "An installation would change nothing.");
        Ok(text)
    });
    clear_scratch(&request.data_dir);
    result
}

/// Whether changes are only looked at, or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Preview,
    Apply,
}

#[derive(Clone, Debug)]
pub struct UndoRequest {
    pub root: PathBuf,
    pub data_dir: PathBuf,
    /// Of the run to take back.
    pub execution_id: String,
    pub mode: Mode,
    /// Of the command that runs this; empty when started by hand.
    pub command_id: String,
}

/// `fettle-agent undo`: takes back what one run changed, or tells what of it can be.
pub fn undo(request: &UndoRequest) -> anyhow::Result<Exit> {
    let _one_at_a_time = lock(&request.data_dir)?;
    let past = history::find(&request.data_dir, &request.execution_id)?;
    let boot = Boot::of(&request.root);
    let memory = MemoryFile::open(&request.data_dir, &boot.id)?;
    let output = Rc::new(RefCell::new(Output::new(&request.data_dir)));
    let result = gather::with_manager(&request.root, &request.data_dir, |manager, facts_hash| {
        let plan = manager.undo_plan(&past.changes, &mut silent(&request.data_dir))?;
        let mut text = format!(
            "Run {} of {} changed {}.\n",
            past.execution_id,
            past.at.to_iso_seconds(),
            counted(past.changes.len(), "package")
        );
        tell(&mut text, &plan, "There is nothing to take back.");
        output.borrow_mut().say(text.trim_end());
        if request.mode == Mode::Preview || plan.changes.is_empty() {
            return Ok(if plan.refused.is_empty() { Exit::Done } else { Exit::SomeFailed });
        }
        let seen = look(manager, &boot, &request.data_dir, RefreshLists::Never, facts_hash)?;
        take_back(request, manager, memory, &past.changes, &seen, &output)
    });
    clear_scratch(&request.data_dir);
    result
}

/// Written down first, as an installation is: what a killed run left is repaired by the next installation.
fn take_back(
    request: &UndoRequest,
    manager: &dyn PackageManager,
    mut memory: MemoryFile,
    changes: &[Change],
    seen: &Gathered,
    output: &Rc<RefCell<Output>>,
) -> anyhow::Result<Exit> {
    if memory.get().run.is_some() {
        bail!("a run on this node was interrupted or waits for a restart; install first, which settles it");
    }
    let execution_id = match request.command_id.as_str() {
        "" => crate::transport::call::new_id().to_string(),
        id => id.to_owned(),
    };
    let phase = Phase::Installing { wanted: Vec::new(), before: installed(&seen.facts) };
    let record = RunRecord { execution_id: execution_id.clone(), started_at: now(), phase };
    memory.change(|memory| memory.run = Some(record))?;
    let listener = Rc::clone(output);
    let mut run = silent(&request.data_dir).streaming_to(move |_, line| listener.borrow_mut().pass_on(line));
    let outcome = manager.undo(changes, &mut run);
    let done = outcome.as_ref().map(|outcome| outcome.changes.clone()).unwrap_or_default();
    history::remember(&request.data_dir, &execution_id, now(), &done)?;
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

fn look(
    manager: &dyn PackageManager,
    boot: &Boot,
    data_dir: &Path,
    refresh: RefreshLists,
    facts_hash: FactsHash<'_>,
) -> anyhow::Result<Gathered> {
    let options = GatherOptions { now: now(), refresh, data_dir: Some(data_dir.to_owned()) };
    Gathered::by(manager, boot, &options, facts_hash).context("the packages of this node cannot be read")
}

fn silent(data_dir: &Path) -> ToolRun {
    ToolRun::new(&data_dir.join(SCRATCH_FOLDER), TIME_LIMIT)
}

/// A title, and which changes stand under it.
type Group = (&'static str, fn(&Change) -> bool);

fn tell(text: &mut String, plan: &Plan, nothing: &str) {
    if plan.changes.is_empty() {
        text.push_str(nothing);
        text.push('\n');
    }
    let groups: [Group; 3] = [
        ("Change", |change| change.from.is_some() && change.to.is_some()),
        ("Install besides", |change| change.from.is_none()),
        ("Remove", |change| change.to.is_none()),
    ];
    for (title, belongs) in groups {
        let changes: Vec<&Change> = plan.changes.iter().filter(|change| belongs(change)).collect();
        if changes.is_empty() {
            continue;
        }
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{title}:");
        for change in changes.iter().take(MAX_LISTED) {
            let (from, to) = (change.from.as_deref().unwrap_or("-"), change.to.as_deref().unwrap_or("-"));
            let _ = writeln!(text, "  {}.{} {from} -> {to}", change.name, change.arch);
        }
        if changes.len() > MAX_LISTED {
            let _ = writeln!(text, "  and {} more", changes.len() - MAX_LISTED);
        }
    }
    list_refused(text, &plan.refused);
    if !plan.restarts.is_empty() {
        let _ = writeln!(text, "\nServices that will run replaced files: {}", plan.restarts.join(", "));
    }
    text.push('\n');
    if let Some(bytes) = plan.download_bytes {
        let _ = writeln!(text, "Download: {bytes} bytes");
    }
    if let Some(bytes) = plan.disk_bytes {
        let _ = writeln!(text, "Disk: {bytes:+} bytes");
    }
    let expected =
        if plan.reboot_expected { "will be needed, by the publisher's word" } else { "not announced" };
    let _ = writeln!(text, "Reboot: {expected}");
}

fn list_refused(text: &mut String, refused: &[Refusal]) {
    if !refused.is_empty() {
        text.push_str("\nNot possible:\n");
    }
    for refusal in refused.iter().take(MAX_LISTED) {
        let wanted = &refusal.wanted;
        let _ = writeln!(text, "  {}.{} {}: {}", wanted.name, wanted.arch, wanted.version, refusal.failure);
    }
}
