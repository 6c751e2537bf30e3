//! Which baseline a patch group uses, one per operating system.
//! The nodes of a group are found by their tags.

use domain::ids::{AccountId, BaselineId, PatchGroup, Region};
use domain::os::OperatingSystem;

use crate::baselines::spelled;
use crate::clause::{Clause, Comparison};
use crate::{Result, Row, Tx};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub patch_group: PatchGroup,
    pub operating_system: OperatingSystem,
    /// An own baseline's short id, or a provided one's ARN.
    pub baseline_id: BaselineId,
}

/// Which registrations a list shows; an empty slice is no condition.
#[derive(Clone, Copy, Debug, Default)]
pub struct RegistrationFilter<'a> {
    /// The group's name begins with one of these.
    pub name_prefixes: &'a [String],
    pub operating_systems: &'a [OperatingSystem],
}

/// The last registration of the page before.
#[derive(Clone, Copy, Debug)]
pub struct After<'a> {
    pub patch_group: &'a str,
    pub operating_system: &'a str,
}

pub async fn find(
    tx: &mut Tx,
    account: &AccountId,
    region: &Region,
    group: &PatchGroup,
    os: OperatingSystem,
) -> Result<Option<BaselineId>> {
    let sql = "SELECT baseline_id FROM patch_groups
        WHERE account = $1 AND region = $2 AND patch_group = $3 AND operating_system = $4";
    let values = [account.as_str().into(), region.as_str().into(), group.as_str().into(), os.as_str().into()];
    tx.query_opt(sql, &values).await?.map(|row| row.parse(0)).transpose()
}

pub async fn insert(
    tx: &mut Tx,
    account: &AccountId,
    region: &Region,
    registration: &Registration,
) -> Result<()> {
    let sql = "INSERT INTO patch_groups (account, region, patch_group, operating_system, baseline_id)
        VALUES ($1, $2, $3, $4, $5)";
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        registration.patch_group.as_str().into(),
        registration.operating_system.as_str().into(),
        registration.baseline_id.as_str().into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Whether that group was registered to that baseline.
pub async fn delete(
    tx: &mut Tx,
    account: &AccountId,
    region: &Region,
    group: &PatchGroup,
    baseline: &BaselineId,
) -> Result<bool> {
    let sql = "DELETE FROM patch_groups
        WHERE account = $1 AND region = $2 AND patch_group = $3 AND baseline_id = $4";
    let values =
        [account.as_str().into(), region.as_str().into(), group.as_str().into(), baseline.as_str().into()];
    Ok(tx.execute(sql, &values).await? > 0)
}

/// The groups of a baseline, by name. Index: patch_groups_by_baseline.
pub async fn groups_of(
    tx: &mut Tx,
    account: &AccountId,
    region: &Region,
    baseline: &BaselineId,
) -> Result<Vec<PatchGroup>> {
    let sql = "SELECT patch_group FROM patch_groups
        WHERE account = $1 AND region = $2 AND baseline_id = $3 ORDER BY patch_group";
    let values = [account.as_str().into(), region.as_str().into(), baseline.as_str().into()];
    tx.query(sql, &values).await?.iter().map(|row| row.parse(0)).collect()
}

/// By group and system, from the one after `after`. Index: primary key.
pub async fn list(
    tx: &mut Tx,
    account: &AccountId,
    region: &Region,
    filter: RegistrationFilter<'_>,
    after: Option<After<'_>>,
    limit: i64,
) -> Result<Vec<Registration>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    let systems = spelled(filter.operating_systems);
    if let Some(After { patch_group, operating_system }) = after {
        let (group, os) = (clause.bind(patch_group), clause.bind(operating_system));
        clause
            .and(&format!("(patch_group > {group} OR (patch_group = {group} AND operating_system > {os}))"));
    }
    if !filter.name_prefixes.is_empty() {
        clause.compare("patch_group", Comparison::BeginWith, filter.name_prefixes);
    }
    if !systems.is_empty() {
        clause.compare("operating_system", Comparison::Equal, &systems);
    }
    let limit = clause.bind(limit);
    let sql = format!(
        "SELECT patch_group, operating_system, baseline_id FROM patch_groups
        WHERE account = $1 AND region = $2{} ORDER BY patch_group, operating_system LIMIT {limit}",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Registration> {
    Ok(Registration {
        patch_group: row.parse(0)?,
        operating_system: row.parse(1)?,
        baseline_id: row.parse(2)?,
    })
}
