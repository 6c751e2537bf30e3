//! Installing: settle, download, install, and judge each package by dpkg's database. What fails is left out and named,
//! and the others go on without it.

use domain::patch::transaction::{Limits, Outcome, Refusal, Wanted};
use domain::patch::{Failure, FailureCode};

use super::super::super::tool::{Finished, ToolRun, failure};
use super::failures::{self, Told};
use super::installed::Installed;
use super::place::Place;
use super::plan::{Settled, settle};
use super::{Apt, repair};

pub fn install(
    apt: &Apt<'_>,
    wanted: &[Wanted],
    limits: &Limits,
    run: &mut ToolRun,
) -> Result<Outcome, Failure> {
    let (before, marks) = (apt.installed()?, apt.automatic()?);
    let place = apt.place(run)?;
    apt.wait_for_locks(run)?;
    repair::repair(apt, run)?;
    let mut work = Work { apt, place, limits: limits.clone(), run, failed: Vec::new(), warnings: Vec::new() };
    work.carry_out(wanted)?;
    apt.restore_marks(&marks, &work.place, work.run)?;
    let after = apt.installed()?;
    let mut outcome = Outcome { changes: before.changes_to(&after, wanted), ..Outcome::default() };
    outcome.failed =
        wanted.iter().filter(|wanted| !after.has(wanted)).map(|wanted| work.reason(wanted)).collect();
    outcome.warnings = work.warnings;
    Ok(outcome)
}

struct Work<'a, 'r> {
    apt: &'a Apt<'r>,
    place: Place,
    limits: Limits,
    run: &'a mut ToolRun,
    failed: Vec<Refusal>,
    warnings: Vec<Failure>,
}

impl Work<'_, '_> {
    /// Goes on as long as something is left to try and the last try brought something to light.
    fn carry_out(&mut self, wanted: &[Wanted]) -> Result<(), Failure> {
        let mut left = wanted.to_vec();
        loop {
            let before = self.apt.installed()?;
            left.retain(|wanted| !before.has(wanted));
            if left.is_empty() {
                return Ok(());
            }
            let settled = self.settle(&before, &left)?;
            if settled.arguments.is_empty() {
                return Ok(());
            }
            left.clone_from(&settled.accepted);
            if let Err(failure) = self.apt.check_space(&settled.plan) {
                self.fail_all(&left, &failure);
                return Ok(());
            }
            let download = self.place.apt_get().args(["--download-only", "--no-remove"]);
            let finished = match self.apt.change(&settled.complete(download), self.run) {
                Ok(finished) => finished,
                Err(failure) => {
                    self.fail_all(&left, &failure);
                    return Ok(());
                }
            };
            if !finished.succeeded() {
                if !self.leave_out(&mut left, &finished, &settled) {
                    return Ok(());
                }
                continue;
            }
            let install = settled.complete(self.place.apt_get().arg("--no-remove"));
            let ended = self.apt.change(&install, self.run);
            let after = self.apt.installed()?;
            left.retain(|wanted| !after.has(wanted));
            let finished = match ended {
                Ok(finished) => finished,
                Err(failure) => {
                    // The time is up, or somebody cancelled: what was begun is finished by the next run's repair.
                    self.fail_all(&left, &failure);
                    return Ok(());
                }
            };
            if finished.succeeded() {
                let detail = "apt-get reported success, but this version is not installed";
                for wanted in &left {
                    self.fail(wanted, failure(FailureCode::NotInstalled, &wanted.name, detail.to_owned()));
                }
                return Ok(());
            }
            if !self.leave_out(&mut left, &finished, &settled) {
                return Ok(());
            }
            repair::repair(self.apt, self.run)?;
        }
    }

    fn settle(&mut self, before: &Installed, left: &[Wanted]) -> Result<Settled, Failure> {
        let settled = settle(&self.place, before, left, &self.limits, self.run)?;
        for refusal in &settled.plan.refused {
            self.fail(&refusal.wanted, refusal.failure.clone());
        }
        Ok(settled)
    }

    /// Takes what failed, by the tool's words, out of what is left. False when there is nothing to be gained by another
    /// try: nothing is left, or nobody knows what was in the way.
    fn leave_out(&mut self, left: &mut Vec<Wanted>, finished: &Finished, settled: &Settled) -> bool {
        let told = failures::read(finished);
        if let Some(full) = told.iter().find(|told| told.failure.code == FailureCode::DiskFull) {
            self.fail_all(left, &full.failure);
            return false;
        }
        let mut learned = false;
        for told in &told {
            let Some(package) = &told.package else { continue };
            let name = package.split(':').next().unwrap_or(package);
            let count = left.len();
            for wanted in left.iter().filter(|wanted| wanted.name == name) {
                self.failed.push(Refusal { wanted: wanted.clone(), failure: told.failure.clone() });
            }
            left.retain(|wanted| wanted.name != name);
            let brought_in = settled.plan.changes.iter().any(|change| change.name == name);
            match left.len() < count {
                true => learned = true,
                // Something that others need: they are refused when it is not to be had.
                false if brought_in && self.is_fetch(told) => {
                    self.limits.blocked.push(name.to_owned());
                    self.warn(told);
                    learned = true;
                }
                false => self.warn(told),
            }
        }
        if learned {
            return !left.is_empty();
        }
        let general = told.into_iter().find(|told| told.package.is_none()).map(|told| told.failure);
        let general = general.unwrap_or_else(|| finished.plain_failure());
        self.fail_all(left, &general);
        false
    }

    fn is_fetch(&self, told: &Told) -> bool {
        matches!(told.failure.code, FailureCode::ChecksumMismatch | FailureCode::DownloadFailed)
    }

    fn warn(&mut self, told: &Told) {
        if !self.warnings.contains(&told.failure) {
            self.warnings.push(told.failure.clone());
        }
    }

    fn fail(&mut self, wanted: &Wanted, failure: Failure) {
        self.failed.push(Refusal { wanted: wanted.clone(), failure });
    }

    fn fail_all(&mut self, left: &[Wanted], failure: &Failure) {
        left.iter().for_each(|wanted| self.fail(wanted, failure.clone()));
    }

    /// Why it is not there: the first reason that was met.
    fn reason(&self, wanted: &Wanted) -> Refusal {
        let known = self.failed.iter().find(|refusal| refusal.wanted == *wanted).cloned();
        known.unwrap_or_else(|| Refusal {
            wanted: wanted.clone(),
            failure: failure(FailureCode::NotInstalled, &wanted.name, "it is not at this version".to_owned()),
        })
    }
}
