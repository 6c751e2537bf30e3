//! Where the versions of before a planned change could come from, for the package managers that can bring them back. What
//! each of them finds is its own; what is undone without looking is `ways_back`'s.

use domain::patch::transaction::Change;
use domain::patch::way_back::{OldVersion, WayBack};
use domain::patch::{Failure, FailureCode};

use super::tool::failure;
use super::ways_back::before_change;

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
