//! Items of Alpine and Arch, whose repositories publish packages and nothing about them: the candidate counts, its
//! date is that of its build, and rules tell updates apart by repository alone.

use crate::facts::{AvailableVersion, PackageFact};

use super::item::{DateSource, Frame, Installed, Item, Place, Properties, Release, Terms, Version};
use super::names::{Names, PlainNames};
use super::{NotApproved, Restriction};

/// Entries of the approved list that name neither what is installed nor what is offered for it.
pub(super) fn not_applicable(frame: &Frame<'_>) -> Vec<String> {
    let mut left = frame.rules.approved_patches.clone();
    for package in &frame.facts.packages {
        let versions = [Some(&package.version), package.candidate.as_ref()];
        versions.into_iter().flatten().for_each(|version| names(package, version).remove_named(&mut left));
    }
    left
}

/// `is_newer` is the family's order of versions.
pub(super) fn item<'f>(
    frame: &Frame<'f>,
    package: &'f PackageFact,
    is_newer: fn(&str, &str) -> bool,
) -> Item<'f> {
    let candidate = package.candidate.as_deref();
    let is_upgrade = candidate.is_some_and(|version| is_newer(version, &package.version));
    let is_meant = |offer: &&AvailableVersion| {
        let is_wanted = is_upgrade && candidate == Some(offer.version.as_str());
        !offer.repositories.is_empty() && (is_wanted || offer.version == package.version)
    };
    let versions: Vec<Version<'f>> =
        package.available.iter().filter(is_meant).map(|offer| version_of(frame, package, offer)).collect();
    let obstacle = match (candidate, versions.is_empty()) {
        (None, _) => Some(NotApproved::NoCandidate),
        (Some(_), true) => Some(NotApproved::NotOffered),
        (Some(_), false) => None,
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
        names: names(package, &package.version),
        versions,
        obstacle,
        restrictions: match package.held {
            true => vec![Restriction::Held],
            false => Vec::new(),
        },
        hidden_fix: None,
    }
}

fn names<'f>(package: &'f PackageFact, version: &'f str) -> Names<'f> {
    Names::Plain(PlainNames { name: &package.name, arch: &package.arch, version })
}

/// Published once by each repository that has it.
fn version_of<'f>(frame: &Frame<'f>, package: &'f PackageFact, offer: &'f AvailableVersion) -> Version<'f> {
    let repositories = &frame.facts.repositories;
    let name = |index: u32| {
        let repository = usize::try_from(index).ok().and_then(|at| repositories.get(at));
        repository.map_or("", |repository| repository.suite.as_str())
    };
    let terms = offer.repositories.iter().map(|&index| Terms {
        properties: Properties { products: frame.products, repository: name(index), ..Properties::default() },
        is_outside_security: true,
        release: match offer.built_at {
            Some(at) => Release::Dated { by: DateSource::Built, at },
            None => Release::Undated,
        },
        advisory: None,
        cve_ids: &[],
    });
    Version {
        version: &offer.version,
        place: if offer.version == package.version { Place::Present } else { Place::Offered },
        repository: offer.repositories.first().copied(),
        names: names(package, &offer.version),
        terms: terms.collect(),
    }
}
