//! Objects: which key of which bucket has which contents. The bytes themselves are kept by the server, each content under
//! a name of its own; an object is there from the commit that names them, and not before.

pub mod buckets;
pub mod uploads;
pub mod waste;

use std::collections::BTreeMap;

use api::Timestamp;
use domain::ids::AccountId;
use domain::object::{BucketName, ObjectKey};
use serde::{Deserialize, Serialize};

use crate::clause::placeholders;
use crate::{Result, Row, StoreError, Tx, Value};

/// An object within its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRef {
    pub account: AccountId,
    pub bucket: BucketName,
    pub key: ObjectKey,
}

/// Some bytes that were written in one go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub id: String,
    pub size_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub key: ObjectKey,
    /// One after the other.
    pub contents: Vec<Content>,
    /// What is said with the object: lower-case header names.
    pub headers: BTreeMap<String, String>,
    pub size_bytes: u64,
    /// Without quotes.
    pub etag: String,
    pub modified_at: Timestamp,
}

impl ObjectRef {
    fn values(&self) -> [Value<'_>; 3] {
        [self.account.as_str().into(), self.bucket.as_str().into(), self.key.as_str().as_bytes().into()]
    }
}

const COLUMNS: &str = "object_key, contents, headers, size_bytes, etag, modified_at";

fn read(row: &Row) -> Result<Object> {
    Ok(Object {
        key: read_key(row, 0)?,
        contents: row.json(1)?,
        headers: row.json(2)?,
        size_bytes: read_size(row, 3)?,
        etag: row.get(4)?,
        modified_at: row.get(5)?,
    })
}

fn read_key(row: &Row, index: usize) -> Result<ObjectKey> {
    let bytes: Vec<u8> = row.get(index)?;
    let key = String::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
    key.ok_or_else(|| StoreError::Corrupt(format!("column {index} holds no object's key")))
}

fn read_size(row: &Row, index: usize) -> Result<u64> {
    let size: i64 = row.get(index)?;
    u64::try_from(size).map_err(|_| StoreError::Corrupt(format!("column {index} holds the size {size}")))
}

fn size(bytes: u64) -> Value<'static> {
    i64::try_from(bytes).unwrap_or(i64::MAX).into()
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Backend(error.into()))
}

pub async fn find(tx: &mut Tx, object: &ObjectRef) -> Result<Option<Object>> {
    let sql = format!("SELECT {COLUMNS} FROM objects WHERE account = $1 AND bucket = $2 AND object_key = $3");
    tx.query_opt(&sql, &object.values()).await?.as_ref().map(read).transpose()
}

/// Takes the place of what the key named before.
pub async fn put(tx: &mut Tx, account: &AccountId, bucket: &BucketName, object: &Object) -> Result<()> {
    let sql =
        "INSERT INTO objects (account, bucket, object_key, contents, headers, size_bytes, etag, modified_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (account, bucket, object_key) DO UPDATE SET contents = excluded.contents,
            headers = excluded.headers, size_bytes = excluded.size_bytes, etag = excluded.etag,
            modified_at = excluded.modified_at";
    let values = [
        account.as_str().into(),
        bucket.as_str().into(),
        object.key.as_str().as_bytes().into(),
        json(&object.contents)?.into(),
        json(&object.headers)?.into(),
        size(object.size_bytes),
        (&object.etag).into(),
        object.modified_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Keys of one statement: far below either engine's limit of parameters.
const KEYS_AT_ONCE: usize = 500;

/// Deletes those of `keys` that a bucket has, and returns the contents that they named.
pub async fn delete_many(
    tx: &mut Tx,
    (account, bucket): (&AccountId, &BucketName),
    keys: &[ObjectKey],
) -> Result<Vec<Content>> {
    let mut contents = Vec::new();
    for chunk in keys.chunks(KEYS_AT_ONCE) {
        let sql = format!(
            "DELETE FROM objects WHERE account = $1 AND bucket = $2 AND object_key IN ({}) RETURNING contents",
            placeholders(3, chunk.len())
        );
        let mut values = vec![account.as_str().into(), bucket.as_str().into()];
        values.extend(chunk.iter().map(|key| Value::from(key.as_str().as_bytes())));
        for row in tx.query(&sql, &values).await? {
            contents.extend(row.json::<Vec<Content>>(0)?);
        }
    }
    Ok(contents)
}

/// In the order of their keys, from `from` on, before `until`. Index: the primary key.
pub async fn list(
    tx: &mut Tx,
    (account, bucket): (&AccountId, &BucketName),
    from: &[u8],
    until: Option<&[u8]>,
    limit: i64,
) -> Result<Vec<Object>> {
    let mut sql =
        format!("SELECT {COLUMNS} FROM objects WHERE account = $1 AND bucket = $2 AND object_key >= $3");
    let mut values = vec![account.as_str().into(), bucket.as_str().into(), from.into(), limit.into()];
    if let Some(until) = until {
        sql.push_str(" AND object_key < $5");
        values.push(until.into());
    }
    sql.push_str(" ORDER BY object_key LIMIT $4");
    tx.query(&sql, &values).await?.iter().map(read).collect()
}

/// Files of log groups that were written before, of all accounts, the oldest first. Index: objects_of_logs.
pub async fn list_logs_older(
    tx: &mut Tx,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<(AccountId, ObjectKey)>> {
    // The text is the index's.
    let sql = "SELECT account, object_key FROM objects WHERE bucket = 'fettle-logs' AND modified_at < $1
        ORDER BY modified_at LIMIT $2";
    let rows = tx.query(sql, &[before.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.parse(0)?, read_key(row, 1)?))).collect()
}

/// Those of `keys` that a bucket has.
pub async fn existing(
    tx: &mut Tx,
    (account, bucket): (&AccountId, &BucketName),
    keys: &[ObjectKey],
) -> Result<Vec<ObjectKey>> {
    let mut found = Vec::new();
    for chunk in keys.chunks(KEYS_AT_ONCE) {
        let sql = format!(
            "SELECT object_key FROM objects WHERE account = $1 AND bucket = $2 AND object_key IN ({})",
            placeholders(3, chunk.len())
        );
        let mut values = vec![account.as_str().into(), bucket.as_str().into()];
        values.extend(chunk.iter().map(|key| Value::from(key.as_str().as_bytes())));
        for row in tx.query(&sql, &values).await? {
            found.push(read_key(&row, 0)?);
        }
    }
    Ok(found)
}
