//! The embedded engine: one writer that commits in groups, a pool of readers.
//! Statements run in place (they take microseconds); the commit, which waits for the disk, is
//! announced to the runtime as blocking.

use std::path::Path;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::value::{Row, Value};
use crate::{Result, StoreError};

const READERS: usize = 8;
const STATEMENTS_CACHED: usize = 256;

/// A database file (or memory) opened by this process alone or with its own kind.
pub struct Sqlite {
    writer: Arc<Mutex<Writer>>,
    /// `None`: the database lives in memory and its one connection serves everybody.
    readers: Option<Arc<Readers>>,
}

struct Readers {
    idle: StdMutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

/// The writing connection and the transactions that wait for its next commit.
struct Writer {
    conn: Connection,
    group_open: bool,
    waiting: Vec<oneshot::Sender<std::result::Result<(), String>>>,
}

impl Sqlite {
    pub fn open_file(path: &Path) -> Result<Self> {
        let conn = Connection::open(path)?;
        conn.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA busy_timeout = 5000; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;
             PRAGMA wal_autocheckpoint = 4000;",
        )?;
        keep_statements(&conn)?;
        let idle = (0..READERS).map(|_| open_reader(path)).collect::<Result<Vec<_>>>()?;
        let readers = Readers { idle: StdMutex::new(idle), permits: Arc::new(Semaphore::new(READERS)) };
        Ok(Self { writer: Arc::new(Mutex::new(Writer::new(conn))), readers: Some(Arc::new(readers)) })
    }

    pub fn open_in_memory() -> Result<Self> {
        let conn = Connection::open_in_memory()?;
        conn.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;")?;
        keep_statements(&conn)?;
        Ok(Self { writer: Arc::new(Mutex::new(Writer::new(conn))), readers: None })
    }

    pub async fn read(&self) -> Result<SqliteTx> {
        let mut tx = self.read_each().await?;
        if let Kind::Read { conn: Some(conn), begun, .. } = &mut tx.0 {
            conn.prepare_cached("BEGIN")?.execute([])?;
            *begun = true;
        }
        Ok(tx)
    }

    pub async fn read_each(&self) -> Result<SqliteTx> {
        let Some(readers) = &self.readers else {
            return self.write().await;
        };
        let permit = Arc::clone(&readers.permits)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Unavailable("the store is closed".into()))?;
        let conn = lock(&readers.idle).pop().expect("a permit stands for an idle connection");
        let readers = Arc::clone(readers);
        Ok(SqliteTx(Kind::Read { conn: Some(conn), begun: false, readers, _permit: permit }))
    }

    pub async fn write(&self) -> Result<SqliteTx> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        if !writer.group_open {
            writer.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            writer.group_open = true;
        }
        writer.conn.prepare_cached("SAVEPOINT one")?.execute([])?;
        Ok(SqliteTx(Kind::Write { writer: Some(writer), home: Arc::clone(&self.writer) }))
    }

    /// Commits what is left of a group whose callers went away.
    pub async fn close(&self) -> Result<()> {
        self.writer.lock().await.commit_group();
        Ok(())
    }
}

/// Prepares a statement once. Without the stability guarantee SQLite plans it anew whenever a bound
/// LIMIT changes, which for small reads costs more than the read.
fn keep_statements(conn: &Connection) -> Result<()> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn open_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY;")?;
    keep_statements(&conn)?;
    Ok(conn)
}

fn lock<T>(mutex: &StdMutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    fn new(conn: Connection) -> Self {
        Self { conn, group_open: false, waiting: Vec::new() }
    }

    /// One COMMIT, and so one wait for the disk, for all transactions released since the last.
    fn commit_group(&mut self) {
        if !self.group_open {
            return;
        }
        let outcome = self.conn.execute_batch("COMMIT");
        if outcome.is_err() && !self.conn.is_autocommit() {
            // A full disk fails the COMMIT and leaves the transaction open: give it up whole.
            let _ = self.conn.execute_batch("ROLLBACK");
        }
        self.group_open = false;
        let outcome = outcome.map_err(|error| error.to_string());
        for caller in self.waiting.drain(..) {
            // A caller that went away no longer wants to know.
            let _ = caller.send(outcome.clone());
        }
    }
}

