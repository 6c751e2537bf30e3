//! Deletes the first answers to client tokens after a day and a half: a day is promised.
//! Source: spec systems-manager 0.6.

use std::sync::Arc;

use api::Timestamp;
use store::client_tokens;

use crate::app::App;
use crate::error::ApiError;

const KEPT_SECONDS: i64 = 36 * 3600;

/// How many were deleted.
pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let mut tx = app.store().write().await?;
    let deleted = client_tokens::delete_older(&mut tx, now.plus_seconds(-KEPT_SECONDS)).await?;
    tx.commit().await?;
    Ok(deleted)
}
