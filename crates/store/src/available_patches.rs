//! Every package version that any node's repositories were seen to offer, per product.

use api::Timestamp;

use crate::clause::{Clause, Comparison};
use crate::{Result, Row, Scope, Tx, Value};

/// Rows per statement.
const CHUNK: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AvailablePatch {
    pub product: String,
    pub name: String,
    pub arch: String,
    /// Whole, as the package manager writes it.
    pub version: String,
    pub repository: String,
    pub classification: String,
    pub severity: String,
    /// When the repository that offers it was released.
    pub released_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AvailableField {
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

const COLUMNS: &str = "product, name, arch, version, repository, classification, severity, released_at";

/// Adds what is not there yet.
pub async fn insert(tx: &mut Tx, (account, region): Scope<'_>, patches: &[AvailablePatch]) -> Result<()> {
    for chunk in patches.chunks(CHUNK) {
        let rows: Vec<String> = (0..chunk.len())
            .map(|row| {
                let cells: Vec<String> = (0..8).map(|cell| format!("${}", 3 + row * 8 + cell)).collect();
                format!("($1, $2, {})", cells.join(", "))
            })
            .collect();
        let sql = format!(
            "INSERT INTO available_patches (account, region, {COLUMNS}) VALUES {}
            ON CONFLICT (account, region, product, name, arch, version, repository) DO NOTHING",
            rows.join(", ")
        );
        let mut values: Vec<Value<'_>> = vec![account.as_str().into(), region.as_str().into()];
        for patch in chunk {
            let AvailablePatch {
                product,
                name,
                arch,
                version,
                repository,
                classification,
                severity,
                released_at,
            } = patch;
            values.extend(
                [product, name, arch, version, repository, classification, severity].map(Value::from),
            );
            values.push((*released_at).into());
        }
        tx.execute(&sql, &values).await?;
    }
    Ok(())
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
    Ok(AvailablePatch {
        product: row.get(0)?,
        name: row.get(1)?,
        arch: row.get(2)?,
        version: row.get(3)?,
        repository: row.get(4)?,
        classification: row.get(5)?,
        severity: row.get(6)?,
        released_at: row.get(7)?,
    })
}
