//! The local database at one moment, and what changed in it.

use std::collections::{BTreeMap, BTreeSet};

use domain::patch::transaction::{Change, ChangeReason, Wanted};

use super::super::super::transaction::State;
use super::super::local::Local;

/// By name: a package is installed once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    packages: BTreeMap<String, Package>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub version: String,
    pub arch: String,
    pub groups: Vec<String>,
    pub is_dependency: bool,
    pub size_bytes: u64,
}

impl Installed {
    pub fn of(local: Local) -> Self {
        let package = |desc: super::super::desc::Desc| {
            let package = Package {
                version: desc.version,
                arch: desc.arch,
                groups: desc.groups,
                is_dependency: desc.is_dependency,
                size_bytes: desc.size_bytes,
            };
            (desc.name, package)
        };
        Self { packages: local.packages.into_iter().map(package).collect() }
    }

    pub fn get(&self, name: &str) -> Option<&Package> {
        self.packages.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&String, &Package)> {
        self.packages.iter()
    }

    fn version(&self, name: &str) -> Option<&str> {
        self.get(name).map(|package| package.version.as_str())
    }

    /// As it was before this change.
    pub fn is_undone(&self, change: &Change) -> bool {
        self.version(&change.name) == change.from.as_deref()
    }
}

impl State for Installed {
    fn has(&self, wanted: &Wanted) -> bool {
        self.version(&wanted.name) == Some(wanted.version.as_str())
    }

    fn changes_to(&self, after: &Self, wanted: &[Wanted]) -> Vec<Change> {
        let names: BTreeSet<&String> = self.packages.keys().chain(after.packages.keys()).collect();
        let change = |name: &String| {
            let (from, to) = (self.version(name), after.version(name));
            let package = after.get(name).or(self.get(name))?;
            let is_wanted = wanted.iter().any(|wanted| wanted.name == *name);
            (from != to).then(|| Change {
                name: name.clone(),
                arch: package.arch.clone(),
                from: from.map(str::to_owned),
                to: to.map(str::to_owned),
                reason: if is_wanted { ChangeReason::Wanted } else { ChangeReason::Dependency },
            })
        };
        names.into_iter().filter_map(change).collect()
    }
}
