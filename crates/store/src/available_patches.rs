//! Every package version and Windows update that any node was seen to be offered, per product.

use domain::patch::offered::{OfferDetail, Offered};

use crate::clause::{Clause, Comparison};
use crate::{Result, Row, Scope, StoreError, Tx, Value};

/// Rows per statement.
const CHUNK: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvailablePatch {
    pub kind: AvailableKind,
    pub offered: Offered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AvailableKind {
    Linux,
    Windows,
}

impl AvailableKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AvailableField {
    Kind,
    Product,
    Name,
    Arch,
    Version,
    Repository,
    Classification,
    Severity,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvailableCondition {
    pub field: AvailableField,
    pub values: Vec<String>,
}

const COLUMNS: &str =
    "product, name, arch, version, repository, classification, severity, released_at, kind, detail";
const COLUMN_COUNT: usize = 10;

/// Adds what is not there yet and renews what is: an advisory may come after its package. Each key of `patches` occurs
/// once.
pub async fn insert(tx: &mut Tx, (account, region): Scope<'_>, patches: &[AvailablePatch]) -> Result<()> {
    for chunk in patches.chunks(CHUNK) {
        let rows: Vec<String> = (0..chunk.len())
            .map(|row| {
                let first = 3 + row * COLUMN_COUNT;
                let cells: Vec<String> =
                    (first..first + COLUMN_COUNT).map(|cell| format!("${cell}")).collect();
                format!("($1, $2, {})", cells.join(", "))
            })
            .collect();
        let sql = format!(
            "INSERT INTO available_patches (account, region, {COLUMNS}) VALUES {}
            ON CONFLICT (account, region, product, name, arch, version, repository) DO UPDATE SET
                classification = excluded.classification, severity = excluded.severity,
                released_at = excluded.released_at, kind = excluded.kind, detail = excluded.detail",
            rows.join(", ")
        );
        let mut values: Vec<Value<'_>> = vec![account.as_str().into(), region.as_str().into()];
        for AvailablePatch { kind, offered } in chunk {
            let Offered { product, name, arch, version, repository, classification, severity, .. } = offered;
            let texts = [product, name, arch, version, repository, classification, severity];
            values.extend(texts.map(Value::from));
            values.push(offered.released_at.into());
            values.push(kind.as_str().into());
            values.push(to_json(&offered.detail)?.into());
        }
        tx.execute(&sql, &values).await?;
    }
    Ok(())
}

fn to_json(detail: &OfferDetail) -> Result<String> {
    serde_json::to_string(detail).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Products that something was offered for, sorted. By the primary key's prefix.
pub async fn products(tx: &mut Tx, (account, region): Scope<'_>, kind: AvailableKind) -> Result<Vec<String>> {
    let sql = "SELECT DISTINCT product FROM available_patches
        WHERE account = $1 AND region = $2 AND kind = $3 ORDER BY product";
    let values = [account.as_str().into(), region.as_str().into(), kind.as_str().into()];
    tx.query(sql, &values).await?.iter().map(|row| row.get(0)).collect()
}

/// By product, name, architecture, version and repository, after `after`. Primary key order.
pub async fn list(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    conditions: &[AvailableCondition],
    after: Option<&[String; 5]>,
    limit: i64,
) -> Result<Vec<AvailablePatch>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    for condition in conditions {
        let column = match condition.field {
            AvailableField::Kind => "kind",
            AvailableField::Product => "product",
            AvailableField::Name => "name",
            AvailableField::Arch => "arch",
            AvailableField::Version => "version",
            AvailableField::Repository => "repository",
            AvailableField::Classification => "classification",
            AvailableField::Severity => "severity",
        };
        clause.compare(column, Comparison::Equal, &condition.values);
    }
    if let Some(after) = after {
        let key = after.each_ref().map(|part| clause.bind(part)).join(", ");
        clause.and(&format!("(product, name, arch, version, repository) > ({key})"));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM available_patches WHERE account = $1 AND region = $2{}
        ORDER BY product, name, arch, version, repository LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<AvailablePatch> {
    let (kind, detail): (String, String) = (row.get(8)?, row.get(9)?);
    let detail = serde_json::from_str(&detail)
        .map_err(|error| StoreError::Corrupt(format!("available_patches.detail: {error}")))?;
    Ok(AvailablePatch {
        kind: match kind.as_str() {
            "windows" => AvailableKind::Windows,
            _ => AvailableKind::Linux,
        },
        offered: Offered {
            product: row.get(0)?,
            name: row.get(1)?,
            arch: row.get(2)?,
            version: row.get(3)?,
            repository: row.get(4)?,
            classification: row.get(5)?,
            severity: row.get(6)?,
            released_at: row.get(7)?,
            detail,
        },
    })
}
