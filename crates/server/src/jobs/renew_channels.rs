//! Keeps the control channels of this server noted as open, and closes those taken over elsewhere.

use std::sync::Arc;

use api::Timestamp;

use crate::agents::channel_lease;
use crate::app::App;
use crate::error::ApiError;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    channel_lease::renew(&app, now).await
}
