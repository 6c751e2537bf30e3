//! Which updates libzypp's solver makes when it is asked to update everything: the versions that `zypper list-updates` shows.
//! Told by names, versions, architectures, vendors, priorities, locks and obsoletes; what packages require is not looked at, so
//! that an update which would break a requirement is told here and refused there.
//!
//! An installed package is kept unless something may take its place: a version of its name that is not older, or a package that
//! obsoletes it, of the same vendor and architecture. Two packages of one name, or of which one obsoletes the other, exclude
//! each other. Most packages have no part in such a conflict: for them the preferred candidate is the answer. Among the rest the
//! solver decides one installed package after the other, and takes back what does not work out; so does this.
//! Source: libsolv's rules for updates; held against zypper in `tests/rpm/random_zypper.rs`.

mod prefer;
mod resolve;
mod search;

use std::collections::{HashMap, HashSet};

use domain::patch::version_rpm::compare;

use super::arch::Architecture;
use super::primary::Relation;

/// A package that is installed or offered.
#[derive(Clone, Copy, Debug)]
pub struct Package<'a> {
    pub name: &'a str,
    pub arch: &'a str,
    pub version: &'a str,
    pub vendor: &'a str,
    /// Of its repository, lower is preferred; `None` if it is installed.
    pub priority: Option<i32>,
    pub obsoletes: &'a [Relation],
    /// Names among those that it obsoletes.
    pub provides: &'a [String],
    /// Stays installed beside other versions of its name.
    pub is_one_of_several: bool,
    /// Kept as it is; of an offered one: never taken.
    pub is_locked: bool,
}

impl Package<'_> {
    fn obsoletes(&self, other: &Package<'_>) -> bool {
        self.obsoletes.iter().any(|relation| relation.name == other.name && relation.admits(other.version))
    }

    fn is_installed(&self) -> bool {
        self.priority.is_none()
    }

    /// Whether both cannot be installed. Of installed ones nobody asks.
    fn excludes(&self, other: &Package<'_>) -> bool {
        if self.is_installed() && other.is_installed() {
            return false;
        }
        if self.name != other.name {
            return self.obsoletes(other) || other.obsoletes(self);
        }
        let is_same = (self.version, self.arch) == (other.version, other.arch);
        is_same || !(self.is_one_of_several && other.is_one_of_several)
    }
}

/// What the choice depends on besides the packages.
pub trait Rules {
    fn may_change_vendor(&self, from: &str, to: &str) -> bool;
    /// Lower is better; `None` for what fits everywhere.
    fn architecture(&self, arch: &str) -> Option<u8>;
}

/// What there is to choose from.
pub struct Pool<'a> {
    packages: Vec<Package<'a>>,
    by_name: HashMap<&'a str, Vec<usize>>,
    /// How many of the packages are installed: they come first.
    installed: usize,
    /// From an installed package to those that obsolete it.
    obsoleting: HashMap<usize, Vec<usize>>,
    rules: &'a dyn Rules,
}

/// What becomes of installed packages.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Updates {
    /// Offered packages that are taken, by their positions among the offers.
    pub taken: Vec<usize>,
    /// From an installed package to the offered one of another name that takes its place.
    pub replaced: HashMap<usize, usize>,
}

