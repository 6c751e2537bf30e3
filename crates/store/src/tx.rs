//! The store and its transactions, whichever engine is below.

use std::path::PathBuf;
use std::sync::Arc;

use domain::ids::NodeId;
use futures_util::future::BoxFuture;

use crate::changes::{Changes, Topic, Topics};
use crate::memory::{Memory, Tables};
use crate::postgres::{Postgres, PostgresTx};
use crate::sqlite::{Sqlite, SqliteTx};
use crate::strings::Strings;
use crate::touched::{self, Touched};
use crate::value::{Row, Value};
use crate::{Result, StoreError, migrate, wakeups};

/// Where the data lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOptions {
    /// Nothing outlives the process.
    Memory,
    SqliteFile(PathBuf),
    Postgres(String),
}

impl StoreOptions {
    /// Reads `sqlite:PATH`, `sqlite::memory:`, `postgres://…` or `postgresql://…`.
    pub fn from_url(url: &str) -> Option<Self> {
        if url == "sqlite::memory:" {
            return Some(Self::Memory);
        }
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return (!path.is_empty()).then(|| Self::SqliteFile(path.into()));
        }
        let postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
        postgres.then(|| Self::Postgres(url.to_owned()))
    }
}

/// A handle to the database; clones share it.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Engine>,
    strings: Arc<Strings>,
    memory: Arc<Memory>,
    changes: Arc<Changes>,
    gate: Option<Gate>,
}

/// What the engines will answer. Boxed, because every function of this crate and of the server awaits it: with the engines' own
/// futures inside, each of theirs was compiled together with the whole PostgreSQL client.
type Answer<'a, T> = BoxFuture<'a, Result<T>>;

/// Passed before a transaction begins, before it is committed and before the caller hears of that: a simulation's slow disk,
/// and where its servers die.
pub type Gate = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

async fn pass(gate: Option<&Gate>) {
    if let Some(gate) = gate {
        gate().await;
    }
}

pub(crate) enum Engine {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

impl Store {
    /// Opens the database and brings its schema up to date.
    pub async fn open(options: &StoreOptions) -> Result<Self> {
        let engine = match options {
            StoreOptions::Memory => Engine::Sqlite(Sqlite::open_in_memory()?),
            StoreOptions::SqliteFile(path) => Engine::Sqlite(Sqlite::open_file(path)?),
            StoreOptions::Postgres(url) => Engine::Postgres(Box::new(Postgres::open(url)?)),
        };
        let memory = Arc::new(Memory::new(matches!(engine, Engine::Postgres(_))));
        let (strings, changes) = (Arc::default(), Arc::default());
        let store = Self { engine: Arc::new(engine), strings, memory, changes, gate: None };
        migrate::run(&store).await?;
        Ok(store)
    }

    /// A consistent view of one moment. Ends when dropped.
    pub fn read(&self) -> Answer<'_, Tx> {
        Box::pin(async move {
            pass(self.gate.as_ref()).await;
            let kind = match &*self.engine {
                Engine::Sqlite(engine) => Kind::Sqlite(engine.read().await?),
                Engine::Postgres(engine) => Kind::Postgres(engine.read().await?),
            };
            Ok(self.tx(kind))
        })
    }

