//! What a feed says about packages of the Debian family, of Alpine and of Arch: which version fixes which CVE, which notice
//! announced it, and what follows for a node.
//! Feeds are read by `cli`, kept by `store`. Where package managers publish CVE ids themselves, [`crate::facts::Advisory`] has them.
//! Source: deb-version(7); the OSV schema's events; the Debian security tracker's `fixed_version`; vercmp(8).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{FactSet, OsRelease, PackageFact, UpdateFact, UpdateStatus};
use crate::patch::{version_apk, version_deb, version_pacman, version_rpm};

/// One sentence of a feed: versions from `introduced` up to `fixed` have this hole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    pub cve_id: String,
    /// `debian:bookworm`, `debian:12`, `alpine:3.22`, `arch:rolling`.
    pub distribution: String,
    pub subject: Subject,
    /// `None`: from the first version on.
    pub introduced: Option<String>,
    /// `None`: no version is fixed yet.
    pub fixed: Option<String>,
    /// The publisher's word; empty where there is none.
    pub severity: String,
}

/// Whose versions a statement speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Source(String),
    Binary(String),
}

impl Subject {
    pub fn name(&self) -> &str {
        match self {
            Self::Source(name) | Self::Binary(name) => name,
        }
    }
}

impl Statement {
    pub fn affects(&self, version: &str) -> bool {
        let compare = order_of(&self.distribution);
        let is_old = |fixed: &str| compare(version, fixed) == Ordering::Less;
        let is_reached = |introduced: &str| compare(version, introduced) != Ordering::Less;
        self.introduced.as_deref().is_none_or(is_reached) && self.fixed.as_deref().is_none_or(is_old)
    }
}

/// Another sentence: a notice of the publisher's own (`USN-7000-1`, `DSA-5000-1`, `AVG-2000`) announces this version, whether
/// or not it names CVEs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Announcement {
    pub advisory_id: String,
    pub distribution: String,
    pub subject: Subject,
    pub version: String,
}

/// The lowest of several fixed versions: from it on a release counts as fixed.
pub fn lowest(distribution: &str, versions: impl IntoIterator<Item = String>) -> Option<String> {
    let compare = order_of(distribution);
    versions.into_iter().min_by(|left, right| compare(left, right))
}

/// How names of Alpine's branches begin.
const ALPINE: &str = "alpine:";
/// Arch has no releases.
const ARCH: &str = "arch:rolling";

/// How versions of a system are ordered.
fn order_of(distribution: &str) -> fn(&str, &str) -> Ordering {
    match distribution {
        ARCH => version_pacman::compare,
        name if name.starts_with(ALPINE) => version_apk::compare,
        _ => version_deb::compare,
    }
}

/// What feeds may call this system: by code name and by number. Alpine by its branch: `3.22` of 3.22.1, `edge` of what is
/// to be the next one. Of Arch's derivatives, which build for themselves or follow later, no feed speaks.
pub fn distributions_of(os: &OsRelease) -> Vec<String> {
    if os.id == "arch" {
        return vec![ARCH.to_owned()];
    }
    if os.id == "alpine" {
        let is_edge = os.version_id.contains("_alpha");
        let numbers: Vec<_> = os.version_id.split('.').take(2).collect();
        let branch = if is_edge { "edge".to_owned() } else { numbers.join(".") };
        return vec![format!("{ALPINE}{branch}")].into_iter().filter(|_| !os.version_id.is_empty()).collect();
    }
    let names = [&os.codename, &os.version_id].into_iter().filter(|name| !name.is_empty());
    names.map(|name| format!("{}:{name}", os.id)).collect()
}

/// A version of a package as feeds speak of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectVersion {
    pub subject: Subject,
    pub version: String,
}

/// The installed version as source and as binary package.
pub fn installed(fact: &PackageFact) -> [SubjectVersion; 2] {
    let source = fact.source.clone().unwrap_or_else(|| fact.name.clone());
    let version = fact.source_version.clone().unwrap_or_else(|| without_rebuild(&fact.version).to_owned());
    [
        SubjectVersion { subject: Subject::Source(source), version },
        SubjectVersion { subject: Subject::Binary(fact.name.clone()), version: fact.version.clone() },
    ]
}

