//! Parameter Store: parameters, their versions and the labels of these. What a value may be is `domain::parameter`'s; values of
//! SecureStrings come here encrypted. Tags are in `tags`, by the key.

use api::Timestamp;
use domain::ids::{AccountId, Region};
use domain::parameter::{Kind, ParameterKey, ParameterName, Policies, Tier};

use crate::clause::{Clause, Comparison};
use crate::{Result, Row, Scope, StoreError, Tx, Value};

/// One version of a parameter, with the name that all of them have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: ParameterName,
    pub version: i64,
    pub kind: Kind,
    /// UTF-8; of a SecureString encrypted.
    pub value: Vec<u8>,
    /// Of a SecureString.
    pub key_id: Option<String>,
    pub tier: Tier,
    pub data_type: String,
    pub description: Option<String>,
    pub allowed_pattern: Option<String>,
    pub policies: Policies,
    pub modified_at: Timestamp,
    /// An ARN.
    pub modified_by: String,
}

/// Which version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    Newest,
    Version(i64),
    Labelled(&'a str),
}

/// What a list shows: all of the conditions hold, each for any of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// By the key, so that a leading slash makes no difference.
    Key(Comparison, Vec<String>),
    NameContains(Vec<String>),
    /// Below these paths, at any depth; an empty path is above everything.
    Below(Vec<String>),
    /// Directly below them.
    ChildOf(Vec<String>),
    Attribute(Attribute, Comparison, Vec<String>),
    /// Without values: whatever the tag's value.
    Tag {
        key: String,
        comparison: Comparison,
        values: Vec<String>,
    },
    /// The version with this label is shown, instead of the newest. At most once.
    Label(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    Type,
    KeyId,
    Tier,
    DataType,
}

/// Whose policies are to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub account: AccountId,
    pub region: Region,
    pub key: ParameterKey,
}

const COLUMNS: &str = "p.name, v.version, v.type, v.value, v.key_id, v.tier, v.data_type, v.description,
    v.allowed_pattern, v.policies, v.modified_at, v.modified_by";

const TABLES: &str = "parameters p JOIN parameter_versions v ON v.account = p.account AND v.region = p.region
    AND v.parameter_key = p.parameter_key";

fn read(row: &Row) -> Result<Parameter> {
    let corrupt =
        |what: &str, text: &str| StoreError::Corrupt(format!("`{text}` is no {what} of a parameter"));
    let (kind, tier): (String, String) = (row.get(2)?, row.get(5)?);
    Ok(Parameter {
        name: ParameterName::of_stored(row.get(0)?),
        version: row.get(1)?,
        kind: Kind::parse(&kind).ok_or_else(|| corrupt("type", &kind))?,
        value: row.get(3)?,
        key_id: row.get(4)?,
        tier: Tier::parse(&tier).ok_or_else(|| corrupt("tier", &tier))?,
        data_type: row.get(6)?,
        description: row.get(7)?,
        allowed_pattern: row.get(8)?,
        policies: row.json(9)?,
        modified_at: row.get(10)?,
        modified_by: row.get(11)?,
    })
}

fn values<'a>((account, region): Scope<'a>, key: &'a ParameterKey) -> [Value<'a>; 3] {
    [account.as_str().into(), region.as_str().into(), key.as_str().into()]
}

/// Whether the name was free.
pub async fn insert(tx: &mut Tx, scope: Scope<'_>, parameter: &Parameter) -> Result<bool> {
    let sql = "INSERT INTO parameters (account, region, parameter_key, name, parent, version, due_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account, region, parameter_key) DO NOTHING";
    let key = parameter.name.key();
    let [account, region, parameter_key] = values(scope, &key);
    let values = [
        account,
        region,
        parameter_key,
        parameter.name.as_str().into(),
        key.parent().into(),
        parameter.version.into(),
        parameter.policies.due_at(parameter.modified_at).into(),
    ];
    if tx.execute(sql, &values).await? == 0 {
        return Ok(false);
    }
    insert_version(tx, scope, parameter).await?;
    Ok(true)
}

/// The newest from now on.
pub async fn add_version(tx: &mut Tx, scope: Scope<'_>, parameter: &Parameter) -> Result<()> {
    let sql = "UPDATE parameters SET version = $4, due_at = $5
        WHERE account = $1 AND region = $2 AND parameter_key = $3";
    let key = parameter.name.key();
    let [account, region, parameter_key] = values(scope, &key);
    let due_at = parameter.policies.due_at(parameter.modified_at);
    tx.execute(sql, &[account, region, parameter_key, parameter.version.into(), due_at.into()]).await?;
    insert_version(tx, scope, parameter).await
}