    /// Statements that need no common moment, above all a single one: each sees what is committed when
    /// it runs. Spares the database, and the way to it, the begin and the end of a transaction.
    pub fn read_each(&self) -> Answer<'_, Tx> {
        Box::pin(async move {
            pass(self.gate.as_ref()).await;
            let kind = Kind::read_each(&self.engine).await?;
            Ok(self.tx(kind))
        })
    }

    /// As [`Self::read_each`], and what was answered before may be answered from memory: what this process committed is
    /// always seen, what another server committed within the moment its word takes. For reads that decide nothing.
    pub fn read_remembered(&self) -> Tx {
        self.tx(Kind::Remembering(Arc::clone(&self.engine), None))
    }

    /// A transaction that sees no other's writes in between. Lost unless committed.
    pub fn write(&self) -> Answer<'_, Tx> {
        Box::pin(async move {
            pass(self.gate.as_ref()).await;
            let kind = match &*self.engine {
                Engine::Sqlite(engine) => Kind::Sqlite(engine.write().await?),
                Engine::Postgres(engine) => Kind::Postgres(engine.write().await?),
            };
            Ok(self.tx(kind))
        })
    }

    /// A transaction that sees what others commit meanwhile, for rows that many write at once: the
    /// caller locks what it relies on (`nodes::lock`) and changes numbers by difference. Unlike
    /// [`Self::write`] it loses no races to writers of other nodes. On the embedded engine both are one.
    pub fn write_by_locks(&self) -> Answer<'_, Tx> {
        Box::pin(async move {
            pass(self.gate.as_ref()).await;
            let kind = match &*self.engine {
                Engine::Sqlite(engine) => Kind::Sqlite(engine.write().await?),
                Engine::Postgres(engine) => Kind::Postgres(engine.write_by_locks().await?),
            };
            Ok(self.tx(kind))
        })
    }

    fn tx(&self, kind: Kind) -> Tx {
        let (strings, memory) = (Arc::clone(&self.strings), Arc::clone(&self.memory));
        let changes = (Arc::clone(&self.changes), Topics::default());
        Tx {
            kind,
            strings,
            memory,
            written: Tables::default(),
            changes,
            touched: vec![],
            gate: self.gate.clone(),
        }
    }

    pub(crate) fn strings(&self) -> Arc<Strings> {
        Arc::clone(&self.strings)
    }

    /// What this process commits, by topic.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Hears from now on which nodes this process writes.
    pub fn touched(&self) -> Arc<Touched> {
        self.changes.listeners.listen()
    }

    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The same database as another process sees it: nothing remembered yet.
    #[cfg(feature = "testing")]
    pub fn without_memory(&self) -> Self {
        // Processes do not share an embedded database: there, what one wrote would never be heard.
        let memory = match self.memory.is_shared() {
            true => Arc::new(Memory::new(true)),
            false => Arc::clone(&self.memory),
        };
        let (engine, gate) = (Arc::clone(&self.engine), self.gate.clone());
        Self { engine, strings: Arc::default(), memory, changes: Arc::default(), gate }
    }

    /// The same database, as a server sees it whose disk and whose life are in somebody's hands.
    #[cfg(feature = "testing")]
    pub fn behind(&self, gate: Gate) -> Self {
        Self { gate: Some(gate), ..self.clone() }
    }

    /// How many questions memory answered.
    #[cfg(feature = "testing")]
    pub fn recalled(&self) -> u64 {
        self.memory.recalled()
    }

    /// Whether one process alone uses the database.
    pub fn is_embedded(&self) -> bool {
        matches!(*self.engine, Engine::Sqlite(_))
    }

    /// To be called once, when no request is left.
    pub async fn close(&self) -> Result<()> {
        match &*self.engine {
            Engine::Sqlite(engine) => engine.close().await,
            Engine::Postgres(_) => Ok(()),
        }
    }
}

/// What every store function takes.
pub struct Tx {
    kind: Kind,
    strings: Arc<Strings>,
    memory: Arc<Memory>,
    /// What of the tables that are remembered this transaction wrote.
    written: Tables,
    /// What it wrote about, told once it is committed.
    changes: (Arc<Changes>, Topics),
    /// Nodes of which it wrote something that lists show.
    touched: Vec<NodeId>,
    gate: Option<Gate>,
}

/// Tells when it is dropped.
struct Telling(Arc<Changes>, Vec<NodeId>);

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.listeners.tell(&self.1);
    }
}

enum Kind {
    Sqlite(SqliteTx),
    Postgres(PostgresTx),
    /// Opened with the first question that memory does not answer.
    Remembering(Arc<Engine>, Option<Box<Kind>>),
}

