//! What a node's repositories and update service offer, told without regard to what the node has: the stuff of
//! lists of available patches. Keeping it is the store's.
//! Source: spec patch-manager 6.3.

use std::collections::BTreeMap;

use api::Timestamp;
use serde::{Deserialize, Serialize};

use crate::advisory::{distributions_of, source_version};
use crate::facts::{Advisory, AvailableVersion, FactSet, PackageFact, UpdateFact, UpdateStatus};
use crate::os::{DetectedSystem, Family, OperatingSystem};

use super::{suite, version_rpm, windows, words};

/// One version from one repository, or one update for one product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    pub product: String,
    /// Of updates the KB number.
    pub name: String,
    pub arch: String,
    /// Of Windows updates the GUID.
    pub version: String,
    pub repository: String,
    pub classification: String,
    /// The priority on the Debian family, the MSRC severity on Windows.
    pub severity: String,
    pub released_at: Option<Timestamp>,
    pub detail: OfferDetail,
}

/// What only some families have. Stored as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferDetail {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advisory_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bugzilla_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cve_ids: Vec<String>,
    /// Of Windows: the update without what is a node's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<UpdateFact>,
    /// Where repositories publish nothing about their packages: the Debian family, Alpine, Arch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<OfferSource>,
}

/// As feeds of advisories speak of an offered version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferSource {
    pub package: String,
    pub version: String,
    /// Any of these is the system's name.
    pub distributions: Vec<String>,
}

/// Each key of product, name, architecture, version and repository once, in that order.
pub fn offered(facts: &FactSet) -> Vec<Offered> {
    let Some(DetectedSystem { operating_system, product }) = OperatingSystem::detect(&facts.os) else {
        return Vec::new();
    };
    let found: Vec<Offered> = match operating_system.family() {
        Family::Windows => facts.updates.iter().flat_map(|update| of_update(update, &product)).collect(),
        Family::MacOs => facts.updates.iter().filter_map(|update| of_macos(update, &product)).collect(),
        family => {
            facts.packages.iter().flat_map(|package| of_package(facts, package, &product, family)).collect()
        }
    };
    let key = |offer: &Offered| {
        [&offer.product, &offer.name, &offer.arch, &offer.version, &offer.repository].map(Clone::clone)
    };
    let by_key: BTreeMap<_, _> = found.into_iter().map(|offer| (key(&offer), offer)).collect();
    by_key.into_values().collect()
}

fn of_package(facts: &FactSet, package: &PackageFact, product: &str, family: Family) -> Vec<Offered> {
    let repository = |index: &u32| usize::try_from(*index).ok().and_then(|at| facts.repositories.get(at));
    let mut found = Vec::new();
    for offer in &package.available {
        let advisories = advisories_of(facts, package, offer, family);
        for repository in offer.repositories.iter().filter_map(repository) {
            let base = Offered {
                product: product.to_owned(),
                name: package.name.clone(),
                arch: package.arch.clone(),
                version: offer.version.clone(),
                repository: suite::display_name(repository).to_owned(),
                classification: String::new(),
                severity: String::new(),
                released_at: None,
                detail: OfferDetail::default(),
            };
            found.push(match family {
                Family::Debian => Offered {
                    classification: if suite::is_security(repository) { "Security" } else { "" }.to_owned(),
                    severity: capitalised(&offer.priority),
                    released_at: repository.released_at,
                    detail: as_feeds_say(facts, package, &offer.version),
                    ..base
                },
                Family::Alpine | Family::Arch => Offered {
                    released_at: offer.built_at,
                    detail: as_feeds_say(facts, package, &offer.version),
                    ..base
                },
                _ => published(base, offer, &advisories),
            });
        }
    }
    found
}

fn as_feeds_say(facts: &FactSet, package: &PackageFact, version: &str) -> OfferDetail {
    let name = package.source.as_ref().unwrap_or(&package.name);
    let source = source_version(package, version).map(|version| OfferSource {
        package: name.clone(),
        version,
        distributions: distributions_of(&facts.os),
    });
    OfferDetail { source, ..OfferDetail::default() }
}

