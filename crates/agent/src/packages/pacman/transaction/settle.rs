//! Which of the wanted versions can be had together: pacman's own solver is asked, and what stands in the way of the others
//! is left out and named.

use std::collections::BTreeMap;

use domain::baseline::names::glob;
use domain::patch::transaction::{Change, ChangeReason, Limits, Plan, Refusal, Wanted};
use domain::patch::{Failure, FailureCode, version_pacman};

use super::super::super::tool::{Finished, ToolRun, failure};
use super::super::super::transaction::Settled;
use super::super::config::Config;
use super::super::desc::Desc;
use super::failures;
use super::installed::Installed;
use super::place::Place;

/// How many packages that stay behind are named.
const NAMED: usize = 8;

/// What the lists have: by name, of the first repository that has it.
pub type Offered = BTreeMap<String, (String, Desc)>;

pub struct Circumstances<'a> {
    pub place: &'a Place,
    pub config: &'a Config,
    pub offered: &'a Offered,
    pub before: &'a Installed,
    pub limits: &'a Limits,
}

pub fn install(at: &Circumstances<'_>, wanted: &[Wanted], run: &mut ToolRun) -> Result<Settled, Failure> {
    let (mut askable, mut refused) = (Vec::new(), Vec::new());
    for wanted in wanted {
        match at.refuse(wanted) {
            Some(failure) => refused.push(Refusal { wanted: wanted.clone(), failure }),
            None => askable.push(wanted.clone()),
        }
    }
    let mut solver = Solver { at, run, accepted: Vec::new(), plan: Plan::default() };
    let mut left = solver.take(askable)?;
    if !left.is_empty() && !solver.accepted.is_empty() {
        // What failed before the others were accepted may go beside them.
        left = solver.take(left.into_iter().map(|refusal| refusal.wanted).collect())?;
    }
    refused.extend(left);
    let Solver { accepted, mut plan, .. } = solver;
    plan.warnings.extend(at.left_behind(&plan));
    plan.refused = refused;
    let arguments = accepted.iter().filter_map(|wanted| at.target(wanted)).collect();
    Ok(Settled { plan, accepted, options: Vec::new(), arguments })
}

impl Circumstances<'_> {
    fn target(&self, wanted: &Wanted) -> Option<String> {
        self.offered.get(&wanted.name).map(|(repository, _)| format!("{repository}/{}", wanted.name))
    }

    /// What can be told without asking.
    fn refuse(&self, wanted: &Wanted) -> Option<Failure> {
        let name = wanted.name.as_str();
        let groups = self.before.get(name).map(|package| package.groups.as_slice()).unwrap_or_default();
        if self.config.ignores(name, groups) {
            let detail = format!("IgnorePkg or IgnoreGroup in pacman.conf names {name}");
            return Some(failure(FailureCode::Held, name, detail));
        }
        let offered = self.offered.get(name).map(|(_, desc)| desc.version.as_str());
        (offered != Some(wanted.version.as_str())).then(|| {
            let detail = match offered {
                Some(offered) => format!("the repositories have {offered} now, not {}", wanted.version),
                None => "no repository has it".to_owned(),
            };
            failure(FailureCode::VersionUnavailable, name, detail)
        })
    }

    /// Arch supports whole upgrades only: says so where the plan is a part of one.
    fn left_behind(&self, plan: &Plan) -> Option<Failure> {
        let comes = |name: &str| plan.changes.iter().any(|change| change.name == name);
        let is_behind = |name: &str, version: &str| {
            let offered = self.offered.get(name).map(|(_, desc)| desc.version.as_str());
            offered.is_some_and(|offered| version_pacman::is_newer(offered, version)) && !comes(name)
        };
        let behind: Vec<&str> = self
            .before
            .iter()
            .filter(|(name, package)| is_behind(name, &package.version))
            .map(|(name, _)| name.as_str())
            .collect();
        (!behind.is_empty() && !plan.changes.is_empty()).then(|| {
            let more = if behind.len() > NAMED { ", …" } else { "" };
            let names = behind[..behind.len().min(NAMED)].join(", ");
            let detail = format!(
                "packages that have updates stay as they are: {} ({names}{more}); Arch supports upgrading everything together, \
                 and pacman checks declared dependencies only",
                behind.len()
            );
            failure(FailureCode::PartialUpgrade, "", detail)
        })
    }

    fn change(&self, name: &str, version: &str, wanted: &[Wanted]) -> Change {
        let before = self.before.get(name);
        let arch = self.offered.get(name).map(|(_, desc)| desc.arch.clone());
        let is_wanted = wanted.iter().any(|wanted| wanted.name == name);
        Change {
            name: name.to_owned(),
            arch: arch.or(before.map(|package| package.arch.clone())).unwrap_or_default(),
            from: before.map(|package| package.version.clone()),
            to: Some(version.to_owned()),
            reason: if is_wanted { ChangeReason::Wanted } else { ChangeReason::Dependency },
        }
    }

    /// Why what the plan brings along must not come.
    fn forbidden(&self, plan: &Plan) -> Option<Failure> {
        plan.changes.iter().find_map(|change| {
            let (name, version) = (&change.name, change.to.as_deref().unwrap_or_default());
            let forms = [
                name.clone(),
                format!("{name}={version}"),
                format!("{name}-{version}"),
                format!("{name}-{version}-{}", change.arch),
            ];
            let is_named = |entry: &&String| forms.iter().any(|form| glob(entry, form));
            let by_name = || self.limits.blocked.iter().find(is_named);
            let by_version = || {
                let all = &self.limits.blocked_versions;
                let is_it = |package: &Wanted| package.name == *name && package.version == version;
                all.iter().find(|blocked| is_it(&blocked.package)).map(|blocked| &blocked.entry)
            };
            if let Some(entry) = by_name().or_else(by_version) {
                let detail = format!("the baseline rejects {name} (`{entry}`)");
                return Some(failure(FailureCode::RejectedDependency, name, detail));
            }
            let groups = self.before.get(name).map(|package| package.groups.as_slice()).unwrap_or_default();
            self.config.ignores(name, groups).then(|| {
                let detail = format!("it needs {name} {version}, and pacman.conf ignores updates of that");
                failure(FailureCode::Held, name, detail)
            })
        })
    }
}

