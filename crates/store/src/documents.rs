//! Documents of accounts: their versions, and who else may use them. Reviews are in `document_reviews`.
//! What a document may contain is decided in `domain::document`.

use api::Timestamp;
use api::ssm::{DocumentParameter, DocumentRequires};
use domain::ids::{AccountId, DocumentName, Region};
use serde::{Deserialize, Serialize};

use crate::{Result, Row, Scope, StoreError, Tx, Value};

/// What all versions of a document have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub name: DocumentName,
    pub document_type: String,
    pub created_at: Timestamp,
    pub default_version: i64,
    pub latest_version: i64,
    /// Never less than the latest: numbers of deleted versions are not given again.
    pub versions_made: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    pub version: i64,
    pub version_name: Option<String>,
    pub display_name: Option<String>,
    pub target_type: Option<String>,
    pub format: String,
    pub content: String,
    pub sha256: String,
    pub schema_version: String,
    pub description: String,
    pub detail: Detail,
    pub created_at: Timestamp,
    /// The ARN of whoever made it.
    pub author: String,
    pub review_status: Option<String>,
}

/// What was read from the content, and what it needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    pub platforms: Vec<String>,
    pub parameters: Vec<DocumentParameter>,
    pub requires: Vec<DocumentRequires>,
    /// Names of files; the files themselves are in `document_attachments`.
    #[serde(default)]
    pub attachments: Vec<String>,
}

/// With whom a document is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// An account, or `all`.
    pub shared_with: String,
    /// Empty where nobody said.
    pub shared_version: String,
}

/// Which version of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    Number(i64),
    Named(&'a str),
}

const DOCUMENT: &str = "d.name, d.document_type, d.created_at, d.default_version,
    (SELECT MAX(v2.version) FROM document_versions v2
        WHERE v2.account = d.account AND v2.region = d.region AND v2.name = d.name), d.versions_made";
const VERSION: &str =
    "v.version, v.version_name, v.display_name, v.target_type, v.document_format, v.content,
    v.sha256, v.schema_version, v.description, v.detail, v.created_at, v.author, v.review_status";

fn read_document(row: &Row) -> Result<Document> {
    Ok(Document {
        name: row.parse(0)?,
        document_type: row.get(1)?,
        created_at: row.get(2)?,
        default_version: row.get(3)?,
        latest_version: row
            .get::<Option<i64>>(4)?
            .ok_or_else(|| StoreError::Corrupt("a document has no version".to_owned()))?,
        versions_made: row.get(5)?,
    })
}

fn read_version(row: &Row, first: usize) -> Result<Version> {
    Ok(Version {
        version: row.get(first)?,
        version_name: row.get(first + 1)?,
        display_name: row.get(first + 2)?,
        target_type: row.get(first + 3)?,
        format: row.get(first + 4)?,
        content: row.get(first + 5)?,
        sha256: row.get(first + 6)?,
        schema_version: row.get(first + 7)?,
        description: row.get(first + 8)?,
        detail: row.json(first + 9)?,
        created_at: row.get(first + 10)?,
        author: row.get(first + 11)?,
        review_status: row.get(first + 12)?,
    })
}

fn key<'a>((account, region): Scope<'a>, name: &'a DocumentName) -> Vec<Value<'a>> {
    vec![account.as_str().into(), region.as_str().into(), name.as_str().into()]
}

pub async fn find(tx: &mut Tx, scope: Scope<'_>, name: &DocumentName) -> Result<Option<Document>> {
    let sql =
        format!("SELECT {DOCUMENT} FROM documents d WHERE d.account = $1 AND d.region = $2 AND d.name = $3");
    tx.query_opt(&sql, &key(scope, name)).await?.as_ref().map(read_document).transpose()
}

pub async fn find_version(
    tx: &mut Tx,
    scope: Scope<'_>,
    name: &DocumentName,
    which: Which<'_>,
) -> Result<Option<Version>> {
    let mut values = key(scope, name);
    let column = match which {
        Which::Number(number) => {
            values.push(number.into());
            "version"
        }
        Which::Named(text) => {
            values.push(text.into());
            "version_name"
        }
    };
    let sql = format!(
        "SELECT {VERSION} FROM document_versions v
        WHERE v.account = $1 AND v.region = $2 AND v.name = $3 AND v.{column} = $4"
    );
    tx.query_opt(&sql, &values).await?.map(|row| read_version(&row, 0)).transpose()
}

