//! What reviewers said of versions of documents. The version's standing is in `documents`.

use api::Timestamp;
use domain::ids::DocumentName;

use crate::{Result, Row, Scope, Tx, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// From 1, within the version.
    pub review: i64,
    pub status: String,
    pub comment: Option<String>,
    /// The ARN of who said it.
    pub reviewer: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

fn key<'a>((account, region): Scope<'a>, name: &'a DocumentName, version: i64) -> Vec<Value<'a>> {
    vec![account.as_str().into(), region.as_str().into(), name.as_str().into(), version.into()]
}

fn read(row: &Row) -> Result<Review> {
    Ok(Review {
        review: row.get(0)?,
        status: row.get(1)?,
        comment: row.get(2)?,
        reviewer: row.get(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
    })
}

/// Newest first, below `before`. Primary key order.
pub async fn list(
    tx: &mut Tx,
    scope: Scope<'_>,
    (name, version): (&DocumentName, i64),
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Review>> {
    let sql = "SELECT review, status, comment, reviewer, created_at, updated_at FROM document_reviews
        WHERE account = $1 AND region = $2 AND name = $3 AND version = $4 AND review < $5
        ORDER BY review DESC LIMIT $6";
    let mut values = key(scope, name, version);
    values.extend([before.unwrap_or(i64::MAX).into(), limit.into()]);
    tx.query(sql, &values).await?.iter().map(read).collect()
}

/// Takes the place of the one with its number.
pub async fn put(
    tx: &mut Tx,
    scope: Scope<'_>,
    (name, version): (&DocumentName, i64),
    review: &Review,
) -> Result<()> {
    let sql =
        "INSERT INTO document_reviews (account, region, name, version, review, status, comment, reviewer,
            created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (account, region, name, version, review)
        DO UPDATE SET status = excluded.status, comment = excluded.comment, reviewer = excluded.reviewer,
            updated_at = excluded.updated_at";
    let mut values = key(scope, name, version);
    values.extend([
        review.review.into(),
        (&review.status).into(),
        review.comment.as_ref().into(),
        (&review.reviewer).into(),
        review.created_at.into(),
        review.updated_at.into(),
    ]);
    tx.execute(sql, &values).await.map(drop)
}
