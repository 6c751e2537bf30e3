//! Activations: what lets a machine register as a node.

use api::Timestamp;
use domain::ids::{AccountId, ActivationId, Region};

use crate::clause::{Clause, Comparison};
use crate::{Result, Row, Tx};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    pub account: AccountId,
    pub region: Region,
    pub id: ActivationId,
    pub code_sha256: String,
    pub iam_role: String,
    pub default_instance_name: Option<String>,
    pub description: Option<String>,
    pub registration_limit: i64,
    pub registrations_count: i64,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What `list` can select by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationField {
    Id,
    DefaultInstanceName,
    IamRole,
}

const COLUMNS: &str =
    "account, region, activation_id, code_sha256, iam_role, default_instance_name, description,
    registration_limit, registrations_count, created_at, expires_at";

fn read(row: &Row) -> Result<Activation> {
    Ok(Activation {
        account: row.parse(0)?,
        region: row.parse(1)?,
        id: row.parse(2)?,
        code_sha256: row.get(3)?,
        iam_role: row.get(4)?,
        default_instance_name: row.get(5)?,
        description: row.get(6)?,
        registration_limit: row.get(7)?,
        registrations_count: row.get(8)?,
        created_at: row.get(9)?,
        expires_at: row.get(10)?,
    })
}

pub async fn insert(tx: &mut Tx, activation: &Activation) -> Result<()> {
    let sql =
        format!("INSERT INTO activations ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    let values = [
        activation.account.as_str().into(),
        activation.region.as_str().into(),
        activation.id.as_str().into(),
        (&activation.code_sha256).into(),
        (&activation.iam_role).into(),
        activation.default_instance_name.as_ref().into(),
        activation.description.as_ref().into(),
        activation.registration_limit.into(),
        activation.registrations_count.into(),
        activation.created_at.into(),
        activation.expires_at.into(),
    ];
    tx.execute(&sql, &values).await.map(drop)
}

/// By id alone, for a registration, which is unsigned. Index: activations_by_id.
pub async fn find_unscoped(tx: &mut Tx, id: &ActivationId) -> Result<Option<Activation>> {
    let sql = format!("SELECT {COLUMNS} FROM activations WHERE activation_id = $1");
    tx.query_opt(&sql, &[id.as_str().into()]).await?.as_ref().map(read).transpose()
}

/// Takes one of the remaining registrations; false when none is left or time is up.
pub async fn take_registration(tx: &mut Tx, id: &ActivationId, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE activations SET registrations_count = registrations_count + 1
        WHERE activation_id = $1 AND registrations_count < registration_limit AND expires_at > $2";
    Ok(tx.execute(sql, &[id.as_str().into(), now.into()]).await? == 1)
}

/// Whether it was there.
pub async fn delete(tx: &mut Tx, account: &AccountId, region: &Region, id: &ActivationId) -> Result<bool> {
    let sql = "DELETE FROM activations WHERE account = $1 AND region = $2 AND activation_id = $3";
    let values = [account.as_str().into(), region.as_str().into(), id.as_str().into()];
    Ok(tx.execute(sql, &values).await? == 1)
}

/// By id, after `after`. Primary key order.
pub async fn list(
    tx: &mut Tx,
    (account, region): (&AccountId, &Region),
    conditions: &[(ActivationField, Vec<String>)],
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Activation>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    for (field, values) in conditions {
        let column = match field {
            ActivationField::Id => "activation_id",
            ActivationField::DefaultInstanceName => "default_instance_name",
            ActivationField::IamRole => "iam_role",
        };
        clause.compare(column, Comparison::Equal, values);
    }
    if let Some(after) = after {
        let key = clause.bind(after);
        clause.and(&format!("activation_id > {key}"));
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM activations WHERE account = $1 AND region = $2{} ORDER BY activation_id LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}
