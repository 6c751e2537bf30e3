//! The baselines that accounts made, and which one is an operating system's default.
//! Provided baselines are not here: `domain::baseline::predefined` has them.

use domain::baseline::{Baseline, TagSelector};
use domain::ids::{AccountId, BaselineId, Region};
use domain::os::OperatingSystem;

use crate::clause::{Clause, Comparison};
use crate::{Result, Row, StoreError, Tx};

const COLUMNS: &str = "baseline_id, name, description, rules, created_at, modified_at";

/// Which baselines a list shows; an empty slice is no condition.
#[derive(Clone, Copy, Debug, Default)]
pub struct BaselineFilter<'a> {
    /// The name begins with one of these.
    pub name_prefixes: &'a [String],
    pub operating_systems: &'a [OperatingSystem],
}

/// `id` is the short one.
pub async fn find(
    tx: &mut Tx,
    account: &AccountId,
    region: &Region,
    id: &BaselineId,
) -> Result<Option<Baseline>> {
    let sql =
        format!("SELECT {COLUMNS} FROM baselines WHERE account = $1 AND region = $2 AND baseline_id = $3");
    let values = [account.as_str().into(), region.as_str().into(), id.as_str().into()];
    tx.query_opt(&sql, &values).await?.map(|row| read(&row)).transpose()
}

/// Those of `ids` that exist, by id. Index: primary key.
pub async fn find_many(
    tx: &mut Tx,
    account: &AccountId,
    region: &Region,
    ids: &[BaselineId],
) -> Result<Vec<Baseline>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    let list: Vec<String> = ids.iter().map(|id| clause.bind(id.as_str())).collect();
    clause.and(&format!("baseline_id IN ({})", list.join(", ")));
    select(tx, clause, None).await
}

/// By id, from the one after `after`. Index: primary key.
pub async fn list(
    tx: &mut Tx,
    account: &AccountId,
    region: &Region,
    filter: BaselineFilter<'_>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Baseline>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    let systems = spelled(filter.operating_systems);
    if let Some(after) = after {
        let key = clause.bind(after);
        clause.and(&format!("baseline_id > {key}"));
    }
    if !filter.name_prefixes.is_empty() {
        clause.compare("name", Comparison::BeginWith, filter.name_prefixes);
    }
    if !systems.is_empty() {
        clause.compare("operating_system", Comparison::Equal, &systems);
    }
    select(tx, clause, Some(limit)).await
}

/// Those of a system that carry the tag with one of these values, by id; one row more than two is never asked for.
/// Index: tags_by_value.
pub async fn list_tagged(
    tx: &mut Tx,
    account: &AccountId,
    region: &Region,
    os: OperatingSystem,
    tag: &TagSelector,
) -> Result<Vec<Baseline>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    clause.equals("operating_system", Some(os.as_str()));
    let key = clause.bind(&tag.key);
    let values: Vec<String> = tag.values.iter().map(|value| clause.bind(value)).collect();
    clause.and(&format!(
        "baseline_id IN (SELECT resource_id FROM tags WHERE account = $1 AND region = $2
        AND resource_type = 'PatchBaseline' AND tag_key = {key} AND tag_value IN ({}))",
        values.join(", ")
    ));
    select(tx, clause, Some(2)).await
}

async fn select(tx: &mut Tx, mut clause: Clause<'_>, limit: Option<i64>) -> Result<Vec<Baseline>> {
    let limit = limit.map(|limit| format!(" LIMIT {}", clause.bind(limit))).unwrap_or_default();
    let sql = format!(
        "SELECT {COLUMNS} FROM baselines WHERE account = $1 AND region = $2{} ORDER BY baseline_id{limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

/// As the columns spell them.
pub(crate) fn spelled(systems: &[OperatingSystem]) -> Vec<String> {
    systems.iter().map(|os| os.as_str().to_owned()).collect()
}

pub async fn count(tx: &mut Tx, account: &AccountId, region: &Region) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM baselines WHERE account = $1 AND region = $2";
    let row = tx.query_opt(sql, &[account.as_str().into(), region.as_str().into()]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

pub async fn insert(tx: &mut Tx, account: &AccountId, region: &Region, baseline: &Baseline) -> Result<()> {
    let sql = "INSERT INTO baselines (account, region, baseline_id, name, description, operating_system,
        rules, created_at, modified_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        baseline.id.as_str().into(),
        (&baseline.name).into(),
        baseline.description.as_ref().into(),
        baseline.rules.operating_system.as_str().into(),
        rules_text(baseline)?.into(),
        baseline.created_at.into(),
        baseline.modified_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Writes what an update may change. Whether it was there.
pub async fn update(tx: &mut Tx, account: &AccountId, region: &Region, baseline: &Baseline) -> Result<bool> {
    let sql = "UPDATE baselines SET name = $4, description = $5, rules = $6, modified_at = $7
        WHERE account = $1 AND region = $2 AND baseline_id = $3";
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        baseline.id.as_str().into(),
        (&baseline.name).into(),
        baseline.description.as_ref().into(),
        rules_text(baseline)?.into(),
        baseline.modified_at.into(),
    ];
    Ok(tx.execute(sql, &values).await? > 0)
}

/// Whether it was there. What still refers to it is the caller's to check.
pub async fn delete(tx: &mut Tx, account: &AccountId, region: &Region, id: &BaselineId) -> Result<bool> {
    let sql = "DELETE FROM baselines WHERE account = $1 AND region = $2 AND baseline_id = $3";
    let values = [account.as_str().into(), region.as_str().into(), id.as_str().into()];
    Ok(tx.execute(sql, &values).await? > 0)
}

/// What was registered as default, per operating system; the others have their provided one.
pub async fn registered_defaults(
    tx: &mut Tx,
    account: &AccountId,
    region: &Region,
) -> Result<Vec<(OperatingSystem, BaselineId)>> {
    let sql = "SELECT operating_system, baseline_id FROM default_baselines
        WHERE account = $1 AND region = $2 ORDER BY operating_system";
    let rows = tx.query(sql, &[account.as_str().into(), region.as_str().into()]).await?;
    rows.iter().map(|row| Ok((row.parse(0)?, row.parse(1)?))).collect()
}

pub async fn find_registered_default(
    tx: &mut Tx,
    account: &AccountId,
    region: &Region,
    os: OperatingSystem,
) -> Result<Option<BaselineId>> {
    let sql = "SELECT baseline_id FROM default_baselines
        WHERE account = $1 AND region = $2 AND operating_system = $3";
    let values = [account.as_str().into(), region.as_str().into(), os.as_str().into()];
    tx.query_opt(sql, &values).await?.map(|row| row.parse(0)).transpose()
}

pub async fn put_default(
    tx: &mut Tx,
    account: &AccountId,
    region: &Region,
    os: OperatingSystem,
    id: &BaselineId,
) -> Result<()> {
    let sql = "INSERT INTO default_baselines (account, region, operating_system, baseline_id)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (account, region, operating_system) DO UPDATE SET baseline_id = excluded.baseline_id";
    let values = [account.as_str().into(), region.as_str().into(), os.as_str().into(), id.as_str().into()];
    tx.execute(sql, &values).await.map(drop)
}

fn rules_text(baseline: &Baseline) -> Result<String> {
    serde_json::to_string(&baseline.rules).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn read(row: &Row) -> Result<Baseline> {
    Ok(Baseline {
        id: row.parse(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        rules: row.json(3)?,
        created_at: row.get(4)?,
        modified_at: row.get(5)?,
    })
}
