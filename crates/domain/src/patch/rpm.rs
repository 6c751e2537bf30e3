//! Items of yum, dnf and zypper systems: versions published by advisories, with the dates that delays count from, and
//! versions that no advisory lists. On SUSE an advisory is a patch, and its packages inherit what it says.
//! Source: spec patch-manager 2.1, 2.2, 2.4 and 3.1.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::facts::{AbsentPackages, Advisory, AdvisoryTerms, AvailableVersion, PackageFact};
use crate::os::{Family, OperatingSystem};

use super::approve::is_approved_by_rule;
use super::item::{DateSource, Frame, Installed, Item, Place, Properties, Release, Terms, Version};
use super::names::{Names, RpmNames};
use super::{PatchState, Restriction, Verdict, version_rpm};

/// How many packages are approved and not installed: only their number is known.
pub(super) fn absent_count(frame: &Frame<'_>) -> i64 {
    let is_approved = |absent: &&AbsentPackages| {
        absent.terms.iter().any(|terms| is_approved_by_rule(frame, &absent_terms(frame, terms)))
    };
    frame.facts.absent.iter().filter(is_approved).map(|absent| i64::from(absent.packages)).sum()
}

/// Entries of the approved list that name nothing that is installed or offered for it.
pub(super) fn not_applicable(frame: &Frame<'_>) -> Vec<String> {
    let mut left: Vec<String> = frame.rules.approved_patches.clone();
    for package in &frame.facts.packages {
        if left.is_empty() {
            break;
        }
        item(frame, package).versions.iter().for_each(|version| version.names.remove_named(&mut left));
    }
    left
}

pub(super) fn item<'f>(frame: &Frame<'f>, package: &'f PackageFact) -> Item<'f> {
    let mut listed = listings(frame, package);
    listed.sort_by(|a, b| version_rpm::compare(b.version, a.version).then_with(|| a.key().cmp(&b.key())));
    let mut versions: Vec<Version<'f>> = Vec::new();
    for same in listed.chunk_by(|a, b| version_rpm::compare(a.version, b.version) == Ordering::Equal) {
        versions.extend(version_of(frame, package, same));
    }
    let installed_advisories = versions.iter().find(|version| is_installed(package, version.version));
    Item {
        name: &package.name,
        arch: &package.arch,
        title: "",
        installed: Some(Installed {
            version: &package.version,
            at: package.installed_at,
            awaits_restart: false,
        }),
        names: match installed_advisories.map(|version| &version.names) {
            Some(Names::Rpm(names)) => Names::Rpm(names.clone()),
            _ => Names::Rpm(names(frame, package, &package.version, Vec::new())),
        },
        versions,
        obstacle: None,
        restrictions: restrictions(package),
        hidden_fix: None,
    }
}

fn restrictions(package: &PackageFact) -> Vec<Restriction> {
    let held = package.held.then_some(Restriction::Held);
    let state = package.state;
    let unfinished = (!state.is_whole()).then_some(Restriction::Unfinished { state });
    held.into_iter().chain(unfinished).collect()
}

fn is_installed(package: &PackageFact, version: &str) -> bool {
    version_rpm::compare(version, &package.version) == Ordering::Equal
}

/// One mention of a version: by an advisory, or by a repository.
struct Listing<'f> {
    version: &'f str,
    advisory: Option<&'f Advisory>,
    offer: Option<&'f AvailableVersion>,
}

impl<'f> Listing<'f> {
    /// Puts equal versions into one order, however they came.
    fn key(&self) -> (Option<&'f Advisory>, &'f str) {
        (self.advisory, self.version)
    }
}

fn listings<'f>(frame: &Frame<'f>, package: &'f PackageFact) -> Vec<Listing<'f>> {
    let advisory = |index: u32| usize::try_from(index).ok().and_then(|at| frame.facts.advisories.get(at));
    let published = package.notices.iter().filter_map(|notice| {
        let advisory = advisory(notice.advisory)?;
        Some(Listing { version: &notice.version, advisory: Some(advisory), offer: None })
    });
    let offered = package.available.iter().map(|offer| Listing {
        version: &offer.version,
        advisory: None,
        offer: Some(offer),
    });
    published.chain(offered).collect()
}

