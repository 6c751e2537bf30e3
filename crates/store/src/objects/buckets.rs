//! Buckets: names under which an account keeps objects.

use api::Timestamp;
use domain::ids::{AccountId, Region};
use domain::object::BucketName;

use crate::{Result, Row, Tx};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    pub name: BucketName,
    /// Where it was made; it can be reached from all of the account's regions.
    pub region: Region,
    pub created_at: Timestamp,
}

fn read(row: &Row) -> Result<Bucket> {
    Ok(Bucket { name: row.parse(0)?, region: row.parse(1)?, created_at: row.get(2)? })
}

pub async fn find(tx: &mut Tx, account: &AccountId, name: &BucketName) -> Result<Option<Bucket>> {
    let sql = "SELECT bucket, region, created_at FROM object_buckets WHERE account = $1 AND bucket = $2";
    let row = tx.query_opt(sql, &[account.as_str().into(), name.as_str().into()]).await?;
    row.as_ref().map(read).transpose()
}

/// False when the account has it already.
pub async fn insert(tx: &mut Tx, account: &AccountId, bucket: &Bucket) -> Result<bool> {
    let sql = "INSERT INTO object_buckets (account, bucket, region, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account, bucket) DO NOTHING";
    let values = [
        account.as_str().into(),
        bucket.name.as_str().into(),
        bucket.region.as_str().into(),
        bucket.created_at.into(),
    ];
    Ok(tx.execute(sql, &values).await? == 1)
}

/// Whether it was there. The caller has seen that it holds neither objects nor uploads.
pub async fn delete(tx: &mut Tx, account: &AccountId, name: &BucketName) -> Result<bool> {
    let sql = "DELETE FROM object_buckets WHERE account = $1 AND bucket = $2";
    Ok(tx.execute(sql, &[account.as_str().into(), name.as_str().into()]).await? == 1)
}

/// By name, from `from` on.
pub async fn list(tx: &mut Tx, account: &AccountId, from: &str, limit: i64) -> Result<Vec<Bucket>> {
    let sql = "SELECT bucket, region, created_at FROM object_buckets WHERE account = $1 AND bucket >= $2
        ORDER BY bucket LIMIT $3";
    let rows = tx.query(sql, &[account.as_str().into(), from.into(), limit.into()]).await?;
    rows.iter().map(read).collect()
}
