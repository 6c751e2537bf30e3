//! The phases of one patch operation on a node, each written down before it is acted on: settle what an interrupted
//! run left, read, judge, install, read and judge again. Where the baseline comes from and where the report goes is
//! the file above's; how packages are installed the package managers'.
//! Source: spec patch-manager 4.3 and 4.6.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, bail};
use api::Timestamp;
use domain::baseline::BaselineRules;
use domain::compliance::report::Operation;
use domain::facts::{FactSet, PackageState};
use domain::patch::execution::{PatchExecution, Snapshot};
use domain::patch::override_list::OverrideList;
use domain::patch::transaction::{Limits, Outcome, Refusal, Wanted};
use domain::patch::{
    Conditions, Evaluation, Failure, FailureCode, HalfDone, PendingScope, evaluate, limits, wanted,
};

use crate::boot::Boot;
use crate::effect::units::Before;
use crate::packages::tool::ToolRun;
use crate::packages::{GatherOptions, PackageManager, RefreshLists};

use super::memory::{Done, Last, MemoryFile, Phase, RunRecord, difference, installed};
use super::output::Output;
use super::reboot::{MAX_ASKED, MAX_ROUNDS, RebootOption};
use super::take_back::outlook;
use super::{FactsHash, Gathered, history, settle};

mod operated;

pub use operated::{Next, Operated};

/// Within the agent's folder: files that package managers' tools are given to read.
pub(super) const SCRATCH_FOLDER: &str = "patch-scratch";

/// What is to be done.
#[derive(Debug)]
pub struct Task<'a> {
    pub rules: &'a BaselineRules,
    pub baseline_id: &'a str,
    /// Of the frozen rules.
    pub snapshot_id: &'a str,
    pub operation: Operation,
    pub reboot_option: RebootOption,
    /// In place of what the baseline wants.
    pub override_list: Option<OverrideList>,
    pub execution_id: String,
    pub started_at: Timestamp,
}

/// The node, and what its runs remember.
pub struct Node<'a> {
    pub manager: &'a dyn PackageManager,
    pub facts_hash: FactsHash<'a>,
    pub boot: &'a Boot,
    pub memory: MemoryFile,
    pub data_dir: PathBuf,
    pub output: Rc<RefCell<Output>>,
    pub clock: fn() -> Timestamp,
    /// For everything that tools do in this run.
    pub time_limit: Duration,
    /// Takes a snapshot of the root before anything changes, where that was asked for.
    pub keep_root: &'a dyn Fn(&str) -> Result<Option<Snapshot>, Failure>,
    /// What the root goes back to with the next start of the machine.
    pub waits: &'a dyn Fn() -> Result<Option<String>, Failure>,
    /// The one that this run took.
    pub snapshot: Option<Snapshot>,
}

/// The node could not be read or judged: nothing is known, and nothing was changed in this run.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct NotSearched(pub anyhow::Error);

