//! Temporary databases for tests: SQLite always, PostgreSQL when `FETTLE_TEST_POSTGRES_URL` names
//! a server on which databases may be created.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::postgres::Postgres;
use crate::{Store, StoreOptions};

/// One empty database, gone when dropped (a PostgreSQL one stays with its throw-away server).
pub struct TestStore {
    pub store: Store,
    pub options: StoreOptions,
    _folder: Option<tempfile::TempDir>,
}

/// One database per engine under test.
pub async fn engines() -> Vec<TestStore> {
    let mut stores = vec![sqlite().await];
    match std::env::var("FETTLE_TEST_POSTGRES_URL") {
        Ok(url) if !url.is_empty() => stores.push(postgres(&url).await),
        _ => tell("FETTLE_TEST_POSTGRES_URL is not set: tested on SQLite only"),
    }
    stores
}

pub async fn sqlite() -> TestStore {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = StoreOptions::SqliteFile(folder.path().join("fettle.db"));
    let store = Store::open(&options).await.expect("a new SQLite database");
    TestStore { store, options, _folder: Some(folder) }
}

async fn postgres(url: &str) -> TestStore {
    let options = StoreOptions::Postgres(create_database(url).await);
    let store = Store::open(&options).await.expect("a new PostgreSQL database");
    TestStore { store, options, _folder: None }
}

/// Creates a database beside the one `url` names and returns its URL.
pub async fn create_database(url: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // Process ids come round again within a long run of tests.
    let moment = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
    let name = format!("t_{}_{moment}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let server = Postgres::open(url).expect("a PostgreSQL URL");
    server.run_outside_transaction(&format!("CREATE DATABASE {name}")).await.expect("CREATE DATABASE");
    let (head, query) = url.split_once('?').map_or((url, None), |(head, query)| (head, Some(query)));
    let (server, _) = head.rsplit_once('/').expect("a URL with a database");
    query.map_or_else(|| format!("{server}/{name}"), |query| format!("{server}/{name}?{query}"))
}

#[expect(clippy::print_stderr, reason = "what a test run did not cover is said where it is read")]
fn tell(text: &str) {
    eprintln!("{text}");
}

/// How many rows a table has.
pub async fn count(store: &Store, table: &str) -> i64 {
    let mut tx = store.read().await.expect("a transaction");
    let sql = format!("SELECT COUNT(*) FROM {table}");
    let row = tx.query_opt(&sql, &[]).await.expect("a table of that name").expect("a count is one row");
    row.get(0).expect("a count is a number")
}