/// The source version behind another version of an installed package, told by how the installed ones differ.
/// `None` when they have nothing in common (a binary with a numbering of its own).
pub fn source_version(fact: &PackageFact, binary_version: &str) -> Option<String> {
    let rebuilt = without_rebuild(binary_version);
    let Some(source_version) = &fact.source_version else { return Some(rebuilt.to_owned()) };
    let installed = without_rebuild(&fact.version);
    if installed == source_version {
        return Some(rebuilt.to_owned());
    }
    // An epoch of the binary's own: `1:4.2-1` of source `4.2-1`.
    let epoch = installed.strip_suffix(source_version.as_str()).filter(|epoch| epoch.ends_with(':'))?;
    rebuilt.strip_prefix(epoch).map(str::to_owned)
}

/// Without the `+b1` of a binary that was rebuilt from the same source.
fn without_rebuild(version: &str) -> &str {
    match version.rsplit_once("+b") {
        Some((before, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            before
        }
        _ => version,
    }
}

/// A fix that a node lacks, by what its own repositories or its update service publish.
#[derive(Clone, Copy, Debug)]
pub struct Unfixed<'f> {
    pub package: &'f str,
    pub arch: &'f str,
    pub installed_version: &'f str,
    pub fixed_version: &'f str,
    /// The advisory's id, or the update's.
    pub advisory: &'f str,
    pub severity: &'f str,
    pub cve_ids: &'f [String],
}

/// Everything that names CVEs and is not installed.
pub fn unfixed(facts: &FactSet) -> impl Iterator<Item = Unfixed<'_>> {
    let of_packages = facts.packages.iter().flat_map(move |fact| {
        fact.notices.iter().filter_map(move |notice| {
            let advisory = facts.advisories.get(notice.advisory as usize)?;
            let lacks = !advisory.cve_ids.is_empty() && version_rpm::is_newer(&notice.version, &fact.version);
            lacks.then(|| Unfixed {
                package: &fact.name,
                arch: &fact.arch,
                installed_version: &fact.version,
                fixed_version: &notice.version,
                advisory: &advisory.id,
                severity: &advisory.severity,
                cve_ids: &advisory.cve_ids,
            })
        })
    });
    let offered =
        |update: &&UpdateFact| update.status == UpdateStatus::Applicable && !update.cve_ids.is_empty();
    let of_updates = facts.updates.iter().filter(offered).map(|update| Unfixed {
        package: update.kb_ids.first().unwrap_or(&update.id),
        arch: "",
        installed_version: update.installed_version.as_deref().unwrap_or_default(),
        fixed_version: &update.version,
        advisory: update.bulletin_ids.first().unwrap_or(&update.id),
        severity: &update.severity,
        cve_ids: &update.cve_ids,
    });
    of_packages.chain(of_updates)
}

/// The statements and announcements about one system, found by subject.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    by_subject: BTreeMap<Subject, Vec<Statement>>,
    announced: BTreeMap<Subject, Vec<Announcement>>,
}

impl Knowledge {
    pub fn new(statements: impl IntoIterator<Item = Statement>) -> Self {
        let mut knowledge = Self::default();
        for statement in statements {
            knowledge.by_subject.entry(statement.subject.clone()).or_default().push(statement);
        }
        knowledge
    }

    pub fn with_announcements(mut self, announcements: impl IntoIterator<Item = Announcement>) -> Self {
        for announcement in announcements {
            self.announced.entry(announcement.subject.clone()).or_default().push(announcement);
        }
        self
    }

