//! Which of the wanted versions can be had together. dnf leaves out by itself what cannot; those are then asked for one
//! by one, for the reasons.

use domain::patch::transaction::{Change, ChangeReason, Limits, Plan, Refusal, Wanted};
use domain::patch::{Failure, FailureCode};

use super::super::super::tool::{Finished, ToolRun, failure};
use super::super::super::transaction::{SOLVER_LIMIT, Settled};
use super::super::super::ways_back::before_change;
use super::super::installed::{Rpms, is_undone, nevra};
use super::super::kept::Kept;
use super::place::Place;
use super::table::{self, Action, Row, Table};
use super::{argument, failures};

/// Reasons are asked for one by one; beyond this many the common one has to do.
const MAX_REASONS: usize = 40;

pub fn install(
    place: &Place,
    before: &Rpms,
    wanted: &[Wanted],
    limits: &Limits,
    run: &mut ToolRun,
) -> Result<Settled, Failure> {
    let asking = Asking { place, before, limits };
    let (mut left, mut refused) = (wanted.to_vec(), Vec::new());
    // Each round leaves out what removes others; without such there is one.
    loop {
        if left.is_empty() {
            return Ok(Settled { plan: Plan { refused, ..Plan::default() }, ..Settled::default() });
        }
        let finished = asking.ask(&left, Some(place.lenient()), run)?;
        let table = table::read(finished.out());
        let taken = |wanted: &Wanted| {
            let is_row =
                |row: &Row| matches!(row.action, Action::Install | Action::Upgrade) && is_of(row, wanted);
            table.rows.iter().any(is_row)
        };
        let missing: Vec<_> = left.iter().filter(|wanted| !taken(wanted)).cloned().collect();
        refused.extend(asking.reasons(missing, &finished, run)?);
        left.retain(taken);
        let removed = asking.removed(&table);
        if removed.is_empty() {
            return Ok(asking.settled(left, refused, &table));
        }
        let culprits = asking.removers(&left, run)?;
        if culprits.is_empty() {
            // Only together: nobody knows which of them to leave out.
            let detail = format!("{} would be removed", removed.join(", "));
            let failure = failure(FailureCode::WouldRemove, &removed[0], detail);
            refused.extend(left.drain(..).map(|wanted| Refusal { wanted, failure: failure.clone() }));
        }
        left.retain(|wanted| !culprits.iter().any(|refusal| refusal.wanted == *wanted));
        refused.extend(culprits);
    }
}

struct Asking<'a> {
    place: &'a Place,
    before: &'a Rpms,
    limits: &'a Limits,
}

