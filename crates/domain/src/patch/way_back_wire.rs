//! The outlook of an undo, as our own service carries it, in both directions.
//! Source: `api/model/fettle.json`.

use api::fettle;

use super::Failure;
use super::execution::{SnapshotKind, UndoPossible};
use super::transaction::Wanted;
use super::transaction_wire::{UnknownCode, cut, given};
use super::way_back::{Asked, OldVersion, SnapshotOutlook, UndoForecast, Way, WayBack};

impl UndoPossible {
    pub fn to_wire(self) -> fettle::UndoPossible {
        match self {
            Self::Yes => fettle::UndoPossible::Yes,
            Self::Partly => fettle::UndoPossible::Partly,
            Self::No => fettle::UndoPossible::No,
            Self::Unknown => fettle::UndoPossible::UnknownValue,
        }
    }
}

impl SnapshotKind {
    pub fn to_wire(self) -> fettle::SnapshotKind {
        match self {
            Self::Btrfs => fettle::SnapshotKind::Btrfs,
            Self::Lvm => fettle::SnapshotKind::Lvm,
            Self::Zfs => fettle::SnapshotKind::Zfs,
        }
    }

    /// `None` for a kind that this release does not know.
    pub fn from_wire(wire: &fettle::SnapshotKind) -> Option<Self> {
        match wire {
            fettle::SnapshotKind::Btrfs => Some(Self::Btrfs),
            fettle::SnapshotKind::Lvm => Some(Self::Lvm),
            fettle::SnapshotKind::Zfs => Some(Self::Zfs),
            fettle::SnapshotKind::Unknown(_) => None,
        }
    }
}

impl WayBack {
    fn to_wire(&self) -> fettle::PackageWayBack {
        let (from, place, failure) = match &self.old {
            OldVersion::NotNeeded => (fettle::OldVersionSource::NotNeeded, None, None),
            OldVersion::Cache { file } => (fettle::OldVersionSource::Cache, given(file), None),
            OldVersion::Repository { name } => (fettle::OldVersionSource::Repository, given(name), None),
            OldVersion::Nowhere { failure } => {
                (fettle::OldVersionSource::Nowhere, None, Some(failure.to_wire()))
            }
        };
        fettle::PackageWayBack {
            name: cut(&self.wanted.name),
            arch: cut(&self.wanted.arch),
            version: given(&self.wanted.version),
            from,
            place,
            failure,
        }
    }

    /// What says neither where from nor why not is unusable, and so is what this release does not know.
    fn from_wire(wire: fettle::PackageWayBack) -> Result<Self, UnknownCode> {
        let place = wire.place.unwrap_or_default();
        let old = match (wire.from, wire.failure) {
            (fettle::OldVersionSource::NotNeeded, _) => OldVersion::NotNeeded,
            (fettle::OldVersionSource::Cache, _) => OldVersion::Cache { file: place },
            (fettle::OldVersionSource::Repository, _) => OldVersion::Repository { name: place },
            (_, Some(failure)) => OldVersion::Nowhere { failure: Failure::from_wire(failure)? },
            (from, None) => return Err(UnknownCode(from.as_str().to_owned())),
        };
        let version = wire.version.unwrap_or_default();
        Ok(Self { wanted: Wanted { name: wire.name, arch: wire.arch, version }, old })
    }
}

impl SnapshotOutlook {
    fn to_wire(&self) -> fettle::SnapshotOutlook {
        fettle::SnapshotOutlook {
            setting: match self.asked {
                Asked::Off => fettle::SnapshotSetting::Off,
                Asked::Try => fettle::SnapshotSetting::Try,
                Asked::Require => fettle::SnapshotSetting::Require,
            },
            covers: Some(self.covers()),
            kind: self.kind.map(SnapshotKind::to_wire),
            of: given(&self.of),
            obstacle: self.obstacle.as_ref().map(Failure::to_wire),
        }
    }

    fn from_wire(wire: fettle::SnapshotOutlook) -> Result<Self, UnknownCode> {
        Ok(Self {
            asked: match wire.setting {
                fettle::SnapshotSetting::Try => Asked::Try,
                fettle::SnapshotSetting::Require => Asked::Require,
                _ => Asked::Off,
            },
            kind: wire.kind.as_ref().and_then(SnapshotKind::from_wire),
            of: wire.of.unwrap_or_default(),
            obstacle: wire.obstacle.map(Failure::from_wire).transpose()?,
        })
    }
}

impl UndoForecast {
    pub fn to_wire(&self) -> fettle::UndoForecast {
        let way = |way| match way {
            Way::Packages => fettle::UndoWay::Packages,
            Way::Snapshot => fettle::UndoWay::Snapshot,
        };
        fettle::UndoForecast {
            possible: Some(self.possible().to_wire()),
            way: self.way().map(way),
            reason: self.reason().map(|failure| cut(&failure.detail)),
            by_packages: Some(self.by_packages().to_wire()),
            packages: self.packages.iter().map(WayBack::to_wire).collect(),
            packages_unknown: self.unknown.as_ref().map(Failure::to_wire),
            snapshot: self.snapshot.to_wire(),
        }
    }

    /// What the node says; what follows from it is worked out anew.
    pub fn from_wire(wire: fettle::UndoForecast) -> Result<Self, UnknownCode> {
        Ok(Self {
            packages: wire.packages.into_iter().map(WayBack::from_wire).collect::<Result<_, _>>()?,
            unknown: wire.packages_unknown.map(Failure::from_wire).transpose()?,
            snapshot: SnapshotOutlook::from_wire(wire.snapshot)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::FailureCode;
    use super::*;

    #[test]
    fn forecasts_come_back_as_they_went() {
        let failure =
            || Failure { code: FailureCode::UndoImpossible, subject: "d".into(), detail: "gone".into() };
        let way = |name: &str, version: &str, old: OldVersion| WayBack {
            wanted: Wanted { name: name.into(), arch: "amd64".into(), version: version.into() },
            old,
        };
        let forecast = UndoForecast {
            packages: vec![
                way("a", "", OldVersion::NotNeeded),
                way("b", "1", OldVersion::Cache { file: "/f".into() }),
                way("c", "1", OldVersion::Repository { name: String::new() }),
                way("d", "1", OldVersion::Nowhere { failure: failure() }),
            ],
            unknown: None,
            snapshot: SnapshotOutlook {
                asked: Asked::Require,
                kind: Some(SnapshotKind::Zfs),
                of: "rpool/ROOT".into(),
                obstacle: Some(failure()),
            },
        };
        let wire = forecast.to_wire();
        assert_eq!(
            (wire.possible.as_ref(), wire.snapshot.covers),
            (Some(&fettle::UndoPossible::Partly), Some(false))
        );
        assert_eq!(wire.reason.as_deref(), Some("gone"));
        assert_eq!(UndoForecast::from_wire(wire.clone()).unwrap(), forecast);
        let mut silent = wire;
        silent.packages[3].failure = None;
        assert_eq!(UndoForecast::from_wire(silent), Err(UnknownCode("NOWHERE".into())));
    }
}
