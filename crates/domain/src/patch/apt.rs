//! Items of Debian, Ubuntu and Raspberry Pi OS: no advisories, no dates, priority instead of severity, and the
//! candidate as the one version that counts. What AWS's rule cannot see of it (a fix behind a newer candidate, a pin,
//! a hold) is recorded beside the state.
//! Source: spec patch-manager 2.3, 3.1 and 3.2.

use std::cmp::Ordering;

use crate::baseline::BaselineRules;
use crate::baseline::names::entry_for_package;
use crate::catalogue::{self, Property};
use crate::facts::{AvailableVersion, FactSet, PackageFact, PackageState};

use super::item::{Frame, Installed, Item, Place, Properties, Release, Terms, Version};
use super::names::Names;
use super::{HiddenFix, HiddenFixCause, NotApproved, Restriction, suite, version_deb};

/// Entries of the approved list that name no installed package.
pub(super) fn not_applicable(rules: &BaselineRules, facts: &FactSet) -> Vec<String> {
    let is_absent = |entry: &&String| {
        let entry = std::slice::from_ref(*entry);
        !facts.packages.iter().any(|package| entry_for_package(entry, &package.name).is_some())
    };
    rules.approved_patches.iter().filter(is_absent).cloned().collect()
}

pub(super) struct Reader<'a, 'f> {
    frame: &'a Frame<'f>,
    /// By repository index.
    is_security: Vec<bool>,
    priorities: Vec<&'static str>,
}

impl<'a, 'f> Reader<'a, 'f> {
    pub(super) fn new(frame: &'a Frame<'f>) -> Self {
        let is_security = frame.facts.repositories.iter().map(suite::is_security).collect();
        let priorities = catalogue::property_values(frame.operating_system, Property::Priority, None);
        Self { frame, is_security, priorities: priorities.unwrap_or_default() }
    }

    pub(super) fn item(&self, package: &'f PackageFact) -> Item<'f> {
        let candidate = package.candidate.as_deref();
        let offer = candidate.and_then(|version| offer_of(package, version));
        let order = candidate.map(|version| version_deb::compare(version, &package.version));
        let obstacle = match (offer, order) {
            (_, None) => Some(NotApproved::NoCandidate),
            (offer, _) if offer.is_none_or(|offer| offer.repositories.is_empty()) => {
                Some(NotApproved::NotOffered)
            }
            (_, Some(Ordering::Less)) => Some(NotApproved::Downgrade),
            _ => None,
        };
        let place = match order {
            Some(Ordering::Greater) => Place::Offered,
            Some(Ordering::Less) => Place::Inapplicable,
            Some(Ordering::Equal) | None => Place::Present,
        };
        let repositories = offer.map_or(&[][..], |offer| &offer.repositories);
        let security = repositories.iter().find(|&&index| self.is_security_repository(index));
        let properties = Properties {
            products: self.frame.products,
            classification: if security.is_some() { "Security" } else { "" },
            section: pick(offer.map(|offer| offer.section.as_str()), &package.section),
            severity: self.spelled(pick(offer.map(|offer| offer.priority.as_str()), &package.priority)),
            ..Properties::default()
        };
        let terms = Terms {
            properties,
            is_outside_security: security.is_none(),
            release: Release::Undated,
            advisory: None,
            cve_ids: &[],
        };
        Item {
            name: &package.name,
            arch: &package.arch,
            title: "",
            installed: Some(Installed {
                version: &package.version,
                at: package.installed_at,
                awaits_restart: false,
            }),
            names: Names::Package(&package.name),
            versions: vec![Version {
                version: candidate.unwrap_or(&package.version),
                place,
                repository: security.or(repositories.first()).copied(),
                names: Names::Package(&package.name),
                terms: vec![terms],
            }],
            obstacle,
            restrictions: restrictions(package, offer),
            hidden_fix: self.hidden_fix(package, candidate, security.is_some()),
        }
    }

    fn is_security_repository(&self, index: u32) -> bool {
        usize::try_from(index).ok().and_then(|index| self.is_security.get(index)).copied().unwrap_or(false)
    }

    fn hidden_fix(
        &self,
        package: &PackageFact,
        candidate: Option<&str>,
        is_candidate_security: bool,
    ) -> Option<HiddenFix> {
        let (fix, repository) = package
            .available
            .iter()
            .filter(|offer| version_deb::is_newer(&offer.version, &package.version))
            .filter(|offer| Some(offer.version.as_str()) != candidate)
            .filter_map(|offer| {
                let from = offer.repositories.iter().find(|&&index| self.is_security_repository(index));
                from.map(|index| (offer, *index))
            })
            .max_by(|(a, _), (b, _)| version_deb::compare(&a.version, &b.version))?;
        let is_behind = candidate.is_some_and(|version| version_deb::is_newer(version, &fix.version));
        // A newer security candidate brings the fix with it: then nothing is hidden.
        if is_behind && is_candidate_security {
            return None;
        }
        let cause = match is_behind {
            true => HiddenFixCause::NewerOutsideSecurity,
            false => HiddenFixCause::Pinned,
        };
        Some(HiddenFix { version: fix.version.clone(), repository, cause })
    }

    /// `optional` in control files, `Optional` in baselines and reports.
    fn spelled(&self, priority: &'f str) -> &'f str {
        self.priorities.iter().copied().find(|known| known.eq_ignore_ascii_case(priority)).unwrap_or(priority)
    }
}

fn offer_of<'p>(package: &'p PackageFact, version: &str) -> Option<&'p AvailableVersion> {
    package.available.iter().find(|offer| offer.version == version)
}

fn pick<'t>(first: Option<&'t str>, second: &'t str) -> &'t str {
    first.filter(|text| !text.is_empty()).unwrap_or(second)
}

fn restrictions(package: &PackageFact, offer: Option<&AvailableVersion>) -> Vec<Restriction> {
    let mut found = Vec::new();
    if package.held {
        found.push(Restriction::Held);
    }
    if let Some(offer) = offer.filter(|offer| offer.phased_out) {
        found.push(Restriction::PhasedOut { percent: offer.phased_percent });
    }
    if package.state != PackageState::Installed {
        found.push(Restriction::Unfinished { state: package.state });
    }
    found
}
