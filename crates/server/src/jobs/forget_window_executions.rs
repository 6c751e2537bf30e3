//! Forgets runs of maintenance windows after 90 days.
//! Source: systems-manager.md 4.4.

use std::sync::Arc;

use api::Timestamp;
use store::window_executions;

use super::sweep::days;
use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;

const KEPT_DAYS: u32 = 90;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let before = now.plus_seconds(-days(KEPT_DAYS));
    retry(&app, || async {
        let mut tx = app.store().write().await?;
        let forgotten = window_executions::delete_older(&mut tx, before).await?;
        tx.commit().await?;
        Ok(forgotten)
    })
    .await
}
