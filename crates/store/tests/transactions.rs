//! What both engines promise of a transaction.

#![allow(clippy::unwrap_used)]

use api::Timestamp;
use store::accounts::{self, AccessKey};
use store::testing::engines;
use store::{Store, StoreError, StoreOptions};

fn key(id: &str) -> AccessKey {
    AccessKey {
        access_key_id: id.into(),
        account: "123456789012".into(),
        principal_arn: "arn:aws:iam::123456789012:root".into(),
        sealed_secret: vec![0, 1, 255],
        created_at: Timestamp::from_millis(1),
        disabled_at: None,
    }
}

async fn insert(store: &Store, id: &str) {
    let mut tx = store.write().await.unwrap();
    accounts::insert_access_key(&mut tx, &key(id)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn find(store: &Store, id: &str) -> Option<AccessKey> {
    accounts::find_access_key(&mut store.read().await.unwrap(), id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_rows_are_read_back_and_dropped_ones_are_not() {
    for test in engines().await {
        insert(&test.store, "A").await;
        assert_eq!(find(&test.store, "A").await, Some(key("A")));
        let mut tx = test.store.write().await.unwrap();
        accounts::insert_access_key(&mut tx, &key("B")).await.unwrap();
        drop(tx);
        assert_eq!(find(&test.store, "B").await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_one_moment() {
    for test in engines().await {
        let mut before = test.store.read().await.unwrap();
        assert_eq!(accounts::find_access_key(&mut before, "A").await.unwrap(), None);
        insert(&test.store, "A").await;
        assert_eq!(accounts::find_access_key(&mut before, "A").await.unwrap(), None);
        drop(before);
        assert!(find(&test.store, "A").await.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_commit_in_groups_and_none_is_lost() {
    for test in engines().await {
        let mut tasks = Vec::new();
        for i in 0..200 {
            let store = test.store.clone();
            tasks.push(tokio::spawn(async move {
                if i % 5 == 0 {
                    // One in five gives up half-way, and must not take its neighbours with it.
                    let mut tx = store.write().await.unwrap();
                    let _ = accounts::insert_access_key(&mut tx, &key(&format!("lost{i}"))).await;
                    return;
                }
                loop {
                    let mut tx = store.write().await.unwrap();
                    let inserted = accounts::insert_access_key(&mut tx, &key(&format!("K{i}"))).await;
                    let outcome = if inserted.is_ok() { tx.commit().await } else { inserted };
                    match outcome {
                        Ok(()) => return,
                        Err(StoreError::Conflict) => continue,
                        Err(other) => panic!("{other}"),
                    }
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        for i in 0..200 {
            let id = if i % 5 == 0 { format!("lost{i}") } else { format!("K{i}") };
            assert_eq!(find(&test.store, &id).await.is_some(), i % 5 != 0, "{id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_key_is_a_conflict_or_refused_and_the_first_row_stays() {
    for test in engines().await {
        insert(&test.store, "A").await;
        let mut tx = test.store.write().await.unwrap();
        assert!(accounts::insert_access_key(&mut tx, &key("A")).await.is_err());
        drop(tx);
        assert_eq!(find(&test.store, "A").await, Some(key("A")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_open_finds_the_data_and_the_schema() {
    for test in engines().await {
        insert(&test.store, "A").await;
        test.store.close().await.unwrap();
        let again = Store::open(&test.options).await.unwrap();
        assert!(find(&again, "A").await.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_serves_reads_and_writes() {
    let store = Store::open(&StoreOptions::Memory).await.unwrap();
    insert(&store, "A").await;
    assert!(find(&store, "A").await.is_some());
}

#[test]
fn reads_database_urls() {
    let file = |path: &str| Some(StoreOptions::SqliteFile(path.into()));
    assert_eq!(StoreOptions::from_url("sqlite:/a/b.db"), file("/a/b.db"));
    assert_eq!(StoreOptions::from_url("sqlite://a.db"), file("a.db"));
    assert_eq!(StoreOptions::from_url("sqlite::memory:"), Some(StoreOptions::Memory));
    assert!(matches!(StoreOptions::from_url("postgres://u@h/d"), Some(StoreOptions::Postgres(_))));
    assert_eq!(StoreOptions::from_url("mysql://u@h/d"), None);
    assert_eq!(StoreOptions::from_url("sqlite:"), None);
}
