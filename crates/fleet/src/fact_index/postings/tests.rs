//! Small sets through the compact form, as the store has them; then any sets against reading each of them whole.

use domain::advisory::{distributions_of, installed, unfixed};
use domain::facts::{Advisory, FactSet, Notice, UpdateFact, UpdateStatus, form};
use proptest::prelude::*;

use super::*;

/// Numbers for texts, as the store gives them.
#[derive(Default)]
struct Store {
    numbers: HashMap<String, i64>,
    texts: Texts,
}

impl Store {
    fn outline(&mut self, facts: &FactSet) -> Outline<i64> {
        let draft = form::draft(facts);
        let ids = draft.texts().iter().map(|text| {
            let next = i64::try_from(self.numbers.len()).unwrap() + 1;
            let id = *self.numbers.entry(text.clone()).or_insert(next);
            self.texts.insert(id, text.as_str().into());
            id
        });
        form::outline(draft.fields(), ids.collect()).unwrap()
    }

    fn postings(&mut self, sets: &[FactSet]) -> Postings {
        let mut postings = Postings::default();
        for (number, facts) in (0..).zip(sets) {
            let outline = self.outline(facts);
            // Only what it asks for is there.
            let mut wanted = HashSet::new();
            postings.want(&outline, &mut wanted);
            let texts = wanted.into_iter().map(|id| (id, Arc::clone(&self.texts[&id]))).collect();
            postings.add(number, &outline, &texts);
        }
        postings
    }
}

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
    let sets = [
        set("bookworm", "1.0-1", None),
        set("bookworm", "1.0-2+b1", Some(("x", "1.0-2"))),
        set("trixie", "1.0-1", None),
    ];
    let mut postings = Store::default().postings(&sets);
    let binary = || Subject::Binary("libx1".to_owned());
    let source = |name: &str| Subject::Source(name.to_owned());
    let check = |postings: &Postings, statements: &[Statement], expected: &[u32]| {
        let found: Vec<u32> = postings.affected(statements, None).into_iter().collect();
        assert_eq!(found, expected, "{statements:?}");
    };
    check(&postings, &[statement("debian:bookworm", binary(), Some("1.0-2"))], &[0]);
    check(&postings, &[statement("debian:bookworm", binary(), None)], &[0, 1]);
    check(&postings, &[statement("debian:bookworm", source("x"), Some("1.0-3"))], &[1]);
    check(&postings, &[statement("debian:bookworm", source("libx1"), Some("1.0-3"))], &[0]);
    let of_two = [statement("debian:trixie", binary(), Some("2")), statement("debian:sid", binary(), None)];
    check(&postings, &of_two, &[2]);
    check(&postings, &[], &[]);

    // What is forgotten leaves nothing behind, and its number may be another's.
    postings.keep(&RoaringBitmap::from_iter([1]));
    check(&postings, &[statement("debian:bookworm", binary(), None)], &[1]);
    assert_eq!((postings.builds.len(), postings.numbers.len(), postings.systems.len()), (1, 1, 1));
    assert_eq!(postings.by_subject.len(), 2);
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
        Notice { advisory: 7, version: "1.0-3".to_owned() },
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
    let mut postings = Store::default().postings(&[rpm, windows]);
    let check = |postings: &Postings, cve: &str, expected: &[u32]| {
        let found: Vec<u32> = postings.affected([], Some(cve)).into_iter().collect();
        assert_eq!(found, expected, "{cve}");
    };
    check(&postings, "CVE-2026-0001", &[0]);
    check(&postings, "CVE-2026-0002", &[]); // fixed in what is installed
    check(&postings, "CVE-2026-0003", &[1]);
    check(&postings, "CVE-2026-0004", &[]);
    postings.keep(&RoaringBitmap::from_iter([1]));
    check(&postings, "CVE-2026-0001", &[]);
    check(&postings, "CVE-2026-0003", &[1]);
    assert_eq!((postings.cves.len(), postings.unfixed.len()), (1, 1));
}

fn version() -> impl Strategy<Value = String> {
    (0u8..3, 1u8..4, prop::bool::ANY).prop_map(|(minor, release, rebuilt)| {
        format!("1.{minor}-{release}{}", if rebuilt { "+b1" } else { "" })
    })
}

fn any_set() -> impl Strategy<Value = FactSet> {
    let name = prop::sample::select(vec!["a", "b", "c"]);
    let source = prop::option::of((prop::sample::select(vec!["a", "s"]), prop::option::of(version())));
    let notices = prop::collection::vec((0u32..4, version()), 0..3);
    let package = (name, version(), source, notices).prop_map(|(name, version, source, notices)| {
        let (source, source_version) = source.unzip();
        PackageFact {
            name: name.to_owned(),
            version,
            source: source.map(str::to_owned),
            source_version: source_version.flatten(),
            notices: notices.into_iter().map(|(advisory, version)| Notice { advisory, version }).collect(),
            ..PackageFact::default()
        }
    });
    let advisories = prop::collection::vec(prop::collection::vec(0u8..3, 0..3), 0..4);
    (prop::bool::ANY, prop::collection::vec(package, 0..4), advisories).prop_map(
        |(is_old, packages, advisories)| {
            let mut set = set(if is_old { "bookworm" } else { "trixie" }, "1", None);
            set.packages = packages;
            set.advisories = advisories
                .into_iter()
                .map(|cves| Advisory {
                    cve_ids: cves.into_iter().map(|number| format!("CVE-2026-000{number}")).collect(),
                    ..Advisory::default()
                })
                .collect();
            set
        },
    )
}

fn any_statement() -> impl Strategy<Value = Statement> {
    let subject =
        (prop::bool::ANY, prop::sample::select(vec!["a", "b", "c", "s"])).prop_map(|(is_source, name)| {
            let name = name.to_owned();
            if is_source { Subject::Source(name) } else { Subject::Binary(name) }
        });
    let system = prop::sample::select(vec!["debian:bookworm", "debian:trixie", "debian:sid"]);
    (system, subject, prop::option::of(version()))
        .prop_map(|(system, subject, fixed)| statement(system, subject, fixed.as_deref()))
}

/// By reading the set whole.
fn is_affected(set: &FactSet, statements: &[Statement], cve_id: &str) -> bool {
    let systems = distributions_of(&set.os);
    let by_feed = set.packages.iter().flat_map(installed).any(|at| {
        statements.iter().any(|said| {
            said.subject == at.subject && systems.contains(&said.distribution) && said.affects(&at.version)
        })
    });
    by_feed || unfixed(set).any(|hole| hole.cve_ids.iter().any(|id| id == cve_id))
}

proptest! {
    #[test]
    fn the_index_finds_what_reading_every_set_finds(
        sets in prop::collection::vec(any_set(), 0..8), statements in prop::collection::vec(any_statement(), 0..4), kept in any::<u8>(),
    ) {
        let mut postings = Store::default().postings(&sets);
        let expected = |is_there: &dyn Fn(u32) -> bool| -> Vec<u32> {
            let numbered = (0u32..).zip(&sets);
            numbered.filter(|(at, set)| is_there(*at) && is_affected(set, &statements, "CVE-2026-0001")).map(|(at, _)| at).collect()
        };
        let found = |postings: &Postings| -> Vec<u32> { postings.affected(&statements, Some("CVE-2026-0001")).into_iter().collect() };
        prop_assert_eq!(found(&postings), expected(&|_| true));
        let is_kept = |at: u32| kept & (1 << at) != 0;
        postings.keep(&(0..8).filter(|at| is_kept(*at)).collect());
        prop_assert_eq!(found(&postings), expected(&is_kept));
    }
}
