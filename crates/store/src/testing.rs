//! Temporary databases for tests: SQLite always, PostgreSQL when `FETTLE_TEST_POSTGRES_URL` names
//! a server on which databases may be created.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::postgres::Postgres;
use crate::{Store, StoreOptions, migrate};

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
    let path = folder.path().join("fettle.db");
    std::fs::copy(sqlite_template().await, &path).expect("a copy of an empty database");
    let options = StoreOptions::SqliteFile(path);
    let store = Store::open(&options).await.expect("a new SQLite database");
    TestStore { store, options, _folder: Some(folder) }
}

/// A database with the newest schema and nothing in it, made once and copied for each test, which costs less than bringing it
/// there. Beside the test program, for all programs of this build.
async fn sqlite_template() -> PathBuf {
    let program = std::env::current_exe().expect("the test program's path");
    let folder = program.parent().expect("its folder");
    let path = folder.join(format!("empty-{}.db", migrate::all()));
    if !path.exists() {
        let made = tempfile::tempdir_in(folder).expect("a temporary folder");
        let new = made.path().join("fettle.db");
        drop(Store::open(&StoreOptions::SqliteFile(new.clone())).await.expect("a new SQLite database"));
        let conn = rusqlite::Connection::open(&new).expect("the new database");
        // All of it into the one file that is copied.
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a checkpoint");
        drop(conn);
        // Whoever else makes one meanwhile makes the same.
        std::fs::rename(&new, &path).expect("a name for the empty database");
    }
    path
}

async fn postgres(url: &str) -> TestStore {
    let server = Postgres::open(url).expect("a PostgreSQL URL");
    let template = postgres_template(&server, url).await;
    // From 15 on the pages would go through the log one by one unless told otherwise, at twice the cost.
    let strategy =
        if server.version().await.expect("a version") >= 150_000 { "STRATEGY FILE_COPY" } else { "" };
    let name = create(&server, &format!("TEMPLATE {template} {strategy}")).await;
    let options = StoreOptions::Postgres(with_database(url, &name));
    let store = Store::open(&options).await.expect("a new PostgreSQL database");
    TestStore { store, options, _folder: None }
}

/// The same on the server of `url`.
async fn postgres_template(server: &Postgres, url: &str) -> String {
    let name = format!("empty_{}", migrate::all());
    if !server.has_database(&name).await.expect("pg_database") {
        let new = create(server, "").await;
        let options = StoreOptions::Postgres(with_database(url, &new));
        drop(Store::open(&options).await.expect("a new PostgreSQL database"));
        // The server waits for the connections to it that are still being closed.
        let renamed = server.run_outside_transaction(&format!("ALTER DATABASE {new} RENAME TO {name}")).await;
        let is_there = server.has_database(&name).await.expect("pg_database");
        assert!(is_there, "neither this test nor another made {name}: {renamed:?}");
    }
    name
}

/// Creates a database without tables beside the one `url` names and returns its URL.
pub async fn create_database(url: &str) -> String {
    let server = Postgres::open(url).expect("a PostgreSQL URL");
    with_database(url, &create(&server, "").await)
}

/// Creates a database and returns its name.
async fn create(server: &Postgres, options: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // Process ids come round again within a long run of tests.
    let moment = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
    let name = format!("t_{}_{moment}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let sql = format!("CREATE DATABASE {name} {options}");
    server.run_outside_transaction(&sql).await.expect("CREATE DATABASE");
    name
}

/// `url` with another database.
fn with_database(url: &str, name: &str) -> String {
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
