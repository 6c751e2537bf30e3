//! Deletes patch reports past the age that the operator set, but never a node's newest, and what runs of
//! that age changed. Without a setting they are kept for good: they answer what was true in March.

use std::sync::Arc;

use api::Timestamp;
use store::{patch_executions, retention};

use super::sweep::{self, BATCH, days};
use crate::app::App;
use crate::error::ApiError;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let Some(kept_days) = app.retention.reports_days else { return Ok(0) };
    if !sweep::is_ours(&app, "forget_reports", now).await? {
        return Ok(0);
    }
    let before = now.plus_seconds(-days(kept_days));
    let executions = sweep::batches(&app, || async {
        let mut tx = app.store().write_by_locks().await?;
        let deleted = patch_executions::delete_older(&mut tx, before, BATCH).await?;
        tx.commit().await?;
        Ok(deleted)
    })
    .await?;
    let reports = sweep::batches(&app, || async {
        let mut tx = app.store().write_by_locks().await?;
        let deleted = retention::delete_reports(&mut tx, before, BATCH).await?;
        tx.commit().await?;
        Ok(deleted)
    })
    .await?;
    Ok(executions + reports)
}
