//! Uploads in parts: what has arrived of objects that are not complete.

use std::collections::BTreeMap;

use api::Timestamp;
use domain::ids::AccountId;
use domain::object::BucketName;

use super::{Content, ObjectRef, json, read_key, read_size, size};
use crate::{Result, Tx, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub object: ObjectRef,
    pub upload_id: String,
    /// What will be said with the object: lower-case header names.
    pub headers: BTreeMap<String, String>,
    pub started_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub number: i64,
    pub content: Content,
    pub etag: String,
}

/// An upload within its account.
pub type UploadRef<'a> = (&'a AccountId, &'a str);

fn values<'a>((account, id): UploadRef<'a>) -> [Value<'a>; 2] {
    [account.as_str().into(), id.into()]
}

pub async fn insert(tx: &mut Tx, upload: &Upload) -> Result<()> {
    let sql = "INSERT INTO object_uploads (account, upload_id, bucket, object_key, headers, started_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let values = [
        upload.object.account.as_str().into(),
        (&upload.upload_id).into(),
        upload.object.bucket.as_str().into(),
        upload.object.key.as_str().as_bytes().into(),
        json(&upload.headers)?.into(),
        upload.started_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub async fn find(tx: &mut Tx, upload: UploadRef<'_>) -> Result<Option<Upload>> {
    let sql = "SELECT bucket, object_key, headers, started_at FROM object_uploads
        WHERE account = $1 AND upload_id = $2";
    let Some(row) = tx.query_opt(sql, &values(upload)).await? else { return Ok(None) };
    let (account, upload_id) = (upload.0.clone(), upload.1.to_owned());
    let object = ObjectRef { account, bucket: row.parse(0)?, key: read_key(&row, 1)? };
    Ok(Some(Upload { object, upload_id, headers: row.json(2)?, started_at: row.get(3)? }))
}

/// Takes the place of an earlier part of this number.
pub async fn put_part(tx: &mut Tx, upload: UploadRef<'_>, part: &Part) -> Result<()> {
    let sql = "INSERT INTO object_upload_parts (account, upload_id, part_number, content, size_bytes, etag)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (account, upload_id, part_number) DO UPDATE SET content = excluded.content,
            size_bytes = excluded.size_bytes, etag = excluded.etag";
    let [account, id] = values(upload);
    let content = &part.content;
    let values = [
        account,
        id,
        part.number.into(),
        (&content.id).into(),
        size(content.size_bytes),
        (&part.etag).into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// In the order of their numbers.
pub async fn list_parts(tx: &mut Tx, upload: UploadRef<'_>) -> Result<Vec<Part>> {
    let sql = "SELECT part_number, content, size_bytes, etag FROM object_upload_parts
        WHERE account = $1 AND upload_id = $2 ORDER BY part_number";
    let rows = tx.query(sql, &values(upload)).await?;
    rows.iter()
        .map(|row| {
            let content = Content { id: row.get(1)?, size_bytes: read_size(row, 2)? };
            Ok(Part { number: row.get(0)?, content, etag: row.get(3)? })
        })
        .collect()
}

/// With its parts; whether it was there.
pub async fn delete(tx: &mut Tx, upload: UploadRef<'_>) -> Result<bool> {
    let parts = "DELETE FROM object_upload_parts WHERE account = $1 AND upload_id = $2";
    tx.execute(parts, &values(upload)).await?;
    let sql = "DELETE FROM object_uploads WHERE account = $1 AND upload_id = $2";
    Ok(tx.execute(sql, &values(upload)).await? == 1)
}

/// The ids of what is being written to a bucket. Index: object_uploads_by_bucket.
pub async fn list_ids(tx: &mut Tx, account: &AccountId, bucket: &BucketName) -> Result<Vec<String>> {
    let sql = "SELECT upload_id FROM object_uploads WHERE account = $1 AND bucket = $2 ORDER BY upload_id";
    let rows = tx.query(sql, &[account.as_str().into(), bucket.as_str().into()]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Those that were started before, the oldest first. Index: object_uploads_by_age.
pub async fn list_older(
    tx: &mut Tx,
    started_before: Timestamp,
    limit: i64,
) -> Result<Vec<(AccountId, String)>> {
    let sql =
        "SELECT account, upload_id FROM object_uploads WHERE started_at < $1 ORDER BY started_at LIMIT $2";
    let rows = tx.query(sql, &[started_before.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.parse(0)?, row.get(1)?))).collect()
}
