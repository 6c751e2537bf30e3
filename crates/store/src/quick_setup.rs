//! Quick Setup's managers, definitions and configurations. A configuration is one definition in one region; what keeps it
//! in place are associations, which are `associations`'.

use std::collections::BTreeMap;

use api::Timestamp;
use domain::ids::{AccountId, AssociationId, Region};

use crate::{Result, Row, Scope, StoreError, Tx, Value};

/// Names a manager: the UUID of its ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ManagerKey {
    pub account: AccountId,
    pub region: Region,
    pub id: String,
}

impl ManagerKey {
    pub(crate) fn values(&self) -> [Value<'_>; 3] {
        [self.account.as_str().into(), self.region.as_str().into(), self.id.as_str().into()]
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    pub key: ManagerKey,
    pub name: String,
    pub description: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    pub manager: ManagerKey,
    pub id: String,
    /// As the API names it.
    pub definition_type: String,
    pub parameters: BTreeMap<String, String>,
    pub administration_role: Option<String>,
    pub execution_role: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    pub manager: ManagerKey,
    pub definition_id: String,
    pub target_region: Region,
    pub id: String,
    pub status: String,
    pub message: String,
    /// By what they are for.
    pub associations: BTreeMap<String, AssociationId>,
    pub bucket: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub due_at: Option<Timestamp>,
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Backend(error.into()))
}

fn key(row: &Row) -> Result<ManagerKey> {
    Ok(ManagerKey { account: row.parse(0)?, region: row.parse(1)?, id: row.get(2)? })
}

const MANAGER: &str = "account, region, manager_id, name, description, created_at, updated_at";

fn read_manager(row: &Row) -> Result<Manager> {
    Ok(Manager {
        key: key(row)?,
        name: row.get(3)?,
        description: row.get(4)?,
        created_at: row.get(5)?,
        updated_at: row.get(6)?,
    })
}

/// A new one, or in the place of the one of its key.
pub async fn put_manager(tx: &mut Tx, manager: &Manager) -> Result<()> {
    let sql = format!(
        "INSERT INTO quick_setup_managers ({MANAGER}) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (account, region, manager_id) DO UPDATE SET name = excluded.name,
            description = excluded.description, updated_at = excluded.updated_at"
    );
    let [account, region, id] = manager.key.values();
    let values = [
        account,
        region,
        id,
        (&manager.name).into(),
        (&manager.description).into(),
        manager.created_at.into(),
        manager.updated_at.into(),
    ];
    tx.execute(&sql, &values).await.map(drop)
}

pub async fn find_manager(tx: &mut Tx, key: &ManagerKey) -> Result<Option<Manager>> {
    let sql = format!(
        "SELECT {MANAGER} FROM quick_setup_managers WHERE account = $1 AND region = $2 AND manager_id = $3"
    );
    tx.query_opt(&sql, &key.values()).await?.as_ref().map(read_manager).transpose()
}

/// All of a region, by id: a few. Primary key order.
pub async fn list_managers(tx: &mut Tx, (account, region): Scope<'_>) -> Result<Vec<Manager>> {
    let sql = format!(
        "SELECT {MANAGER} FROM quick_setup_managers WHERE account = $1 AND region = $2 ORDER BY manager_id"
    );
    tx.query(&sql, &[account.as_str().into(), region.as_str().into()])
        .await?
        .iter()
        .map(read_manager)
        .collect()
}

/// With its definitions; of its configurations none is left.
pub async fn delete_manager(tx: &mut Tx, key: &ManagerKey) -> Result<()> {
    for table in ["quick_setup_definitions", "quick_setup_managers"] {
        let sql = format!("DELETE FROM {table} WHERE account = $1 AND region = $2 AND manager_id = $3");
        tx.execute(&sql, &key.values()).await?;
    }
    Ok(())
}

const DEFINITION: &str = "account, region, manager_id, definition_id, definition_type, parameters,
    administration_role, execution_role";

fn read_definition(row: &Row) -> Result<Definition> {
    Ok(Definition {
        manager: key(row)?,
        id: row.get(3)?,
        definition_type: row.get(4)?,
        parameters: row.json(5)?,
        administration_role: row.get(6)?,
        execution_role: row.get(7)?,
    })
}

/// A new one, or in the place of the one of its id.
pub async fn put_definition(tx: &mut Tx, definition: &Definition) -> Result<()> {
    let sql = format!(
        "INSERT INTO quick_setup_definitions ({DEFINITION}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (account, region, manager_id, definition_id) DO UPDATE SET parameters = excluded.parameters,
            administration_role = excluded.administration_role, execution_role = excluded.execution_role"
    );
    let [account, region, manager] = definition.manager.values();
    let values = [
        account,
        region,
        manager,
        (&definition.id).into(),
        (&definition.definition_type).into(),
        json(&definition.parameters)?.into(),
        definition.administration_role.as_ref().into(),
        definition.execution_role.as_ref().into(),
    ];
    tx.execute(&sql, &values).await.map(drop)
}

/// All of a region, by manager and id. Primary key order.
pub async fn list_definitions(tx: &mut Tx, (account, region): Scope<'_>) -> Result<Vec<Definition>> {
    let sql = format!(
        "SELECT {DEFINITION} FROM quick_setup_definitions WHERE account = $1 AND region = $2
        ORDER BY manager_id, definition_id"
    );
    let values = [account.as_str().into(), region.as_str().into()];
    tx.query(&sql, &values).await?.iter().map(read_definition).collect()
}

pub async fn definitions_of(tx: &mut Tx, manager: &ManagerKey) -> Result<Vec<Definition>> {
    let sql = format!(
        "SELECT {DEFINITION} FROM quick_setup_definitions WHERE account = $1 AND region = $2 AND manager_id = $3
        ORDER BY definition_id"
    );
    tx.query(&sql, &manager.values()).await?.iter().map(read_definition).collect()
}

