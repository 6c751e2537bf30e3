//! Resource groups and who is listed in them. What a query means is `domain::resource_group`'s.

use std::collections::BTreeSet;

use api::Timestamp;
use api::resourcegroups::{GroupConfigurationItem, ResourceQuery};
use domain::ids::{AccountId, NodeId, Region};
use serde::{Deserialize, Serialize};

use crate::{Result, Row, Scope, StoreError, Tx, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupKey {
    pub account: AccountId,
    pub region: Region,
    pub name: String,
}

impl GroupKey {
    pub fn scope(&self) -> Scope<'_> {
        (&self.account, &self.region)
    }

    fn values(&self) -> [Value<'_>; 3] {
        [self.account.as_str().into(), self.region.as_str().into(), self.name.as_str().into()]
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub key: GroupKey,
    pub settings: Settings,
    pub created_at: Timestamp,
}

/// As a request has it: a group has a query or a configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub description: Option<String>,
    pub display_name: Option<String>,
    pub owner: Option<String>,
    pub criticality: Option<i32>,
    pub query: Option<ResourceQuery>,
    pub configuration: Option<Vec<GroupConfigurationItem>>,
}

const COLUMNS: &str = "account, region, name, settings, created_at";

fn read(row: &Row) -> Result<Group> {
    let settings: String = row.get(3)?;
    let settings = serde_json::from_str(&settings)
        .map_err(|error| StoreError::Corrupt(format!("the settings of a resource group: {error}")))?;
    let key = GroupKey { account: row.parse(0)?, region: row.parse(1)?, name: row.get(2)? };
    Ok(Group { key, settings, created_at: row.get(4)? })
}

fn text(settings: &Settings) -> Result<String> {
    serde_json::to_string(settings)
        .map_err(|error| StoreError::Corrupt(format!("the settings of a resource group: {error}")))
}

/// Whether the name was free.
pub async fn insert(tx: &mut Tx, group: &Group) -> Result<bool> {
    let sql = format!(
        "INSERT INTO resource_groups ({COLUMNS}) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (account, region, name) DO NOTHING"
    );
    let [account, region, name] = group.key.values();
    let values = [account, region, name, text(&group.settings)?.into(), group.created_at.into()];
    Ok(tx.execute(&sql, &values).await? == 1)
}

pub async fn find(tx: &mut Tx, key: &GroupKey) -> Result<Option<Group>> {
    let sql =
        format!("SELECT {COLUMNS} FROM resource_groups WHERE account = $1 AND region = $2 AND name = $3");
    tx.query_opt(&sql, &key.values()).await?.as_ref().map(read).transpose()
}

/// All of a region, which are bounded in number, by name. Primary key order.
pub async fn list(tx: &mut Tx, (account, region): Scope<'_>) -> Result<Vec<Group>> {
    let sql =
        format!("SELECT {COLUMNS} FROM resource_groups WHERE account = $1 AND region = $2 ORDER BY name");
    tx.query(&sql, &[account.as_str().into(), region.as_str().into()]).await?.iter().map(read).collect()
}

/// Primary key order.
pub async fn count(tx: &mut Tx, (account, region): Scope<'_>) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM resource_groups WHERE account = $1 AND region = $2";
    let row = tx.query_opt(sql, &[account.as_str().into(), region.as_str().into()]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

pub async fn update(tx: &mut Tx, group: &Group) -> Result<()> {
    let sql = "UPDATE resource_groups SET settings = $4 WHERE account = $1 AND region = $2 AND name = $3";
    let [account, region, name] = group.key.values();
    tx.execute(sql, &[account, region, name, text(&group.settings)?.into()]).await.map(drop)
}

/// With its list of members. Its tags are the caller's to remove.
pub async fn delete(tx: &mut Tx, key: &GroupKey) -> Result<()> {
    let members = "DELETE FROM resource_group_members WHERE account = $1 AND region = $2 AND group_name = $3";
    tx.execute(members, &key.values()).await?;
    let sql = "DELETE FROM resource_groups WHERE account = $1 AND region = $2 AND name = $3";
    tx.execute(sql, &key.values()).await.map(drop)
}

/// Who is listed. Primary key order.
pub async fn members(tx: &mut Tx, key: &GroupKey) -> Result<BTreeSet<NodeId>> {
    let sql = "SELECT node_id FROM resource_group_members
        WHERE account = $1 AND region = $2 AND group_name = $3";
    tx.query(sql, &key.values()).await?.iter().map(|row| row.parse(0)).collect()
}

/// Whoever is listed already stays so. At most as many as a request has.
pub async fn add_members(tx: &mut Tx, key: &GroupKey, nodes: &BTreeSet<NodeId>) -> Result<()> {
    let sql = "INSERT INTO resource_group_members (account, region, group_name, node_id)
        VALUES ($1, $2, $3, $4) ON CONFLICT (account, region, group_name, node_id) DO NOTHING";
    for node in nodes {
        let [account, region, name] = key.values();
        tx.execute(sql, &[account, region, name, node.as_str().into()]).await?;
    }
    Ok(())
}

/// At most as many as a request has.
pub async fn remove_members(tx: &mut Tx, key: &GroupKey, nodes: &BTreeSet<NodeId>) -> Result<()> {
    let sql = "DELETE FROM resource_group_members
        WHERE account = $1 AND region = $2 AND group_name = $3 AND node_id = $4";
    for node in nodes {
        let [account, region, name] = key.values();
        tx.execute(sql, &[account, region, name, node.as_str().into()]).await?;
    }
    Ok(())
}

/// For a node that is gone. Index: resource_group_members_by_node.
pub async fn leave(tx: &mut Tx, (account, region): Scope<'_>, node: &NodeId) -> Result<()> {
    let sql = "DELETE FROM resource_group_members WHERE node_id = $3 AND account = $1 AND region = $2";
    tx.execute(sql, &[account.as_str().into(), region.as_str().into(), node.as_str().into()]).await.map(drop)
}
