//! Lets the database know of tables that have outgrown what it knows about them.

use std::sync::Arc;

use api::Timestamp;
use store::analysis;

use crate::app::App;
use crate::error::ApiError;

/// How many there were.
pub async fn run_once(app: Arc<App>, _now: Timestamp) -> Result<u64, ApiError> {
    Ok(analysis::renew(&app.store()).await?)
}
