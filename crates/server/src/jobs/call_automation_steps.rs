//! Calls the operations and webhooks that steps of runbooks are waiting for.
//! Source: systems-manager.md 7.2.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::Timestamp;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use store::automations;

use crate::app::App;
use crate::automations::{carry_out, claim};
use crate::error::ApiError;

/// Steps for which this server calls something, of all executions.
const AT_ONCE: usize = 64;
/// While some are slow, others become due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Goes on while there is something to call.
pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let began = Instant::now();
    let mut calls = FuturesUnordered::new();
    let mut called = 0;
    loop {
        let passed = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let now = now.plus_millis(passed);
        if !app.is_shutting_down() {
            let free = i64::try_from(AT_ONCE - calls.len()).unwrap_or_default();
            let mut tx = app.store().read_each().await?;
            let due = automations::list_calls(&mut tx, now, free).await?;
            drop(tx);
            for (key, place) in due {
                // The row says who has it before anything is called.
                if let Some(claimed) = claim(&app, (&key, place), now).await? {
                    calls.push(Box::pin(carry_out(&app, claimed, now)));
                }
            }
        }
        match tokio::time::timeout(LOOK_EVERY, calls.next()).await {
            Ok(Some(outcome)) => {
                called += 1;
                if let Err(error) = outcome {
                    tracing::error!(error = %error.chain(), "what came of a step was not written down");
                }
            }
            Ok(None) => return Ok(called),
            Err(_) => {}
        }
    }
}
