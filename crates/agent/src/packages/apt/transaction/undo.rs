//! Taking recorded changes back: old versions from a repository or from apt's own cache, new packages removed.

use domain::patch::transaction::{Change, Outcome, Refusal};
use domain::patch::{Failure, FailureCode};

use super::super::super::tool::{ToolRun, failure};
use super::super::super::transaction::{Backend, Settled, State};
use super::super::super::ways_back::before_change;
use super::installed::Installed;
use super::place::Place;
use super::plan::{Item, Request, settle_items};
use super::{Apt, failures, repair};

const OPTIONS: [&str; 1] = ["--allow-downgrades"];

/// What can be taken back of these changes, and what cannot.
pub fn settle(
    apt: &Apt<'_>,
    place: &Place,
    before: &Installed,
    changes: &[Change],
    run: &mut ToolRun,
) -> Result<Settled, Failure> {
    let mut request = Request { options: OPTIONS.to_vec(), ..Request::default() };
    let mut items = Vec::new();
    for change in changes {
        let key = before.key(&change.name, &change.arch);
        let now = before.packages.get(&key).map(|package| package.version.as_str());
        if now == change.from.as_deref() {
            continue;
        }
        let (name, arch) = &key;
        let argument = match &change.from {
            Some(version) => match kept_file(apt, place, change, version)? {
                Some(file) => file,
                None => format!("{name}:{arch}={version}"),
            },
            None => {
                request.may_go.insert(key.clone());
                format!("{name}:{arch}-")
            }
        };
        items.push(Item::new(before_change(change), argument));
    }
    let mut settled = settle_items(place, before, items, &request, run)?;
    for refusal in &mut settled.plan.refused {
        if refusal.failure.code == FailureCode::VersionUnavailable {
            let version = &refusal.wanted.version;
            let detail = format!("no repository has version {version} any more, and no package file is kept");
            refusal.failure = failure(FailureCode::UndoImpossible, &refusal.wanted.name, detail);
        }
    }
    Ok(settled)
}

/// The package file in apt's cache, as the tools see it: it is enough where no repository has the version any more.
pub fn kept_file(
    apt: &Apt<'_>,
    place: &Place,
    change: &Change,
    version: &str,
) -> Result<Option<String>, Failure> {
    let Some(archives) = apt.settings()?.archives else { return Ok(None) };
    let version = version.replace(':', "%3a");
    let file = archives.join(format!("{}_{version}_{}.deb", change.name, change.arch));
    let is_there = apt.root.identity(&file)?.is_some_and(|file| file.size_bytes > 0);
    Ok(is_there.then(|| place.as_seen(apt, &file).display().to_string()))
}

pub fn undo(apt: &Apt<'_>, changes: &[Change], run: &mut ToolRun) -> Result<Outcome, Failure> {
    let (before, marks) = (apt.installed()?, apt.automatic()?);
    apt.wait_for_locks(run)?;
    repair::repair(apt, run)?;
    let place = apt.place(run)?;
    let settled = settle(apt, &place, &apt.installed()?, changes, run)?;
    let mut failed = settled.plan.refused.clone();
    let mut reason = None;
    if !settled.arguments.is_empty() {
        let finished = apt.change(&settled.complete(place.apt_get(), "install"), run)?;
        if !finished.succeeded() {
            reason = Some(failures::summary(&finished));
        }
    }
    apt.restore_marks(&marks, &place, run)?;
    let after = apt.installed()?;
    for wanted in &settled.accepted {
        let is_back = match wanted.version.as_str() {
            "" => after.of(wanted).is_none(),
            _ => after.has(wanted),
        };
        if !is_back {
            let detail = "apt-get reported success, but the old version is not back".to_owned();
            let failure = failure(FailureCode::NotInstalled, &wanted.name, detail);
            let failure = reason.clone().unwrap_or(failure);
            failed.push(Refusal { wanted: wanted.clone(), failure });
        }
    }
    Ok(Outcome { changes: before.changes_to(&after, &settled.accepted), failed, ..Outcome::default() })
}
