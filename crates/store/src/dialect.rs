//! The few statements that differ between the engines.

use crate::{Result, Tx};

/// Keeps other servers from migrating at the same time, until the transaction ends.
/// SQLite needs nothing: it has one writer.
pub(crate) async fn lock_schema(tx: &mut Tx) -> Result<()> {
    const KEY: &str = "SELECT pg_advisory_xact_lock(7310845123)";
    if tx.is_postgres() { tx.batch(KEY).await } else { Ok(()) }
}
