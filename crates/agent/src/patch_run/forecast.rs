//! Whether the installation that is planned could be taken back: the package manager is asked for the versions of now,
//! the root's file system whether a snapshot would hold it. What follows from that is `domain::patch::way_back`'s.

use std::fmt::Write as _;

use domain::patch::execution::UndoPossible;
use domain::patch::transaction::Plan;
use domain::patch::way_back::{OldVersion, UndoForecast, Way, WayBack};

use super::preview::{MAX_LISTED, silent};
use super::{PatchRequest, keep_root};
use crate::packages::PackageManager;

/// `None` where nothing would change.
pub fn of(manager: &dyn PackageManager, plan: &Plan, request: &PatchRequest) -> Option<UndoForecast> {
    if plan.changes.is_empty() {
        return None;
    }
    let (packages, unknown) = match manager.ways_back(&plan.changes, &mut silent(&request.data_dir)) {
        Ok(packages) => (packages, None),
        Err(failure) => (Vec::new(), Some(failure)),
    };
    Some(UndoForecast { packages, unknown, snapshot: keep_root::outlook(request) })
}

// Writing to a String cannot fail.
pub fn tell(text: &mut String, forecast: &UndoForecast) {
    let how = match forecast.way() {
        Some(Way::Packages) => ", by the versions of now",
        Some(Way::Snapshot) => ", by the snapshot that is taken before",
        None => "",
    };
    let word = match forecast.possible() {
        UndoPossible::Yes => "possible",
        UndoPossible::Partly => "partly possible",
        UndoPossible::No => "not possible",
        UndoPossible::Unknown => "not known",
    };
    let _ = writeln!(text, "Undo afterwards: {word}{how}");
    if let Some(failure) = &forecast.unknown {
        let _ = writeln!(text, "  {failure}");
    }
    for way in forecast.packages.iter().take(MAX_LISTED) {
        let WayBack { wanted, old } = way;
        let from = match old {
            OldVersion::NotNeeded => "is removed again".to_owned(),
            OldVersion::Cache { file } => format!("{} from {file}", wanted.version),
            OldVersion::Repository { name } if name.is_empty() => {
                format!("{} from a repository", wanted.version)
            }
            OldVersion::Repository { name } => format!("{} from {name}", wanted.version),
            OldVersion::Nowhere { failure } => failure.to_string(),
        };
        let _ = writeln!(text, "  {}.{}: {from}", wanted.name, wanted.arch);
    }
    if forecast.packages.len() > MAX_LISTED {
        let _ = writeln!(text, "  and {} more", forecast.packages.len() - MAX_LISTED);
    }
    let snapshot = &forecast.snapshot;
    let _ = match (&snapshot.obstacle, snapshot.covers()) {
        (Some(failure), _) => {
            writeln!(text, "Snapshot before it: none that could be gone back to: {failure}")
        }
        (None, true) => writeln!(text, "Snapshot before it: of {}", snapshot.of),
        (None, false) => writeln!(
            text,
            "Snapshot before it: none, because FETTLE_AGENT_SNAPSHOTS is off; {} could be kept",
            snapshot.of
        ),
    };
}
