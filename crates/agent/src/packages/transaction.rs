//! What every backend's installation has in common: settle, download, install, judge by the package database; leave
//! out what fails, name it, and go on with the others. How each step is done is the backends'.

use std::time::Duration;

use domain::patch::transaction::{Change, Limits, Outcome, Plan, Refusal, Wanted};
use domain::patch::{Failure, FailureCode};

use super::tool::{Finished, Tool, ToolRun, failure};

/// A solver that takes longer has lost its way.
pub const SOLVER_LIMIT: Duration = Duration::from_secs(600);

/// A failure recognised in a tool's output, and the package it kept away where the tool names one: `name` or `name:arch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub failure: Failure,
    pub package: Option<String>,
}

/// What can be done, and how the tool is to be asked for it.
#[derive(Debug, Default)]
pub struct Settled {
    pub plan: Plan,
    pub accepted: Vec<Wanted>,
    pub options: Vec<String>,
    /// The packages.
    pub arguments: Vec<String>,
}

impl Settled {
    /// `tool` with the command and what it is for.
    pub fn complete(&self, tool: Tool, command: &str) -> Tool {
        tool.args(&self.options).arg(command).args(&self.arguments)
    }
}

/// The package database at one moment.
pub trait State {
    fn has(&self, wanted: &Wanted) -> bool;

    /// What is different in `after`, sorted.
    fn changes_to(&self, after: &Self, wanted: &[Wanted]) -> Vec<Change>;
}

/// The steps of an installation.
pub trait Backend {
    type State: State;

    fn state(&self, run: &mut ToolRun) -> Result<Self::State, Failure>;
    fn wait_for_locks(&self, run: &mut ToolRun) -> Result<(), Failure>;
    fn finish_interrupted(&self, run: &mut ToolRun) -> Result<(), Failure>;
    fn settle(
        &self,
        before: &Self::State,
        wanted: &[Wanted],
        limits: &Limits,
        run: &mut ToolRun,
    ) -> Result<Settled, Failure>;
    fn check_space(&self, plan: &Plan) -> Result<(), Failure>;
    fn download(&self, settled: &Settled, run: &mut ToolRun) -> Result<Finished, Failure>;
    fn apply(&self, settled: &Settled, run: &mut ToolRun) -> Result<Finished, Failure>;
    fn succeeded(&self, finished: &Finished) -> bool;
    fn read(&self, finished: &Finished) -> Vec<Told>;
}

/// An error means that nothing was begun.
pub fn install<B: Backend>(
    backend: &B,
    wanted: &[Wanted],
    limits: &Limits,
    run: &mut ToolRun,
) -> Result<Outcome, Failure> {
    backend.wait_for_locks(run)?;
    let before = backend.state(run)?;
    backend.finish_interrupted(run)?;
    let mut work = Work {
        backend,
        limits: limits.clone(),
        run,
        failed: Vec::new(),
        warnings: Vec::new(),
        tried_again: Vec::new(),
    };
    work.carry_out(wanted)?;
    // The run's own time may be up; the database is looked at all the same.
    let after = backend.state(&mut work.run.last_look())?;
    let failed =
        wanted.iter().filter(|wanted| !after.has(wanted)).map(|wanted| work.reason(wanted)).collect();
    Ok(Outcome { changes: before.changes_to(&after, wanted), failed, warnings: work.warnings })
}

struct Work<'a, B> {
    backend: &'a B,
    limits: Limits,
    run: &'a mut ToolRun,
    failed: Vec<Refusal>,
    warnings: Vec<Failure>,
    /// Packages that failed for a reason nobody knows, and were given another try.
    tried_again: Vec<String>,
}

