//! Forgets executions of runbooks, and previews, when commands of their age are forgotten.
//! Source: systems-manager.md 7.3.

use std::sync::Arc;

use api::Timestamp;
use store::automations;

use super::sweep::{BATCH, batches, days, is_ours};
use crate::app::App;
use crate::error::ApiError;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    if !is_ours(&app, "forget_automations", now).await? {
        return Ok(0);
    }
    let before = now.plus_seconds(-days(app.retention.commands_days));
    let store = app.store();
    batches(&app, || async {
        let mut tx = store.write().await?;
        let forgotten = automations::delete_older(&mut tx, before, BATCH).await?;
        tx.commit().await?;
        Ok(forgotten)
    })
    .await
}
