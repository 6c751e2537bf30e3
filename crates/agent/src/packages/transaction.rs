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
    /// The package, with version and architecture as the tool writes it, that came although this script of it failed.
    pub came_half_done: Option<String>,
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
    /// Installs versions once more that are there, where the package database does not know what is half done.
    fn reinstall(&self, _wanted: &[Wanted], _run: &mut ToolRun) -> Result<Option<Finished>, Failure> {
        Ok(None)
    }
    /// `name-version.arch`, as [`Told::came_half_done`] has it.
    fn full_name(&self, wanted: &Wanted) -> String {
        format!("{}-{}.{}", wanted.name, wanted.version, wanted.arch)
    }
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
        scripts: Vec::new(),
        tried_again: Vec::new(),
    };
    work.install_again(&before, wanted)?;
    work.carry_out(wanted)?;
    // The run's own time may be up; the database is looked at all the same.
    let after = backend.state(&mut work.run.last_look())?;
    let failed =
        wanted.iter().filter(|wanted| !after.has(wanted)).map(|wanted| work.reason(wanted)).collect();
    let changes = before.changes_to(&after, wanted);
    let half_done = work.half_done(&changes);
    Ok(Outcome { changes, failed, half_done, warnings: work.warnings })
}

struct Work<'a, B> {
    backend: &'a B,
    limits: Limits,
    run: &'a mut ToolRun,
    failed: Vec<Refusal>,
    warnings: Vec<Failure>,
    /// Scripts that failed of packages that came all the same.
    scripts: Vec<(String, Failure)>,
    /// Packages that failed for a reason nobody knows, and were given another try.
    tried_again: Vec<String>,
}

impl<B: Backend> Work<'_, B> {
    /// What is there and has to run its scripts again.
    fn install_again(&mut self, before: &B::State, wanted: &[Wanted]) -> Result<(), Failure> {
        let is_asked = |again: &&Wanted| wanted.contains(again) && before.has(again);
        let again: Vec<_> = self.limits.again.iter().filter(is_asked).cloned().collect();
        if again.is_empty() {
            return Ok(());
        }
        if let Some(finished) = self.backend.reinstall(&again, self.run)? {
            self.backend.read(&finished).iter().for_each(|told| self.warn(told));
        }
        Ok(())
    }

    /// Of what changed or was installed again, that whose script failed.
    fn half_done(&self, changes: &[Change]) -> Vec<Refusal> {
        let came = changes.iter().filter_map(|change| {
            Some(Wanted { name: change.name.clone(), arch: change.arch.clone(), version: change.to.clone()? })
        });
        let of = |wanted: Wanted| {
            let full_name = self.backend.full_name(&wanted);
            let (_, failure) = self.scripts.iter().find(|(package, _)| *package == full_name)?;
            Some(Refusal { wanted, failure: failure.clone() })
        };
        came.chain(self.limits.again.iter().cloned()).filter_map(of).collect()
    }

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
        if let Some(package) = &told.came_half_done {
            self.scripts.push((package.clone(), told.failure.clone()));
            return;
        }
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
    Told { failure: failure(code, subject, detail.trim().to_owned()), package: None, came_half_done: None }
}

pub fn told_about(package: &str, code: FailureCode, subject: &str, detail: &str) -> Told {
    Told { package: Some(package.to_owned()), ..told(code, subject, detail) }
}