    fn of<'k>(&'k self, subject: &Subject) -> impl Iterator<Item = &'k Statement> {
        self.by_subject.get(subject).into_iter().flatten()
    }

    /// Every statement by which the installed version has a hole.
    pub fn holes_in<'k>(&'k self, fact: &PackageFact) -> Vec<&'k Statement> {
        let affected = |at: SubjectVersion| {
            self.of(&at.subject).filter(move |statement| statement.affects(&at.version)).collect::<Vec<_>>()
        };
        installed(fact).into_iter().flat_map(affected).collect()
    }

    /// The CVE ids, sorted, that going from the installed version to this one closes: open by some statement before, and
    /// by none afterwards. `None` when the version cannot be told apart in the feeds' terms.
    pub fn closed_by(&self, fact: &PackageFact, binary_version: &str) -> Option<Vec<String>> {
        let source_version = source_version(fact, binary_version);
        let has_source_statements = self.of(&installed(fact)[0].subject).next().is_some();
        if source_version.is_none() && has_source_statements {
            return None;
        }
        let mut closed = BTreeSet::new();
        for statement in self.holes_in(fact) {
            let after = match statement.subject {
                Subject::Source(_) => source_version.as_deref(),
                Subject::Binary(_) => Some(binary_version),
            };
            let still = |other: &Statement| {
                other.cve_id == statement.cve_id && after.is_some_and(|after| other.affects(after))
            };
            if !self.of(&statement.subject).any(still) {
                closed.insert(statement.cve_id.clone());
            }
        }
        Some(closed.into_iter().collect())
    }

    /// The notices, sorted, that going from the installed version to this one brings: those of versions above the one and
    /// not above the other. Empty says only that nobody told of one.
    pub fn announced_by(&self, fact: &PackageFact, binary_version: &str) -> Vec<String> {
        let source_version = source_version(fact, binary_version);
        let mut brought = BTreeSet::new();
        for at in installed(fact) {
            let target = match at.subject {
                Subject::Source(_) => source_version.as_deref(),
                Subject::Binary(_) => Some(binary_version),
            };
            let Some(target) = target else { continue };
            let said = self.announced.get(&at.subject).into_iter().flatten();
            let is_on_the_way = |announcement: &&Announcement| {
                let compare = order_of(&announcement.distribution);
                compare(&announcement.version, &at.version).is_gt()
                    && compare(&announcement.version, target).is_le()
            };
            brought.extend(said.filter(is_on_the_way).map(|announcement| announcement.advisory_id.clone()));
        }
        brought.into_iter().collect()
    }
}

