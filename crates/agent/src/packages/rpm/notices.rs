//! Which advisories of one `updateinfo.xml` concern a node, and how many packages they name that it has not.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use domain::facts::{Advisory, AdvisoryTerms};
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
}

/// An advisory, with what it lists of the packages that the node has.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeAdvisory {
    pub advisory: Advisory,
    /// Positions among the installed packages, with the version listed.
    pub listed: Vec<(u32, String)>,
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
        let mut positions = Vec::with_capacity(other.terms.len());
        for terms in other.terms {
            let known = self.terms.iter().position(|known| *known == terms);
            positions.push(known.unwrap_or_else(|| {
                self.terms.push(terms);
                self.terms.len() - 1
            }) as u32);
        }
        for (package, terms) in other.packages {
            terms.into_iter().for_each(|at| self.add(package, positions[at as usize]));
        }
    }
}

/// What decides which listings count.
pub struct Listener<'a> {
    pub architecture: &'a Architecture,
    /// From name and architecture to the position among installed packages.
    pub positions: &'a HashMap<(&'a str, &'a str), u32>,
    /// Whether packages of such a collection can be had: its module stream is active, or it is of none.
    pub is_active: &'a dyn Fn(&Collection) -> bool,
}

pub fn read(document: &Document<'_>, listener: &Listener<'_>) -> Result<Notices, ScanError> {
    let mut notices = Notices::default();
    let mut known_terms: BTreeMap<AdvisoryTerms, u32> = BTreeMap::new();
    for_each_update(document, &mut |update| {
        let terms = update.terms();
        let mut listed = Vec::new();
        let mut terms_at = None;
        for package in update
            .collections
            .iter()
            .filter(|collection| (listener.is_active)(collection))
            .flat_map(|collection| &collection.packages)
        {
            if let Some(&at) = listener.positions.get(&(package.name.as_str(), package.arch.as_str())) {
                listed.push((at, package.version.clone()));
            } else if listener.architecture.takes(&package.arch) {
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
