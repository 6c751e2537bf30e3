//! What PostgreSQL knows about its tables when it plans a statement.
//!
//! It looks at them anew once a minute. A fleet that enrols grows from nothing to tens of thousands of rows within that minute,
//! and until then a page of 50 nodes is looked for among all of them: of 10,000, for twenty times the work.

use crate::{Result, Store};

/// Fewer rows are read in no time, whatever the plan.
const ROWS: i64 = 500;

/// Tables of which most rows came, changed or went since they were analysed.
const OUTGROWN: &str = "SELECT quote_ident(relname) FROM pg_stat_user_tables
    WHERE schemaname = current_schema() AND n_live_tup >= $1 AND n_mod_since_analyze > n_live_tup / 2 ORDER BY relname";

/// Has them analysed; how many there were. One that somebody else sees to at the moment is left to them.
pub async fn renew(store: &Store) -> Result<u64> {
    if store.is_embedded() {
        return Ok(0);
    }
    let mut tx = store.read_each().await?;
    let outgrown = tx.query(OUTGROWN, &[ROWS.into()]).await?;
    for row in &outgrown {
        tx.batch(&format!("ANALYZE (SKIP_LOCKED) {}", row.get::<String>(0)?)).await?;
    }
    Ok(outgrown.len() as u64)
}