impl<'a> Pool<'a> {
    /// `installed` sorted by name, then in the order of rpm's database; `offers` in the order of repositories.
    pub fn new(installed: Vec<Package<'a>>, offers: Vec<Package<'a>>, rules: &'a dyn Rules) -> Self {
        let count = installed.len();
        let packages = [installed, offers].concat();
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, package) in packages.iter().enumerate() {
            by_name.entry(package.name).or_default().push(at);
        }
        let mut pool = Self { packages, by_name, installed: count, obsoleting: HashMap::new(), rules };
        for (at, package) in pool.packages.iter().enumerate().skip(count) {
            for relation in package.obsoletes.iter().filter(|relation| relation.name != package.name) {
                let named = pool.by_name.get(relation.name.as_str()).map_or(&[][..], Vec::as_slice);
                let hit = named
                    .iter()
                    .filter(|&&other| other < count && relation.admits(pool.packages[other].version));
                for &other in hit {
                    let known = pool.obsoleting.entry(other).or_default();
                    if known.last() != Some(&at) {
                        known.push(at);
                    }
                }
            }
        }
        pool
    }

    fn of_name(&self, name: &str) -> &[usize] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    fn is_installed_name(&self, name: &str) -> bool {
        self.of_name(name).first().is_some_and(|&first| first < self.installed)
    }

    /// What may take the place of an installed package, or stand beside it if it is one of several. Installed ones of its name
    /// are among them, which a broken node has or one with several versions: where they stay, nothing else has to come.
    fn candidates(&self, installed: usize) -> Vec<usize> {
        let package = &self.packages[installed];
        let may_replace = |at: &usize| {
            let other = &self.packages[*at];
            (other.is_installed() || !other.is_locked && self.is_good_architecture(other))
                && Architecture::may_change(package.arch, other.arch)
                && self.rules.may_change_vendor(package.vendor, other.vendor)
        };
        let others = self.of_name(package.name).iter().filter(|&&at| at != installed);
        let not_older = others.filter(|&&at| compare(self.packages[at].version, package.version).is_ge());
        let obsoleting = self.obsoleting.get(&installed).map_or(&[][..], Vec::as_slice);
        // Those that also provide it are its successors: next to them others do not count.
        let provides = |at: &&usize| self.packages[**at].provides.iter().any(|name| name == package.name);
        let has_successor = obsoleting.iter().any(|at| provides(&at));
        let obsoleting = obsoleting.iter().filter(|at| !has_successor || provides(at));
        not_older.chain(obsoleting).copied().filter(may_replace).collect()
    }

    /// Of a name that is offered for several architectures only the best one counts, and those that are installed.
    fn is_good_architecture(&self, package: &Package<'_>) -> bool {
        let rank = |package: &Package<'_>| self.rules.architecture(package.arch);
        let Some(own) = rank(package) else { return true };
        let same_name = || self.of_name(package.name).iter().map(|&at| &self.packages[at]);
        let best = same_name().filter(|other| !other.is_installed()).filter_map(rank).min();
        best.is_none_or(|best| own <= best)
            || same_name().any(|other| other.is_installed() && rank(other) == Some(own))
    }

    /// What the solver makes of it.
    pub fn updates(&self) -> Updates {
        let candidates: Vec<Vec<usize>> = (0..self.installed)
            .map(|at| if self.packages[at].is_locked { Vec::new() } else { self.candidates(at) })
            .collect();
        let entangled = self.entangled(&candidates);
        let mut taken = HashSet::new();
        let mut found = Updates::default();
        let is_entangled = |at: usize| entangled.contains(self.packages[at].name);
        for at in (0..self.installed).filter(|&at| !is_entangled(at)) {
            let mut among = [&[at][..], &candidates[at]].concat();
            self.prefer(&mut among);
            taken.extend(among.first().filter(|&&best| best >= self.installed));
        }
        let rest: Vec<usize> = (0..self.installed).filter(|&at| is_entangled(at)).collect();
        if !rest.is_empty() {
            resolve::Resolution::of(self, &rest, &candidates).tell(&mut taken, &mut found.replaced);
        }
        found.taken = taken.into_iter().map(|at| at - self.installed).collect();
        found.taken.sort_unstable();
        found.replaced.values_mut().for_each(|at| *at -= self.installed);
        found
    }

    /// Names of which packages exclude those of other names, or of which several are installed and not meant to be.
    fn entangled(&self, candidates: &[Vec<usize>]) -> HashSet<&'a str> {
        let mut names = HashSet::new();
        for (&name, packages) in &self.by_name {
            let installed = packages.iter().take_while(|&&at| at < self.installed);
            if installed.filter(|&&at| !self.packages[at].is_one_of_several).count() > 1 {
                names.insert(name);
            }
        }
        for package in candidates.iter().flatten().map(|&at| &self.packages[at]) {
            for relation in package.obsoletes.iter().filter(|relation| relation.name != package.name) {
                if let Some((&known, _)) = self.by_name.get_key_value(relation.name.as_str()) {
                    names.extend([package.name, known]);
                }
            }
        }
        names
    }
}

#[cfg(test)]
mod tests;
