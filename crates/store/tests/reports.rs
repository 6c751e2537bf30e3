//! Reports and their items: what is kept comes back, on both engines.

#![allow(clippy::unwrap_used)]

use api::Timestamp;
use domain::compliance::report::{Execution, Operation, RunFrame};
use domain::compliance::{ComplianceLevel, ComplianceStatus, PatchItem, PatchSummary};
use domain::ids::NodeId;
use domain::patch::{PatchCounts, PatchState};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use store::patch_states::{self, CountComparison, CountCondition, CountField, INSTANCES};
use store::reports::{self, Insertion, Report, ReportKey};
use store::testing::engines;
use store::{Store, StoreError, report_items};

mod home;

use home::{Home, node};

fn report(number: u32, ended_at: i64, missing: i64, group: &str) -> Report {
    let at = Timestamp::from_seconds(ended_at);
    let frame = RunFrame {
        operation: Operation::Scan,
        started_at: at.plus_seconds(-5),
        ended_at: at,
        baseline_id: "pb-0123456789abcdef0".into(),
        patch_group: group.into(),
        snapshot_id: String::new(),
        reboot_option: "NoReboot".into(),
        install_override_list: String::new(),
        last_no_reboot_install_at: (missing > 3).then_some(at),
        execution: Execution { id: format!("run {ended_at}"), kind: "Command".into() },
    };
    let counts = PatchCounts { installed: 10, missing, ..PatchCounts::default() };
    Report {
        node: node(number),
        key: ReportKey { ended_at: at, sequence: 0 },
        captured_at: at,
        received_at: at.plus_seconds(1),
        items_hash: report_items::none().hash,
        summary: PatchSummary { frame, counts, non_compliant_severity: ComplianceLevel::High },
    }
}

