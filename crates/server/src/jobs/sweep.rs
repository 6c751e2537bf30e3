//! What the sweeping jobs share: one server at a time, batch after batch, a bound for each run.

use api::Timestamp;
use store::{StoreError, leases};

use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;

/// Rows of one transaction: other writers wait no longer than for a few reports.
pub const BATCH: i64 = 200;
/// Batches of one run; the rest waits for the next.
pub const BATCHES: usize = 500;
/// Longer than a run takes, shorter than the time between two.
const LEASE_SECONDS: i64 = 30 * 60;

pub const fn days(days: u32) -> i64 {
    days as i64 * 24 * 3600
}

/// Whether this server is the one to do it now.
pub async fn is_ours(app: &App, name: &str, now: Timestamp) -> Result<bool, ApiError> {
    let holder = app.agents.hub.server_id();
    retry(app, || async {
        let mut tx = app.store().write().await?;
        let taken = leases::take(&mut tx, name, holder, now, now.plus_seconds(LEASE_SECONDS)).await?;
        tx.commit().await?;
        Ok(taken)
    })
    .await
}

/// Repeats `delete` until it finds less than a batch; how many rows went.
pub async fn batches<F>(app: &App, delete: impl Fn() -> F + Sync) -> Result<u64, ApiError>
where
    F: Future<Output = Result<u64, StoreError>> + Send,
{
    let mut deleted = 0;
    for _ in 0..BATCHES {
        let batch = retry(app, || async { Ok(delete().await?) }).await?;
        deleted += batch;
        if i64::try_from(batch).is_ok_and(|batch| batch < BATCH) {
            break;
        }
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests;