/// One transaction. A writing one that is dropped before `commit` leaves no trace.
pub struct SqliteTx(Kind);

enum Kind {
    Read { conn: Option<Connection>, begun: bool, readers: Arc<Readers>, _permit: OwnedSemaphorePermit },
    Write { writer: Option<OwnedMutexGuard<Writer>>, home: Arc<Mutex<Writer>> },
}

impl SqliteTx {
    fn conn(&self) -> &Connection {
        match &self.0 {
            Kind::Read { conn, .. } => conn.as_ref().expect("taken only by drop"),
            Kind::Write { writer, .. } => &writer.as_ref().expect("taken only by commit and drop").conn,
        }
    }

    pub fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        let mut statement = self.conn().prepare_cached(sql)?;
        bind(&mut statement, values)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut answer = Vec::new();
        while let Some(row) = rows.next()? {
            let cells = (0..columns).map(|i| row.get_ref(i).map_err(StoreError::from).and_then(own));
            answer.push(Row(cells.collect::<Result<_>>()?));
        }
        Ok(answer)
    }

    pub fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        let mut statement = self.conn().prepare_cached(sql)?;
        bind(&mut statement, values)?;
        Ok(statement.raw_execute()? as u64)
    }

    pub fn batch(&mut self, sql: &str) -> Result<()> {
        Ok(self.conn().execute_batch(sql)?)
    }

    /// Returns once the transaction is on disk.
    pub async fn commit(mut self) -> Result<()> {
        let Kind::Write { writer, home } = &mut self.0 else {
            return Ok(());
        };
        let mut guard = writer.take().expect("commit consumes the transaction");
        if let Err(error) = guard.conn.prepare_cached("RELEASE one").and_then(|mut s| s.execute([])) {
            let _ = guard.conn.execute_batch("ROLLBACK TO one; RELEASE one");
            return Err(error.into());
        }
        let (done, mut outcome) = oneshot::channel();
        guard.waiting.push(done);
        drop(guard);
        // Those who queued for the writer before us join the group; then it is our turn to commit
        // it, unless one of them already did.
        let home = Arc::clone(home);
        let outcome = tokio::select! {
            biased;
            outcome = &mut outcome => outcome,
            mut guard = home.lock_owned() => {
                blocking(|| guard.commit_group());
                drop(guard);
                outcome.await
            }
        };
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(reason)) => Err(StoreError::Unavailable(reason)),
            Err(_) => Err(StoreError::Unavailable("the store is closed".into())),
        }
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        match &mut self.0 {
            Kind::Read { conn, begun, readers, .. } => {
                let Some(conn) = conn.take() else { return };
                if *begun && let Err(error) = conn.prepare_cached("ROLLBACK").and_then(|mut s| s.execute([]))
                {
                    tracing::error!(%error, "a read transaction did not end");
                }
                lock(&readers.idle).push(conn);
            }
            Kind::Write { writer, .. } => {
                let Some(mut guard) = writer.take() else { return };
                if let Err(error) = guard.conn.execute_batch("ROLLBACK TO one; RELEASE one") {
                    tracing::error!(%error, "a write transaction did not roll back");
                }
                // Nobody else of this group is about to commit: do not keep it open.
                if guard.waiting.is_empty() {
                    guard.commit_group();
                }
            }
        }
    }
}

/// Tells the runtime that this thread will wait for the disk, where the runtime can be told.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Binds by name: SQLite numbers `$2` by its place in the text, not by its digit.
fn bind(statement: &mut rusqlite::CachedStatement<'_>, values: &[Value<'_>]) -> Result<()> {
    let mut name = String::with_capacity(4);
    for (i, value) in values.iter().enumerate() {
        use std::fmt::Write;
        name.clear();
        let _ = write!(name, "${}", i + 1);
        let Some(index) = statement.parameter_index(&name)? else {
            return Err(StoreError::Backend(format!("the statement has no {name}").into()));
        };
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(())
}

fn own(cell: rusqlite::types::ValueRef<'_>) -> Result<Value<'static>> {
    use rusqlite::types::ValueRef;
    Ok(match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|e| StoreError::Corrupt(e.to_string()))?;
            Value::Text(text.to_owned().into())
        }
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec().into()),
        ValueRef::Real(number) => return Err(StoreError::Corrupt(format!("a fraction: {number}"))),
    })
}
