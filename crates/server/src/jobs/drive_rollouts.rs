//! Brings every staged rollout on that has not ended. What follows is decided in `domain::rollout`.

use std::sync::Arc;

use api::Timestamp;
use store::rollouts;

use crate::app::App;
use crate::error::ApiError;
use crate::rollouts::drive;

/// Rollouts read at once.
const CHUNK: i64 = 100;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let (mut done, mut last) = (0, None);
    loop {
        let mut tx = app.store().read_each().await?;
        let open = rollouts::list_open(&mut tx, last.as_ref(), CHUNK).await?;
        drop(tx);
        for (_, key) in &open {
            match drive(&app, key, now).await {
                Ok(steps) => done += steps,
                // One that cannot go on must not hold up the others.
                Err(error) => {
                    let (rollout_id, cause) = (key.id.as_str(), error.chain());
                    tracing::error!(rollout_id, cause, "cannot bring the rollout on");
                }
            }
        }
        let is_last = i64::try_from(open.len()).is_ok_and(|count| count < CHUNK);
        last = open.into_iter().next_back();
        if is_last {
            return Ok(done);
        }
    }
}