struct Solver<'a, 'c> {
    at: &'a Circumstances<'c>,
    run: &'a mut ToolRun,
    accepted: Vec<Wanted>,
    /// Of everything accepted.
    plan: Plan,
}

impl Solver<'_, '_> {
    fn take(&mut self, mut left: Vec<Wanted>) -> Result<Vec<Refusal>, Failure> {
        let mut refused = Vec::new();
        while !left.is_empty() {
            let all: Vec<_> = self.accepted.iter().chain(&left).cloned().collect();
            let failure = match self.ask(&all)? {
                Ok(plan) => {
                    self.plan = plan;
                    self.accepted.append(&mut left);
                    break;
                }
                Err(failure) => failure,
            };
            if left.len() == 1 {
                refused.extend(left.drain(..).map(|wanted| Refusal { wanted, failure: failure.clone() }));
                break;
            }
            let second = left.split_off(left.len() / 2);
            refused.extend(self.take(left)?);
            left = second;
        }
        Ok(refused)
    }

    /// The outer error is one that is in everybody's way.
    fn ask(&mut self, wanted: &[Wanted]) -> Result<Result<Plan, Failure>, Failure> {
        let targets: Vec<String> = wanted.iter().filter_map(|wanted| self.at.target(wanted)).collect();
        let printed = self.run.run(&self.at.place.print(&targets))?;
        if !printed.succeeded() {
            // A printed plan keeps quiet about what it ignores.
            let told = self.run.run(&self.at.place.rehearse(&targets))?;
            return reason(if failures::read(&told).is_empty() { &printed } else { &told }).map(Err);
        }
        let plan = self.read_plan(&printed, wanted);
        if let Some(failure) = self.at.forbidden(&plan) {
            return Ok(Err(failure));
        }
        let rehearsed = self.run.run(&self.at.place.rehearse(&targets))?;
        match rehearsed.text().any(|line| line.contains("error: ")) {
            true => reason(&rehearsed).map(Err),
            false => Ok(Ok(plan)),
        }
    }

    fn read_plan(&self, printed: &Finished, wanted: &[Wanted]) -> Plan {
        let mut plan = Plan::default();
        let (mut download, mut disk) = (0u64, 0i64);
        for line in printed.out() {
            let words: Vec<&str> = line.split(' ').collect();
            let [_, name, version, bytes] = words.as_slice() else { continue };
            plan.changes.push(self.at.change(name, version, wanted));
            download = download.saturating_add(bytes.parse().unwrap_or(0));
            let size = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
            let after = self.at.offered.get(*name).map_or(0, |(_, desc)| size(desc.size_bytes));
            let before = self.at.before.get(name).map_or(0, |package| size(package.size_bytes));
            disk = disk.saturating_add(after - before);
        }
        plan.changes.sort_unstable();
        Plan { download_bytes: Some(download), disk_bytes: Some(disk), ..plan }
    }
}

/// Of one answer; an error where it holds for everything.
fn reason(finished: &Finished) -> Result<Failure, Failure> {
    let failure = match (failures::summary(finished), failures::ignored(finished)) {
        (unmet, Some(name)) if unmet.code == FailureCode::UnmetDependency => {
            let detail = format!("pacman.conf ignores {name}: {}", unmet.detail);
            failure(FailureCode::Held, &name, detail)
        }
        (failure, _) => failure,
    };
    let general = [
        FailureCode::NotPermitted,
        FailureCode::LockHeld,
        FailureCode::OutOfMemory,
        FailureCode::DatabaseBroken,
    ];
    if general.contains(&failure.code) { Err(failure) } else { Ok(failure) }
}