/// What can be installed; what is installed already was offered once, and nobody knows where from.
fn of_macos(update: &UpdateFact, product: &str) -> Option<Offered> {
    let offered = || Offered {
        product: product.to_owned(),
        name: update.id.clone(),
        arch: String::new(),
        version: update.version.clone(),
        repository: String::new(),
        classification: update.classification.clone(),
        severity: update.severity.clone(),
        released_at: update.released_at,
        detail: OfferDetail { cve_ids: update.cve_ids.clone(), ..OfferDetail::default() },
    };
    (update.status == UpdateStatus::Applicable).then(offered)
}

/// Those that list exactly this version.
fn advisories_of<'f>(
    facts: &'f FactSet,
    package: &PackageFact,
    offer: &AvailableVersion,
    family: Family,
) -> Vec<&'f Advisory> {
    if family == Family::Debian {
        return Vec::new();
    }
    let listed =
        package.notices.iter().filter(|notice| version_rpm::compare(&notice.version, &offer.version).is_eq());
    let advisory = |index: u32| usize::try_from(index).ok().and_then(|at| facts.advisories.get(at));
    listed.filter_map(|notice| advisory(notice.advisory)).collect()
}

fn published(base: Offered, offer: &AvailableVersion, advisories: &[&Advisory]) -> Offered {
    let gravest = advisories.iter().max_by_key(|advisory| words::gravity(&advisory.kind, &advisory.severity));
    let all = |ids: fn(&Advisory) -> &[String]| {
        let mut all: Vec<String> = advisories.iter().flat_map(|advisory| ids(advisory)).cloned().collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    Offered {
        classification: gravest.map_or("", |advisory| words::classification(&advisory.kind)).to_owned(),
        severity: gravest.map_or("", |advisory| words::severity(&advisory.severity)).to_owned(),
        released_at: gravest
            .and_then(|advisory| advisory.updated_at.or(advisory.issued_at))
            .or(offer.built_at),
        detail: OfferDetail {
            advisory_ids: all(|advisory| std::slice::from_ref(&advisory.id)),
            bugzilla_ids: all(|advisory| &advisory.bugzilla_ids),
            cve_ids: all(|advisory| &advisory.cve_ids),
            ..OfferDetail::default()
        },
        ..base
    }
}

/// Once for each of its products; the node's where it names none.
fn of_update(update: &UpdateFact, product: &str) -> Vec<Offered> {
    let products = match update.products.as_slice() {
        [] => vec![product],
        products => products.iter().map(String::as_str).collect(),
    };
    let common = UpdateFact {
        status: UpdateStatus::default(),
        installed_at: None,
        installed_version: None,
        awaits_restart: false,
        ..update.clone()
    };
    let offer = |product: &str| Offered {
        product: product.to_owned(),
        name: windows::item_id(update).to_owned(),
        arch: String::new(),
        version: update.id.clone(),
        repository: String::new(),
        classification: update.classification.clone(),
        severity: update.severity.clone(),
        released_at: update.released_at,
        detail: OfferDetail {
            cve_ids: update.cve_ids.clone(),
            update: Some(common.clone()),
            ..OfferDetail::default()
        },
    };
    products.into_iter().map(offer).collect()
}

/// Priorities as filters spell them: `important` as `Important`.
fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Notice, OsRelease, Repository};

    #[test]
    fn versions_bring_their_advisories() {
        let advisory = |id: &str, kind: &str, severity: &str| Advisory {
            id: id.to_owned(),
            kind: kind.to_owned(),
            severity: severity.to_owned(),
            updated_at: Some(Timestamp::from_seconds(1)),
            cve_ids: vec!["CVE-2026-1".to_owned()],
            bugzilla_ids: vec!["7".to_owned()],
            ..Advisory::default()
        };
        let offer = |version: &str| AvailableVersion {
            version: version.to_owned(),
            repositories: vec![0],
            built_at: Some(Timestamp::from_seconds(2)),
            ..AvailableVersion::default()
        };
        let notice = |advisory, version: &str| Notice { advisory, version: version.to_owned() };
        let facts = FactSet {
            os: OsRelease { id: "rhel".into(), version_id: "9.4".into(), ..OsRelease::default() },
            repositories: vec![Repository { suite: "baseos".to_owned(), ..Repository::default() }],
            packages: vec![PackageFact {
                name: "a".to_owned(),
                arch: "x86_64".to_owned(),
                version: "1-1".to_owned(),
                available: vec![offer("1-2"), offer("1-1"), offer("1-2")],
                notices: vec![notice(0, "0:1-2"), notice(1, "1-2")],
                ..PackageFact::default()
            }],
            advisories: vec![advisory("BUG", "bugfix", ""), advisory("SEC", "security", "moderate")],
            ..FactSet::default()
        };
        let found = offered(&facts);
        assert_eq!(found.len(), 2, "each key once");
        let (plain, fix) = (&found[0], &found[1]);
        assert_eq!(
            (plain.classification.as_str(), plain.released_at),
            ("", Some(Timestamp::from_seconds(2)))
        );
        assert_eq!((fix.classification.as_str(), fix.severity.as_str()), ("Security", "Moderate"));
        assert_eq!((fix.repository.as_str(), fix.product.as_str()), ("baseos", "RedhatEnterpriseLinux9.4"));
        insta::assert_json_snapshot!(fix.detail);
    }

    #[test]
    fn updates_are_told_without_the_node() {
        let update = UpdateFact {
            id: "guid".to_owned(),
            kb_ids: vec!["KB1".to_owned()],
            products: vec!["WindowsServer2019".to_owned(), "WindowsServer2022".to_owned()],
            status: UpdateStatus::Installed,
            installed_at: Some(Timestamp::from_seconds(1)),
            ..UpdateFact::default()
        };
        let facts = FactSet {
            os: OsRelease {
                id: "windows".into(),
                name: "Windows Server 2019".into(),
                ..OsRelease::default()
            },
            updates: vec![update],
            ..FactSet::default()
        };
        let found = offered(&facts);
        let keys: Vec<_> =
            found.iter().map(|o| (o.product.as_str(), o.name.as_str(), o.version.as_str())).collect();
        assert_eq!(keys, [("WindowsServer2019", "KB1", "guid"), ("WindowsServer2022", "KB1", "guid")]);
        let kept = found[0].detail.update.as_ref().unwrap();
        assert_eq!((kept.status, kept.installed_at), (UpdateStatus::Applicable, None));
    }

    #[test]
    fn versions_of_the_debian_family_name_their_source() {
        let package = PackageFact {
            name: "libx1".to_owned(),
            arch: "amd64".to_owned(),
            version: "1.0-1+b2".to_owned(),
            source: Some("x".to_owned()),
            source_version: Some("1.0-1".to_owned()),
            available: vec![AvailableVersion {
                version: "1.0-2+b1".to_owned(),
                repositories: vec![0],
                ..AvailableVersion::default()
            }],
            ..PackageFact::default()
        };
        let facts = FactSet {
            os: OsRelease {
                id: "debian".into(),
                version_id: "12".into(),
                codename: "bookworm".into(),
                ..OsRelease::default()
            },
            repositories: vec![Repository::default()],
            packages: vec![package],
            ..FactSet::default()
        };
        let source = OfferSource {
            package: "x".to_owned(),
            version: "1.0-2".to_owned(),
            distributions: vec!["debian:bookworm".to_owned(), "debian:12".to_owned()],
        };
        assert_eq!(offered(&facts)[0].detail.source, Some(source));
        // So do those of Alpine and Arch, whose repositories say when a version was built and nothing else.
        let os = OsRelease { id: "arch".into(), ..OsRelease::default() };
        let found = &offered(&FactSet { os, ..facts })[0];
        let source = found.detail.source.as_ref().unwrap();
        assert_eq!(
            (source.package.as_str(), &source.distributions[..]),
            ("x", &["arch:rolling".to_owned()][..])
        );
        assert_eq!((found.classification.as_str(), found.severity.as_str()), ("", ""));
    }

    #[test]
    fn a_mac_is_offered_what_it_lacks() {
        let update = |id: &str, status| UpdateFact {
            id: id.to_owned(),
            version: "17.1".to_owned(),
            classification: "Recommended".to_owned(),
            status,
            ..UpdateFact::default()
        };
        let os = OsRelease { id: "macos".into(), version_id: "13.6".into(), ..OsRelease::default() };
        let updates =
            vec![update("Safari", UpdateStatus::Applicable), update("Old", UpdateStatus::Installed)];
        let found = offered(&FactSet { os, updates, ..FactSet::default() });
        let lines: Vec<_> = found.iter().map(|o| (o.name.as_str(), o.version.as_str())).collect();
        assert_eq!(lines, [("Safari", "17.1")]);
    }
}
