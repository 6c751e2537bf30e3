//! Tags of every kind of resource.

use std::collections::BTreeMap;

use domain::ids::{AccountId, BaselineId, NodeId, Region, WindowId};

use crate::{Result, Tx};

/// What carries tags; `resource_type` is the API's word (`ManagedInstance`, `PatchBaseline`).
#[derive(Clone, Copy, Debug)]
pub struct Tagged<'a> {
    pub account: &'a AccountId,
    pub region: &'a Region,
    pub resource_type: &'a str,
    pub resource_id: &'a str,
}

impl<'a> Tagged<'a> {
    pub fn node(account: &'a AccountId, region: &'a Region, node: &'a NodeId) -> Self {
        Self { account, region, resource_type: "ManagedInstance", resource_id: node.as_str() }
    }

    pub fn window(account: &'a AccountId, region: &'a Region, window: &'a WindowId) -> Self {
        Self { account, region, resource_type: "MaintenanceWindow", resource_id: window.as_str() }
    }

    /// `baseline` is an own one's short id.
    pub fn baseline(account: &'a AccountId, region: &'a Region, baseline: &'a BaselineId) -> Self {
        Self { account, region, resource_type: "PatchBaseline", resource_id: baseline.as_str() }
    }
}

/// All tags of a resource, by key.
pub async fn list(tx: &mut Tx, of: Tagged<'_>) -> Result<BTreeMap<String, String>> {
    let sql = "SELECT tag_key, tag_value FROM tags
        WHERE account = $1 AND region = $2 AND resource_type = $3 AND resource_id = $4";
    let values = [
        of.account.as_str().into(),
        of.region.as_str().into(),
        of.resource_type.into(),
        of.resource_id.into(),
    ];
    tx.query(sql, &values).await?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// The tags of all resources of a type, by resource; `of` names no single one. Primary key order.
pub async fn list_of_type(tx: &mut Tx, of: Tagged<'_>) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
    let sql = "SELECT resource_id, tag_key, tag_value FROM tags
        WHERE account = $1 AND region = $2 AND resource_type = $3";
    let values = [of.account.as_str().into(), of.region.as_str().into(), of.resource_type.into()];
    let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for row in tx.query(sql, &values).await? {
        all.entry(row.get(0)?).or_default().insert(row.get(1)?, row.get(2)?);
    }
    Ok(all)
}

/// Adds tags; a key that was there gets the new value.
pub async fn put(tx: &mut Tx, of: Tagged<'_>, tags: &BTreeMap<String, String>) -> Result<()> {
    let sql = "INSERT INTO tags (account, region, resource_type, resource_id, tag_key, tag_value)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (account, region, resource_type, resource_id, tag_key)
        DO UPDATE SET tag_value = excluded.tag_value";
    // At most 50 statements: a resource has no more tags.
    for (key, value) in tags {
        let values = [
            of.account.as_str().into(),
            of.region.as_str().into(),
            of.resource_type.into(),
            of.resource_id.into(),
            key.into(),
            value.into(),
        ];
        tx.execute(sql, &values).await?;
    }
    Ok(())
}

pub async fn remove(tx: &mut Tx, of: Tagged<'_>, keys: &[String]) -> Result<()> {
    let sql = "DELETE FROM tags WHERE account = $1 AND region = $2 AND resource_type = $3
        AND resource_id = $4 AND tag_key = $5";
    for key in keys {
        let values = [
            of.account.as_str().into(),
            of.region.as_str().into(),
            of.resource_type.into(),
            of.resource_id.into(),
            key.into(),
        ];
        tx.execute(sql, &values).await?;
    }
    Ok(())
}

/// For a resource that is gone.
pub async fn remove_all(tx: &mut Tx, of: Tagged<'_>) -> Result<()> {
    let sql =
        "DELETE FROM tags WHERE account = $1 AND region = $2 AND resource_type = $3 AND resource_id = $4";
    let values = [
        of.account.as_str().into(),
        of.region.as_str().into(),
        of.resource_type.into(),
        of.resource_id.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}
