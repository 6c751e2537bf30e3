//! Deletes what nodes saw more than 30 days ago where no report was made under it and they looked
//! again since, with the fact sets that nobody else has. What reports stand on stays as long as they.

use std::sync::Arc;

use api::Timestamp;
use store::retention;

use super::sweep::{self, BATCH, BATCHES, days};
use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;

const KEPT_DAYS: u32 = 30;

/// Walks all old observations from the oldest, `BATCHES` of them: where it ends is kept in memory, so
/// that the next run goes on from there, and begins anew once it came to the end.
pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    if !sweep::is_ours(&app, "forget_facts", now).await? {
        return Ok(0);
    }
    let before = now.plus_seconds(-days(KEPT_DAYS));
    let mut from = app.retention.facts_walked_to();
    let mut deleted = 0;
    for _ in 0..BATCHES {
        let swept = retry(&app, || async {
            let mut tx = app.store().write().await?;
            let swept = retention::delete_observations(&mut tx, from, before, BATCH).await?;
            tx.commit().await?;
            Ok(swept)
        })
        .await?;
        deleted += swept.deleted;
        from = swept.next.unwrap_or(Timestamp::EPOCH);
        app.retention.facts_walk_to(from);
        if swept.next.is_none() {
            break;
        }
    }
    Ok(deleted)
}
