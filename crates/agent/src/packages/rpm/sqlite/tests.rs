//! The reader against SQLite itself: every row of made-up databases, in every state of their log.

use std::path::Path;

use proptest::prelude::*;
use rusqlite::Connection;

use super::*;

type Stored = (i64, Vec<u8>, Option<String>);

fn rows_of(folder: &Path) -> Result<Vec<Stored>, ScanError> {
    let root = Root::at(folder)?;
    let database = Sqlite::open(&root, Path::new("/db.sqlite"))?.expect("the file is there");
    let table = database.table("Packages")?.expect("the table is there");
    let (blob, note) = (table.column("blob").unwrap(), table.column("note").unwrap());
    let mut rows = Vec::new();
    database.for_each_row(&table, &mut |row| {
        rows.push((row.id, row.blob(blob).unwrap_or_default().to_vec(), row.text(note).map(str::to_owned)));
        Ok(())
    })?;
    assert!(database.is_unchanged(&root));
    Ok(rows)
}

fn expected(connection: &Connection) -> Vec<Stored> {
    let mut query = connection.prepare("SELECT hnum, blob, note FROM Packages ORDER BY hnum").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// What happens to the database: rows come and go, the log is taken in or not.
#[derive(Clone, Debug)]
enum Step {
    Insert { bytes: usize, note: Option<String> },
    Delete(i64),
    Checkpoint,
    Abandon { bytes: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = prop_oneof![0usize..200, 200usize..9000, 30_000usize..90_000];
    prop_oneof![
        6 => (bytes.clone(), proptest::option::of("[a-z]{0,9}")).prop_map(|(bytes, note)| Step::Insert { bytes, note }),
        2 => (1i64..20).prop_map(Step::Delete),
        1 => Just(Step::Checkpoint),
        1 => bytes.prop_map(|bytes| Step::Abandon { bytes }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_are_those_that_sqlite_has(
        page_bits in 9u32..17,
        wal: bool,
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("db.sqlite")).unwrap();
        let mode = if wal { "WAL" } else { "DELETE" };
        connection.execute_batch(&format!(
            "PRAGMA page_size = {}; PRAGMA journal_mode = {mode}; PRAGMA wal_autocheckpoint = 0;
             CREATE TABLE other (x TEXT, PRIMARY KEY (x));
             CREATE TABLE IF NOT EXISTS 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL, note TEXT)",
            1u32 << page_bits,
        )).unwrap();
        let insert = "INSERT INTO Packages (blob, note) VALUES (?1, ?2)";
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert { bytes, note } => {
                    connection.execute(insert, (vec![number as u8; bytes], note)).unwrap();
                }
                Step::Delete(row) => {
                    connection.execute("DELETE FROM Packages WHERE hnum = ?1", [row]).unwrap();
                }
                Step::Checkpoint => {
                    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
                }
                Step::Abandon { bytes } => {
                    connection.execute_batch("BEGIN").unwrap();
                    connection.execute(insert, (vec![0xaa_u8; bytes], "gone")).unwrap();
                    connection.execute_batch("ROLLBACK").unwrap();
                }
            }
            prop_assert_eq!(rows_of(folder.path()).unwrap(), expected(&connection));
        }
        // The same from a root that nobody can write to and where the log lies as a crash would leave it.
        let copy = tempfile::tempdir().unwrap();
        for name in ["db.sqlite", "db.sqlite-wal"] {
            let from = folder.path().join(name);
            if from.exists() {
                std::fs::copy(from, copy.path().join(name)).unwrap();
            }
        }
        prop_assert_eq!(rows_of(copy.path()).unwrap(), expected(&connection));
    }

    #[test]
    fn damage_is_an_error_or_harmless(at in 0usize..40_000, byte: u8, cut in 0usize..60_000) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.sqlite");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB, note TEXT)").unwrap();
        for size in [10usize, 9000, 20_000] {
            connection.execute("INSERT INTO Packages (blob) VALUES (?1)", [vec![7_u8; size]]).unwrap();
        }
        drop(connection);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(cut.max(200));
        std::fs::write(&path, bytes).unwrap();
        let root = Root::at(folder.path()).unwrap();
        // Never a panic, never without an end.
        let _ = Sqlite::open(&root, Path::new("/db.sqlite")).and_then(|database| {
            let Some(database) = database else { return Ok(()) };
            let Some(table) = database.table("Packages")? else { return Ok(()) };
            database.for_each_row(&table, &mut |_| Ok(()))
        });
    }
}

#[test]
fn a_journal_that_was_not_undone_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join("db.sqlite")).unwrap();
    connection
        .execute_batch("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB, note TEXT)")
        .unwrap();
    connection.execute_batch("BEGIN; INSERT INTO Packages (blob) VALUES (x'00')").unwrap();
    let journal = folder.path().join("db.sqlite-journal");
    std::fs::write(&journal, JOURNAL_MAGIC).unwrap();
    let told = rows_of(folder.path()).unwrap_err().to_string();
    assert!(told.contains("db.sqlite-journal") && told.contains("under way"), "{told}");
}

#[test]
fn names_columns() {
    let check = |text: &str, expected: &[&str]| assert_eq!(record::columns(text), expected, "{text}");
    check(
        "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)",
        &["hnum", "blob"],
    );
    check("CREATE TABLE t (\"a\" INT, b DECIMAL(1,2), PRIMARY KEY (a, b))", &["a", "b"]);
    check("nonsense", &[]);
}