async fn insert_version(tx: &mut Tx, scope: Scope<'_>, parameter: &Parameter) -> Result<()> {
    let sql =
        "INSERT INTO parameter_versions (account, region, parameter_key, version, type, value, key_id, tier,
            data_type, description, allowed_pattern, policies, modified_at, modified_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let key = parameter.name.key();
    let [account, region, parameter_key] = values(scope, &key);
    let values = [
        account,
        region,
        parameter_key,
        parameter.version.into(),
        parameter.kind.as_str().into(),
        (&parameter.value).into(),
        parameter.key_id.as_deref().into(),
        parameter.tier.as_str().into(),
        (&parameter.data_type).into(),
        parameter.description.as_deref().into(),
        parameter.allowed_pattern.as_deref().into(),
        json(&parameter.policies)?.into(),
        parameter.modified_at.into(),
        (&parameter.modified_by).into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

fn json(policies: &Policies) -> Result<String> {
    serde_json::to_string(policies).map_err(|error| StoreError::Backend(error.into()))
}

pub async fn find(
    tx: &mut Tx,
    scope: Scope<'_>,
    key: &ParameterKey,
    which: Which<'_>,
) -> Result<Option<Parameter>> {
    let [account, region, parameter_key] = values(scope, key);
    let mut values = vec![account, region, parameter_key];
    let version = match which {
        Which::Newest => "p.version",
        Which::Version(version) => {
            values.push(version.into());
            "$4"
        }
        Which::Labelled(label) => {
            values.push(label.into());
            "(SELECT l.version FROM parameter_labels l
                WHERE l.account = $1 AND l.region = $2 AND l.parameter_key = $3 AND l.label = $4)"
        }
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES}
        WHERE p.account = $1 AND p.region = $2 AND p.parameter_key = $3 AND v.version = {version}"
    );
    tx.query_opt(&sql, &values).await?.as_ref().map(read).transpose()
}

/// By the key, from behind `after` on. Primary key order.
pub async fn list(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    conditions: &[Condition],
    (after, limit): (Option<&str>, i64),
) -> Result<Vec<Parameter>> {
    let mut clause = Clause::after(vec![
        account.as_str().into(),
        region.as_str().into(),
        after.unwrap_or_default().into(),
    ]);
    let mut version = "p.version".to_owned();
    for condition in conditions {
        match condition {
            Condition::Key(comparison, keys) => clause.compare("p.parameter_key", *comparison, keys),
            Condition::NameContains(parts) => {
                // Both engines have it, which cannot be said of any function that finds a text.
                let any: Vec<String> = parts
                    .iter()
                    .map(|part| format!("replace(p.name, {}, '') <> p.name", clause.bind(part)))
                    .collect();
                clause.and(&format!("({})", any.join(" OR ")));
            }
            Condition::Below(paths) => {
                let any: Vec<String> = paths
                    .iter()
                    .map(|path| match path.is_empty() {
                        true => "1 = 1".to_owned(),
                        false => {
                            let prefix = clause.bind(format!("{path}/"));
                            format!("substr(p.parameter_key, 1, length({prefix})) = {prefix}")
                        }
                    })
                    .collect();
                clause.and(&format!("({})", any.join(" OR ")));
            }
            Condition::ChildOf(paths) => clause.compare("p.parent", Comparison::Equal, paths),
            Condition::Attribute(attribute, comparison, values) => {
                clause.compare(attribute.column(), *comparison, values);
            }
            Condition::Tag { key, comparison, values } => tag(&mut clause, key, *comparison, values),
            Condition::Label(label) => {
                let label = clause.bind(label);
                version = format!(
                    "(SELECT l.version FROM parameter_labels l WHERE l.account = $1 AND l.region = $2
                        AND l.parameter_key = p.parameter_key AND l.label = {label})"
                );
            }
        }
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES}
        WHERE p.account = $1 AND p.region = $2 AND p.parameter_key > $3 AND v.version = {version}{}
        ORDER BY p.parameter_key LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

impl Attribute {
    fn column(self) -> &'static str {
        match self {
            Self::Type => "v.type",
            Self::KeyId => "v.key_id",
            Self::Tier => "v.tier",
            Self::DataType => "v.data_type",
        }
    }
}

fn tag<'a>(clause: &mut Clause<'a>, key: &'a str, comparison: Comparison, values: &'a [String]) {
    let key = clause.bind(key);
    let having = format!(
        "t.account = $1 AND t.region = $2 AND t.resource_type = 'Parameter' AND t.resource_id = p.parameter_key
            AND t.tag_key = {key}"
    );
    match values.is_empty() {
        true => clause.and(&format!("EXISTS (SELECT 1 FROM tags t WHERE {having})")),
        false => {
            let value = format!("(SELECT t.tag_value FROM tags t WHERE {having})");
            clause.compare(&value, comparison, values);
        }
    }
}

/// The versions of a parameter, the oldest first. Primary key order.
pub async fn list_versions(
    tx: &mut Tx,
    scope: Scope<'_>,
    key: &ParameterKey,
    (after, limit): (i64, i64),
) -> Result<Vec<Parameter>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES}
        WHERE p.account = $1 AND p.region = $2 AND p.parameter_key = $3 AND v.version > $4
        ORDER BY v.version LIMIT $5"
    );
    let [account, region, parameter_key] = values(scope, key);
    let values = [account, region, parameter_key, after.into(), limit.into()];
    tx.query(&sql, &values).await?.iter().map(read).collect()
}

