//! Calls the webhooks that tasks of open maintenance windows are waiting for.
//! Source: systems-manager.md 4.3.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::Timestamp;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use store::window_executions;

use crate::app::App;
use crate::error::ApiError;
use crate::windows::call;

/// Webhooks that are being called by this server, of all windows.
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
            let due = window_executions::list_calls(&mut tx, now, free).await?;
            drop(tx);
            for (execution, invocation) in due {
                // The row says who has it before anybody is called.
                if let Some(call) = call::claim(&app, &execution, &invocation, now).await? {
                    calls.push(call::carry_out(&app, call, now));
                }
            }
        }
        match tokio::time::timeout(LOOK_EVERY, calls.next()).await {
            Ok(Some(outcome)) => {
                outcome?;
                called += 1;
            }
            Ok(None) => return Ok(called),
            Err(_) => {}
        }
    }
}
