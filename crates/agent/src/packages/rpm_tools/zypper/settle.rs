//! Which of the wanted versions can be had together: zypper's own solver is asked, and what stands in the way of the
//! others is left out and named.

use domain::patch::transaction::{Change, ChangeReason, Limits, Plan, Refusal, Wanted};
use domain::patch::{Failure, FailureCode};

use super::super::super::tool::{Finished, Tool, ToolRun, failure};
use super::super::super::transaction::{SOLVER_LIMIT, Settled};
use super::super::super::ways_back::before_change;
use super::super::installed::{Rpms, is_undone, name_of_nevra};
use super::super::kept::Kept;
use super::failures;
use super::place::Place;

pub fn install(
    place: &Place,
    before: &Rpms,
    wanted: &[Wanted],
    limits: &Limits,
    run: &mut ToolRun,
) -> Result<Settled, Failure> {
    let mut solver = Solver { place, before, limits, run, accepted: Vec::new(), plan: Plan::default() };
    let mut refused = solver.take(wanted.to_vec())?;
    if !refused.is_empty() && !solver.accepted.is_empty() {
        // What failed before the others were accepted may go beside them.
        refused = solver.take(refused.into_iter().map(|refusal| refusal.wanted).collect())?;
    }
    let plan = Plan { refused, ..solver.plan };
    let arguments = solver.accepted.iter().map(argument).collect();
    Ok(Settled { plan, accepted: solver.accepted, options: Vec::new(), arguments })
}

/// `name.arch=[epoch:]version-release`
pub fn argument(wanted: &Wanted) -> String {
    format!("{}.{}={}", wanted.name, wanted.arch, wanted.version)
}

struct Solver<'a> {
    place: &'a Place,
    before: &'a Rpms,
    limits: &'a Limits,
    run: &'a mut ToolRun,
    accepted: Vec<Wanted>,
    /// Of everything accepted.
    plan: Plan,
}

impl Solver<'_> {
    fn take(&mut self, mut left: Vec<Wanted>) -> Result<Vec<Refusal>, Failure> {
        let mut refused = Vec::new();
        while !left.is_empty() {
            let all: Vec<_> = self.accepted.iter().chain(&left).cloned().collect();
            let finished = ask(self.place.zypper(), &all, self.run)?;
            if let Some(plan) = self.plan_of(&finished, &all) {
                self.plan = plan;
                self.accepted.append(&mut left);
                break;
            }
            let count = left.len();
            for told in failures::read(&finished) {
                let is_named = |wanted: &Wanted| told.package.as_deref() == Some(wanted.name.as_str());
                let named = left.iter().filter(|wanted| is_named(wanted)).cloned();
                refused.extend(named.map(|wanted| Refusal { wanted, failure: told.failure.clone() }));
                left.retain(|wanted| !is_named(wanted));
            }
            if left.len() < count {
                continue;
            }
            if count == 1 {
                let failure = self.reason(&finished);
                refused.extend(left.drain(..).map(|wanted| Refusal { wanted, failure: failure.clone() }));
                break;
            }
            let second = left.split_off(count / 2);
            refused.extend(self.take(left)?);
            left = second;
        }
        Ok(refused)
    }

    /// `None` when it is not a plan that may be carried out.
    fn plan_of(&self, finished: &Finished, wanted: &[Wanted]) -> Option<Plan> {
        if finished.exit_code() != Some(0) {
            return None;
        }
        let plan = read_plan(finished, wanted);
        let removes = |change: &Change| change.to.is_none() && !self.makes_room(change, &plan);
        (!plan.changes.iter().any(removes)).then_some(plan)
    }

    /// An old kernel for a new one.
    fn makes_room(&self, removed: &Change, plan: &Plan) -> bool {
        let comes = |change: &Change| change.name == removed.name && change.from.is_none();
        self.before.versions(&removed.name, &removed.arch).len() > 1 && plan.changes.iter().any(comes)
    }

    fn reason(&self, finished: &Finished) -> Failure {
        let Some(problem) = failures::problems(finished).into_iter().next() else {
            let removed = read_plan(finished, &[]).changes.into_iter().find(|change| change.to.is_none());
            return match removed.filter(|_| finished.exit_code() == Some(0)) {
                Some(change) => {
                    let detail = format!("{} would be removed", change.name);
                    failure(FailureCode::WouldRemove, &change.name, detail)
                }
                None => failures::summary(finished),
            };
        };
        let entry_for = |name: &String| self.limits.entry_for(name);
        let text = problem.text;
        if let Some((name, entry)) = problem.locked.iter().find_map(|name| Some((name, entry_for(name)?))) {
            let detail = format!("the baseline rejects {name} (`{entry}`): {text}");
            return failure(FailureCode::RejectedDependency, name, detail);
        }
        if let Some(name) = problem.locked.first() {
            return failure(FailureCode::Held, name, format!("a lock keeps it (zypper locks): {text}"));
        }
        if let Some(name) = problem.removed.first() {
            return failure(FailureCode::WouldRemove, name, text);
        }
        let name = text.split(' ').next().map(name_of_nevra).unwrap_or_default().to_owned();
        failure(FailureCode::UnmetDependency, &name, text)
    }
}

fn ask(zypper: Tool, wanted: &[Wanted], run: &mut ToolRun) -> Result<Finished, Failure> {
    let tool = zypper.args(["--xmlout", "install", "--dry-run", "-l"]).args(wanted.iter().map(argument));
    ask_tool(tool, run)
}

