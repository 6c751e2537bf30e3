//! Imports: begun, fed with parts, in force, replaced, forgotten.

use std::collections::BTreeSet;

use api::Timestamp;

use crate::{Result, Row, Scope, StoreError, Tx, Value};

/// One import of a feed, whole or under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    pub id: i64,
    pub feed: Feed,
    pub next_chunk: i64,
    /// `None` while parts are awaited.
    pub imported_at: Option<Timestamp>,
    pub statements: i64,
}

/// What a feed is, as told with its first part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    pub name: String,
    pub format: String,
    pub origin: String,
    pub published_at: Option<Timestamp>,
}

const COLUMNS: &str = "import_id, feed, format, origin, published_at, next_chunk, imported_at, statements";

fn read(row: &Row) -> Result<Import> {
    Ok(Import {
        id: row.get(0)?,
        feed: Feed { name: row.get(1)?, format: row.get(2)?, origin: row.get(3)?, published_at: row.get(4)? },
        next_chunk: row.get(5)?,
        imported_at: row.get(6)?,
        statements: row.get(7)?,
    })
}

/// Its number. Two that begin at once meet as a conflict.
pub async fn begin(tx: &mut Tx, (account, region): Scope<'_>, feed: &Feed, now: Timestamp) -> Result<i64> {
    let (account, region) = (account.as_str(), region.as_str());
    let sql = "SELECT COALESCE(MAX(import_id), 0) FROM advisory_imports WHERE account = $1 AND region = $2";
    let row = tx.query_opt(sql, &[account.into(), region.into()]).await?;
    let last: i64 = row.ok_or_else(|| StoreError::Corrupt("a maximum without a row".into()))?.get(0)?;
    let id = last + 1;
    let sql = "INSERT INTO advisory_imports
        (account, region, import_id, feed, format, origin, published_at, started_at, touched_at, imported_at,
        next_chunk, statements)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, NULL, 0, 0)";
    let values = [
        account.into(),
        region.into(),
        id.into(),
        (&feed.name).into(),
        (&feed.format).into(),
        (&feed.origin).into(),
        feed.published_at.into(),
        now.into(),
    ];
    tx.execute(sql, &values).await?;
    Ok(id)
}

pub async fn find(tx: &mut Tx, (account, region): Scope<'_>, id: i64) -> Result<Option<Import>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM advisory_imports WHERE account = $1 AND region = $2 AND import_id = $3"
    );
    let values = [account.as_str().into(), region.as_str().into(), id.into()];
    tx.query_opt(&sql, &values).await?.as_ref().map(read).transpose()
}

/// Counts a part that was stored, if it is the one that was awaited; else nothing happens and the answer is false.
pub async fn progress(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    (id, chunk): (i64, i64),
    added: u64,
    now: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE advisory_imports
        SET next_chunk = next_chunk + 1, statements = statements + $5, touched_at = $6
        WHERE account = $1 AND region = $2 AND import_id = $3 AND next_chunk = $4 AND imported_at IS NULL";
    let added = i64::try_from(added).unwrap_or(i64::MAX);
    let values =
        [account.as_str().into(), region.as_str().into(), id.into(), chunk.into(), added.into(), now.into()];
    Ok(tx.execute(sql, &values).await? == 1)
}

/// Adds the systems that a part speaks of.
pub async fn distributions(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    id: i64,
    names: &BTreeSet<&str>,
) -> Result<()> {
    for name in names {
        let sql = "INSERT INTO advisory_distributions (account, region, import_id, distribution)
            VALUES ($1, $2, $3, $4) ON CONFLICT (account, region, import_id, distribution) DO NOTHING";
        let values = [account.as_str().into(), region.as_str().into(), id.into(), (*name).into()];
        tx.execute(sql, &values).await?;
    }
    Ok(())
}

/// Puts a whole import into force in place of the feed's earlier ones, whose rows [`forget`] takes away.
pub async fn finish(tx: &mut Tx, (account, region): Scope<'_>, id: i64, now: Timestamp) -> Result<()> {
    let sql = "UPDATE advisory_imports SET imported_at = $4, touched_at = $4
        WHERE account = $1 AND region = $2 AND import_id = $3";
    let values = [account.as_str().into(), region.as_str().into(), id.into(), now.into()];
    tx.execute(sql, &values).await.map(drop)
}

