//! The store and its transactions, whichever engine is below.

use std::path::PathBuf;
use std::sync::Arc;

use crate::postgres::{Postgres, PostgresTx};
use crate::sqlite::{Sqlite, SqliteTx};
use crate::strings::Strings;
use crate::value::{Row, Value};
use crate::{Result, StoreError, migrate};

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
        let store = Self { engine: Arc::new(engine), strings: Arc::default() };
        migrate::run(&store).await?;
        Ok(store)
    }

    /// A consistent view of one moment. Ends when dropped.
    pub async fn read(&self) -> Result<Tx> {
        let kind = match &*self.engine {
            Engine::Sqlite(engine) => Kind::Sqlite(engine.read().await?),
            Engine::Postgres(engine) => Kind::Postgres(engine.read().await?),
        };
        Ok(Tx(kind, Arc::clone(&self.strings)))
    }

    /// Statements that need no common moment, above all a single one: each sees what is committed when
    /// it runs. Spares the database, and the way to it, the begin and the end of a transaction.
    pub async fn read_each(&self) -> Result<Tx> {
        let kind = match &*self.engine {
            Engine::Sqlite(engine) => Kind::Sqlite(engine.read_each().await?),
            Engine::Postgres(engine) => Kind::Postgres(engine.read_each().await?),
        };
        Ok(Tx(kind, Arc::clone(&self.strings)))
    }

    /// A transaction that sees no other's writes in between. Lost unless committed.
    pub async fn write(&self) -> Result<Tx> {
        let kind = match &*self.engine {
            Engine::Sqlite(engine) => Kind::Sqlite(engine.write().await?),
            Engine::Postgres(engine) => Kind::Postgres(engine.write().await?),
        };
        Ok(Tx(kind, Arc::clone(&self.strings)))
    }

    /// A transaction that sees what others commit meanwhile, for rows that many write at once: the
    /// caller locks what it relies on (`nodes::lock`) and changes numbers by difference. Unlike
    /// [`Self::write`] it loses no races to writers of other nodes. On the embedded engine both are one.
    pub async fn write_by_locks(&self) -> Result<Tx> {
        let kind = match &*self.engine {
            Engine::Sqlite(engine) => Kind::Sqlite(engine.write().await?),
            Engine::Postgres(engine) => Kind::Postgres(engine.write_by_locks().await?),
        };
        Ok(Tx(kind, Arc::clone(&self.strings)))
    }

    pub(crate) fn strings(&self) -> Arc<Strings> {
        Arc::clone(&self.strings)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The same database as another process sees it: nothing remembered yet.
    #[cfg(feature = "testing")]
    pub fn without_memory(&self) -> Self {
        Self { engine: Arc::clone(&self.engine), strings: Arc::default() }
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
pub struct Tx(Kind, Arc<Strings>);

enum Kind {
    Sqlite(SqliteTx),
    Postgres(PostgresTx),
}

impl Tx {
    pub async fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        match &mut self.0 {
            Kind::Sqlite(tx) => tx.query(sql, values),
            Kind::Postgres(tx) => tx.query(sql, values).await,
        }
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
    pub async fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        match &mut self.0 {
            Kind::Sqlite(tx) => tx.execute(sql, values),
            Kind::Postgres(tx) => tx.execute(sql, values).await,
        }
    }

    /// Several statements without parameters.
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<()> {
        match &mut self.0 {
            Kind::Sqlite(tx) => tx.batch(sql),
            Kind::Postgres(tx) => tx.batch(sql).await,
        }
    }

    /// Returns when the transaction is durable. On an error nothing of it remains.
    pub async fn commit(self) -> Result<()> {
        match self.0 {
            Kind::Sqlite(tx) => tx.commit().await,
            Kind::Postgres(tx) => tx.commit().await,
        }
    }

    pub(crate) fn strings(&self) -> Arc<Strings> {
        Arc::clone(&self.1)
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.0, Kind::Postgres(_))
    }
}
