//! Taking recorded changes back: old versions from pacman's caches, since repositories keep none; new packages removed.

use domain::patch::transaction::{Change, Outcome, Plan, Refusal};
use domain::patch::way_back::{OldVersion, WayBack};
use domain::patch::{Failure, FailureCode};

use super::super::super::old_versions;
use super::super::super::tool::{Finished, ToolRun, failure};
use super::super::super::transaction::State;
use super::super::super::ways_back::before_change;
use super::place::Place;
use super::{Pacman, failures, files, repair};

/// What can be taken back of these changes, and what cannot.
#[derive(Debug, Default)]
pub struct Undo {
    pub plan: Plan,
    accepted: Vec<Change>,
    files: Vec<std::path::PathBuf>,
    removed: Vec<String>,
}

pub fn settle(
    pacman: &Pacman<'_>,
    place: &Place,
    changes: &[Change],
    run: &mut ToolRun,
) -> Result<Undo, Failure> {
    let before = pacman.installed()?;
    let mut undo = Undo::default();
    for change in changes.iter().filter(|change| !before.is_undone(change)) {
        match &change.from {
            None => undo.removed.push(change.name.clone()),
            Some(version) => match files::find(pacman.root, place, &change.name, version, "")? {
                Some(file) => undo.files.push(file),
                None => {
                    undo.refuse(change, failure(FailureCode::UndoImpossible, &change.name, no_file(version)));
                    continue;
                }
            },
        }
        undo.accepted.push(change.clone());
    }
    // All together or nothing: what holds among the old versions may not hold for a part of them.
    let obstacle = match undo.files.is_empty() {
        false => obstacle(&run.run(&place.rehearse_files(&undo.files))?),
        true if !undo.removed.is_empty() => obstacle(&run.run(&place.print_removal(&undo.removed))?),
        true => None,
    };
    if let Some(failure) = obstacle {
        for change in std::mem::take(&mut undo.accepted) {
            undo.refuse(&change, failure.clone());
        }
    }
    let reversed =
        |change: &Change| Change { from: change.to.clone(), to: change.from.clone(), ..change.clone() };
    undo.plan.changes = undo.accepted.iter().map(reversed).collect();
    Ok(undo)
}

fn obstacle(finished: &Finished) -> Option<Failure> {
    finished.text().any(|line| line.contains("error: ")).then(|| failures::summary(finished))
}

impl Undo {
    fn refuse(&mut self, change: &Change, failure: Failure) {
        self.plan.refused.push(Refusal { wanted: before_change(change), failure });
    }
}

fn no_file(version: &str) -> String {
    format!("no file of version {version} is in pacman's caches, and repositories keep no old versions")
}

pub fn ways_back(pacman: &Pacman<'_>, place: &Place, changes: &[Change]) -> Result<Vec<WayBack>, Failure> {
    old_versions::each(changes, |change, version| {
        Ok(match files::find(pacman.root, place, &change.name, version, "")? {
            Some(file) => OldVersion::Cache { file: file.display().to_string() },
            None => old_versions::nowhere(change, no_file(version)),
        })
    })
}

pub fn undo(pacman: &Pacman<'_>, changes: &[Change], run: &mut ToolRun) -> Result<Outcome, Failure> {
    pacman.wait(run)?;
    repair::repair(pacman, run)?;
    let (place, before) = (pacman.place()?, pacman.installed()?);
    place.free_own_database(pacman.root)?;
    let undo = settle(pacman, &place, changes, run)?;
    let mut failed = undo.plan.refused.clone();
    let mut reason = None;
    if !undo.accepted.is_empty() {
        repair::note(pacman.root, &undo.plan.changes, &before)?;
        if !undo.files.is_empty() {
            let finished = pacman.change(&place.install(&undo.files), run)?;
            reason = (!finished.succeeded()).then(|| failures::summary(&finished));
        }
        if reason.is_none() && !undo.removed.is_empty() {
            let finished = pacman.change(&place.remove(&undo.removed), run)?;
            reason = (!finished.succeeded()).then(|| failures::summary(&finished));
        }
        repair::forget(pacman.root)?;
    }
    let after = pacman.installed()?;
    for change in undo.accepted.iter().filter(|change| !after.is_undone(change)) {
        let detail = "pacman reported success, but the old version is not back".to_owned();
        let failure =
            reason.clone().unwrap_or_else(|| failure(FailureCode::NotInstalled, &change.name, detail));
        failed.push(Refusal { wanted: before_change(change), failure });
    }
    Ok(Outcome { changes: before.changes_to(&after, &[]), failed, ..Outcome::default() })
}
