//! Counts every running command anew: what a process that died left uncounted goes on from here.

use std::sync::Arc;

use api::Timestamp;
use store::commands;

use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;
use crate::progress;

/// Commands read at once.
const CHUNK: i64 = 100;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let mut count = 0;
    let mut last = None;
    loop {
        let mut tx = app.store().read().await?;
        let running = commands::list_running(&mut tx, last.as_ref(), CHUNK).await?;
        drop(tx);
        for (_, key) in &running {
            if !retry(&app, || async { progress::is_behind(&app.store(), key, now).await }).await? {
                continue;
            }
            let advanced = retry(&app, || async { progress::advance(&app.store(), key, now).await }).await?;
            advanced.nodes.iter().for_each(|node| app.agents.hub.wake(node));
            count += 1;
        }
        last = running.last().cloned();
        if i64::try_from(running.len()).is_ok_and(|count| count < CHUNK) {
            return Ok(count);
        }
    }
}