/// Newest first, below `before`. Primary key order.
pub async fn list_versions(
    tx: &mut Tx,
    scope: Scope<'_>,
    name: &DocumentName,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Version>> {
    let mut values = key(scope, name);
    values.extend([before.unwrap_or(i64::MAX).into(), limit.into()]);
    let sql = format!(
        "SELECT {VERSION} FROM document_versions v
        WHERE v.account = $1 AND v.region = $2 AND v.name = $3 AND v.version < $4
        ORDER BY v.version DESC LIMIT $5"
    );
    tx.query(&sql, &values).await?.iter().map(|row| read_version(row, 0)).collect()
}

/// The account's own with their default versions, by name. An account has some hundreds at most. Primary key order.
pub async fn list(tx: &mut Tx, (account, region): Scope<'_>) -> Result<Vec<(Document, Version)>> {
    let sql = format!(
        "SELECT {DOCUMENT}, {VERSION} FROM documents d JOIN document_versions v
        ON v.account = d.account AND v.region = d.region AND v.name = d.name AND v.version = d.default_version
        WHERE d.account = $1 AND d.region = $2 ORDER BY d.name"
    );
    let rows = tx.query(&sql, &[account.as_str().into(), region.as_str().into()]).await?;
    rows.iter().map(|row| Ok((read_document(row)?, read_version(row, 6)?))).collect()
}

/// Documents of others that `shared_with`, an account or `all`, may use, by account and name.
/// Index: document_shares_by_account.
pub async fn list_shared(
    tx: &mut Tx,
    region: &Region,
    shared_with: &str,
    limit: i64,
) -> Result<Vec<(AccountId, Document, Version)>> {
    let sql = format!(
        "SELECT {DOCUMENT}, {VERSION}, d.account FROM document_shares s JOIN documents d
        ON d.account = s.account AND d.region = s.region AND d.name = s.name JOIN document_versions v
        ON v.account = d.account AND v.region = d.region AND v.name = d.name AND v.version = d.default_version
        WHERE s.region = $1 AND s.shared_with = $2 ORDER BY d.account, d.name LIMIT $3"
    );
    let rows = tx.query(&sql, &[region.as_str().into(), shared_with.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.parse(19)?, read_document(row)?, read_version(row, 6)?))).collect()
}

