//! From installed versions to the fact sets that have them, and from the CVEs of nodes' own repositories to the sets that lack
//! the fix. In memory, of immutable content: sets are added and never change. Which nodes have a set is the parent's.

use std::collections::{BTreeMap, HashMap};

use domain::advisory::{Statement, Subject, distributions_of, installed, unfixed};
use domain::facts::FactSet;
use roaring::RoaringBitmap;

#[derive(Debug, Default)]
pub struct Postings {
    systems: HashMap<String, RoaringBitmap>,
    versions: HashMap<Subject, BTreeMap<String, RoaringBitmap>>,
    unfixed: HashMap<String, RoaringBitmap>,
}

impl Postings {
    /// Numbers rise from one set to the next.
    pub fn add(&mut self, set: u32, facts: &FactSet) {
        for system in distributions_of(&facts.os) {
            self.systems.entry(system).or_default().insert(set);
        }
        for at in facts.packages.iter().flat_map(installed) {
            let versions = self.versions.entry(at.subject).or_default();
            match versions.get_mut(&at.version) {
                Some(sets) => drop(sets.insert(set)),
                None => drop(versions.insert(at.version, RoaringBitmap::from_iter([set]))),
            }
        }
        for cve_id in unfixed(facts).flat_map(|hole| hole.cve_ids) {
            match self.unfixed.get_mut(cve_id) {
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
        let mut found = cve_id.and_then(|cve_id| self.unfixed.get(cve_id)).cloned().unwrap_or_default();
        for statement in statements {
            let Some(system) = self.systems.get(&statement.distribution) else { continue };
            let Some(versions) = self.versions.get(&statement.subject) else { continue };
            for (_, sets) in versions.iter().filter(|(version, _)| statement.affects(version)) {
                found |= sets & system;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use domain::facts::{Advisory, Notice, OsRelease, PackageFact, UpdateFact, UpdateStatus};

    use super::*;

    fn set(codename: &str, version: &str, source: Option<(&str, &str)>) -> FactSet {
        let package = PackageFact {
            name: "libx1".to_owned(),
            version: version.to_owned(),
            source: source.map(|(name, _)| name.to_owned()),
            source_version: source.map(|(_, version)| version.to_owned()),
            ..PackageFact::default()
        };
        let os = OsRelease { id: "debian".to_owned(), codename: codename.to_owned(), ..OsRelease::default() };
        FactSet { os, packages: vec![package], ..FactSet::default() }
    }

    fn statement(distribution: &str, subject: Subject, fixed: Option<&str>) -> Statement {
        Statement {
            cve_id: "CVE-2026-0001".to_owned(),
            distribution: distribution.to_owned(),
            subject,
            introduced: None,
            fixed: fixed.map(str::to_owned),
            severity: String::new(),
        }
    }

    #[test]
    fn versions_lead_to_sets() {
        let mut postings = Postings::default();
        postings.add(0, &set("bookworm", "1.0-1", None));
        postings.add(1, &set("bookworm", "1.0-2+b1", Some(("x", "1.0-2"))));
        postings.add(2, &set("trixie", "1.0-1", None));
        let check = |statements: &[Statement], expected: &[u32]| {
            let found: Vec<u32> = postings.affected(statements, None).into_iter().collect();
            assert_eq!(found, expected, "{statements:?}");
        };
        let binary = || Subject::Binary("libx1".to_owned());
        let source = |name: &str| Subject::Source(name.to_owned());
        check(&[statement("debian:bookworm", binary(), Some("1.0-2"))], &[0]);
        check(&[statement("debian:bookworm", binary(), None)], &[0, 1]);
        check(&[statement("debian:bookworm", source("x"), Some("1.0-3"))], &[1]);
        check(&[statement("debian:bookworm", source("libx1"), Some("1.0-3"))], &[0]);
        check(
            &[statement("debian:trixie", binary(), Some("2")), statement("debian:sid", binary(), None)],
            &[2],
        );
        check(&[], &[]);
    }

    #[test]
    fn a_nodes_own_repositories_and_update_service_name_cves() {
        let advisory = |id: &str, cve: &str| Advisory {
            id: id.to_owned(),
            cve_ids: vec![cve.to_owned()],
            ..Advisory::default()
        };
        let mut rpm = set("", "1.0-1", None);
        rpm.advisories = vec![advisory("A-1", "CVE-2026-0001"), advisory("A-2", "CVE-2026-0002")];
        rpm.packages[0].notices = vec![
            Notice { advisory: 0, version: "1.0-2".to_owned() },
            Notice { advisory: 1, version: "1.0-1".to_owned() },
        ];
        let update = |cve: &str, status| UpdateFact {
            id: cve.to_owned(),
            cve_ids: vec![cve.to_owned()],
            status,
            ..UpdateFact::default()
        };
        let windows = FactSet {
            updates: vec![
                update("CVE-2026-0003", UpdateStatus::Applicable),
                update("CVE-2026-0004", UpdateStatus::Installed),
            ],
            ..FactSet::default()
        };
        let mut postings = Postings::default();
        postings.add(0, &rpm);
        postings.add(1, &windows);
        let check = |cve: &str, expected: &[u32]| {
            let found: Vec<u32> = postings.affected([], Some(cve)).into_iter().collect();
            assert_eq!(found, expected, "{cve}");
        };
        check("CVE-2026-0001", &[0]);
        check("CVE-2026-0002", &[]); // fixed in what is installed
        check("CVE-2026-0003", &[1]);
        check("CVE-2026-0004", &[]);
    }
}
