//! Facts and observations: what is kept comes back, on both engines.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use api::Timestamp;
use domain::advisory::{Unfixed, installed, unfixed};
use domain::facts::{
    self, AbsentPackages, Advisory, AdvisoryTerms, AvailableVersion, FactSet, Notice, Observation, OsRelease,
    PackageFact, PackageState, Repository, UpdateFact, UpdateStatus,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use store::testing::engines;

mod home;

use home::{Home, node};

fn any_facts() -> impl Strategy<Value = FactSet> {
    let text = || prop_oneof![Just(String::new()), "[a-z0-9.+~:-]{1,12}", "\\PC{1,5}"];
    let time = || prop::option::of((0i64..4_000_000_000_000).prop_map(Timestamp::from_millis));
    let version = (
        text(),
        text(),
        text(),
        any::<i32>(),
        prop::collection::vec(any::<u32>(), 0..3),
        prop::option::of(any::<u8>()),
        any::<bool>(),
        (time(), any::<bool>()),
    )
        .prop_map(|(version, section, priority, pin, repositories, phased_percent, phased_out, more)| {
            let (built_at, excluded) = more;
            AvailableVersion {
                version,
                section,
                priority,
                pin,
                repositories,
                built_at,
                excluded,
                phased_percent,
                phased_out,
            }
        });
    let states = vec![
        PackageState::Installed,
        PackageState::HalfInstalled,
        PackageState::Unpacked,
        PackageState::HalfConfigured,
        PackageState::TriggersAwaited,
        PackageState::TriggersPending,
    ];
    let package = (
        (text(), text(), text(), prop::sample::select(states), text(), text()),
        (
            prop::option::of(text()),
            prop::option::of(text()),
            time(),
            any::<bool>(),
            any::<bool>(),
            prop::option::of(text()),
        ),
        prop::collection::vec(version, 0..3),
        (
            prop::collection::vec((any::<u32>(), text()), 0..3),
            prop::collection::vec(text(), 0..3),
            prop::option::of(text()),
        ),
    )
        .prop_map(|((name, arch, version, state, section, priority), more, available, of_rpm)| {
            let (notices, other_versions, obsoleted_by) = of_rpm;
            let notices =
                notices.into_iter().map(|(advisory, version)| Notice { advisory, version }).collect();
            let (source, source_version, installed_at, held, automatic, candidate) = more;
            PackageFact {
                name,
                arch,
                version,
                state,
                section,
                priority,
                source,
                source_version,
                installed_at,
                held,
                automatic,
                candidate,
                available,
                notices,
                other_versions,
                obsoleted_by,
            }
        });
    let repository = (text(), text(), text(), text(), time(), time()).prop_map(
        |(uri, suite, label, component, released_at, valid_until)| Repository {
            uri,
            suite,
            label,
            component,
            released_at,
            valid_until,
            ..Repository::default()
        },
    );
    let advisory = (
        (text(), any::<u32>(), text(), text(), text()),
        (time(), time(), any::<bool>(), any::<bool>(), any::<bool>()),
        (prop::collection::vec(text(), 0..3), prop::collection::vec(text(), 0..3)),
    )
        .prop_map(|((id, repository, kind, severity, title), dates, (cve_ids, bugzilla_ids))| {
            let (issued_at, updated_at, has_unreadable_date, reboot_suggested, restart_suggested) = dates;
            Advisory {
                id,
                repository,
                kind,
                severity,
                title,
                issued_at,
                updated_at,
                has_unreadable_date,
                cve_ids,
                bugzilla_ids,
                reboot_suggested,
                restart_suggested,
            }
        });
    let terms = (text(), text(), time()).prop_map(|(kind, severity, dated_at)| AdvisoryTerms {
        kind,
        severity,
        dated_at,
    });
    let absent = (prop::collection::vec(terms, 0..3), any::<u32>())
        .prop_map(|(terms, packages)| AbsentPackages { terms, packages });
    let statuses = vec![UpdateStatus::Installed, UpdateStatus::Applicable, UpdateStatus::Hidden];
    let update = (
        (text(), text(), text(), prop::option::of(text()), text(), text()),
        (
            prop::collection::vec(text(), 0..3),
            prop::collection::vec(text(), 0..3),
            prop::collection::vec(text(), 0..3),
            prop::collection::vec(text(), 0..3),
        ),
        (
            prop::collection::vec(text(), 0..3),
            prop::collection::vec(text(), 0..3),
            prop::sample::select(statuses),
            time(),
            time(),
        ),
        (any::<bool>(), any::<bool>(), prop::option::of(0..u64::MAX), prop::collection::vec(text(), 0..3)),
    )
        .prop_map(|(texts, lists, more, flags)| {
            let (id, title, version, installed_version, classification, severity) = texts;
            let (kb_ids, bulletin_ids, products, product_families) = lists;
            let (cve_ids, supersedes, status, released_at, installed_at) = more;
            let (awaits_restart, may_restart, download_bytes, bundled_kb_ids) = flags;
            UpdateFact {
                id,
                title,
                kb_ids,
                bundled_kb_ids,
                bulletin_ids,
                version,
                installed_version,
                classification,
                severity,
                products,
                product_families,
                released_at,
                cve_ids,
                supersedes,
                status,
                installed_at,
                awaits_restart,
                may_restart,
                download_bytes,
            }
        });
    (
        text(),
        prop::collection::vec(repository, 0..3),
        prop::collection::vec(package, 0..20),
        (
            prop::collection::vec(advisory, 0..3),
            prop::collection::vec(absent, 0..3),
            prop::collection::vec(update, 0..3),
        ),
    )
        .prop_map(|(id, repositories, packages, (advisories, absent, updates))| {
            let os = OsRelease { id, ..OsRelease::default() };
            FactSet { os, repositories, packages, advisories, absent, updates }
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn any_facts_come_back_byte_for_byte() {
    for test in engines().await {
        let home = Home::new();
        let mut runner = TestRunner::deterministic();
        for _ in 0..60 {
            let facts = any_facts().new_tree(&mut runner).unwrap().current();
            let json = facts.to_canonical_json();
            let hash: store::Hash = hex::decode(facts::content_hash(&json)).unwrap().try_into().unwrap();
            let prepared = store::facts::prepare(&test.store, home.scope(), hash, &facts).await.unwrap();
            let mut tx = test.store.write().await.unwrap();
            store::facts::insert(&mut tx, home.scope(), &prepared, Timestamp::EPOCH).await.unwrap();
            tx.commit().await.unwrap();
            let mut tx = test.store.read().await.unwrap();
            assert!(store::facts::received_at(&mut tx, home.scope(), &hash).await.unwrap().is_some());
            let back = store::facts::load(&mut tx, home.scope(), &hash).await.unwrap().unwrap();
            assert_eq!(back.to_canonical_json(), json);
            let outlines = store::facts::outlines(&mut tx, home.scope(), &[[0; 32], hash]).await.unwrap();
            let [(of, outline)] = &outlines[..] else { panic!("one of two is there") };
            let ids: Vec<i64> = outline.texts().into_iter().collect();
            let texts = store::strings::resolve(&mut tx, home.scope(), &ids).await.unwrap();
            let texts: HashMap<i64, _> = ids.into_iter().zip(texts).collect();
            assert_eq!((of, outline.to_facts(|id| texts[&id].to_string())), (&hash, outlined(&facts)));
            excerpts_tell_the_same(&mut tx, home.scope(), &hash, &facts).await;
        }
    }
}

/// What an outline says of a set.
fn outlined(facts: &FactSet) -> FactSet {
    let FactSet { os, packages, advisories, updates, .. } = facts;
    let advisory = |advisory: &Advisory| {
        let Advisory { id, severity, cve_ids, .. } = advisory.clone();
        if cve_ids.is_empty() {
            Advisory::default()
        } else {
            Advisory { id, severity, cve_ids, ..Advisory::default() }
        }
    };
    let package = |package: &PackageFact| {
        let PackageFact { name, arch, version, source, source_version, notices, .. } = package.clone();
        PackageFact { name, arch, version, source, source_version, notices, ..PackageFact::default() }
    };
    let update = |update: &UpdateFact| {
        let UpdateFact { id, version, severity, installed_version, cve_ids, status, .. } = update.clone();
        let kb_ids = update.kb_ids.first().cloned().into_iter().collect();
        let bulletin_ids = update.bulletin_ids.first().cloned().into_iter().collect();
        let known =
            UpdateFact { id, version, severity, installed_version, cve_ids, status, ..UpdateFact::default() };
        UpdateFact { kb_ids, bulletin_ids, ..known }
    };
    let applicable = updates.iter().filter(|update| update.status == UpdateStatus::Applicable);
    let OsRelease { id, version_id, codename, .. } = os.clone();
    FactSet {
        os: OsRelease { id, version_id, codename, ..OsRelease::default() },
        packages: packages.iter().map(package).collect(),
        advisories: advisories.iter().map(advisory).collect(),
        updates: applicable.map(update).collect(),
        ..FactSet::default()
    }
}

/// Of each package of the set, and of each CVE that it names, an excerpt says what the whole says.
async fn excerpts_tell_the_same(
    tx: &mut store::Tx,
    scope: store::Scope<'_>,
    hash: &store::Hash,
    facts: &FactSet,
) {
    let sources = facts.packages.iter().filter_map(|package| package.source.as_deref());
    let names =
        facts.packages.iter().map(|package| package.name.as_str()).chain(sources).chain(["no such name"]);
    let of_advisories = facts.advisories.iter().flat_map(|advisory| &advisory.cve_ids);
    let cve_ids: Vec<&String> =
        of_advisories.chain(facts.updates.iter().flat_map(|update| &update.cve_ids)).collect();
    let cve_ids = cve_ids.into_iter().map(|id| Some(id.as_str())).chain([None, Some("no such CVE")]);
    let (names, cve_ids): (Vec<&str>, Vec<_>) = (names.collect(), cve_ids.collect());
    for at in 0..names.len().max(cve_ids.len()) {
        let (name, cve_id) = (names[at % names.len()], cve_ids[at % cve_ids.len()]);
        let found = store::facts::excerpts(tx, scope, &[*hash, [0; 32]], &[name], cve_id).await.unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), [hash]);
        let is_named =
            |package: &&PackageFact| package.name == name || package.source.as_deref() == Some(name);
        let versions =
            |facts: &FactSet| facts.packages.iter().filter(is_named).map(installed).collect::<Vec<_>>();
        assert_eq!(versions(&found[hash]), versions(facts), "{name}");
        let holes = |facts: &FactSet| {
            let of_cve =
                unfixed(facts).filter(|hole| hole.cve_ids.iter().any(|id| Some(id.as_str()) == cve_id));
            let shown = of_cve.map(|hole| {
                let Unfixed { package, arch, installed_version, fixed_version, advisory, severity, .. } =
                    hole;
                [package, arch, installed_version, fixed_version, advisory, severity].map(str::to_owned)
            });
            shown.collect::<Vec<_>>()
        };
        assert_eq!(holes(&found[hash]), holes(facts), "{cve_id:?}");
        assert!(found[hash].packages.len() <= facts.packages.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_observation_of_a_moment_is_the_last_one_before() {
    for test in engines().await {
        let home = Home::new();
        for at in [10, 20, 30] {
            let captured_at = Timestamp::from_seconds(at);
            let facts = store::facts::NodeFacts {
                node: node(1),
                facts_hash: [at as u8; 32],
                received_at: captured_at,
                observation: Observation { captured_at, ..Observation::default() },
            };
            let mut tx = test.store.write().await.unwrap();
            store::facts::put_observation(&mut tx, home.scope(), &facts).await.unwrap();
            tx.commit().await.unwrap();
        }
        let mut tx = test.store.read().await.unwrap();
        let find = async |tx: &mut store::Tx, at| {
            let at = Timestamp::from_seconds(at);
            store::facts::find_observation(tx, home.scope(), &node(1), at).await.unwrap()
        };
        assert_eq!(find(&mut tx, 25).await.unwrap().facts_hash, [20; 32]);
        assert_eq!(find(&mut tx, 9).await, None);
    }
}
