//! From installed versions to the fact sets that have them, and from the CVEs of nodes' own repositories to the sets that lack
//! the fix. In memory, of immutable content: sets are added and never change. Which nodes have a set is the parent's.
//! A build (a package with its version and source) is looked at once, however many sets have it; a set is a bit for each of its builds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use domain::advisory::{Statement, Subject, distributions_of, installed};
use domain::facts::form::{Outline, OutlinedPackage};
use domain::facts::{OsRelease, PackageFact};
use domain::patch::version_rpm;
use roaring::RoaringBitmap;

/// In place of a text's number: no text.
const NONE: i64 = 0;

/// Texts by their numbers in the store.
pub type Texts = HashMap<i64, Arc<str>>;

#[derive(Debug, Default)]
pub struct Postings {
    systems: HashMap<String, RoaringBitmap>,
    builds: Vec<Build>,
    /// By the numbers of name, version, source and source version.
    numbers: HashMap<[i64; 4], u32>,
    by_subject: HashMap<Subject, Vec<u32>>,
    unfixed: HashMap<String, RoaringBitmap>,
    cves: HashMap<i64, String>,
    /// Whether the version that an advisory lists is newer than the installed one.
    newer: HashMap<(i64, i64), bool>,
}

#[derive(Debug)]
struct Build {
    source_version: Box<str>,
    version: Box<str>,
    sets: RoaringBitmap,
}

impl Build {
    fn version_of(&self, subject: &Subject) -> &str {
        match subject {
            Subject::Source(_) => &self.source_version,
            Subject::Binary(_) => &self.version,
        }
    }
}

fn key(package: &OutlinedPackage<i64>) -> [i64; 4] {
    let OutlinedPackage { name, version, source, source_version, .. } = package;
    [*name, *version, source.unwrap_or(NONE), source_version.unwrap_or(NONE)]
}

impl Postings {
    /// The texts without which [`Self::add`] cannot take this set; after many sets of a fleet, hardly any.
    pub fn want(&self, set: &Outline<i64>, wanted: &mut HashSet<i64>) {
        wanted.extend([set.os_id, set.os_version_id, set.os_codename]);
        for package in &set.packages {
            let key = key(package);
            if !self.numbers.contains_key(&key) {
                wanted.extend(key.into_iter().filter(|id| *id != NONE));
            }
            for (_, version) in &package.notices {
                if !self.newer.contains_key(&(*version, package.version)) {
                    wanted.extend([*version, package.version]);
                }
            }
        }
        let of_advisories = set.advisories.iter().flat_map(|advisory| &advisory.cve_ids);
        let cves = of_advisories.chain(set.applicable.iter().flat_map(|update| &update.cve_ids));
        wanted.extend(cves.filter(|id| !self.cves.contains_key(id)));
    }

    /// `number` is no other set's.
    pub fn add(&mut self, number: u32, set: &Outline<i64>, texts: &Texts) {
        let text = |id: i64| texts.get(&id).map(|text| text.to_string()).unwrap_or_default();
        let os = OsRelease {
            id: text(set.os_id),
            version_id: text(set.os_version_id),
            codename: text(set.os_codename),
            ..OsRelease::default()
        };
        for system in distributions_of(&os) {
            self.systems.entry(system).or_default().insert(number);
        }
        for package in &set.packages {
            let build = self.build(package, &text);
            self.builds[build].sets.insert(number);
            for (advisory, version) in &package.notices {
                let advisory = usize::try_from(*advisory).ok().and_then(|at| set.advisories.get(at));
                let cves = advisory.map(|advisory| &advisory.cve_ids).filter(|cves| !cves.is_empty());
                let newer = self.newer.entry((*version, package.version));
                let is_newer =
                    newer.or_insert_with(|| version_rpm::is_newer(&text(*version), &text(package.version)));
                if let Some(cves) = cves.filter(|_| *is_newer) {
                    self.lack(number, cves, &text);
                }
            }
        }
        for update in &set.applicable {
            self.lack(number, &update.cve_ids, &text);
        }
    }