const CONFIGURATION: &str =
    "account, region, manager_id, definition_id, target_region, configuration_id, status,
    message, associations, bucket, created_at, updated_at, due_at";

fn read_configuration(row: &Row) -> Result<Configuration> {
    Ok(Configuration {
        manager: key(row)?,
        definition_id: row.get(3)?,
        target_region: row.parse(4)?,
        id: row.get(5)?,
        status: row.get(6)?,
        message: row.get(7)?,
        associations: row.json(8)?,
        bucket: row.get(9)?,
        created_at: row.get(10)?,
        updated_at: row.get(11)?,
        due_at: row.get(12)?,
    })
}

/// A new one, or in the place of the one of its region.
pub async fn put_configuration(tx: &mut Tx, configuration: &Configuration) -> Result<()> {
    let sql = format!(
        "INSERT INTO quick_setup_configurations ({CONFIGURATION})
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (account, region, manager_id, definition_id, target_region) DO UPDATE SET
            status = excluded.status, message = excluded.message, associations = excluded.associations,
            bucket = excluded.bucket, updated_at = excluded.updated_at, due_at = excluded.due_at"
    );
    let [account, region, manager] = configuration.manager.values();
    let values = [
        account,
        region,
        manager,
        (&configuration.definition_id).into(),
        configuration.target_region.as_str().into(),
        (&configuration.id).into(),
        (&configuration.status).into(),
        (&configuration.message).into(),
        json(&configuration.associations)?.into(),
        configuration.bucket.as_ref().into(),
        configuration.created_at.into(),
        configuration.updated_at.into(),
        configuration.due_at.into(),
    ];
    tx.execute(&sql, &values).await.map(drop)
}

/// All of a region's managers. Primary key order.
pub async fn list_configurations(tx: &mut Tx, (account, region): Scope<'_>) -> Result<Vec<Configuration>> {
    let sql = format!(
        "SELECT {CONFIGURATION} FROM quick_setup_configurations WHERE account = $1 AND region = $2
        ORDER BY manager_id, definition_id, target_region"
    );
    let values = [account.as_str().into(), region.as_str().into()];
    tx.query(&sql, &values).await?.iter().map(read_configuration).collect()
}

pub async fn configurations_of(tx: &mut Tx, manager: &ManagerKey) -> Result<Vec<Configuration>> {
    let sql = format!(
        "SELECT {CONFIGURATION} FROM quick_setup_configurations
        WHERE account = $1 AND region = $2 AND manager_id = $3 ORDER BY definition_id, target_region"
    );
    tx.query(&sql, &manager.values()).await?.iter().map(read_configuration).collect()
}

/// Index: quick_setup_configurations_by_id.
pub async fn find_configuration(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    id: &str,
) -> Result<Option<Configuration>> {
    let sql = format!(
        "SELECT {CONFIGURATION} FROM quick_setup_configurations
        WHERE configuration_id = $1 AND account = $2 AND region = $3"
    );
    let values = [id.into(), account.as_str().into(), region.as_str().into()];
    tx.query_opt(&sql, &values).await?.as_ref().map(read_configuration).transpose()
}

/// Of the account, those that are deployed in a region, wherever their manager is.
/// Index: quick_setup_configurations_by_target.
pub async fn list_deployed_in(tx: &mut Tx, (account, region): Scope<'_>) -> Result<Vec<Configuration>> {
    let sql = format!(
        "SELECT {CONFIGURATION} FROM quick_setup_configurations WHERE target_region = $1 AND account = $2
        ORDER BY configuration_id"
    );
    let values = [region.as_str().into(), account.as_str().into()];
    tx.query(&sql, &values).await?.iter().map(read_configuration).collect()
}

/// Of all accounts, longest due first. Index: quick_setup_configurations_due.
pub async fn list_due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Configuration>> {
    let sql = format!(
        "SELECT {CONFIGURATION} FROM quick_setup_configurations WHERE due_at IS NOT NULL AND due_at <= $1
        ORDER BY due_at LIMIT $2"
    );
    tx.query(&sql, &[now.into(), limit.into()]).await?.iter().map(read_configuration).collect()
}

pub async fn delete_configuration(tx: &mut Tx, configuration: &Configuration) -> Result<()> {
    let sql = "DELETE FROM quick_setup_configurations WHERE account = $1 AND region = $2 AND manager_id = $3
        AND definition_id = $4 AND target_region = $5";
    let [account, region, manager] = configuration.manager.values();
    let (definition, target) = (configuration.definition_id.as_str(), configuration.target_region.as_str());
    tx.execute(sql, &[account, region, manager, definition.into(), target.into()]).await.map(drop)
}

pub async fn explorer_role(tx: &mut Tx, (account, region): Scope<'_>) -> Result<Option<String>> {
    let sql = "SELECT explorer_role FROM quick_setup_settings WHERE account = $1 AND region = $2";
    let row = tx.query_opt(sql, &[account.as_str().into(), region.as_str().into()]).await?;
    row.map_or(Ok(None), |row| row.get(0))
}

pub async fn set_explorer_role(tx: &mut Tx, (account, region): Scope<'_>, role: Option<&str>) -> Result<()> {
    let sql = "INSERT INTO quick_setup_settings (account, region, explorer_role) VALUES ($1, $2, $3)
        ON CONFLICT (account, region) DO UPDATE SET explorer_role = excluded.explorer_role";
    tx.execute(sql, &[account.as_str().into(), region.as_str().into(), role.into()]).await.map(drop)
}