/// `None` for versions that are offered nowhere, listed nowhere and not installed.
fn version_of<'f>(
    frame: &Frame<'f>,
    package: &'f PackageFact,
    listed: &[Listing<'f>],
) -> Option<Version<'f>> {
    let offer =
        listed.iter().find_map(|listing| listing.offer).filter(|offer| !offer.repositories.is_empty());
    let advisories: Vec<&Advisory> = listed.iter().filter_map(|listing| listing.advisory).collect();
    let version =
        offer.map(|offer| offer.version.as_str()).or(listed.first().map(|listing| listing.version))?;
    let place = match (version_rpm::is_newer(version, &package.version), offer) {
        (false, _) => Place::Present,
        (true, Some(_)) => Place::Offered,
        (true, None) => Place::Unavailable,
    };
    let repository = match (offer, advisories.first()) {
        (Some(offer), _) => offer.repositories.first().copied(),
        (None, advisory) => advisory.map(|advisory| advisory.repository),
    };
    let mut terms: Vec<Terms<'f>> = advisories.iter().map(|advisory| published(frame, advisory)).collect();
    if let Some(offer) = offer.filter(|_| !advisories.iter().any(|advisory| is_complete(frame, advisory))) {
        terms.push(unpublished(frame, offer));
    }
    // What stands in the facts as it is installed keeps that spelling, so that the two are found equal.
    let version = if is_installed(package, version) { package.version.as_str() } else { version };
    let names = Names::Rpm(names(frame, package, version, advisories));
    (!terms.is_empty()).then_some(Version { version, place, repository, names, terms })
}

fn names<'f>(
    frame: &Frame<'f>,
    package: &'f PackageFact,
    version: &'f str,
    advisories: Vec<&'f Advisory>,
) -> RpmNames<'f> {
    let patches_have_names = frame.operating_system.family() == Family::Suse;
    RpmNames { name: &package.name, arch: &package.arch, version, advisories, patches_have_names }
}

/// Every package of an advisory is security content, whatever the advisory's type.
fn published<'f>(frame: &Frame<'f>, advisory: &'f Advisory) -> Terms<'f> {
    Terms {
        properties: Properties {
            products: frame.products,
            classification: &advisory.kind,
            severity: &advisory.severity,
            ..Properties::default()
        },
        is_outside_security: false,
        release: release(frame.operating_system, advisory),
        advisory: Some(&advisory.id),
        cve_ids: &advisory.cve_ids,
    }
}

/// Only `*` matches it, its date is that of its build, and without one it counts as old.
fn unpublished<'f>(frame: &Frame<'f>, offer: &AvailableVersion) -> Terms<'f> {
    Terms {
        properties: Properties { products: frame.products, is_unpublished: true, ..Properties::default() },
        is_outside_security: true,
        release: match offer.built_at {
            Some(at) => Release::Dated { by: DateSource::Built, at },
            None => Release::Undated,
        },
        advisory: None,
        cve_ids: &[],
    }
}

fn is_complete(frame: &Frame<'_>, advisory: &Advisory) -> bool {
    !advisory.kind.is_empty() && release(frame.operating_system, advisory) != Release::Unreadable
}

/// `updated`, else `issued`; on SUSE `issued`, else `updated`, else old enough for every rule.
fn release(os: OperatingSystem, advisory: &Advisory) -> Release {
    let dated = |by, at: Option<_>| at.map(|at| Release::Dated { by, at });
    let updated = dated(DateSource::Updated, advisory.updated_at);
    let issued = dated(DateSource::Issued, advisory.issued_at);
    match os.family() {
        Family::Suse => issued.or(updated).unwrap_or(Release::Undated),
        _ => updated.or(issued).unwrap_or(Release::Unreadable),
    }
}

fn absent_terms<'f>(frame: &Frame<'f>, terms: &'f AdvisoryTerms) -> Terms<'f> {
    let undated = match frame.operating_system.family() {
        Family::Suse => Release::Undated,
        _ => Release::Unreadable,
    };
    Terms {
        properties: Properties {
            products: frame.products,
            classification: &terms.kind,
            severity: &terms.severity,
            ..Properties::default()
        },
        is_outside_security: false,
        release: terms.dated_at.map_or(undated, |at| Release::Dated { by: DateSource::Updated, at }),
        advisory: None,
        cve_ids: &[],
    }
}

/// Amazon Linux: a missing kernel whose fixes the running one has by live patches counts as installed.
pub(super) fn with_live_patches(frame: &Frame<'_>, mut verdict: Verdict) -> Verdict {
    if verdict.name != "kernel" || verdict.state != PatchState::Missing || verdict.cve_ids.is_empty() {
        return verdict;
    }
    let running = frame.observation.running_kernel.as_str();
    // kernel-livepatch-5.10.82-83.359 is for 5.10.82-83.359.amzn2.
    let is_of_running = |package: &&PackageFact| {
        let kernel = package.name.strip_prefix("kernel-livepatch-");
        kernel.is_some_and(|kernel| {
            let rest = running.strip_prefix(kernel);
            !kernel.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    let Some(live) = frame.facts.packages.iter().find(is_of_running) else { return verdict };
    let closed: BTreeSet<&String> = item(frame, live)
        .versions
        .iter()
        .filter(|version| version.place == Place::Present)
        .flat_map(|version| version.terms.iter().flat_map(|terms| terms.cve_ids))
        .collect();
    if verdict.cve_ids.iter().all(|id| closed.contains(id)) {
        verdict.state = PatchState::Installed;
        verdict.status = Some(crate::compliance::ComplianceStatus::Compliant);
        verdict.installed_at = None;
        verdict.cve_ids.clear();
        verdict.restrictions.push(Restriction::LivePatched { package: live.name.clone() });
    }
    verdict
}
