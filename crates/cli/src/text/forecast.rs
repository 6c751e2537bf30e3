//! Whether a planned installation could be taken back afterwards, package by package and as a whole.

use std::collections::BTreeMap;

use api::fettle::{
    OldVersionSource, PackageChange, PackageWayBack, SnapshotKind, SnapshotOutlook, SnapshotSetting,
    UndoForecast, UndoPossible, UndoWay,
};

use super::plan::{SHOWN, line, more};
use super::{Style, Tone, clean};

/// A package, as changes and ways back name it: name, architecture, the version of now.
type Key<'a> = (&'a str, &'a str, Option<&'a str>);

/// The way back of each package.
pub struct Ways<'a> {
    by_package: BTreeMap<Key<'a>, &'a PackageWayBack>,
}

impl<'a> Ways<'a> {
    pub fn of(forecast: Option<&'a UndoForecast>) -> Self {
        let all = forecast.iter().flat_map(|forecast| &forecast.packages);
        Self { by_package: all.map(|way| (key(way), way)).collect() }
    }

    /// Behind the change's own line; empty where nothing is known.
    pub fn note(&self, change: &PackageChange, style: Style) -> String {
        let key = (change.name.as_str(), change.arch.as_str(), change.from_version.as_deref());
        let Some(way) = self.by_package.get(&key) else { return String::new() };
        match way.from {
            OldVersionSource::NotNeeded => "  (back: removed again)".to_owned(),
            OldVersionSource::Cache => "  (back: cache)".to_owned(),
            OldVersionSource::Repository => "  (back: repository)".to_owned(),
            _ => format!("  {}", style.paint(Tone::Warning, "(back: nowhere to be had)")),
        }
    }
}

fn key(way: &PackageWayBack) -> Key<'_> {
    (&way.name, &way.arch, way.version.as_deref())
}

pub fn render(out: &mut String, forecast: &UndoForecast, style: Style) {
    let gone: Vec<&PackageWayBack> = forecast.packages.iter().filter(|way| way.failure.is_some()).collect();
    let by = match &forecast.way {
        Some(UndoWay::Packages) => ", by the versions of now",
        Some(UndoWay::Snapshot) => ", by the snapshot that is taken before",
        _ => "",
    };
    let word = match &forecast.possible {
        Some(UndoPossible::Yes) => style.paint(Tone::Good, "possible"),
        Some(UndoPossible::Partly) => {
            let text = format!("partly, {} of {} cannot come back", gone.len(), forecast.packages.len());
            style.paint(Tone::Warning, &text)
        }
        Some(UndoPossible::No) => style.paint(Tone::Bad, "not possible"),
        _ => style.paint(Tone::Warning, "not known"),
    };
    line(out, &format!("Undo afterwards: {word}{by}"));
    if let Some(failure) = &forecast.packages_unknown {
        line(out, &format!("  {}: {}", clean(&failure.code), clean(&failure.detail)));
    }
    for way in gone.iter().take(SHOWN) {
        let detail = way.failure.as_ref().map(|failure| clean(&failure.detail)).unwrap_or_default();
        let version = way.version.as_deref().map(clean).unwrap_or_default();
        line(out, &format!("  {}.{} {version}: {detail}", clean(&way.name), clean(&way.arch)));
    }
    more(out, gone.len());
    line(out, &format!("Snapshot before it: {}", snapshot(&forecast.snapshot)));
}

fn snapshot(outlook: &SnapshotOutlook) -> String {
    let of = || {
        let kind = match &outlook.kind {
            Some(SnapshotKind::Btrfs) => "btrfs",
            Some(SnapshotKind::Lvm) => "LVM",
            Some(SnapshotKind::Zfs) => "ZFS",
            _ => "a file system",
        };
        format!("of {} on {kind}", outlook.of.as_deref().map(clean).unwrap_or_default())
    };
    match (&outlook.obstacle, &outlook.setting) {
        (Some(obstacle), SnapshotSetting::Require) => {
            format!(
                "none that could be gone back to, though the node requires it: {}",
                clean(&obstacle.detail)
            )
        }
        (Some(obstacle), _) => format!("none that could be gone back to: {}", clean(&obstacle.detail)),
        (None, SnapshotSetting::Try | SnapshotSetting::Require) => of(),
        (None, _) => format!("none, the node is not told to take one; it could be {}", of()),
    }
}