impl Node<'_> {
    /// From the beginning, or from the restart that the same execution asked for.
    pub fn operate(&mut self, task: &Task<'_>) -> anyhow::Result<Operated> {
        let left = self.memory.get().run.clone();
        match left {
            Some(RunRecord { execution_id, phase: Phase::Rebooting { done, boot_id, asked }, .. })
                if execution_id == task.execution_id =>
            {
                self.after_restart(task, done, &boot_id, asked)
            }
            Some(record) => {
                self.settle(task, &record)?;
                self.begin(task)
            }
            None => self.begin(task),
        }
    }

    fn begin(&mut self, task: &Task<'_>) -> anyhow::Result<Operated> {
        let (seen, evaluation) = self.look(task, RefreshLists::WherePossible).map_err(NotSearched)?;
        if task.operation == Operation::Scan {
            return Ok(self.operated(seen, evaluation, Done::default(), Vec::new()));
        }
        self.note_units(task, &seen)?;
        let (asked, unknown) = match &task.override_list {
            None => (wanted(&evaluation), Vec::new()),
            Some(list) => list.select(&seen.facts),
        };
        self.round(task, &asked, Done { failed: unknown, ..Done::default() }, &seen)
    }

    /// What has failed before anything is changed; a run that was interrupted and begins anew counts from its first beginning.
    fn note_units(&mut self, task: &Task<'_>, seen: &Gathered) -> anyhow::Result<()> {
        let known = self.memory.get().units_before.as_ref();
        if known.is_some_and(|before| before.execution_id == task.execution_id) {
            return Ok(());
        }
        let before = seen
            .observation
            .failed_units
            .as_ref()
            .map(|failed| Before { execution_id: task.execution_id.clone(), units: failed.units.clone() });
        if known.is_none() && before.is_none() {
            return Ok(());
        }
        self.memory.change(|memory| memory.units_before = before)
    }

    /// Installs what is asked for, on top of what was done before, and judges the node anew.
    fn round(
        &mut self,
        task: &Task<'_>,
        asked: &[Wanted],
        mut done: Done,
        seen: &Gathered,
    ) -> anyhow::Result<Operated> {
        let mut warnings = Vec::new();
        let mut changed = 0;
        if !asked.is_empty() {
            let outcome = self.install(task, asked, seen)?;
            changed = outcome.changes.len();
            done.changes.extend(outcome.changes);
            done.failed.extend(outcome.failed);
            done.half_done.extend(outcome.half_done);
            warnings = outcome.warnings;
        }
        self.note_installed(task, &done)?;
        let unreadable =
            "the installation has ended, but the packages cannot be read any more; nothing was reported";
        let mut seen_again = self.gather(RefreshLists::Never).context(unreadable)?;
        self.remember_half_done(&done, &seen_again.facts)?;
        let evaluation = self.judge(task, &seen_again)?;
        // The lists are the ones that were refreshed a moment ago.
        seen_again.observation.refresh = seen.observation.refresh.clone();
        seen_again.observation.failed_repositories = seen.observation.failed_repositories.clone();
        seen_again.observation.lists_updated_at = seen.observation.lists_updated_at;
        let pending = evaluation.counts.installed_pending_reboot;
        let waiting = done.failed.iter().filter(|r| r.failure.code == FailureCode::RestartFirst).count();
        let restarts = task.reboot_option.wants_restart(changed + waiting, pending);
        let mut operated = self.operated(seen_again, evaluation, done, warnings);
        if restarts {
            operated.next = Next::Restart;
        }
        Ok(operated)
    }

    /// Writes down that it begins, and what there is, before the package manager may change anything.
    fn install(&mut self, task: &Task<'_>, asked: &[Wanted], seen: &Gathered) -> anyhow::Result<Outcome> {
        // Nothing was begun: everything that was asked for has failed, and for this reason.
        let all_failed = |failure: Failure| {
            let refusal = |wanted: &Wanted| Refusal { wanted: wanted.clone(), failure: failure.clone() };
            Outcome { failed: asked.iter().map(refusal).collect(), ..Outcome::default() }
        };
        // Before the record that this run is under way, so that the machine that goes back to it knows of none.
        if self.snapshot.is_none() {
            match (self.keep_root)(&task.execution_id) {
                Ok(snapshot) => self.snapshot = snapshot,
                Err(failure) => return Ok(all_failed(failure)),
            }
        }
        let phase = Phase::Installing { wanted: asked.to_vec(), before: installed(&seen.facts) };
        self.record(task, Some(phase))?;
        self.say(&format!("Installing {} of {}:", counted(asked.len(), "patch"), task.baseline_id));
        for wanted in asked {
            self.output
                .borrow_mut()
                .pass_on(&format!("  {}.{} {}", wanted.name, wanted.arch, wanted.version));
        }
        let mut run = self.tool_run();
        let half_done = &self.memory.get().half_done;
        let again = half_done.iter().filter(|left| left.state.is_whole() && left.lasts(&seen.facts));
        let again = again.map(|left| left.package.clone()).collect();
        let installed = limits_for(self.manager, task.rules)
            .and_then(|limits| self.manager.install(asked, &Limits { again, ..limits }, &mut run));
        Ok(match installed {
            Ok(outcome) => outcome,
            Err(failure) => all_failed(failure),
        })
    }

    /// Asks, while the old versions are likely still there, whether what was installed could be taken back.
    pub fn note_outlook(&self, task: &Task<'_>, operated: &Operated) {
        if task.operation == Operation::Scan || operated.changes.is_empty() {
            return;
        }
        let mut run = ToolRun::new(&self.data_dir.join(SCRATCH_FOLDER), self.time_limit);
        let undo = outlook(&self.manager.undo_plan(&operated.changes, &mut run));
        if let Err(error) = history::note_outlook(&self.data_dir, &task.execution_id, undo) {
            tracing::warn!(%error, "not noted whether the run can be taken back");
        }
    }

    fn note_installed(&mut self, task: &Task<'_>, done: &Done) -> anyhow::Result<()> {
        let record = self.run_record(task, Phase::Installed { done: done.clone() });
        let (now, no_reboot) = ((self.clock)(), task.reboot_option == RebootOption::NoReboot);
        let past = PatchExecution {
            baseline_id: task.baseline_id.to_owned(),
            snapshot_id: task.snapshot_id.to_owned(),
            failed: done.failed.clone(),
            ..record.told(done.changes.clone(), now)
        };
        history::remember(&self.data_dir, past)?;
        self.memory.change(|memory| {
            memory.count_installed(&done.changes);
            if no_reboot {
                memory.last_no_reboot_install_at = Some(now);
            }
            memory.run = Some(record);
        })
    }

    /// What scripts of packages failed, for later runs: no package database tells that of itself, or why.
    fn remember_half_done(&mut self, done: &Done, facts: &FactSet) -> anyhow::Result<()> {
        let failed = done.failed.iter().filter(|refusal| refusal.failure.code == FailureCode::ScriptFailed);
        let left: Vec<_> =
            failed.chain(&done.half_done).filter_map(|refusal| HalfDone::of(refusal, facts)).collect();
        if left.is_empty() && self.memory.get().half_done.is_empty() {
            return Ok(());
        }
        self.memory.change(|memory| {
            let is_new = |known: &HalfDone| left.iter().any(|left| left.package == known.package);
            memory.half_done.retain(|known| known.lasts(facts) && !is_new(known));
            memory.half_done.extend(left);
        })
    }

    /// What a run left that did not live to report: finished, where this run may change the node, and counted as
    /// installed by us. What is to be installed is then judged anew, so nothing is installed twice.
    fn settle(&mut self, task: &Task<'_>, record: &RunRecord) -> anyhow::Result<()> {
        if let Phase::GoingBack { .. } = &record.phase {
            self.settle_going_back(task)?;
            return match self.memory.get().run.clone() {
                Some(left) if left.execution_id != record.execution_id => self.settle(task, &left),
                _ => Ok(()),
            };
        }
        if let Phase::Installing { wanted, before } = &record.phase {
            self.say(&record.interrupted());
            if task.operation == Operation::Install {
                self.repair()?;
            }
            let facts = self.gather(RefreshLists::Never).map_err(NotSearched)?.facts;
            let changes = difference(wanted, before, &facts);
            self.say(&format!("It had changed {}.", counted(changes.len(), "package")));
            let mut told = record.told(changes.clone(), (self.clock)());
            settle::name_left_over(&mut told, &self.data_dir, &installed(&facts));
            history::remember(&self.data_dir, told)?;
            let is_finished = task.operation == Operation::Install;
            return self.memory.change(|memory| {
                memory.count_installed(&changes);
                // A scan changes nothing on the node: what is half done stays so until the next installation.
                if is_finished {
                    memory.run = None;
                }
            });
        }
        if let Phase::Installed { done } | Phase::Rebooting { done, .. } = &record.phase {
            let facts = self.gather(RefreshLists::Never).map_err(NotSearched)?.facts;
            self.remember_half_done(done, &facts)?;
        }
        self.memory.change(|memory| memory.run = None)
    }

    /// What would be installed on a root that is about to go would be lost.
    fn settle_going_back(&mut self, task: &Task<'_>) -> anyhow::Result<()> {
        let output = Rc::clone(&self.output);
        let say = |line: &str| output.borrow_mut().say(line);
        let (waits, boot_id) = (self.waits, &self.boot.id);
        match settle::settle_going_back(&mut self.memory, &self.data_dir, boot_id, waits, &say)? {
            Some(text) if task.operation == Operation::Install => {
                bail!("{text}; restart it first, nothing was installed")
            }
            _ => Ok(()),
        }
    }

    fn repair(&mut self) -> anyhow::Result<()> {
        let mut run = self.tool_run();
        match self.manager.repair(&mut run) {
            Ok(repaired) if repaired.is_empty() => {}
            Ok(repaired) => self.say(&format!("Repaired: {}.", counted(repaired.len(), "package"))),
            // What stays broken fails by itself below, where it is reported.
            Err(failure) => self.say(&format!("The repair failed: {failure}")),
        }
        Ok(())
    }

    /// The same step, run again. It installs what had to wait for the restart, where there is such a thing.
    fn after_restart(
        &mut self,
        task: &Task<'_>,
        done: Done,
        boot_id: &str,
        asked: u32,
    ) -> anyhow::Result<Operated> {
        let is_same_boot = boot_id == self.boot.id;
        let (seen, evaluation) = self.look(task, RefreshLists::WherePossible).map_err(NotSearched)?;
        if !is_same_boot {
            let left = self.left_for_a_round(task, &evaluation, &done);
            if !left.is_empty() {
                let mut done = Done { rounds: done.rounds + 1, ..done };
                done.failed.retain(|refusal| refusal.failure.code != FailureCode::RestartFirst);
                return self.round(task, &left, done, &seen);
            }
        }
        let mut operated = self.operated(seen, evaluation, done, Vec::new());
        if is_same_boot {
            operated.next = if asked < MAX_ASKED { Next::Restart } else { Next::RestartFailed };
        }
        Ok(operated)
    }

    /// What is missing and has not failed yet. Nothing where one installation does it all, or after many of them.
    fn left_for_a_round(&self, task: &Task<'_>, evaluation: &Evaluation, done: &Done) -> Vec<Wanted> {
        if !self.manager.installs_in_rounds() || done.rounds >= MAX_ROUNDS {
            return Vec::new();
        }
        let (waiting, failed): (Vec<_>, Vec<_>) =
            done.failed.iter().partition(|refusal| refusal.failure.code == FailureCode::RestartFirst);
        let mut left = match task.override_list {
            None => wanted(evaluation),
            Some(_) => waiting.into_iter().map(|refusal| refusal.wanted.clone()).collect(),
        };
        left.retain(|wanted| failed.iter().all(|refusal| refusal.wanted != *wanted));
        left
    }

    /// Called last before the process ends with the code that asks for the restart.
    pub fn note_restart(&mut self, task: &Task<'_>, operated: &Operated) -> anyhow::Result<()> {
        let (asked, rounds) = match self.memory.get().run.as_ref().map(|record| &record.phase) {
            Some(Phase::Rebooting { asked, done, .. }) => (*asked, done.rounds),
            Some(Phase::Installed { done }) => (0, done.rounds),
            _ => (0, 0),
        };
        let mut failed = operated.other_failures.clone();
        failed.extend(operated.refusals());
        let done = Done { changes: operated.changes.clone(), failed, rounds, ..Done::default() };
        let boot_id = self.boot.id.clone();
        self.record(task, Some(Phase::Rebooting { done, boot_id, asked: asked + 1 }))
    }

    /// Called when everything has been reported. A record that the next installation has to settle stays.
    pub fn note_end(&mut self, task: &Task<'_>, operated: &Operated) -> anyhow::Result<()> {
        let counts = &operated.evaluation.counts;
        let last = Last {
            execution_id: task.execution_id.clone(),
            missing: counts.missing,
            pending: counts.installed_pending_reboot,
            installed: operated.changes.len(),
        };
        self.memory.change(|memory| {
            let phase = memory.run.as_ref().map(|record| &record.phase);
            let is_half_done = matches!(phase, Some(Phase::Installing { .. } | Phase::GoingBack { .. }));
            if task.operation == Operation::Install || !is_half_done {
                memory.run = None;
            }
            memory.last = Some(last);
        })
    }

    fn record(&mut self, task: &Task<'_>, phase: Option<Phase>) -> anyhow::Result<()> {
        let record = phase.map(|phase| self.run_record(task, phase));
        self.memory.change(|memory| memory.run = record)
    }

    fn run_record(&self, task: &Task<'_>, phase: Phase) -> RunRecord {
        RunRecord {
            execution_id: task.execution_id.clone(),
            started_at: task.started_at,
            phase,
            snapshot: self.snapshot.clone(),
            undo_of: None,
        }
    }

    fn look(&mut self, task: &Task<'_>, refresh: RefreshLists) -> anyhow::Result<(Gathered, Evaluation)> {
        let seen = self.gather(refresh)?;
        let evaluation = self.judge(task, &seen)?;
        Ok((seen, evaluation))
    }

    fn judge(&self, task: &Task<'_>, seen: &Gathered) -> anyhow::Result<Evaluation> {
        let conditions = Conditions {
            now: (self.clock)(),
            installed_by_us: &self.memory.get().installed,
            pending_scope: PendingScope::Any,
        };
        let mut evaluation = evaluate(task.rules, &seen.facts, &seen.observation, &conditions)
            .with_context(|| format!("baseline {} cannot be applied", task.baseline_id))?;
        evaluation.mark_half_done(&self.half_done(&seen.facts));
        Ok(evaluation)
    }

    /// What earlier installations left so, and nobody has changed since.
    fn half_done(&self, facts: &FactSet) -> Vec<HalfDone> {
        self.memory.get().half_done.iter().filter(|left| left.lasts(facts)).cloned().collect()
    }

    fn gather(&self, refresh: RefreshLists) -> anyhow::Result<Gathered> {
        let options = GatherOptions { now: (self.clock)(), refresh, data_dir: Some(self.data_dir.clone()) };
        Gathered::by(self.manager, self.boot, &options, self.facts_hash)
            .context("the packages of this node cannot be read")
    }

    fn operated(
        &self,
        seen: Gathered,
        mut evaluation: Evaluation,
        done: Done,
        warnings: Vec<Failure>,
    ) -> Operated {
        let mut failures = evaluation.mark_half_done(&self.half_done(&seen.facts));
        failures.extend(evaluation.mark_failed(&done.failed));
        let is_there = |refusal: &Refusal| {
            let wanted = &refusal.wanted;
            seen.facts.packages.iter().any(|package| {
                (&package.name, &package.arch, &package.version)
                    == (&wanted.name, &wanted.arch, &wanted.version)
                    && package.state == PackageState::Installed
            })
        };
        let is_item = |refusal: &Refusal| {
            failures.contains_key(&format!("{}.{}", refusal.wanted.name, refusal.wanted.arch))
        };
        let other_failures =
            done.failed.iter().filter(|refusal| !is_item(refusal) && !is_there(refusal)).cloned().collect();
        let ended_at = (self.clock)();
        let changes = done.changes;
        let next = Next::Finish;
        Operated { seen, evaluation, failures, other_failures, changes, warnings, next, ended_at }
    }

    fn tool_run(&self) -> ToolRun {
        let output = Rc::clone(&self.output);
        ToolRun::new(&self.data_dir.join(SCRATCH_FOLDER), self.time_limit)
            .streaming_to(move |_, line| output.borrow_mut().pass_on(line))
    }

    fn say(&self, line: &str) {
        self.output.borrow_mut().say(line);
    }
}

/// The baseline's limits, with what ids in its rejected list mean to this node's repositories.
pub(super) fn limits_for(manager: &dyn PackageManager, rules: &BaselineRules) -> Result<Limits, Failure> {
    let mut limits = limits(rules);
    if !limits.blocked.is_empty() {
        limits.blocked_versions = manager.versions_named(&limits.blocked)?;
    }
    Ok(limits)
}

pub(super) fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ if noun.ends_with("ch") => format!("{count} {noun}es"),
        _ => format!("{count} {noun}s"),
    }
}

/// Removes what tools were given to read.
pub fn clear_scratch(data_dir: &Path) {
    match std::fs::remove_dir_all(data_dir.join(SCRATCH_FOLDER)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::debug!(%error, "scratch folder not removed");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
