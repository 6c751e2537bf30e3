//! Which advisories of one `updateinfo.xml` concern a node, and how many packages they name that it has not.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use domain::facts::{AbsentPackages, Advisory, AdvisoryTerms};
use serde::{Deserialize, Serialize};

use super::super::ScanError;
use super::arch::Architecture;
use super::elements::Document;
use super::updateinfo::{Collection, Listed, for_each_update};

/// What one file has for a node.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notices {
    pub advisories: Vec<NodeAdvisory>,
    pub absent: Absent,
    /// Names and versions of what was published and taken back.
    pub retracted: Vec<(String, String)>,
}

/// An advisory, with what it lists of the packages that the node has.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeAdvisory {
    pub advisory: Advisory,
    pub listed: Vec<Listing>,
}

#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listing {
    /// Its position among the installed packages.
    pub package: u32,
    pub version: String,
    /// It is listed as one that fits everywhere.
    pub of_any_architecture: bool,
}

/// Packages that advisories name and the node has not.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    pub terms: Vec<AdvisoryTerms>,
    /// From a package, by the hash of its name and architecture, to the terms (positions) of every advisory that names it.
    pub packages: HashMap<u64, Vec<u32>>,
}

impl Absent {
    pub fn add(&mut self, package: u64, terms: u32) {
        let known = self.packages.entry(package).or_default();
        if let Err(at) = known.binary_search(&terms) {
            known.insert(at, terms);
        }
    }

    /// Takes in what another file says.
    pub fn merge(&mut self, other: Self) {
        if self.terms.is_empty() {
            *self = other;
            return;
        }
        let known: HashMap<AdvisoryTerms, u32> = self.terms.iter().cloned().zip(0..).collect();
        let mut position = |terms: AdvisoryTerms| {
            known.get(&terms).copied().unwrap_or_else(|| {
                self.terms.push(terms);
                self.terms.len() as u32 - 1
            })
        };
        let positions: Vec<u32> = other.terms.into_iter().map(&mut position).collect();
        for (package, terms) in other.packages {
            terms.iter().filter_map(|&at| positions.get(at as usize)).for_each(|&at| self.add(package, at));
        }
    }

    /// Packages counted by the terms of all the advisories that name them.
    pub fn grouped(self) -> Vec<AbsentPackages> {
        // Terms are compared here once, from here on by their ranks: no two are equal.
        let mut order: Vec<u32> = (0..self.terms.len() as u32).collect();
        order.sort_by_key(|&at| &self.terms[at as usize]);
        let mut ranks = vec![0; order.len()];
        (0u32..).zip(&order).for_each(|(rank, &at)| ranks[at as usize] = rank);
        let mut counts: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
        for terms in self.packages.into_values() {
            let mut terms: Vec<u32> =
                terms.iter().filter_map(|&at| ranks.get(at as usize).copied()).collect();
            terms.sort_unstable();
            *counts.entry(terms).or_default() += 1;
        }
        let terms_of = |rank: &u32| self.terms[order[*rank as usize] as usize].clone();
        let group = |(ranks, packages): (Vec<u32>, u32)| AbsentPackages {
            terms: ranks.iter().map(terms_of).collect(),
            packages,
        };
        counts.into_iter().map(group).collect()
    }
}

/// Which installed packages a listing speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingRule {
    /// Those of the same name and architecture.
    SameArchitecture,
    /// Those of the same name, where either of the two fits every architecture, too. What a patch lists so, it replaces.
    Replaced,
}

impl ListingRule {
    pub fn admits(self, installed: &str, listed: &str) -> bool {
        match self {
            Self::SameArchitecture => installed == listed,
            Self::Replaced => Architecture::may_change(installed, listed),
        }
    }
}

/// What decides which listings count.
pub struct Listener<'a> {
    pub architecture: &'a Architecture,
    /// From a name to the architectures installed, with their positions among the installed packages.
    pub positions: &'a HashMap<&'a str, Vec<(&'a str, u32)>>,
    pub rule: ListingRule,
    /// Whether packages of such a collection can be had: its module stream is active, or it is of none.
    pub is_active: &'a dyn Fn(&Collection) -> bool,
}

impl Listener<'_> {
    fn of_name(&self, name: &str) -> &[(&str, u32)] {
        self.positions.get(name).map_or(&[], Vec::as_slice)
    }
}

pub fn read(document: &Document<'_>, listener: &Listener<'_>) -> Result<Notices, ScanError> {
    let mut notices = Notices::default();
    let mut known_terms: BTreeMap<AdvisoryTerms, u32> = BTreeMap::new();
    for_each_update(document, &mut |update| {
        // A patch that was taken back asks for nothing; its packages alone matter.
        let is_withdrawn = update.is_retracted && listener.rule == ListingRule::Replaced;
        let terms = update.terms();
        let mut listed = Vec::new();
        let mut terms_at = None;
        for package in update
            .collections
            .iter()
            .filter(|collection| (listener.is_active)(collection))
            .flat_map(|collection| &collection.packages)
        {
            let named = listener.of_name(&package.name);
            if update.is_retracted {
                notices.retracted.push((package.name.clone(), package.version.clone()));
            }
            if is_withdrawn {
                continue;
            }
            let before = listed.len();
            listed.extend(named.iter().filter(|(arch, _)| listener.rule.admits(arch, &package.arch)).map(
                |&(_, package_at)| Listing {
                    package: package_at,
                    version: package.version.clone(),
                    of_any_architecture: package.arch == "noarch",
                },
            ));
            if listed.len() == before && listener.architecture.takes(&package.arch) {
                let at = *terms_at.get_or_insert_with(|| {
                    let next = known_terms.len() as u32;
                    *known_terms.entry(terms.clone()).or_insert(next)
                });
                notices.absent.add(hash(package), at);
            }
        }
        if !listed.is_empty() {
            listed.sort_unstable();
            listed.dedup();
            notices.advisories.push(NodeAdvisory { advisory: update.advisory, listed });
        }
    })?;
    let mut terms: Vec<_> = known_terms.into_iter().collect();
    terms.sort_unstable_by_key(|(_, at)| *at);
    notices.absent.terms = terms.into_iter().map(|(terms, _)| terms).collect();
    Ok(notices)
}

/// Equal for equal packages in every run: the index keeps it.
fn hash(package: &Listed) -> u64 {
    let mut hasher = DefaultHasher::new();
    (package.name.as_str(), package.arch.as_str()).hash(&mut hasher);
    hasher.finish()
}