/// Every subject that statements about this node could have.
pub fn subjects_of(facts: &FactSet) -> BTreeSet<Subject> {
    facts.packages.iter().flat_map(installed).map(|at| at.subject).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fact(version: &str, source: Option<(&str, &str)>) -> PackageFact {
        PackageFact {
            name: "libx1".to_owned(),
            version: version.to_owned(),
            source: source.map(|(name, _)| name.to_owned()),
            source_version: source.map(|(_, version)| version.to_owned()).filter(|at| at != version),
            ..PackageFact::default()
        }
    }

    fn statement(cve: &str, subject: Subject, introduced: Option<&str>, fixed: Option<&str>) -> Statement {
        Statement {
            cve_id: cve.to_owned(),
            distribution: "debian:bookworm".to_owned(),
            subject,
            introduced: introduced.map(str::to_owned),
            fixed: fixed.map(str::to_owned),
            severity: String::new(),
        }
    }

    fn x(cve: &str, introduced: Option<&str>, fixed: Option<&str>) -> Statement {
        statement(cve, Subject::Source("x".to_owned()), introduced, fixed)
    }

    #[test]
    fn source_versions_follow_how_the_installed_ones_differ() {
        let check = |installed: &str, source: Option<(&str, &str)>, other: &str, expected: Option<&str>| {
            assert_eq!(
                source_version(&fact(installed, source), other).as_deref(),
                expected,
                "{installed} {other}"
            );
        };
        check("1.0-1", None, "1.0-2", Some("1.0-2"));
        check("1.0-1+b2", Some(("x", "1.0-1")), "1.0-2+b1", Some("1.0-2"));
        check("1.0-1", Some(("x", "1.0-1")), "1.0-1+deb12u1", Some("1.0-1+deb12u1"));
        check("2:1.0-1", Some(("x", "1.0-1")), "2:1.0-2", Some("1.0-2"));
        check("2:1.0-1", Some(("x", "1.0-1")), "3:1.0-2", None);
        check("14.2-1", Some(("x", "1.0-1")), "14.3-1", None);
    }

    #[test]
    fn closes_what_is_open_before_and_not_afterwards() {
        let knowledge = Knowledge::new([
            x("CVE-2026-0001", None, Some("1.0-2")),
            x("CVE-2026-0002", None, Some("1.0-3")),
            x("CVE-2026-0003", None, Some("1.0-1")),
            x("CVE-2026-0004", None, None),
            x("CVE-2026-0005", Some("1.0-2"), Some("1.0-3")),
            // Open again later: two statements of one feed.
            x("CVE-2026-0006", None, Some("1.0-2")),
            x("CVE-2026-0006", Some("1.0-3"), None),
            statement("CVE-2026-0007", Subject::Binary("libx1".to_owned()), None, Some("1.0-2")),
            statement("CVE-2026-0008", Subject::Source("libx1".to_owned()), None, Some("9")),
        ]);
        let fact = fact("1.0-1", Some(("x", "1.0-1")));
        let check = |to: &str, expected: &[&str]| {
            let expected: Vec<String> =
                expected.iter().map(|number| format!("CVE-2026-000{number}")).collect();
            assert_eq!(knowledge.closed_by(&fact, to), Some(expected), "{to}");
        };
        check("1.0-1", &[]);
        check("1.0-2", &["1", "6", "7"]);
        check("1.0-3", &["1", "2", "7"]);
        let open: Vec<_> = knowledge.holes_in(&fact).iter().map(|hole| &hole.cve_id[12..]).collect();
        assert_eq!(open, ["1", "2", "4", "6", "7"]);
    }

    fn announcement(id: &str, distribution: &str, subject: Subject, version: &str) -> Announcement {
        Announcement {
            advisory_id: id.to_owned(),
            distribution: distribution.to_owned(),
            subject,
            version: version.to_owned(),
        }
    }

    #[test]
    fn notices_are_those_of_versions_on_the_way() {
        let source = |id: &str, version: &str| {
            announcement(id, "debian:bookworm", Subject::Source("x".to_owned()), version)
        };
        let binary = announcement("B-1", "debian:12", Subject::Binary("libx1".to_owned()), "1.0-3");
        let other = announcement("S-9", "debian:12", Subject::Source("libx1".to_owned()), "1.0-2");
        let said = [source("S-2", "1.0-2"), source("S-1", "1.0-1"), source("S-3", "1.0-3"), binary, other];
        let knowledge = Knowledge::default().with_announcements(said);
        let installed = fact("1.0-1", Some(("x", "1.0-1")));
        let check = |fact: &PackageFact, to: &str, expected: &[&str]| {
            assert_eq!(knowledge.announced_by(fact, to), expected, "{to}");
        };
        check(&installed, "1.0-1", &[]);
        check(&installed, "1.0-2", &["S-2"]);
        check(&installed, "1.0-3", &["B-1", "S-2", "S-3"]);
        // With a numbering of its own only what names the binary is known.
        check(&fact("0.9-1", Some(("x", "1.0-1"))), "1.0-3", &["B-1"]);
    }

    #[test]
    fn a_version_that_cannot_be_told_apart_is_no_data() {
        let fact = fact("14.2-1", Some(("x", "1.0-1")));
        assert_eq!(
            Knowledge::new([x("CVE-2026-0001", None, Some("1.0-2"))]).closed_by(&fact, "14.3-1"),
            None
        );
        assert_eq!(Knowledge::default().closed_by(&fact, "14.3-1"), Some(vec![]));
    }

    #[test]
    fn systems_are_known_by_name_and_number() {
        let os = OsRelease {
            id: "debian".to_owned(),
            version_id: "12".to_owned(),
            codename: "bookworm".to_owned(),
            ..OsRelease::default()
        };
        assert_eq!(distributions_of(&os), ["debian:bookworm", "debian:12"]);
        assert_eq!(distributions_of(&OsRelease { codename: String::new(), ..os }), ["debian:12"]);
        let alpine = |version: &str| {
            let os =
                OsRelease { id: "alpine".to_owned(), version_id: version.to_owned(), ..OsRelease::default() };
            distributions_of(&os)
        };
        assert_eq!(alpine("3.22.1"), ["alpine:3.22"]);
        assert_eq!(alpine("3.23_alpha20251016"), ["alpine:edge"]);
        assert_eq!(alpine(""), [""; 0]);
        let arch = |id: &str| distributions_of(&OsRelease { id: id.to_owned(), ..OsRelease::default() });
        assert_eq!(arch("arch"), ["arch:rolling"]);
        assert_eq!(arch("manjaro"), [""; 0]);
    }

    #[test]
    fn alpine_versions_are_ordered_as_apk_does() {
        let fixed =
            Statement { distribution: "alpine:3.22".to_owned(), ..x("CVE-2026-0001", None, Some("1.0-r10")) };
        assert!(fixed.affects("1.0-r9") && fixed.affects("1.0_rc1-r0") && !fixed.affects("1.0_p1-r0"));
        // Debian's order has no words.
        let fixed = Statement { distribution: "debian:12".to_owned(), ..fixed };
        assert!(!fixed.affects("1.0_rc1-r0"));
    }

    #[test]
    fn arch_versions_are_ordered_as_vercmp_does() {
        // A tilde stands before everything on Debian, and is a mere separator here.
        let fixed = |distribution: &str| Statement {
            distribution: distribution.to_owned(),
            ..x("CVE-2026-0001", None, Some("1.0-1"))
        };
        assert!(fixed("debian:12").affects("1.0~1-1") && !fixed("arch:rolling").affects("1.0~1-1"));
        assert!(fixed("arch:rolling").affects("1.0rc1-1") && !fixed("arch:rolling").affects("1:0.1-1"));
        let versions = || ["1.0".to_owned(), "1.0~1".to_owned()];
        assert_eq!(lowest("debian:12", versions()).as_deref(), Some("1.0~1"));
        assert_eq!(lowest("arch:rolling", versions()).as_deref(), Some("1.0"));
    }

    #[test]
    fn the_lowest_of_several_is_by_the_systems_own_order() {
        // apk has another word for what comes before a release.
        let versions = || ["1.0-r0", "1.0_rc1-r0"].map(str::to_owned);
        assert_eq!(lowest("alpine:3.22", versions()).as_deref(), Some("1.0_rc1-r0"));
        assert_eq!(lowest("debian:12", versions()).as_deref(), Some("1.0-r0"));
    }

    fn version() -> impl Strategy<Value = String> {
        (0u8..3, 0u8..4, 0u8..4).prop_map(|(epoch, major, minor)| match epoch {
            0 => format!("{major}.{minor}-1"),
            epoch => format!("{epoch}:{major}.{minor}-1"),
        })
    }

    proptest! {
        /// A newer version never has a hole that an older, fixed one had closed, and never closes less.
        #[test]
        fn matching_is_monotone_in_versions(
            installed in version(), fixes in prop::collection::vec(version(), 1..6), mut targets in prop::collection::vec(version(), 2),
        ) {
            targets.sort_by(|a, b| version_deb::compare(a, b));
            let fixes: Vec<_> = fixes.iter().enumerate().map(|(i, fixed)| x(&format!("CVE-2026-000{i}"), None, Some(fixed))).collect();
            for statement in &fixes {
                prop_assert!(statement.affects(&targets[0]) || !statement.affects(&targets[1]));
            }
            let knowledge = Knowledge::new(fixes);
            let fact = fact(&installed, Some(("x", installed.as_str())));
            let closed = |to: &str| knowledge.closed_by(&fact, to).unwrap();
            let (less, more) = (closed(&targets[0]), closed(&targets[1]));
            prop_assert!(less.iter().all(|cve| more.contains(cve)), "{less:?} {more:?}");
            // What is closed was open, and nothing is closed by standing still.
            prop_assert!(closed(&installed).is_empty());
            let open: Vec<_> = knowledge.holes_in(&fact).iter().map(|hole| hole.cve_id.clone()).collect();
            prop_assert!(more.iter().all(|cve| open.contains(cve)));
        }
    }
}
