//! dpkg's database as transactions look at it: before, after, and the difference.

use std::collections::BTreeMap;

use domain::facts::PackageState;
use domain::patch::Failure;
use domain::patch::transaction::{Change, ChangeReason, Wanted};

use super::super::super::transaction::State;
use super::super::dpkg::{self, Database};
use super::super::policy::text;
use super::super::settings::Settings;
use super::Apt;

/// Name, and the architecture under which apt files the package: `all` counts as the native one.
pub type Key = (String, String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub version: String,
    /// As the package itself says, `all` included.
    pub arch: String,
    pub source: String,
    pub state: PackageState,
    pub held: bool,
    pub needs_reinstall: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    pub native: String,
    pub packages: BTreeMap<Key, Package>,
}

impl Apt<'_> {
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        Ok(Settings::load(self.root, &self.environment)?)
    }

    pub(super) fn installed(&self) -> Result<Installed, Failure> {
        let settings = self.settings()?;
        let database = Database::load(self.root, &settings.status)?;
        let records = database.installed()?;
        let native = settings.native_arch.or_else(|| dpkg::native_architecture(&records));
        let native = native.unwrap_or_default();
        let of = |package: &dpkg::Installed<'_>| {
            let record = &package.record;
            let key = (text(record.package).to_owned(), text(package.apt_arch(&native)).to_owned());
            let source = text(record.source).split(' ').next().filter(|source| !source.is_empty());
            let value = Package {
                version: text(record.version).to_owned(),
                arch: text(record.architecture).to_owned(),
                source: source.unwrap_or(&key.0).to_owned(),
                state: package.state,
                held: package.held,
                needs_reinstall: package.needs_reinstall,
            };
            (key, value)
        };
        let packages = records.iter().map(of).collect();
        Ok(Installed { native, packages })
    }
}

impl Installed {
    pub fn key(&self, name: &str, arch: &str) -> Key {
        let arch = if arch == "all" || arch.is_empty() { &self.native } else { arch };
        (name.to_owned(), arch.to_owned())
    }

    /// `name:arch` as tools write it: without the architecture it is the native one.
    pub fn key_of_text(&self, text: &str) -> Key {
        let (name, arch) = text.split_once(':').unwrap_or((text, ""));
        self.key(name, arch)
    }

    pub fn of(&self, wanted: &Wanted) -> Option<&Package> {
        self.packages.get(&self.key(&wanted.name, &wanted.arch))
    }

    /// `name:arch=version` of what dpkg must unpack once more. What is unpacked only in part counts to apt as absent.
    pub fn half_unpacked(&self) -> Vec<String> {
        let is_wanted =
            |package: &Package| package.needs_reinstall && package.state != PackageState::HalfInstalled;
        let wanted = self.packages.iter().filter(|(_, package)| is_wanted(package));
        wanted.map(|((name, arch), package)| format!("{name}:{arch}={}", package.version)).collect()
    }

    pub fn is_unfinished(&self) -> bool {
        self.packages.values().any(|package| package.state != PackageState::Installed)
    }

    pub fn reason(&self, key: &Key, wanted: &[Wanted]) -> ChangeReason {
        match wanted.iter().any(|wanted| self.key(&wanted.name, &wanted.arch) == *key) {
            true => ChangeReason::Wanted,
            false => ChangeReason::Dependency,
        }
    }
}

impl State for Installed {
    /// At the version that is wanted, with its maintainer scripts done. Triggers may be outstanding.
    fn has(&self, wanted: &Wanted) -> bool {
        use PackageState::{Installed, TriggersAwaited, TriggersPending};
        self.of(wanted).is_some_and(|package| {
            package.version == wanted.version
                && matches!(package.state, Installed | TriggersAwaited | TriggersPending)
        })
    }

    /// What is different in `after`, sorted. `wanted` tells the reason.
    fn changes_to(&self, after: &Self, wanted: &[Wanted]) -> Vec<Change> {
        let mut keys: Vec<_> = self.packages.keys().chain(after.packages.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let change = |key: &Key| {
            let (from, to) = (self.packages.get(key), after.packages.get(key));
            let version = |package: Option<&Package>| package.map(|package| package.version.clone());
            let arch = to.or(from)?.arch.clone();
            (version(from) != version(to)).then(|| Change {
                name: key.0.clone(),
                arch,
                from: version(from),
                to: version(to),
                reason: after.reason(key, wanted),
            })
        };
        keys.into_iter().filter_map(change).collect()
    }
}
