//! Maintenance windows. What is registered with them is in `window_parts`, their runs in
//! `window_executions`. When a window opens is decided in `domain::window`.

use api::Timestamp;
use domain::ids::{AccountId, Region, WindowId};
use domain::window::Window;

use crate::{Result, Row, Scope, StoreError, Tx};

const COLUMNS: &str = "window_id, settings, enabled, created_at, modified_at, schedule_changed_at, next_at";

/// A window with the moment at which it opens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    pub window: Window,
    pub next_at: Option<Timestamp>,
}

/// A window whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub account: AccountId,
    pub region: Region,
    pub id: WindowId,
    pub next_at: Timestamp,
}

pub async fn find(tx: &mut Tx, (account, region): Scope<'_>, id: &WindowId) -> Result<Option<Scheduled>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM maintenance_windows WHERE account = $1 AND region = $2 AND window_id = $3"
    );
    let values = [account.as_str().into(), region.as_str().into(), id.as_str().into()];
    tx.query_opt(&sql, &values).await?.map(|row| read(&row)).transpose()
}

/// All of them: an account has 50 at most. By id; primary key order.
pub async fn list(tx: &mut Tx, (account, region): Scope<'_>) -> Result<Vec<Scheduled>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM maintenance_windows WHERE account = $1 AND region = $2 ORDER BY window_id"
    );
    tx.query(&sql, &[account.as_str().into(), region.as_str().into()]).await?.iter().map(read).collect()
}

pub async fn insert(tx: &mut Tx, (account, region): Scope<'_>, scheduled: &Scheduled) -> Result<()> {
    let sql = format!(
        "INSERT INTO maintenance_windows (account, region, {COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    let window = &scheduled.window;
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        window.id.as_str().into(),
        settings_text(window)?.into(),
        window.enabled.into(),
        window.created_at.into(),
        window.modified_at.into(),
        window.schedule_changed_at.into(),
        scheduled.next_at.into(),
    ];
    tx.execute(&sql, &values).await.map(drop)
}

/// Writes all that an update may change. Whether it was there.
pub async fn update(tx: &mut Tx, (account, region): Scope<'_>, scheduled: &Scheduled) -> Result<bool> {
    let sql = "UPDATE maintenance_windows SET settings = $4, enabled = $5, modified_at = $6,
            schedule_changed_at = $7, next_at = $8
        WHERE account = $1 AND region = $2 AND window_id = $3";
    let window = &scheduled.window;
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        window.id.as_str().into(),
        settings_text(window)?.into(),
        window.enabled.into(),
        window.modified_at.into(),
        window.schedule_changed_at.into(),
        scheduled.next_at.into(),
    ];
    Ok(tx.execute(sql, &values).await? > 0)
}

/// With all that is registered with it; its runs stay. Whether it was there.
pub async fn delete(tx: &mut Tx, (account, region): Scope<'_>, id: &WindowId) -> Result<bool> {
    let values = [account.as_str().into(), region.as_str().into(), id.as_str().into()];
    let of_window = "WHERE account = $1 AND region = $2 AND window_id = $3";
    for table in ["window_targets", "window_tasks"] {
        tx.execute(&format!("DELETE FROM {table} {of_window}"), &values).await?;
    }
    Ok(tx.execute(&format!("DELETE FROM maintenance_windows {of_window}"), &values).await? > 0)
}

/// Those that should have opened by `now`, of all accounts, the longest due first. Index: maintenance_windows_by_next.
pub async fn list_due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Due>> {
    let sql = "SELECT account, region, window_id, next_at FROM maintenance_windows
        WHERE next_at IS NOT NULL AND next_at <= $1 ORDER BY next_at LIMIT $2";
    let rows = tx.query(sql, &[now.into(), limit.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Due { account: row.parse(0)?, region: row.parse(1)?, id: row.parse(2)?, next_at: row.get(3)? })
        })
        .collect()
}

/// Moves on to the next opening; false when somebody else already did.
pub async fn advance(tx: &mut Tx, due: &Due, next_at: Option<Timestamp>) -> Result<bool> {
    let sql = "UPDATE maintenance_windows SET next_at = $5
        WHERE account = $1 AND region = $2 AND window_id = $3 AND next_at = $4";
    let values = [
        due.account.as_str().into(),
        due.region.as_str().into(),
        due.id.as_str().into(),
        due.next_at.into(),
        next_at.into(),
    ];
    Ok(tx.execute(sql, &values).await? == 1)
}

fn settings_text(window: &Window) -> Result<String> {
    serde_json::to_string(&window.settings).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn read(row: &Row) -> Result<Scheduled> {
    let window = Window {
        id: row.parse(0)?,
        settings: row.json(1)?,
        enabled: row.get(2)?,
        created_at: row.get(3)?,
        modified_at: row.get(4)?,
        schedule_changed_at: row.get(5)?,
    };
    Ok(Scheduled { window, next_at: row.get(6)? })
}