impl Asking<'_> {
    fn ask(&self, wanted: &[Wanted], option: Option<&str>, run: &mut ToolRun) -> Result<Finished, Failure> {
        let tool = self
            .place
            .dnf()
            .args(Place::excluding(self.limits))
            .arg("--assumeno")
            .args(option)
            .arg("install");
        let finished = run.run(&tool.args(wanted.iter().map(argument)).at_most(SOLVER_LIMIT).quiet())?;
        failures::unanswered(&finished).map_or(Ok(finished), Err)
    }

    /// Why each of these was left out.
    fn reasons(
        &self,
        missing: Vec<Wanted>,
        all: &Finished,
        run: &mut ToolRun,
    ) -> Result<Vec<Refusal>, Failure> {
        let told = failures::read(all);
        let mut refused = Vec::new();
        for (at, wanted) in missing.into_iter().enumerate() {
            let named = told.iter().find(|told| told.package.as_deref() == Some(wanted.name.as_str()));
            let failure = match named {
                Some(told) => told.failure.clone(),
                None if at < MAX_REASONS => {
                    let finished = self.ask(std::slice::from_ref(&wanted), None, run)?;
                    self.reason(&wanted, &finished)
                }
                None => failures::summary(all),
            };
            refused.push(Refusal { failure: self.in_our_words(&wanted, failure), wanted });
        }
        Ok(refused)
    }

    fn reason(&self, wanted: &Wanted, finished: &Finished) -> Failure {
        let told = failures::read(finished).into_iter().next().map(|told| told.failure);
        told.unwrap_or_else(|| {
            let last = finished.text().filter(|line| !line.trim().is_empty()).last().unwrap_or_default();
            let detail = format!("the solver leaves it as it is; last line: {}", last.trim());
            failure(FailureCode::UnmetDependency, &wanted.name, detail)
        })
    }

    /// What is filtered out is rejected by the baseline, or kept by the node's own configuration.
    fn in_our_words(&self, wanted: &Wanted, mut failure: Failure) -> Failure {
        if failure.subject.is_empty() {
            failure.subject.clone_from(&wanted.name);
        }
        let filtered = matches!(failure.code, FailureCode::RejectedDependency | FailureCode::Held);
        if filtered {
            match self.limits.entry_for(&failure.subject) {
                Some(entry) => {
                    failure.code = FailureCode::RejectedDependency;
                    failure.detail =
                        format!("the baseline rejects {} (`{entry}`): {}", failure.subject, failure.detail);
                }
                None => failure.code = FailureCode::Held,
            }
        }
        failure
    }

    /// Names of what would go, but for old kernels that make room for a new one.
    fn removed(&self, table: &Table) -> Vec<String> {
        let makes_room = |row: &Row| {
            table.rows.iter().any(|other| {
                other.action == Action::Install && other.name == row.name && other.arch == row.arch
            })
        };
        let rows = table.rows.iter().filter(|row| row.action == Action::Remove && !makes_room(row));
        let replaced =
            table.replaced.iter().map(|name| name.rsplit_once('.').map_or(name.as_str(), |(name, _)| name));
        let replaced = replaced.filter(|name| self.before.has_name(name));
        rows.map(|row| row.name.clone()).chain(replaced.map(str::to_owned)).collect()
    }

    /// Those that would remove others already when asked for alone.
    fn removers(&self, left: &[Wanted], run: &mut ToolRun) -> Result<Vec<Refusal>, Failure> {
        let mut refused = Vec::new();
        for wanted in left {
            let finished = self.ask(std::slice::from_ref(wanted), None, run)?;
            let removed = self.removed(&table::read(finished.out()));
            if let Some(first) = removed.first() {
                let detail = format!("{} would be removed", removed.join(", "));
                let failure = failure(FailureCode::WouldRemove, first, detail);
                refused.push(Refusal { wanted: wanted.clone(), failure });
            }
        }
        Ok(refused)
    }

    fn settled(&self, accepted: Vec<Wanted>, refused: Vec<Refusal>, table: &Table) -> Settled {
        let change = |row: &Row| self.change(row, &accepted);
        let mut changes: Vec<_> = table.rows.iter().filter_map(change).collect();
        changes.sort_unstable();
        let plan = Plan {
            changes,
            refused,
            download_bytes: table.download_bytes,
            disk_bytes: table.disk_bytes,
            ..Plan::default()
        };
        let options = Place::excluding(self.limits).collect();
        Settled { plan, options, arguments: accepted.iter().map(argument).collect(), accepted }
    }

    fn change(&self, row: &Row, wanted: &[Wanted]) -> Option<Change> {
        let is_wanted = wanted.iter().any(|wanted| is_of(row, wanted));
        let reason = if is_wanted { ChangeReason::Wanted } else { ChangeReason::Dependency };
        let old = || self.before.newest(&row.name, &row.arch).cloned();
        let (from, to) = match row.action {
            Action::Install => (None, Some(row.version.clone())),
            Action::Upgrade | Action::Downgrade => (old(), Some(row.version.clone())),
            Action::Remove => (Some(row.version.clone()), None),
            Action::Reinstall | Action::Skip => return None,
        };
        Some(Change { name: row.name.clone(), arch: row.arch.clone(), from, to, reason })
    }
}

fn is_of(row: &Row, wanted: &Wanted) -> bool {
    row.name == wanted.name && row.arch == wanted.arch && row.version == wanted.version
}

/// What can be taken back: old versions by `downgrade`, what came anew by `remove`, what went by `install`.
#[derive(Debug, Default)]
pub struct Undo {
    pub plan: Plan,
    pub accepted: Vec<Change>,
    /// Files that the node keeps of what no repository has any more.
    kept: Kept,
}

impl Undo {
    /// The commands, in their order, with their packages.
    pub fn commands(&self) -> Vec<(&'static str, Vec<String>)> {
        let mut commands = vec![("downgrade", Vec::new()), ("install", Vec::new()), ("remove", Vec::new())];
        for change in &self.accepted {
            let of = |version: &str| match self.kept.of(change) {
                Some(file) => file.display().to_string(),
                None => nevra(&change.name, version, &change.arch),
            };
            match (&change.from, &change.to) {
                (Some(from), Some(_)) => commands[0].1.push(of(from)),
                (Some(from), None) => commands[1].1.push(of(from)),
                (None, Some(to)) => commands[2].1.push(of(to)),
                (None, None) => {}
            }
        }
        commands.retain(|(_, arguments)| !arguments.is_empty());
        commands
    }
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
        let one = Undo { accepted: vec![change.clone()], kept: undo.kept.clone(), ..Undo::default() };
        let mut refused = None;
        for (command, arguments) in one.commands().iter().filter(|(command, _)| *command != "remove") {
            let tool =
                place.dnf().args(["--assumeno", command]).args(arguments).at_most(SOLVER_LIMIT).quiet();
            let finished = run.run(&tool)?;
            let table = table::read(finished.out());
            let comes = table.rows.iter().any(|row| is_of(row, &before_change(change)));
            if !comes {
                let version = change.from.as_deref().unwrap_or_default();
                let detail = match failures::read(&finished).into_iter().next() {
                    Some(told) if told.failure.code != FailureCode::VersionUnavailable => told.failure.detail,
                    _ => format!("no repository has version {version} any more, and no package file is kept"),
                };
                refused = Some(failure(FailureCode::UndoImpossible, &change.name, detail));
            }
        }
        match refused {
            Some(failure) => undo.plan.refused.push(Refusal { wanted: before_change(change), failure }),
            None => {
                undo.plan.changes.push(Change {
                    from: change.to.clone(),
                    to: change.from.clone(),
                    ..change.clone()
                });
                undo.accepted.push(change.clone());
            }
        }
    }
    Ok(undo)
}
