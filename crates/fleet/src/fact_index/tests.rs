//! The index over many nodes of a store, on each engine: what goes from the store goes from memory.

use api::Timestamp;
use domain::facts::{FactSet, Observation, OsRelease, PackageFact};
use store::facts::NodeFacts;
use store::testing::engines;

use super::*;

const NODES: u32 = 1500;
const LATER_NODES: u32 = 2100;

/// A set of facts that no other number has.
fn set(number: u32) -> (Hash, FactSet) {
    let mut hash = [7; 32];
    hash[..4].copy_from_slice(&number.to_be_bytes());
    let package =
        PackageFact { name: "a".to_owned(), version: format!("1.{number}-1"), ..PackageFact::default() };
    let os = OsRelease { id: "debian".to_owned(), codename: "bookworm".to_owned(), ..OsRelease::default() };
    (hash, FactSet { os, packages: vec![package], ..FactSet::default() })
}

fn node(number: u32) -> NodeId {
    format!("mi-{number:017x}").parse().unwrap()
}

/// Each of these nodes, with a set of its own.
async fn put(store: &Store, scope: Scope<'_>, nodes: std::ops::Range<u32>, sets_from: u32, seconds: i64) {
    let captured_at = Timestamp::from_seconds(seconds);
    let mut prepared = Vec::new();
    for number in nodes {
        let (hash, facts) = set(sets_from + number);
        prepared.push((number, hash, facts::prepare(store, scope, hash, &facts).await.unwrap()));
    }
    let mut tx = store.write_by_locks().await.unwrap();
    for (number, facts_hash, prepared) in prepared {
        facts::insert(&mut tx, scope, &prepared, captured_at).await.unwrap();
        let observation = Observation { captured_at, ..Observation::default() };
        let newest = NodeFacts { node: node(number), facts_hash, received_at: captured_at, observation };
        facts::put_newest(&mut tx, scope, &newest).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_and_sets_that_are_gone_are_forgotten() {
    for test in engines().await {
        let (account, region) = ("123456789012".parse().unwrap(), "us-east-1".parse().unwrap());
        let scope: Scope<'_> = (&account, &region);
        let store = &test.store;
        let statement = Statement {
            cve_id: "CVE-2026-0001".to_owned(),
            distribution: "debian:bookworm".to_owned(),
            subject: domain::advisory::Subject::Source("a".to_owned()),
            introduced: None,
            fixed: Some("1.2000-1".to_owned()),
            severity: String::new(),
        };
        let statements = [(1, statement)];
        let indexes = FactIndexes::default();
        let ask = async |after: Option<&str>, limit: usize| {
            let question = Question { statements: &statements, cve_id: None };
            indexes.affected(store, scope, question, after, limit).await.unwrap()
        };
        let sizes = async || {
            let indexes = indexes.0.lock().await;
            let index = &indexes[&(scope.0.clone(), scope.1.clone())];
            (index.nodes.len(), index.sets.live(), index.sets.spare())
        };
        put(store, scope, 0..NODES, 0, 1).await;
        assert_eq!(ask(None, 2).await, [node(0), node(1)]);
        let all = NODES as usize;
        assert_eq!(sizes().await, (all, all, 0));

        // The first ones go, others come, and all that stay change to what is not affected: all of it is followed.
        let mut tx = store.write().await.unwrap();
        for number in 0..500 {
            facts::delete_newest(&mut tx, scope, &node(number)).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(sizes().await.0, all, "nothing tells of it");
        put(store, scope, 500..NODES, 5000, 2).await;
        put(store, scope, NODES..LATER_NODES, 0, 2).await;
        assert_eq!(ask(None, 2).await, [node(NODES), node(NODES + 1)]);
        let left = LATER_NODES as usize - 500;
        assert_eq!(sizes().await, (left, left, 0), "1,500 sets that nobody has are forgotten");
        assert_eq!(ask(Some(node(1998).as_str()), 5).await, [node(1999)]);
        assert!(ask(Some(node(1999).as_str()), 5).await.is_empty());
        assert_eq!(ask(None, 3000).await.len(), 500);
    }
}
