//! What was registered with maintenance windows, targets and tasks, as the API shows it.
//! Windows themselves are in `windows`.

use std::marker::PhantomData;

use api::ssm::{GetMaintenanceWindowTaskResult, MaintenanceWindowTarget};
use domain::ids::{WindowId, WindowTargetId, WindowTaskId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Result, Row, Scope, StoreError, Tx};

pub const TARGETS: Parts<WindowTargetId, MaintenanceWindowTarget> =
    Parts { table: "window_targets", id: "window_target_id", is: PhantomData };
pub const TASKS: Parts<WindowTaskId, GetMaintenanceWindowTaskResult> =
    Parts { table: "window_tasks", id: "window_task_id", is: PhantomData };

/// One of the two tables, which differ in nothing else.
pub struct Parts<Id, Detail> {
    table: &'static str,
    /// The column.
    id: &'static str,
    is: PhantomData<fn(&Id) -> Detail>,
}

impl<Id: AsRef<str>, Detail: Serialize + DeserializeOwned> Parts<Id, Detail> {
    pub async fn find(
        &self,
        tx: &mut Tx,
        (account, region): Scope<'_>,
        window: &WindowId,
        id: &Id,
    ) -> Result<Option<Detail>> {
        let sql = format!(
            "SELECT detail FROM {} WHERE account = $1 AND region = $2 AND window_id = $3 AND {} = $4",
            self.table, self.id
        );
        let values =
            [account.as_str().into(), region.as_str().into(), window.as_str().into(), id.as_ref().into()];
        tx.query_opt(&sql, &values).await?.map(|row| row.json(0)).transpose()
    }

    /// All of a window, which has few. By id; primary key order.
    pub async fn list(
        &self,
        tx: &mut Tx,
        (account, region): Scope<'_>,
        window: &WindowId,
    ) -> Result<Vec<Detail>> {
        let sql = format!(
            "SELECT detail FROM {} WHERE account = $1 AND region = $2 AND window_id = $3 ORDER BY {}",
            self.table, self.id
        );
        let values = [account.as_str().into(), region.as_str().into(), window.as_str().into()];
        tx.query(&sql, &values).await?.iter().map(|row| row.json(0)).collect()
    }

    /// Those of all windows of an account, with their windows. Primary key order.
    pub async fn list_all(
        &self,
        tx: &mut Tx,
        (account, region): Scope<'_>,
    ) -> Result<Vec<(WindowId, Detail)>> {
        let sql = format!(
            "SELECT detail, window_id FROM {} WHERE account = $1 AND region = $2 ORDER BY window_id, {}",
            self.table, self.id
        );
        let read = |row: &Row| Ok((row.parse(1)?, row.json(0)?));
        tx.query(&sql, &[account.as_str().into(), region.as_str().into()]).await?.iter().map(read).collect()
    }

    /// Writes it, new or changed.
    pub async fn put(
        &self,
        tx: &mut Tx,
        (account, region): Scope<'_>,
        (window, id): (&WindowId, &Id),
        detail: &Detail,
    ) -> Result<()> {
        let sql = format!(
            "INSERT INTO {} (account, region, window_id, {id}, detail) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (account, region, window_id, {id}) DO UPDATE SET detail = excluded.detail",
            self.table,
            id = self.id
        );
        let text = serde_json::to_string(detail).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let values = [
            account.as_str().into(),
            region.as_str().into(),
            window.as_str().into(),
            id.as_ref().into(),
            text.into(),
        ];
        tx.execute(&sql, &values).await.map(drop)
    }

    /// Whether it was there.
    pub async fn delete(
        &self,
        tx: &mut Tx,
        (account, region): Scope<'_>,
        window: &WindowId,
        id: &Id,
    ) -> Result<bool> {
        let sql = format!(
            "DELETE FROM {} WHERE account = $1 AND region = $2 AND window_id = $3 AND {} = $4",
            self.table, self.id
        );
        let values =
            [account.as_str().into(), region.as_str().into(), window.as_str().into(), id.as_ref().into()];
        Ok(tx.execute(&sql, &values).await? > 0)
    }
}