    /// Its place.
    fn build(&mut self, package: &OutlinedPackage<i64>, text: &impl Fn(i64) -> String) -> usize {
        let key = key(package);
        if let Some(number) = self.numbers.get(&key) {
            return *number as usize;
        }
        let fact = PackageFact {
            name: text(package.name),
            version: text(package.version),
            source: package.source.map(text),
            source_version: package.source_version.map(text),
            ..PackageFact::default()
        };
        let place = self.builds.len();
        let number = u32::try_from(place).expect("no store has as many strings as that takes");
        let [source, binary] = installed(&fact);
        for subject in [source.subject, binary.subject] {
            self.by_subject.entry(subject).or_default().push(number);
        }
        self.builds.push(Build {
            source_version: source.version.into(),
            version: binary.version.into(),
            sets: RoaringBitmap::new(),
        });
        self.numbers.insert(key, number);
        place
    }

    fn lack(&mut self, set: u32, cves: &[i64], text: &impl Fn(i64) -> String) {
        for id in cves {
            let cve_id = self.cves.entry(*id).or_insert_with(|| text(*id));
            match self.unfixed.get_mut(cve_id.as_str()) {
                Some(sets) => drop(sets.insert(set)),
                None => drop(self.unfixed.insert(cve_id.clone(), RoaringBitmap::from_iter([set]))),
            }
        }
    }

    /// The sets with a version that one of these statements says is affected, and those whose own repositories announce
    /// a fix of this CVE that they lack.
    pub fn affected<'s>(
        &self,
        statements: impl IntoIterator<Item = &'s Statement>,
        cve_id: Option<&str>,
    ) -> RoaringBitmap {
        let mut of_system: BTreeMap<&str, RoaringBitmap> = BTreeMap::new();
        for statement in statements {
            if !self.systems.contains_key(&statement.distribution) {
                continue;
            }
            let builds = self.by_subject.get(&statement.subject).into_iter().flatten();
            let builds = builds.filter_map(|number| self.builds.get(*number as usize));
            for build in builds.filter(|build| statement.affects(build.version_of(&statement.subject))) {
                *of_system.entry(&statement.distribution).or_default() |= &build.sets;
            }
        }
        let mut found = cve_id.and_then(|cve_id| self.unfixed.get(cve_id)).cloned().unwrap_or_default();
        for (system, sets) in of_system {
            if let Some(of_system) = self.systems.get(system) {
                found |= sets & of_system;
            }
        }
        found
    }

    /// Forgets all other sets, and what none of these has.
    pub fn keep(&mut self, live: &RoaringBitmap) {
        for sets in self.systems.values_mut().chain(self.unfixed.values_mut()) {
            *sets &= live;
        }
        self.systems.retain(|_, sets| !sets.is_empty());
        self.unfixed.retain(|_, sets| !sets.is_empty());
        self.cves.retain(|_, cve_id| self.unfixed.contains_key(cve_id.as_str()));
        // Some thousand pairs are found out again sooner than one finds which of them are still of use.
        self.newer.clear();
        let mut places: Vec<Option<u32>> = Vec::with_capacity(self.builds.len());
        let mut next = 0;
        self.builds.retain_mut(|build| {
            build.sets &= live;
            let is_kept = !build.sets.is_empty();
            places.push(is_kept.then_some(next));
            next += u32::from(is_kept);
            is_kept
        });
        let place = |number: &u32| places.get(*number as usize).copied().flatten();
        self.numbers.retain(|_, number| place(number).map(|at| *number = at).is_some());
        self.by_subject.retain(|_, builds| {
            *builds = builds.iter().filter_map(place).collect();
            !builds.is_empty()
        });
    }
}

#[cfg(test)]
mod tests;
