//! The ways back of planned changes, in the words that all package managers share. Where old versions come from is
//! `old_versions`'.

use domain::patch::transaction::{Change, Refusal, Wanted};
use domain::patch::way_back::{OldVersion, WayBack};

/// The version that should come back; empty for one that should go.
pub fn before_change(change: &Change) -> Wanted {
    let version = change.from.clone().unwrap_or_default();
    Wanted { name: change.name.clone(), arch: change.arch.clone(), version }
}

/// Where nothing is ever taken back, for the reason that each undo would give.
pub fn none(changes: &[Change], refuse: fn(&Change) -> Refusal) -> Vec<WayBack> {
    let way = |change: &Change| {
        let Refusal { wanted, failure } = refuse(change);
        WayBack { wanted, old: OldVersion::Nowhere { failure } }
    };
    changes.iter().map(way).collect()
}
