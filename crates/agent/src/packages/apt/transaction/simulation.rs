//! What `apt-get -s` prints, read: which packages would come, change and go.

use std::collections::BTreeMap;

use super::super::super::tool::Finished;
use super::installed::{Installed, Key};
use domain::patch::transaction::{Change, Wanted};

/// One package that would come or change.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inst<'a> {
    /// `name` or `name:arch`.
    package: &'a str,
    version: &'a str,
    /// The releases that have it, with commas between them.
    origin: &'a str,
    arch: &'a str,
}

/// What would be installed once more at the version that it has, and where from.
pub fn installed_again(finished: &Finished, before: &Installed) -> BTreeMap<Key, String> {
    let again = |line: &str| {
        let inst = inst(line)?;
        let key = key(&inst, before);
        let is_same = before.packages.get(&key).is_some_and(|package| package.version == inst.version);
        is_same.then(|| (key, inst.origin.to_owned()))
    };
    finished.out().filter_map(again).collect()
}

fn key(inst: &Inst<'_>, before: &Installed) -> Key {
    let key = before.key_of_text(inst.package);
    if inst.package.contains(':') { key } else { before.key(&key.0, inst.arch) }
}

/// The changes that a simulation announces, sorted by name and architecture.
pub fn changes(finished: &Finished, before: &Installed, wanted: &[Wanted]) -> Vec<Change> {
    let mut changes: Vec<Change> = finished.out().filter_map(|line| change(line, before, wanted)).collect();
    changes.sort_unstable();
    changes.dedup();
    changes
}

fn change(line: &str, before: &Installed, wanted: &[Wanted]) -> Option<Change> {
    if let Some(inst) = inst(line) {
        let key = key(&inst, before);
        let from = before.packages.get(&key).map(|package| package.version.clone());
        let reason = before.reason(&key, wanted);
        return Some(Change {
            name: key.0,
            arch: inst.arch.to_owned(),
            from,
            to: Some(inst.version.to_owned()),
            reason,
        });
    }
    let rest = line.strip_prefix("Remv ").or_else(|| line.strip_prefix("Purg "))?;
    let key = before.key_of_text(rest.split(' ').next()?);
    let package = before.packages.get(&key)?;
    let reason = before.reason(&key, wanted);
    Some(Change {
        name: key.0,
        arch: package.arch.clone(),
        from: Some(package.version.clone()),
        to: None,
        reason,
    })
}

/// `Inst NAME[:ARCH] [OLD] (NEW ORIGIN, ORIGIN [ARCH]) [WHAT FOLLOWS]`
fn inst(line: &str) -> Option<Inst<'_>> {
    let rest = line.strip_prefix("Inst ")?;
    let package = rest.split(' ').next()?;
    let inside = &rest[rest.find(" (")? + 2..];
    let version = inside.split([' ', ')']).next()?;
    let arch = inside.split(" [").find_map(|part| part.split_once("])")).map(|(arch, _)| arch)?;
    let (origin, _) = inside.split_once(" [")?;
    let origin = origin.strip_prefix(version)?.trim();
    Some(Inst { package, version, origin, arch })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_where_versions_come_from() {
        let check = |line: &str, expected: &str| assert_eq!(inst(line).unwrap().origin, expected, "{line}");
        check(
            "Inst a [1-1] (1-1 Debian:12.1/stable, Debian-Security:12 [amd64])",
            "Debian:12.1/stable, Debian-Security:12",
        );
        check("Inst a [1-1] (1-1 localhost [all]) []", "localhost");
    }

    #[test]
    fn reads_inst_lines() {
        let check = |line: &str, expected: Option<(&str, &str, &str)>| {
            let found = inst(line).map(|inst| (inst.package, inst.version, inst.arch));
            assert_eq!(found, expected, "{line}");
        };
        check("Inst a (1:2-3 Debian:12.1/stable [amd64])", Some(("a", "1:2-3", "amd64")));
        check(
            "Inst a:i386 [1.0-1] (1.1-1 Debian:12/stable, Debian-Security:12/stable-security [i386]) [b:amd64 ]",
            Some(("a:i386", "1.1-1", "i386")),
        );
        check("Inst a [1] (2 localhost [all]) []", Some(("a", "2", "all")));
        check("Inst a [1]", None);
        check("Conf a (1 x [all])", None);
        check("Inst", None);
    }
}