async fn insert(store: &Store, home: &Home, mut report: Report) -> (Insertion, Report) {
    let mut tx = store.write().await.unwrap();
    report_items::insert(&mut tx, home.scope(), &report_items::none()).await.unwrap();
    let outcome = reports::insert(&mut tx, home.scope(), &mut report).await.unwrap();
    tx.commit().await.unwrap();
    (outcome, report)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_report_is_shown_and_every_one_is_kept() {
    for test in engines().await {
        let home = Home::new();
        let mut early = report(1, 500, 1, "web");
        let mut tx = test.store.write().await.unwrap();
        let refused = reports::insert(&mut tx, home.scope(), &mut early).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "its items are not stored: {refused:?}");
        drop(tx);
        let add = |number, at, missing| insert(&test.store, &home, report(number, at, missing, "web"));
        let (outcome, second) = add(1, 2000, 4).await;
        assert_eq!(outcome, Insertion::Newest);
        assert_eq!(add(1, 1000, 9).await.0, Insertion::Older);
        assert_eq!(add(1, 2000, 4).await, (Insertion::Known, second.clone()));
        let (outcome, third) = add(1, 2000, 5).await;
        assert_eq!((outcome, third.key.sequence), (Insertion::Newest, 1));
        assert_eq!(add(1, 1000, 9).await.0, Insertion::Known);

        let mut tx = test.store.read().await.unwrap();
        let shown = patch_states::find(&mut tx, home.scope(), &node(1)).await.unwrap();
        assert_eq!(shown.as_ref(), Some(&third));
        let list = reports::list(&mut tx, home.scope(), &node(1), None, 10).await.unwrap();
        let keys: Vec<_> = list.iter().map(|report| report.summary.counts.missing).collect();
        assert_eq!(keys, [5, 4, 9]);
        let page = reports::list(&mut tx, home.scope(), &node(1), Some(third.key), 1).await.unwrap();
        assert_eq!(page, std::slice::from_ref(&second));
        let key: ReportKey = second.key.to_string().parse().unwrap();
        assert_eq!(reports::find(&mut tx, home.scope(), &node(1), key).await.unwrap(), Some(second));
        assert!("now-1".parse::<ReportKey>().is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_counted_by_difference() {
    for test in engines().await {
        let home = Home::new();
        for (number, at, missing, group) in [
            (1, 10, 2, "web"),
            (2, 10, 0, "web"),
            (3, 10, 1, "db"),
            (4, 10, 3, ""),
            (1, 20, 0, "web"),
            (3, 20, 1, "web"),
        ] {
            insert(&test.store, &home, report(number, at, missing, group)).await;
        }
        let mut tx = test.store.read().await.unwrap();
        let count = async |tx: &mut store::Tx, group: &str| {
            patch_states::count_group(tx, home.scope(), group).await.unwrap()
        };
        let row = |name: &str, nodes| (name.to_owned(), nodes);
        assert_eq!(count(&mut tx, "web").await, [row("installed", 3), row(INSTANCES, 3), row("missing", 1)]);
        assert_eq!(count(&mut tx, "db").await, []);
        let missing =
            CountCondition { field: CountField::Missing, comparison: CountComparison::GreaterThan, value: 0 };
        let ids =
            async |tx: &mut store::Tx, conditions: &[CountCondition], after: Option<&str>| -> Vec<NodeId> {
                let list =
                    patch_states::list_group(tx, home.scope(), "web", conditions, after, 9).await.unwrap();
                list.into_iter().map(|report| report.node).collect()
            };
        assert_eq!(ids(&mut tx, &[], None).await, [node(1), node(2), node(3)]);
        assert_eq!(ids(&mut tx, &[], Some(node(1).as_str())).await, [node(2), node(3)]);
        assert_eq!(ids(&mut tx, &[missing], None).await, [node(3)]);
        drop(tx);

        let mut tx = test.store.write().await.unwrap();
        assert!(patch_states::delete(&mut tx, home.scope(), &node(3)).await.unwrap());
        assert!(!patch_states::delete(&mut tx, home.scope(), &node(3)).await.unwrap());
        tx.commit().await.unwrap();
        let mut tx = test.store.read().await.unwrap();
        assert_eq!(count(&mut tx, "web").await, [row("installed", 2), row(INSTANCES, 2)]);
        assert_eq!(reports::list(&mut tx, home.scope(), &node(3), None, 9).await.unwrap().len(), 2);
    }
}

fn any_item() -> impl Strategy<Value = PatchItem> {
    let text = || prop_oneof![Just(String::new()), "[a-z0-9.+~:-]{1,12}", "\\PC{1,6}"];
    let level = prop::sample::select(ComplianceLevel::ALL.to_vec());
    let status = prop::sample::select(vec![
        None,
        Some(ComplianceStatus::Compliant),
        Some(ComplianceStatus::NonCompliant),
    ]);
    let state = prop::sample::select(PatchState::ALL.to_vec());
    let time = prop::option::of(prop_oneof![
        (0i64..2_000_000_000).prop_map(Timestamp::from_seconds),
        any::<i64>().prop_map(Timestamp::from_millis),
    ]);
    let texts = (text(), text(), text(), text(), text(), text(), text());
    (texts, state, level, status, time, prop::collection::vec(text(), 0..3)).prop_map(
        |(
            (id, title, classification, severity, document_name, document_version, detailed_text),
            state,
            level,
            status,
            time,
            cves,
        )| {
            PatchItem {
                id,
                title,
                state,
                classification,
                severity,
                compliance_level: level,
                status,
                installed_at: time,
                cve_ids: cves,
                detailed_text,
                document_name,
                document_version,
            }
        },
    )
}

/// Stores as one writer would, then reads with the strings remembered and with nothing remembered.
async fn keep(store: &Store, home: &Home, items: &[PatchItem]) -> [Vec<PatchItem>; 2] {
    let prepared = report_items::prepare(store, home.scope(), items).await.unwrap();
    let mut tx = store.write().await.unwrap();
    report_items::insert(&mut tx, home.scope(), &prepared).await.unwrap();
    tx.commit().await.unwrap();
    let warm =
        report_items::load(&mut store.read().await.unwrap(), home.scope(), &prepared.hash).await.unwrap();
    let again = report_items::prepare(store, home.scope(), items).await.unwrap();
    assert_eq!(again.hash, prepared.hash);
    let fresh = store.without_memory();
    let cold =
        report_items::load(&mut fresh.read().await.unwrap(), home.scope(), &prepared.hash).await.unwrap();
    [warm, cold]
}

#[tokio::test(flavor = "multi_thread")]
async fn any_items_come_back_as_they_were() {
    for test in engines().await {
        let home = Home::new();
        let mut runner = TestRunner::deterministic();
        let lists = prop::collection::vec(any_item(), 0..40);
        for _ in 0..60 {
            let items = lists.new_tree(&mut runner).unwrap().current();
            assert_eq!(keep(&test.store, &home, &items).await, [items.clone(), items]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_agree_on_the_numbers_of_strings() {
    for test in engines().await {
        let tasks: Vec<_> = (0..24)
            .map(|task| {
                // Half of them remember nothing, as another server would.
                let store = if task % 2 == 0 { test.store.clone() } else { test.store.without_memory() };
                tokio::spawn(async move {
                    let home = Home::new();
                    let texts: Vec<String> =
                        (0..300).map(|i| format!("string {}", (i * 7 + task * 50) % 900)).collect();
                    let ids = store::strings::intern(&store, home.scope(), &texts).await.unwrap();
                    let read = store::strings::resolve(&mut store.read().await.unwrap(), home.scope(), &ids)
                        .await
                        .unwrap();
                    assert!(read.iter().zip(&texts).all(|(read, text)| **read == **text));
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}
