//! Takes away imports of advisories that were replaced, deleted or given up, some rows at a time: a whole feed in one
//! transaction would keep every other writer waiting.

use std::sync::Arc;

use api::Timestamp;
use store::advisories;

use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;

/// An import that nobody fed for this long is given up.
const GIVEN_UP_SECONDS: i64 = 3600;
const ROWS: i64 = 20_000;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    retry(&app, || async {
        let mut tx = app.store().write().await?;
        let gone = advisories::forget(&mut tx, now.plus_seconds(-GIVEN_UP_SECONDS), ROWS).await?;
        tx.commit().await?;
        Ok(gone)
    })
    .await
}
