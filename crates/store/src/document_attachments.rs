//! Files that belong to versions of documents. Their contents are nobody else's: what removes a file leaves its contents to
//! the waste.

use domain::ids::DocumentName;

use crate::objects::Content;
use crate::{Result, Row, Scope, StoreError, Tx, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    pub file_name: String,
    /// One after the other.
    pub contents: Vec<Content>,
    pub size_bytes: u64,
    /// Hex.
    pub sha256: String,
}

fn key<'a>((account, region): Scope<'a>, name: &'a DocumentName) -> Vec<Value<'a>> {
    vec![account.as_str().into(), region.as_str().into(), name.as_str().into()]
}

fn read(row: &Row) -> Result<Attachment> {
    let size: i64 = row.get(2)?;
    let size_bytes = u64::try_from(size)
        .map_err(|_| StoreError::Corrupt(format!("an attachment of a document has the size {size}")))?;
    Ok(Attachment { file_name: row.get(0)?, contents: row.json(1)?, size_bytes, sha256: row.get(3)? })
}

/// By name; a document has twenty at most. Primary key order.
pub async fn list(
    tx: &mut Tx,
    scope: Scope<'_>,
    name: &DocumentName,
    version: i64,
) -> Result<Vec<Attachment>> {
    let sql = "SELECT file_name, contents, size_bytes, sha256 FROM document_attachments
        WHERE account = $1 AND region = $2 AND name = $3 AND version = $4 ORDER BY file_name";
    let mut values = key(scope, name);
    values.push(version.into());
    tx.query(sql, &values).await?.iter().map(read).collect()
}

pub async fn insert_many(
    tx: &mut Tx,
    scope: Scope<'_>,
    name: &DocumentName,
    version: i64,
    attachments: &[Attachment],
) -> Result<()> {
    let sql =
        "INSERT INTO document_attachments (account, region, name, version, file_name, contents, size_bytes,
        sha256) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    // Twenty at most.
    for attachment in attachments {
        let contents =
            serde_json::to_string(&attachment.contents).map_err(|error| StoreError::Backend(error.into()))?;
        let mut values = key(scope, name);
        values.extend([
            version.into(),
            (&attachment.file_name).into(),
            contents.into(),
            i64::try_from(attachment.size_bytes).unwrap_or(i64::MAX).into(),
            (&attachment.sha256).into(),
        ]);
        tx.execute(sql, &values).await?;
    }
    Ok(())
}

/// Of one version, or of all. Returns the contents, which nothing refers to any more.
pub async fn delete(
    tx: &mut Tx,
    scope: Scope<'_>,
    name: &DocumentName,
    version: Option<i64>,
) -> Result<Vec<Content>> {
    let mut sql =
        "DELETE FROM document_attachments WHERE account = $1 AND region = $2 AND name = $3".to_owned();
    let mut values = key(scope, name);
    if let Some(version) = version {
        sql.push_str(" AND version = $4");
        values.push(version.into());
    }
    sql.push_str(" RETURNING contents");
    let mut contents = Vec::new();
    for row in tx.query(&sql, &values).await? {
        contents.extend(row.json::<Vec<Content>>(0)?);
    }
    Ok(contents)
}
