//! Contents that nothing refers to: noted before they are written, and again when their object is gone, so that none is
//! ever lost sight of.

use api::Timestamp;

use super::Content;
use crate::clause::{Clause, placeholders};
use crate::{Result, Tx, Value};

/// Rows of one statement: far below either engine's limit of parameters.
const ROWS_AT_ONCE: usize = 500;

/// Notes that `holder` is about to write a content, or goes on writing it.
pub async fn hold(tx: &mut Tx, content: &str, holder: &str, due_at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO object_waste (content, holder, due_at) VALUES ($1, $2, $3)
        ON CONFLICT (content) DO UPDATE SET due_at = excluded.due_at";
    tx.execute(sql, &[content.into(), holder.into(), due_at.into()]).await.map(drop)
}

/// Whether `holder` held it still: what it did not may have been deleted. From here on something refers to it.
pub async fn release(tx: &mut Tx, content: &str, holder: &str) -> Result<bool> {
    let sql = "DELETE FROM object_waste WHERE content = $1 AND holder = $2";
    Ok(tx.execute(sql, &[content.into(), holder.into()]).await? == 1)
}

/// Notes that nothing refers to these any more.
pub async fn add(tx: &mut Tx, contents: &[Content], due_at: Timestamp) -> Result<()> {
    for chunk in contents.chunks(ROWS_AT_ONCE) {
        let mut clause = Clause::default();
        let due_at = clause.bind(due_at);
        let rows: Vec<String> =
            chunk.iter().map(|content| format!("({}, '', {due_at})", clause.bind(&content.id))).collect();
        let sql = format!(
            "INSERT INTO object_waste (content, holder, due_at) VALUES {} ON CONFLICT (content) DO NOTHING",
            rows.join(", ")
        );
        tx.execute(&sql, clause.values()).await?;
    }
    Ok(())
}

/// Takes from their holders what is due, to be deleted once this is committed. Index: object_waste_by_age.
pub async fn take_due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<String>> {
    let sql = "UPDATE object_waste SET holder = '' WHERE content IN (
            SELECT content FROM object_waste WHERE due_at <= $1 ORDER BY due_at LIMIT $2)
        RETURNING content";
    let rows = tx.query(sql, &[now.into(), limit.into()]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Makes due what other holders began to write, where one server alone uses the database: they are gone. How many.
pub async fn make_due_what_was_left(tx: &mut Tx, holder: &str, now: Timestamp) -> Result<u64> {
    let sql = "UPDATE object_waste SET due_at = $2 WHERE holder <> '' AND holder <> $1";
    tx.execute(sql, &[holder.into(), now.into()]).await
}

/// Forgets what was deleted.
pub async fn delete(tx: &mut Tx, contents: &[String]) -> Result<()> {
    for chunk in contents.chunks(ROWS_AT_ONCE) {
        let sql = format!("DELETE FROM object_waste WHERE content IN ({})", placeholders(1, chunk.len()));
        let values: Vec<Value<'_>> = chunk.iter().map(Value::from).collect();
        tx.execute(&sql, &values).await?;
    }
    Ok(())
}