#[cfg(test)]
mod tests {
    use api::fettle::{ChangeReason, PatchFailure};

    use super::*;

    fn way(name: &str, from: OldVersionSource) -> PackageWayBack {
        let failure = (from == OldVersionSource::Nowhere).then(|| PatchFailure {
            code: "undo-impossible".to_owned(),
            subject: Some(name.to_owned()),
            detail: "version 1 is in no repository\u{1b}[2J".to_owned(),
        });
        PackageWayBack {
            name: name.to_owned(),
            arch: "amd64".to_owned(),
            version: (from != OldVersionSource::NotNeeded).then(|| "1".to_owned()),
            from,
            place: None,
            failure,
        }
    }

    fn forecast(possible: UndoPossible, way: Option<UndoWay>, snapshot: SnapshotOutlook) -> UndoForecast {
        let packages = vec![
            self::way("a", OldVersionSource::Cache),
            self::way("b", OldVersionSource::Nowhere),
            self::way("c", OldVersionSource::NotNeeded),
        ];
        UndoForecast { possible: Some(possible), way, packages, snapshot, ..UndoForecast::default() }
    }

    fn rendered(forecast: &UndoForecast) -> String {
        let mut out = String::new();
        render(&mut out, forecast, Style::Plain);
        out
    }

    #[test]
    fn what_is_lost_for_good_is_named() {
        let obstacle = PatchFailure {
            code: "snapshot-failed".to_owned(),
            subject: Some("/".to_owned()),
            detail: "the root is on ext4".to_owned(),
        };
        let none = SnapshotOutlook { obstacle: Some(obstacle), ..SnapshotOutlook::default() };
        let partly = forecast(UndoPossible::Partly, Some(UndoWay::Packages), none);
        let expected = "\
Undo afterwards: partly, 1 of 3 cannot come back, by the versions of now
  b.amd64 1: version 1 is in no repository [2J
Snapshot before it: none that could be gone back to: the root is on ext4
";
        assert_eq!(rendered(&partly), expected);
        let ways = Ways::of(Some(&partly));
        let change = |name: &str, from: Option<&str>| PackageChange {
            name: name.to_owned(),
            arch: "amd64".to_owned(),
            action: None,
            from_version: from.map(str::to_owned),
            to_version: Some("2".to_owned()),
            reason: ChangeReason::Wanted,
        };
        let note = |name: &str, from: Option<&str>| ways.note(&change(name, from), Style::Plain);
        assert_eq!(note("a", Some("1")), "  (back: cache)");
        assert_eq!(note("b", Some("1")), "  (back: nowhere to be had)");
        assert_eq!(note("c", None), "  (back: removed again)");
        assert_eq!(note("d", Some("1")), "");
    }

    #[test]
    fn a_snapshot_is_the_other_way() {
        let taken = SnapshotOutlook {
            setting: SnapshotSetting::Try,
            covers: Some(true),
            kind: Some(SnapshotKind::Btrfs),
            of: Some("/".to_owned()),
            obstacle: None,
        };
        let whole = forecast(UndoPossible::Yes, Some(UndoWay::Snapshot), taken.clone());
        let text = rendered(&whole);
        assert!(
            text.starts_with("Undo afterwards: possible, by the snapshot that is taken before\n"),
            "{text}"
        );
        assert!(text.ends_with("Snapshot before it: of / on btrfs\n"), "{text}");
        let off = SnapshotOutlook { setting: SnapshotSetting::Off, covers: Some(false), ..taken };
        let text = rendered(&forecast(UndoPossible::No, None, off));
        assert!(text.contains("not possible\n"), "{text}");
        assert!(text.contains("none, the node is not told to take one; it could be of / on btrfs"), "{text}");
        let unknown = UndoForecast {
            packages_unknown: Some(PatchFailure { code: "lock-held".to_owned(), ..Default::default() }),
            ..UndoForecast::default()
        };
        assert!(rendered(&unknown).starts_with("Undo afterwards: not known\n  lock-held: \n"));
    }
}
