//! What apk has installed, as a transaction looks at it: before, after, the difference.

use std::collections::BTreeMap;

use domain::patch::Failure;
use domain::patch::transaction::{Change, ChangeReason, Wanted};

use super::super::super::root::Root;
use super::super::super::transaction::State;
use super::super::node;
use super::super::records::Record;

/// By name: apk installs one version and architecture of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Apks {
    pub packages: BTreeMap<String, Record>,
}

pub fn read(root: &Root) -> Result<Apks, Failure> {
    let packages = node::installed(root)?.into_iter().map(|package| (package.name.clone(), package));
    Ok(Apks { packages: packages.collect() })
}

impl Apks {
    pub fn version(&self, name: &str) -> Option<&str> {
        self.packages.get(name).map(|package| package.version.as_str())
    }

    /// Names of packages that an installation left unfinished.
    pub fn broken(&self) -> Vec<&str> {
        let broken = self.packages.values().filter(|package| is_broken(package));
        broken.map(|package| package.name.as_str()).collect()
    }
}

fn is_broken(package: &Record) -> bool {
    package.has_broken_files() || package.has_broken_script()
}

impl State for Apks {
    /// A version whose script failed is there, but not installed. Of one package for every machine, the architecture may
    /// change from one version to the next.
    fn has(&self, wanted: &Wanted) -> bool {
        self.packages
            .get(&wanted.name)
            .is_some_and(|package| package.version == wanted.version && !is_broken(package))
    }

    fn changes_to(&self, after: &Self, wanted: &[Wanted]) -> Vec<Change> {
        let mut names: Vec<_> = self.packages.keys().chain(after.packages.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let change = |name: &String| {
            let (old, new) = (self.packages.get(name), after.packages.get(name));
            let version = |package: Option<&Record>| package.map(|package| package.version.clone());
            let (from, to) = (version(old), version(new));
            let arch = new.or(old).map(|package| package.arch.clone())?;
            let is_wanted = wanted.iter().any(|wanted| wanted.name == *name);
            let reason = if is_wanted { ChangeReason::Wanted } else { ChangeReason::Dependency };
            (from != to).then(|| Change { name: name.clone(), arch, from, to, reason })
        };
        names.into_iter().filter_map(change).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apks(rows: &[(&str, &str, &str)]) -> Apks {
        let record = |(name, version, flags): &(&str, &str, &str)| {
            let record = Record {
                name: (*name).to_owned(),
                version: (*version).to_owned(),
                arch: "x86_64".to_owned(),
                flags: (*flags).to_owned(),
                ..Record::default()
            };
            (record.name.clone(), record)
        };
        Apks { packages: rows.iter().map(record).collect() }
    }

    #[test]
    fn tells_what_changed() {
        let before = apks(&[("a", "1", ""), ("gone", "1", ""), ("same", "1", "")]);
        let after = apks(&[("a", "2", ""), ("new", "1", ""), ("same", "1", "s")]);
        let found = before.changes_to(&after, &[]);
        let found: Vec<_> = found
            .iter()
            .map(|change| (change.name.as_str(), change.from.as_deref(), change.to.as_deref()))
            .collect();
        assert_eq!(found, [("a", Some("1"), Some("2")), ("gone", Some("1"), None), ("new", None, Some("1"))]);
    }

    #[test]
    fn what_is_broken_is_not_installed() {
        let apks = apks(&[("a", "2", ""), ("s", "2", "s"), ("f", "2", "fS")]);
        let has = |name: &str, version: &str| {
            apks.has(&Wanted {
                name: name.to_owned(),
                arch: "noarch".to_owned(),
                version: version.to_owned(),
            })
        };
        assert!(has("a", "2") && !has("a", "1") && !has("s", "2") && !has("f", "2") && !has("b", "2"));
        assert_eq!(apks.broken(), ["f", "s"]);
    }
}
