//! Opens maintenance windows whose time has come and carries on those that are open.
//! Source: systems-manager.md 4.4.

use std::sync::Arc;

use api::Timestamp;
use store::window_executions::{self, ExecutionKey};
use store::windows;

use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;
use crate::windows::{carry_on, open};

/// Windows of one look; those that are left are due at the next, a second later.
const DUE: i64 = 500;
/// A window has one open run at most.
const OPEN: i64 = 100_000;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let mut tx = app.store().read_each().await?;
    let running = window_executions::list_open(&mut tx, OPEN).await?;
    let due = windows::list_due(&mut tx, now, DUE).await?;
    drop(tx);
    // First what is open: a run that is over must not make the next one overlap.
    let mut changed = 0;
    for key in &running {
        changed += carry_on_one(&app, key, now).await;
    }
    for due in due {
        // One window that cannot be opened must not keep the others closed.
        match retry(&app, || async { open(&app.store(), &due, now).await }).await {
            Ok(begun) => {
                changed += 1;
                if let Some(key) = begun {
                    changed += carry_on_one(&app, &key, now).await;
                }
            }
            Err(error) => {
                tracing::error!(window_id = %due.id, error = %error.chain(), "a maintenance window did not open");
            }
        }
    }
    Ok(changed)
}

/// Whether it got on. What stands in its way is logged, and must not stand in the way of others.
async fn carry_on_one(app: &Arc<App>, key: &ExecutionKey, now: Timestamp) -> u64 {
    match carry_on(app, key, now).await {
        Ok(changed) => changed.into(),
        Err(error) => {
            tracing::error!(window_execution_id = %key.id, error = %error.chain(), "a run did not get on");
            0
        }
    }
}
