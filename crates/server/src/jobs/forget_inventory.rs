//! Deletes inventory that no upload named for 30 days, whatever became of its node.
//! Source: spec patch-manager, limits: inventory.

use std::sync::Arc;

use api::Timestamp;
use store::retention;

use super::sweep::{self, BATCH, days};
use crate::app::App;
use crate::error::ApiError;

const KEPT_DAYS: u32 = 30;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    if !sweep::is_ours(&app, "forget_inventory", now).await? {
        return Ok(0);
    }
    let before = now.plus_seconds(-days(KEPT_DAYS));
    sweep::batches(&app, || async {
        let mut tx = app.store().write().await?;
        let deleted = retention::delete_inventory(&mut tx, before, now, BATCH).await?;
        tx.commit().await?;
        Ok(deleted)
    })
    .await
}
