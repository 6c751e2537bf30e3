//! Goes on with executions of runbooks that are due.
//! Source: systems-manager.md 7.

use std::sync::Arc;

use api::Timestamp;
use store::automations;

use crate::app::App;
use crate::automations::carry_on;
use crate::error::ApiError;

/// Executions of one look; those that are left are the longest due at the next, a second later.
const DUE: i64 = 1000;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let mut tx = app.store().read_each().await?;
    let due = automations::list_due(&mut tx, now, DUE).await?;
    drop(tx);
    let mut changed = 0;
    for key in due {
        match carry_on(&app, &key, now).await {
            Ok(went) => changed += u64::from(went),
            // What stands in the way of one must not stand in the way of others.
            Err(error) => {
                tracing::error!(automation_execution_id = %key.id, error = %error.chain(), "an execution did not get on");
            }
        }
    }
    Ok(changed)
}
