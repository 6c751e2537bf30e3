//! The scale-out engine: a pool of connections, serializable write transactions.
//! Serializable, because the embedded engine has one writer and handlers rely on what that gives;
//! a lost race is `StoreError::Conflict`, and the dispatcher runs the handler again.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use futures_util::future::join;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, NoTls, Statement};

use crate::value::{Row, Value};
use crate::{Result, StoreError};

const CONNECTIONS: usize = 16;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Statements that one connection keeps prepared, on both ends. The texts differ with the lengths of
/// lists and the filters of requests; past this many the connection starts over.
const STATEMENTS_CACHED: usize = 256;

pub struct Postgres {
    pool: Pool,
    config: Box<Config>,
}

impl Postgres {
    pub fn open(url: &str) -> Result<Self> {
        let config = url
            .parse::<Config>()
            .map_err(|error| StoreError::Unavailable(format!("the database URL: {error}")))?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config.clone(), NoTls, recycling))
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(CONNECT_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { pool, config: Box::new(config) })
    }

    /// For a connection beside the pool.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub async fn read(&self) -> Result<PostgresTx> {
        self.transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    pub async fn read_each(&self) -> Result<PostgresTx> {
        let tx = PostgresTx { client: Some(self.pool.get().await?), state: State::Apart };
        Ok(tx)
    }

    pub async fn write(&self) -> Result<PostgresTx> {
        self.transaction("BEGIN ISOLATION LEVEL SERIALIZABLE").await
    }

    pub async fn write_by_locks(&self) -> Result<PostgresTx> {
        self.transaction("BEGIN ISOLATION LEVEL READ COMMITTED").await
    }

    /// For what PostgreSQL refuses inside a transaction.
    #[cfg(feature = "testing")]
    pub async fn run_outside_transaction(&self, statement: &str) -> Result<()> {
        Ok(self.pool.get().await?.batch_execute(statement).await?)
    }

    /// As `server_version_num` has it: 150004 is 15.4.
    #[cfg(feature = "testing")]
    pub async fn version(&self) -> Result<i32> {
        let sql = "SELECT current_setting('server_version_num')::integer";
        Ok(self.pool.get().await?.query_one(sql, &[]).await?.get(0))
    }

    #[cfg(feature = "testing")]
    pub async fn has_database(&self, name: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM pg_database WHERE datname = $1";
        Ok(self.pool.get().await?.query_opt(sql, &[&name]).await?.is_some())
    }

    async fn transaction(&self, begin: &'static str) -> Result<PostgresTx> {
        Ok(PostgresTx { client: Some(self.pool.get().await?), state: State::NotBegun(begin) })
    }
}

/// One transaction. Dropped before `commit` it is rolled back.
pub struct PostgresTx {
    client: Option<Object>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// No transaction: each statement is one of its own.
    Apart,
    /// What begins it. Sent together with the first statement, which saves waiting for its answer;
    /// the database takes its snapshot only then anyway.
    NotBegun(&'static str),
    Begun,
}

impl PostgresTx {
    /// What begins the transaction, once, and the connection.
    fn parts(&mut self) -> (Option<&'static str>, &Object) {
        let begin = match self.state {
            State::NotBegun(begin) => {
                self.state = State::Begun;
                Some(begin)
            }
            State::Apart | State::Begun => None,
        };
        (begin, self.client.as_ref().expect("taken only by commit and drop"))
    }

    pub async fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|v| v as _).collect();
        let (begin, client) = self.parts();
        let statement = async {
            let statement = prepare(client, sql).await?;
            client.query(&statement, &values).await
        };
        after(begin, client, statement).await?.iter().map(own).collect()
    }

    pub async fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|v| v as _).collect();
        let (begin, client) = self.parts();
        let statement = async {
            let statement = prepare(client, sql).await?;
            client.execute(&statement, &values).await
        };
        after(begin, client, statement).await
    }

    pub async fn batch(&mut self, sql: &str) -> Result<()> {
        let (begin, client) = self.parts();
        after(begin, client, client.batch_execute(sql)).await
    }

    pub async fn commit(mut self) -> Result<()> {
        let client = self.client.take().expect("commit consumes the transaction");
        if self.state == State::Begun {
            client.batch_execute("COMMIT").await?;
        }
        Ok(())
    }
}

async fn prepare(client: &Object, sql: &str) -> std::result::Result<Statement, tokio_postgres::Error> {
    let statement = client.prepare_cached(sql).await?;
    if client.statement_cache.size() > STATEMENTS_CACHED {
        client.statement_cache.clear();
    }
    Ok(statement)
}

/// Runs a statement, behind `begin` if there is one. `join` polls its first future first and a
/// connection keeps the order, so that the statement is inside of the transaction.
async fn after<T>(
    begin: Option<&str>,
    client: &Object,
    statement: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
) -> Result<T> {
    let Some(begin) = begin else { return Ok(statement.await?) };
    let (begun, outcome) = join(client.batch_execute(begin), statement).await;
    begun?;
    Ok(outcome?)
}

impl Drop for PostgresTx {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        if self.state != State::Begun {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // No runtime, no more queries: closing the connection ends the transaction.
            drop(Object::take(client));
            return;
        };
        // Owned by the runtime and bounded by the connection: it holds the client until the
        // transaction is over, so that the pool never hands out one in the middle of another.
        runtime.spawn(async move {
            if client.batch_execute("ROLLBACK").await.is_err() {
                drop(Object::take(client));
            }
        });
    }
}

fn own(row: &tokio_postgres::Row) -> Result<Row> {
    let cells = row.columns().iter().enumerate().map(|(i, column)| {
        let cell = match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(i)?.map(Value::Int),
            Type::INT4 => row.try_get::<_, Option<i32>>(i)?.map(|number| Value::Int(number.into())),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(i)?.map(|bytes| Value::Blob(bytes.into())),
            Type::BOOL => row.try_get::<_, Option<bool>>(i)?.map(|flag| Value::Int(flag.into())),
            _ => row.try_get::<_, Option<String>>(i)?.map(|text| Value::Text(text.into())),
        };
        Ok(cell.unwrap_or(Value::Null))
    });
    Ok(Row(cells.collect::<Result<_>>()?))
}