/// How many versions there are, and the oldest.
pub async fn oldest_version(tx: &mut Tx, scope: Scope<'_>, key: &ParameterKey) -> Result<(i64, i64)> {
    let sql = "SELECT COUNT(*), COALESCE(MIN(version), 0) FROM parameter_versions
        WHERE account = $1 AND region = $2 AND parameter_key = $3";
    let row = tx.query_opt(sql, &values(scope, key)).await?;
    row.map_or(Ok((0, 0)), |row| Ok((row.get(0)?, row.get(1)?)))
}

/// One that carries no label.
pub async fn delete_version(tx: &mut Tx, scope: Scope<'_>, key: &ParameterKey, version: i64) -> Result<()> {
    let sql = "DELETE FROM parameter_versions
        WHERE account = $1 AND region = $2 AND parameter_key = $3 AND version = $4";
    let [account, region, parameter_key] = values(scope, key);
    tx.execute(sql, &[account, region, parameter_key, version.into()]).await.map(drop)
}

/// With its versions and labels; whether it was there. Its tags are the caller's to remove.
pub async fn delete(tx: &mut Tx, scope: Scope<'_>, key: &ParameterKey) -> Result<bool> {
    let of_it = "WHERE account = $1 AND region = $2 AND parameter_key = $3";
    tx.execute(&format!("DELETE FROM parameter_labels {of_it}"), &values(scope, key)).await?;
    tx.execute(&format!("DELETE FROM parameter_versions {of_it}"), &values(scope, key)).await?;
    Ok(tx.execute(&format!("DELETE FROM parameters {of_it}"), &values(scope, key)).await? == 1)
}

/// How many parameters are of a tier, by their newest versions. Primary key order.
pub async fn count(tx: &mut Tx, (account, region): Scope<'_>, tier: Tier) -> Result<i64> {
    let sql = format!(
        "SELECT COUNT(*) FROM {TABLES}
        WHERE p.account = $1 AND p.region = $2 AND v.version = p.version AND v.tier = $3"
    );
    let values = [account.as_str().into(), region.as_str().into(), tier.as_str().into()];
    tx.query_opt(&sql, &values).await?.map_or(Ok(0), |row| row.get(0))
}

/// All labels of a parameter with their versions, by label. Primary key order.
pub async fn labels(tx: &mut Tx, scope: Scope<'_>, key: &ParameterKey) -> Result<Vec<(String, i64)>> {
    let sql = "SELECT label, version FROM parameter_labels
        WHERE account = $1 AND region = $2 AND parameter_key = $3 ORDER BY label";
    let rows = tx.query(sql, &values(scope, key)).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// A label that another version has moves. At most as many as a request has.
pub async fn put_labels(
    tx: &mut Tx,
    scope: Scope<'_>,
    (key, version): (&ParameterKey, i64),
    labels: &[String],
) -> Result<()> {
    let sql = "INSERT INTO parameter_labels (account, region, parameter_key, label, version) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (account, region, parameter_key, label) DO UPDATE SET version = excluded.version";
    for label in labels {
        let [account, region, parameter_key] = values(scope, key);
        tx.execute(sql, &[account, region, parameter_key, label.into(), version.into()]).await?;
    }
    Ok(())
}

/// Whether the version had it.
pub async fn remove_label(
    tx: &mut Tx,
    scope: Scope<'_>,
    (key, version): (&ParameterKey, i64),
    label: &str,
) -> Result<bool> {
    let sql = "DELETE FROM parameter_labels
        WHERE account = $1 AND region = $2 AND parameter_key = $3 AND label = $4 AND version = $5";
    let [account, region, parameter_key] = values(scope, key);
    Ok(tx.execute(sql, &[account, region, parameter_key, label.into(), version.into()]).await? == 1)
}

/// Of all accounts, the longest due first. Index: parameters_by_due.
pub async fn list_due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Due>> {
    let sql = "SELECT account, region, parameter_key FROM parameters
        WHERE due_at <= $1 ORDER BY due_at LIMIT $2";
    let rows = tx.query(sql, &[now.into(), limit.into()]).await?;
    let due = |row: &Row| {
        let key = ParameterKey::of_stored(row.get(2)?);
        Ok(Due { account: row.parse(0)?, region: row.parse(1)?, key })
    };
    rows.iter().map(due).collect()
}

/// How far the policies of the newest version are, and when they are to be looked at again.
pub async fn set_policies(tx: &mut Tx, scope: Scope<'_>, parameter: &Parameter) -> Result<()> {
    let key = parameter.name.key();
    let [account, region, parameter_key] = values(scope, &key);
    let sql = "UPDATE parameter_versions SET policies = $5
        WHERE account = $1 AND region = $2 AND parameter_key = $3 AND version = $4";
    let policies = json(&parameter.policies)?;
    tx.execute(sql, &[account, region, parameter_key, parameter.version.into(), policies.into()]).await?;
    let sql = "UPDATE parameters SET due_at = $4 WHERE account = $1 AND region = $2 AND parameter_key = $3";
    let [account, region, parameter_key] = values(scope, &key);
    let due_at = parameter.policies.due_at(parameter.modified_at);
    tx.execute(sql, &[account, region, parameter_key, due_at.into()]).await.map(drop)
}
