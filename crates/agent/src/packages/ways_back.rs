//! The ways back of planned changes, in the words that all package managers share. Where the version of now could come
//! from is each one's to find out.

use domain::patch::transaction::{Change, Refusal, Wanted};
use domain::patch::way_back::{OldVersion, WayBack};
use domain::patch::{Failure, FailureCode};

use super::tool::failure;

/// The version that should come back; empty for one that should go.
pub fn before_change(change: &Change) -> Wanted {
    let version = change.from.clone().unwrap_or_default();
    Wanted { name: change.name.clone(), arch: change.arch.clone(), version }
}

/// One for each change, in their order. `find` is asked about those that have a version from before.
pub fn each(
    changes: &[Change],
    mut find: impl FnMut(&Change, &str) -> Result<OldVersion, Failure>,
) -> Result<Vec<WayBack>, Failure> {
    let way = |change: &Change| {
        let old = match &change.from {
            None => OldVersion::NotNeeded,
            Some(version) => find(change, version)?,
        };
        Ok(WayBack { wanted: before_change(change), old })
    };
    changes.iter().map(way).collect()
}

/// It is not to be had, for this reason.
pub fn nowhere(change: &Change, detail: String) -> OldVersion {
    OldVersion::Nowhere { failure: failure(FailureCode::UndoImpossible, &change.name, detail) }
}

/// In neither of the two places where most package managers look.
pub fn in_no_place(change: &Change, version: &str) -> OldVersion {
    nowhere(change, format!("version {version} is in no repository and not in the cache"))
}

/// Where nothing is ever taken back, for the reason that each undo would give.
pub fn none(changes: &[Change], refuse: fn(&Change) -> Refusal) -> Vec<WayBack> {
    let way = |change: &Change| {
        let Refusal { wanted, failure } = refuse(change);
        WayBack { wanted, old: OldVersion::Nowhere { failure } }
    };
    changes.iter().map(way).collect()
}