impl Tx {
    pub fn query<'a>(&'a mut self, sql: &'a str, values: &'a [Value<'a>]) -> Answer<'a, Vec<Row>> {
        Box::pin(async move {
            if !matches!(self.kind, Kind::Remembering(..)) {
                self.note(sql, values);
                return self.kind.query(sql, values).await;
            }
            if let Some(rows) = self.memory.recall(sql, values) {
                return Ok(rows);
            }
            let mark = self.memory.mark(sql);
            let rows = self.kind.query(sql, values).await?;
            if let Some(mark) = mark {
                self.memory.remember(mark, sql, values, &rows);
            }
            Ok(rows)
        })
    }

    /// The only row, or none. More than one is a fault of the statement.
    pub async fn query_opt(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Option<Row>> {
        let mut rows = self.query(sql, values).await?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            n => Err(StoreError::Corrupt(format!("{n} rows where one was promised"))),
        }
    }

    /// How many rows it touched.
    pub fn execute<'a>(&'a mut self, sql: &'a str, values: &'a [Value<'a>]) -> Answer<'a, u64> {
        Box::pin(async move {
            self.note(sql, values);
            match &mut self.kind {
                Kind::Sqlite(tx) => tx.execute(sql, values),
                Kind::Postgres(tx) => tx.execute(sql, values).await,
                Kind::Remembering(..) => Err(read_only()),
            }
        })
    }

    /// For pages that are open, once it is committed: what no table that it writes says by itself.
    pub fn tell(&mut self, topic: Topic) {
        self.changes.1.add(Topics::from_iter([topic]));
    }

    fn note(&mut self, sql: &str, values: &[Value<'_>]) {
        self.written.add(Tables::written_by(sql));
        self.changes.1.add(Topics::written_by(sql));
        if touched::is_about_nodes(sql) {
            self.touched.extend(touched::named(values));
        }
    }

    /// Several statements without parameters.
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<()> {
        match &mut self.kind {
            Kind::Sqlite(tx) => tx.batch(sql),
            Kind::Postgres(tx) => tx.batch(sql).await,
            Kind::Remembering(..) => Err(read_only()),
        }
    }

    /// Returns when the transaction is durable. On an error nothing of it remains.
    pub fn commit(mut self) -> Answer<'static, ()> {
        Box::pin(async move {
            let gate = self.gate.take();
            pass(gate.as_ref()).await;
            let (changes, topics) = (Arc::clone(&self.changes.0), self.changes.1);
            // Told also where the caller goes away meanwhile: what was committed or not is looked at again.
            let told = Telling(Arc::clone(&changes), std::mem::take(&mut self.touched));
            let outcome = self.commit_now().await;
            if outcome.is_ok() {
                changes.add(topics);
            }
            drop(told);
            pass(gate.as_ref()).await;
            outcome
        })
    }

    async fn commit_now(mut self) -> Result<()> {
        if self.written.is_empty() {
            return self.kind.commit().await;
        }
        if self.memory.is_shared() {
            let written = self.written;
            wakeups::announce_writes(&mut self, written).await?;
        }
        let Self { kind, memory, written, .. } = self;
        // Apart from the caller, who may go away between the commit and the forgetting.
        let committed = tokio::spawn(async move {
            let outcome = kind.commit().await;
            // Also after an error: the connection may have broken behind the commit.
            memory.forget(written);
            outcome
        });
        committed.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the store is closed".into())))
    }

    pub(crate) fn strings(&self) -> Arc<Strings> {
        Arc::clone(&self.strings)
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.kind, Kind::Postgres(_))
    }
}

impl Kind {
    async fn read_each(engine: &Engine) -> Result<Self> {
        Ok(match engine {
            Engine::Sqlite(engine) => Self::Sqlite(engine.read_each().await?),
            Engine::Postgres(engine) => Self::Postgres(engine.read_each().await?),
        })
    }

    async fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        let open = match self {
            Self::Remembering(engine, open) => match open {
                Some(open) => open,
                None => open.insert(Box::new(Self::read_each(engine).await?)),
            },
            open => open,
        };
        match open {
            Self::Sqlite(tx) => tx.query(sql, values),
            Self::Postgres(tx) => tx.query(sql, values).await,
            Self::Remembering(..) => Err(read_only()),
        }
    }

    async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
            Self::Remembering(..) => Ok(()),
        }
    }
}

fn read_only() -> StoreError {
    StoreError::Backend("a remembered read runs no other statements than queries".into())
}