/// An error is one that is in everybody's way.
pub fn ask_tool(tool: Tool, run: &mut ToolRun) -> Result<Finished, Failure> {
    let finished = run.run(&tool.at_most(SOLVER_LIMIT).quiet())?;
    let general = [
        FailureCode::NotPermitted,
        FailureCode::LockHeld,
        FailureCode::OutOfMemory,
        FailureCode::DatabaseBroken,
    ];
    let told = failures::read(&finished).into_iter().map(|told| told.failure);
    match told.into_iter().find(|failure| general.contains(&failure.code)) {
        Some(failure) if finished.exit_code() != Some(0) => Err(failure),
        _ => Ok(finished),
    }
}

/// The `install-summary` of zypper's XML, which has one package a line.
pub fn read_plan(finished: &Finished, wanted: &[Wanted]) -> Plan {
    let mut plan = Plan::default();
    let mut section = String::new();
    for line in finished.out() {
        let line = line.trim();
        if line.starts_with("<install-summary") {
            let number = |name: &str| attribute(line, name);
            plan.download_bytes = number("download-size").and_then(|size| size.parse().ok());
            plan.disk_bytes = number("space-usage-diff").and_then(|size| size.parse().ok());
            plan.reboot_expected = number("need-reboot").is_some_and(|need| need == "true" || need == "1");
        } else if let Some(name) = line.strip_prefix("<to-") {
            section = name.trim_end_matches('>').to_owned();
        } else if line.starts_with("<solvable type=\"package\"") {
            plan.changes.extend(change(line, &section, wanted));
        }
    }
    plan.changes.sort_unstable();
    plan
}

fn change(line: &str, section: &str, wanted: &[Wanted]) -> Option<Change> {
    let (name, arch) = (attribute(line, "name")?, attribute(line, "arch")?);
    let (edition, old) = (attribute(line, "edition"), attribute(line, "edition-old"));
    let (from, to) = match section {
        "remove" => (edition, None),
        "install" => (None, edition),
        _ if section.starts_with("upgrade") || section.starts_with("downgrade") => (old, edition),
        _ => return None,
    };
    let is_wanted = wanted.iter().any(|wanted| wanted.name == name && wanted.arch == arch);
    let reason = if is_wanted { ChangeReason::Wanted } else { ChangeReason::Dependency };
    Some(Change { name, arch, from, to, reason })
}

pub fn attribute(line: &str, name: &str) -> Option<String> {
    let (_, rest) = line.split_once(&format!(" {name}=\""))?;
    Some(failures::plain(rest.split('"').next()?))
}

/// What can be taken back.
#[derive(Debug, Default)]
pub struct Undo {
    pub plan: Plan,
    pub accepted: Vec<Change>,
    /// Files that the node keeps of what no repository has any more.
    kept: Kept,
}

/// `install` takes old versions, files of them and, after a `-`, what is to go.
pub fn undo_tool(zypper: Tool, undo: &Undo) -> Tool {
    let argument = |change: &Change| match (&change.from, &change.to) {
        (Some(_), _) if undo.kept.of(change).is_some() => {
            undo.kept.of(change).map(|file| file.display().to_string())
        }
        (Some(from), _) => Some(format!("{}.{}={from}", change.name, change.arch)),
        (None, Some(to)) => Some(format!("-{}.{}={to}", change.name, change.arch)),
        (None, None) => None,
    };
    let mut tool = zypper.args(["install", "-l", "--oldpackage", "--no-recommends"]);
    // Packages of a signed repository need no signature of their own; zypper looked at these when it fetched them.
    if undo.accepted.iter().any(|change| undo.kept.of(change).is_some()) {
        tool = tool.arg("--allow-unsigned-rpm");
    }
    tool.arg("--").args(undo.accepted.iter().filter_map(argument))
}

/// `kept` are the files that the node keeps of old versions.
pub fn undo(
    place: &Place,
    before: &Rpms,
    changes: &[Change],
    kept: Kept,
    run: &mut ToolRun,
) -> Result<Undo, Failure> {
    let mut undo = Undo { kept, ..Undo::default() };
    for change in changes.iter().filter(|change| !is_undone(before, change)) {
        let mut refused = None;
        if let Some(version) = change.from.as_ref().filter(|_| undo.kept.of(change).is_none()) {
            let zypper = place.zypper().arg("--xmlout");
            let tool = zypper.args(["install", "--dry-run", "-l", "--oldpackage"]);
            let finished = ask_tool(tool.arg(argument(&before_change(change))), run)?;
            // Dependencies between the changes are settled when all are taken back together.
            let is_gone = |failure: &Failure| failure.code == FailureCode::VersionUnavailable;
            if failures::read(&finished).iter().any(|told| is_gone(&told.failure)) {
                let detail =
                    format!("no repository has version {version} any more, and no package file is kept");
                refused = Some(failure(FailureCode::UndoImpossible, &change.name, detail));
            }
        }
        match refused {
            Some(failure) => undo.plan.refused.push(Refusal { wanted: before_change(change), failure }),
            None => {
                let reversed = Change { from: change.to.clone(), to: change.from.clone(), ..change.clone() };
                undo.plan.changes.push(reversed);
                undo.accepted.push(change.clone());
            }
        }
    }
    Ok(undo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_solvables() {
        let line = "<solvable type=\"package\" name=\"a\" edition=\"1.1-1\" arch=\"noarch\" \
                    edition-old=\"1.0-1\" arch-old=\"noarch\" summary=\"a &amp; b\">";
        let found = change(line, "upgrade", &[]).unwrap();
        assert_eq!((found.from.as_deref(), found.to.as_deref()), (Some("1.0-1"), Some("1.1-1")));
        assert_eq!(change(line, "remove", &[]).unwrap().to, None);
        assert_eq!(change(line, "install", &[]).unwrap().from, None);
        assert_eq!(change(line, "reinstall", &[]), None);
        assert_eq!(attribute(line, "summary").as_deref(), Some("a & b"));
    }
}
