//! The few statements that differ between the engines.

use crate::{Result, Tx, Value};

/// Keeps other servers from migrating at the same time, until the transaction ends.
/// SQLite needs nothing: it has one writer.
pub(crate) async fn lock_schema(tx: &mut Tx) -> Result<()> {
    const KEY: &str = "SELECT pg_advisory_xact_lock(7310845123)";
    if tx.is_postgres() { tx.batch(KEY).await } else { Ok(()) }
}

/// Lets one server at a time number new strings, before the transaction sees anything: the next one
/// waits here instead of losing a race. SQLite needs nothing: it has one writer.
pub(crate) async fn lock_strings(tx: &mut Tx) -> Result<()> {
    const LOCK: &str = "LOCK TABLE string_counters IN SHARE ROW EXCLUSIVE MODE";
    if tx.is_postgres() { tx.batch(LOCK).await } else { Ok(()) }
}

/// Waits for everybody who stores or holds items of reports, and lets nobody do so until the transaction
/// ends. SQLite needs nothing: it has one writer.
pub(crate) async fn lock_report_items(tx: &mut Tx) -> Result<()> {
    const LOCK: &str = "LOCK TABLE report_items IN EXCLUSIVE MODE";
    if tx.is_postgres() { tx.batch(LOCK).await } else { Ok(()) }
}

/// What makes a read row stay until the transaction ends.
pub(crate) fn hold(tx: &Tx) -> &'static str {
    if tx.is_postgres() { " FOR KEY SHARE" } else { "" }
}

/// What makes others who read the row so wait until the transaction ends. SQLite needs nothing: it has one writer.
pub(crate) fn keep_from_others(tx: &Tx) -> &'static str {
    if tx.is_postgres() { " FOR UPDATE" } else { "" }
}

/// Keeps others from writing about a node until the transaction ends. SQLite needs nothing: it has
/// one writer.
pub(crate) async fn lock_node(tx: &mut Tx, values: &[Value<'_>; 3]) -> Result<()> {
    const LOCK: &str = "SELECT node_id FROM nodes
        WHERE account = $1 AND region = $2 AND node_id = $3 FOR UPDATE";
    if tx.is_postgres() { tx.query(LOCK, values).await.map(drop) } else { Ok(()) }
}