pub async fn count(tx: &mut Tx, (account, region): Scope<'_>) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM documents WHERE account = $1 AND region = $2";
    let row = tx.query_opt(sql, &[account.as_str().into(), region.as_str().into()]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

pub async fn count_versions(tx: &mut Tx, scope: Scope<'_>, name: &DocumentName) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM document_versions WHERE account = $1 AND region = $2 AND name = $3";
    let row = tx.query_opt(sql, &key(scope, name)).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// With its first version.
pub async fn insert(tx: &mut Tx, scope: Scope<'_>, document: &Document, first: &Version) -> Result<()> {
    let sql = "INSERT INTO documents (account, region, name, document_type, created_at, default_version,
        versions_made) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let mut values = key(scope, &document.name);
    values.extend([
        (&document.document_type).into(),
        document.created_at.into(),
        document.default_version.into(),
        document.versions_made.into(),
    ]);
    tx.execute(sql, &values).await?;
    insert_version_row(tx, scope, &document.name, first).await
}

/// The default does not move.
pub async fn insert_version(
    tx: &mut Tx,
    scope: Scope<'_>,
    name: &DocumentName,
    version: &Version,
) -> Result<()> {
    let sql = "UPDATE documents SET versions_made = $4 WHERE account = $1 AND region = $2 AND name = $3";
    let mut values = key(scope, name);
    values.push(version.version.into());
    tx.execute(sql, &values).await?;
    insert_version_row(tx, scope, name, version).await
}

async fn insert_version_row(
    tx: &mut Tx,
    scope: Scope<'_>,
    name: &DocumentName,
    version: &Version,
) -> Result<()> {
    let sql = "INSERT INTO document_versions (account, region, name, version, version_name, display_name,
        target_type, document_format, content, sha256, schema_version, description, detail, created_at, author,
        review_status) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    let detail =
        serde_json::to_string(&version.detail).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let mut values = key(scope, name);
    values.extend([
        version.version.into(),
        version.version_name.as_ref().into(),
        version.display_name.as_ref().into(),
        version.target_type.as_ref().into(),
        (&version.format).into(),
        (&version.content).into(),
        (&version.sha256).into(),
        (&version.schema_version).into(),
        (&version.description).into(),
        detail.into(),
        version.created_at.into(),
        (&version.author).into(),
        version.review_status.as_ref().into(),
    ]);
    tx.execute(sql, &values).await.map(drop)
}

pub async fn set_default(tx: &mut Tx, scope: Scope<'_>, name: &DocumentName, version: i64) -> Result<()> {
    let sql = "UPDATE documents SET default_version = $4 WHERE account = $1 AND region = $2 AND name = $3";
    let mut values = key(scope, name);
    values.push(version.into());
    tx.execute(sql, &values).await.map(drop)
}

pub async fn set_review_status(
    tx: &mut Tx,
    scope: Scope<'_>,
    name: &DocumentName,
    version: i64,
    status: &str,
) -> Result<()> {
    let sql = "UPDATE document_versions SET review_status = $5
        WHERE account = $1 AND region = $2 AND name = $3 AND version = $4";
    let mut values = key(scope, name);
    values.extend([version.into(), status.into()]);
    tx.execute(sql, &values).await.map(drop)
}

/// With all versions and reviews. That nobody shares in it is the caller's to check.
pub async fn delete(tx: &mut Tx, scope: Scope<'_>, name: &DocumentName) -> Result<()> {
    for table in ["document_reviews", "document_shares", "document_versions", "documents"] {
        let sql = format!("DELETE FROM {table} WHERE account = $1 AND region = $2 AND name = $3");
        tx.execute(&sql, &key(scope, name)).await?;
    }
    Ok(())
}

/// One of several, with its reviews.
pub async fn delete_version(tx: &mut Tx, scope: Scope<'_>, name: &DocumentName, version: i64) -> Result<()> {
    for table in ["document_reviews", "document_versions"] {
        let sql =
            format!("DELETE FROM {table} WHERE account = $1 AND region = $2 AND name = $3 AND version = $4");
        let mut values = key(scope, name);
        values.push(version.into());
        tx.execute(&sql, &values).await?;
    }
    Ok(())
}

/// By account, from the one after `after`. Primary key order.
pub async fn list_shares(
    tx: &mut Tx,
    scope: Scope<'_>,
    name: &DocumentName,
    after: &str,
    limit: i64,
) -> Result<Vec<Share>> {
    let sql = "SELECT shared_with, shared_version FROM document_shares
        WHERE account = $1 AND region = $2 AND name = $3 AND shared_with > $4 ORDER BY shared_with LIMIT $5";
    let mut values = key(scope, name);
    values.extend([after.into(), limit.into()]);
    let rows = tx.query(sql, &values).await?;
    rows.iter().map(|row| Ok(Share { shared_with: row.get(0)?, shared_version: row.get(1)? })).collect()
}

/// How the document is shared with an account: with it by name, or with all.
pub async fn find_share(
    tx: &mut Tx,
    scope: Scope<'_>,
    name: &DocumentName,
    account: &AccountId,
) -> Result<Option<Share>> {
    let sql = "SELECT shared_with, shared_version FROM document_shares
        WHERE account = $1 AND region = $2 AND name = $3 AND shared_with IN ($4, 'all')
        ORDER BY shared_with LIMIT 1";
    let mut values = key(scope, name);
    values.push(account.as_str().into());
    let row = tx.query_opt(sql, &values).await?;
    row.map(|row| Ok(Share { shared_with: row.get(0)?, shared_version: row.get(1)? })).transpose()
}

pub async fn put_share(tx: &mut Tx, scope: Scope<'_>, name: &DocumentName, share: &Share) -> Result<()> {
    let sql = "INSERT INTO document_shares (account, region, name, shared_with, shared_version)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account, region, name, shared_with)
        DO UPDATE SET shared_version = excluded.shared_version";
    let mut values = key(scope, name);
    values.extend([(&share.shared_with).into(), (&share.shared_version).into()]);
    tx.execute(sql, &values).await.map(drop)
}

pub async fn remove_share(
    tx: &mut Tx,
    scope: Scope<'_>,
    name: &DocumentName,
    shared_with: &str,
) -> Result<()> {
    let sql = "DELETE FROM document_shares
        WHERE account = $1 AND region = $2 AND name = $3 AND shared_with = $4";
    let mut values = key(scope, name);
    values.push(shared_with.into());
    tx.execute(sql, &values).await.map(drop)
}

pub async fn count_shares(tx: &mut Tx, scope: Scope<'_>, name: &DocumentName) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM document_shares WHERE account = $1 AND region = $2 AND name = $3";
    let row = tx.query_opt(sql, &key(scope, name)).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// Documents of the account that are shared with all.
pub async fn count_public(tx: &mut Tx, (account, region): Scope<'_>) -> Result<i64> {
    let sql =
        "SELECT COUNT(*) FROM document_shares WHERE account = $1 AND region = $2 AND shared_with = 'all'";
    let row = tx.query_opt(sql, &[account.as_str().into(), region.as_str().into()]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}
