//! Whether a planned installation could be taken back afterwards, said before it begins: where each version from before
//! would come from, whether a snapshot would hold all of it, and which way an undo would go. Finding that out on a node is
//! the agent's work.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Failure;
use super::execution::{SnapshotKind, UndoPossible};
use super::transaction::Wanted;

/// The way back of one planned change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayBack {
    /// The version that would have to come back; empty for a package that would be removed again.
    pub wanted: Wanted,
    pub old: OldVersion,
}

/// Where the version from before is to be had at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum OldVersion {
    /// The package comes anew: taking that back needs nothing.
    NotNeeded,
    /// A package file that the node keeps.
    Cache { file: String },
    /// As the node's tool names it; empty where it names none.
    Repository { name: String },
    /// And why.
    Nowhere { failure: Failure },
}

/// Whether the operator of the node asked for snapshots before installations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    #[default]
    Off,
    /// An installation goes on without one.
    Try,
    /// Without one nothing is installed.
    Require,
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" | "off" => Ok(Self::Off),
            "try" => Ok(Self::Try),
            "require" => Ok(Self::Require),
            _ => Err(format!("`{text}` is none of off, try, require")),
        }
    }
}

/// What a snapshot before the installation would do for an undo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotOutlook {
    pub asked: Asked,
    /// What the root is on, where that can be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SnapshotKind>,
    /// The mount point, device or dataset; empty where it is none of those.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
    /// Why none could be taken, or gone back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Failure>,
}

/// The outlook of an installation that has not begun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoForecast {
    /// One for each planned change.
    #[serde(default)]
    pub packages: Vec<WayBack>,
    /// Why that is not known, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Failure>,
    #[serde(default)]
    pub snapshot: SnapshotOutlook,
}

/// How an undo goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Packages,
    Snapshot,
}

impl OldVersion {
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Nowhere { failure } => Some(failure),
            _ => None,
        }
    }
}

impl SnapshotOutlook {
    /// One will be taken, and the root could go back to it.
    pub fn covers(&self) -> bool {
        self.asked != Asked::Off && self.kind.is_some() && self.obstacle.is_none()
    }
}

impl UndoForecast {
    /// By installing the old versions again.
    pub fn by_packages(&self) -> UndoPossible {
        let gone = self.packages.iter().filter(|way| way.old.failure().is_some()).count();
        match (&self.unknown, gone) {
            (Some(_), _) => UndoPossible::Unknown,
            (None, 0) => UndoPossible::Yes,
            (None, gone) if gone == self.packages.len() => UndoPossible::No,
            (None, _) => UndoPossible::Partly,
        }
    }

    /// By the better way.
    pub fn possible(&self) -> UndoPossible {
        if self.snapshot.covers() { UndoPossible::Yes } else { self.by_packages() }
    }

    /// The way that loses least and brings everything back; else the one that brings something back. `None`: there is none.
    pub fn way(&self) -> Option<Way> {
        match self.by_packages() {
            UndoPossible::Yes => Some(Way::Packages),
            _ if self.snapshot.covers() => Some(Way::Snapshot),
            UndoPossible::Partly => Some(Way::Packages),
            UndoPossible::No | UndoPossible::Unknown => None,
        }
    }

    /// Why the packages alone do not do it: the first reason, where they do not.
    pub fn reason(&self) -> Option<&Failure> {
        self.unknown.as_ref().or_else(|| self.packages.iter().find_map(|way| way.old.failure()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::FailureCode;
    use super::*;

    fn failure() -> Failure {
        Failure { code: FailureCode::UndoImpossible, subject: "a".into(), detail: "gone".into() }
    }

    fn forecast(old: &[OldVersion], snapshot: SnapshotOutlook) -> UndoForecast {
        let way = |old: &OldVersion| WayBack {
            wanted: Wanted { name: "a".into(), arch: "amd64".into(), version: "1".into() },
            old: old.clone(),
        };
        UndoForecast { packages: old.iter().map(way).collect(), unknown: None, snapshot }
    }

    #[test]
    fn the_better_way_counts() {
        let had = OldVersion::Repository { name: "r".into() };
        let kept = OldVersion::Cache { file: "/f".into() };
        let gone = OldVersion::Nowhere { failure: failure() };
        let none = SnapshotOutlook::default();
        let taken = SnapshotOutlook {
            asked: Asked::Try,
            kind: Some(SnapshotKind::Btrfs),
            of: "/".into(),
            obstacle: None,
        };
        let in_the_way = SnapshotOutlook { obstacle: Some(failure()), ..taken.clone() };
        let not_asked = SnapshotOutlook { asked: Asked::Off, ..taken.clone() };
        let rows = [
            (vec![&had, &kept, &OldVersion::NotNeeded], &none, UndoPossible::Yes, Some(Way::Packages)),
            (vec![&had, &gone], &none, UndoPossible::Partly, Some(Way::Packages)),
            (vec![&gone, &gone], &none, UndoPossible::No, None),
            (vec![&had], &taken, UndoPossible::Yes, Some(Way::Packages)),
            (vec![&had, &gone], &taken, UndoPossible::Yes, Some(Way::Snapshot)),
            (vec![&gone], &taken, UndoPossible::Yes, Some(Way::Snapshot)),
            (vec![&gone], &in_the_way, UndoPossible::No, None),
            (vec![&gone], &not_asked, UndoPossible::No, None),
        ];
        for (old, snapshot, possible, way) in rows {
            let old: Vec<_> = old.into_iter().cloned().collect();
            let found = forecast(&old, snapshot.clone());
            assert_eq!((found.possible(), found.way()), (possible, way), "{old:?} {snapshot:?}");
            assert_eq!(found.reason().is_some(), old.contains(&gone));
        }
        let unknown = UndoForecast { unknown: Some(failure()), ..UndoForecast::default() };
        assert_eq!((unknown.possible(), unknown.way()), (UndoPossible::Unknown, None));
        let covered = UndoForecast { snapshot: taken, ..unknown };
        assert_eq!((covered.possible(), covered.way()), (UndoPossible::Yes, Some(Way::Snapshot)));
    }
}