impl<B: Backend> Work<'_, B> {
    /// Goes on as long as something is left to try and the last try brought something to light.
    fn carry_out(&mut self, wanted: &[Wanted]) -> Result<(), Failure> {
        let mut left = wanted.to_vec();
        let mut begun = false;
        loop {
            let settled = match self.settle(&mut left) {
                Ok(settled) => settled,
                Err(failure) if begun => {
                    self.fail_all(&left, &failure);
                    return Ok(());
                }
                Err(failure) => return Err(failure),
            };
            if settled.arguments.is_empty() {
                return Ok(());
            }
            begun = true;
            left.clone_from(&settled.accepted);
            if let Err(failure) = self.try_once(&mut left, &settled) {
                // No room, the time is up, somebody cancelled: what was begun is finished by the next run's repair.
                self.fail_all(&left, &failure);
                return Ok(());
            }
        }
    }

    fn settle(&mut self, left: &mut Vec<Wanted>) -> Result<Settled, Failure> {
        let before = self.backend.state(self.run)?;
        left.retain(|wanted| !before.has(wanted));
        if left.is_empty() {
            return Ok(Settled::default());
        }
        let settled = self.backend.settle(&before, left, &self.limits, self.run)?;
        for refusal in &settled.plan.refused {
            self.failed.push(refusal.clone());
        }
        Ok(settled)
    }

    /// Afterwards `left` holds what is worth another try.
    fn try_once(&mut self, left: &mut Vec<Wanted>, settled: &Settled) -> Result<(), Failure> {
        self.backend.check_space(&settled.plan)?;
        let download = self.backend.download(settled, self.run)?;
        if !self.backend.succeeded(&download) {
            self.leave_out(left, &download, settled);
            return Ok(());
        }
        let finished = self.backend.apply(settled, self.run)?;
        let after = self.backend.state(self.run)?;
        left.retain(|wanted| !after.has(wanted));
        if self.backend.succeeded(&finished) {
            for told in self.backend.read(&finished) {
                self.warn(&told);
            }
            for wanted in left.drain(..) {
                let detail =
                    format!("{} reported success, but this version is not installed", finished.program);
                let failure = failure(FailureCode::NotInstalled, &wanted.name, detail);
                self.failed.push(Refusal { wanted, failure });
            }
            return Ok(());
        }
        self.leave_out(left, &finished, settled);
        self.backend.finish_interrupted(self.run)
    }

    /// Takes what failed, by the tool's words, out of what is left; everything when nobody knows what was in the way.
    fn leave_out(&mut self, left: &mut Vec<Wanted>, finished: &Finished, settled: &Settled) {
        let told = self.backend.read(finished);
        let full = told.iter().find(|told| told.failure.code == FailureCode::DiskFull);
        let mut learned = full.is_none() && left.is_empty();
        for told in told.iter().filter(|_| full.is_none()) {
            let name = told.package.as_deref().map(|package| package.split(':').next().unwrap_or(package));
            let Some(name) = name else {
                // A scriptlet that the tool only warns of has kept nothing away.
                if told.failure.code == FailureCode::ScriptFailed {
                    self.warn(told);
                }
                continue;
            };
            // A killed run leaves states that the first try only clears up.
            if told.failure.code == FailureCode::ToolFailed
                && left.iter().any(|wanted| wanted.name == name)
                && !self.tried_again.iter().any(|tried| tried == name)
            {
                self.tried_again.push(name.to_owned());
                learned = true;
                continue;
            }
            let count = left.len();
            for wanted in left.iter().filter(|wanted| wanted.name == name) {
                self.failed.push(Refusal { wanted: wanted.clone(), failure: told.failure.clone() });
            }
            left.retain(|wanted| wanted.name != name);
            let is_known =
                left.len() < count || self.failed.iter().any(|refusal| refusal.wanted.name == name);
            learned |= left.len() < count;
            if !is_known {
                self.warn(told);
                let brought_in = settled.plan.changes.iter().any(|change| change.name == name);
                if brought_in && is_fetch(told) && !self.limits.blocked.iter().any(|blocked| blocked == name)
                {
                    // Something that others need: they are refused now that it is not to be had.
                    self.limits.blocked.push(name.to_owned());
                    learned = true;
                }
            }
        }
        if !learned {
            let is_general =
                |told: &&Told| told.package.is_none() && told.failure.code != FailureCode::ScriptFailed;
            let general = full.or_else(|| told.iter().find(is_general));
            let general = general.map_or_else(|| finished.plain_failure(), |told| told.failure.clone());
            self.fail_all(left, &general);
            left.clear();
        }
    }

    fn warn(&mut self, told: &Told) {
        if !self.warnings.contains(&told.failure) {
            self.warnings.push(told.failure.clone());
        }
    }

    fn fail_all(&mut self, left: &[Wanted], failure: &Failure) {
        let refusal = |wanted: &Wanted| Refusal { wanted: wanted.clone(), failure: failure.clone() };
        self.failed.extend(left.iter().map(refusal));
    }

    /// Why it is not there: the first reason that was met. That a dependency could not be fetched says more than that it
    /// was left out therefore.
    fn reason(&self, wanted: &Wanted) -> Refusal {
        let known = self.failed.iter().find(|refusal| refusal.wanted == *wanted).cloned();
        let mut refusal = known.unwrap_or_else(|| Refusal {
            wanted: wanted.clone(),
            failure: failure(FailureCode::NotInstalled, &wanted.name, "it is not at this version".to_owned()),
        });
        if refusal.failure.code == FailureCode::RejectedDependency {
            let cause = self
                .warnings
                .iter()
                .find(|warning| warning.subject == refusal.failure.subject && is_fetch_code(warning.code));
            if let Some(cause) = cause {
                refusal.failure = cause.clone();
            }
        }
        refusal
    }
}

fn is_fetch(told: &Told) -> bool {
    is_fetch_code(told.failure.code)
}

fn is_fetch_code(code: FailureCode) -> bool {
    matches!(code, FailureCode::ChecksumMismatch | FailureCode::DownloadFailed)
}

pub fn told(code: FailureCode, subject: &str, detail: &str) -> Told {
    Told { failure: failure(code, subject, detail.trim().to_owned()), package: None }
}

pub fn told_about(package: &str, code: FailureCode, subject: &str, detail: &str) -> Told {
    Told { package: Some(package.to_owned()), ..told(code, subject, detail) }
}
