//! Deletes snapshots that are too old to be handed out.
//! Source: spec patch-manager 4.4.

use std::sync::Arc;

use api::Timestamp;
use store::snapshots;

use crate::app::App;
use crate::error::ApiError;
use crate::operations::patch_baselines::snapshot;

/// How many were deleted.
pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let mut tx = app.store().write().await?;
    let deleted = snapshots::delete_older(&mut tx, snapshot::gone_since(now)).await?;
    tx.commit().await?;
    Ok(deleted)
}