/// Those in force, by name, each with the systems that it speaks of. Index: advisory_imports_by_feed.
pub async fn feeds(tx: &mut Tx, (account, region): Scope<'_>) -> Result<Vec<(Import, Vec<String>)>> {
    let scope = [Value::from(account.as_str()), region.as_str().into()];
    let sql = format!(
        "SELECT {COLUMNS} FROM advisory_imports AS i
        WHERE account = $1 AND region = $2 AND imported_at IS NOT NULL AND import_id =
            (SELECT MAX(import_id) FROM advisory_imports AS n WHERE n.account = i.account
            AND n.region = i.region AND n.feed = i.feed AND n.imported_at IS NOT NULL)
        ORDER BY feed"
    );
    let imports: Vec<Import> = tx.query(&sql, &scope).await?.iter().map(read).collect::<Result<_>>()?;
    let sql = "SELECT import_id, distribution FROM advisory_distributions
        WHERE account = $1 AND region = $2 ORDER BY import_id, distribution";
    let rows = tx.query(sql, &scope).await?;
    let named = rows.iter().map(|row| Ok((row.get::<i64>(0)?, row.get::<String>(1)?)));
    let named = named.collect::<Result<Vec<_>>>()?;
    let of = |id: i64| named.iter().filter(move |(at, _)| *at == id).map(|(_, name)| name.clone()).collect();
    Ok(imports.into_iter().map(|import| (import.clone(), of(import.id))).collect())
}

/// The one in force under this name.
pub async fn feed(tx: &mut Tx, scope: Scope<'_>, name: &str) -> Result<Option<Import>> {
    let found = feeds(tx, scope).await?.into_iter().find(|(import, _)| import.feed.name == name);
    Ok(found.map(|(import, _)| import))
}

/// Takes a feed out of force; whether there was one. Its rows are taken away by [`forget`].
pub async fn forget_feed(tx: &mut Tx, (account, region): Scope<'_>, name: &str) -> Result<bool> {
    let sql = "UPDATE advisory_imports SET imported_at = NULL, next_chunk = -1, touched_at = 0
        WHERE account = $1 AND region = $2 AND feed = $3 AND imported_at IS NOT NULL";
    let values = [account.as_str().into(), region.as_str().into(), name.into()];
    Ok(tx.execute(sql, &values).await? > 0)
}

/// Takes away what is in force no more and untouched since `before`, a bounded part at a time. How many rows went.
pub async fn forget(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64> {
    let sql = "SELECT account, region, import_id FROM advisory_imports AS i
        WHERE (imported_at IS NULL AND touched_at < $1) OR (imported_at IS NOT NULL AND EXISTS
            (SELECT 1 FROM advisory_imports AS n WHERE n.account = i.account AND n.region = i.region
            AND n.feed = i.feed AND n.imported_at IS NOT NULL AND n.import_id > i.import_id))
        ORDER BY account, region, import_id LIMIT 1";
    let Some(row) = tx.query_opt(sql, &[before.into()]).await? else { return Ok(0) };
    let (account, region, id): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let key = [Value::from(&account), (&region).into(), id.into()];
    for table in ["advisory_statements", "advisory_notices"] {
        let gone = forget_subjects(tx, table, &key, limit).await?;
        if gone > 0 {
            return Ok(gone);
        }
    }
    for table in ["advisory_distributions", "advisory_imports"] {
        let sql = format!("DELETE FROM {table} WHERE account = $1 AND region = $2 AND import_id = $3");
        tx.execute(&sql, &key).await?;
    }
    Ok(1)
}

/// Takes away the rows of an import's first subjects, some `limit` of them. Primary key order.
async fn forget_subjects(tx: &mut Tx, table: &str, key: &[Value<'_>; 3], limit: i64) -> Result<u64> {
    let sql = format!(
        "SELECT MAX(subject) FROM (SELECT subject FROM {table}
        WHERE account = $1 AND region = $2 AND import_id = $3 ORDER BY subject LIMIT $4) AS part"
    );
    let [account, region, id] = key.clone();
    let row = tx.query_opt(&sql, &[account, region, id, limit.into()]).await?;
    let last: Option<i64> = row.map(|row| row.get(0)).transpose()?.flatten();
    let Some(last) = last else { return Ok(0) };
    let sql = format!(
        "DELETE FROM {table} WHERE account = $1 AND region = $2 AND import_id = $3 AND subject <= $4"
    );
    let [account, region, id] = key.clone();
    tx.execute(&sql, &[account, region, id, last.into()]).await
}
