//! Starts the runs of associations whose time has come. Whoever takes a run's number makes it; the others go on.
//! Source: systems-manager.md 3.2.

use std::sync::Arc;

use api::Timestamp;
use store::associations;

use crate::agents::retry;
use crate::app::App;
use crate::associations::{Reach, start};
use crate::error::ApiError;

/// Of one look; what is left waits for the next.
const RUNS: i64 = 50;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let mut tx = app.store().read_each().await?;
    let due = associations::list_due(&mut tx, now, RUNS).await?;
    drop(tx);
    let mut started = 0;
    for association in due {
        let outcome = retry(&app, || start(&app, &association, Reach::All, now)).await;
        match outcome {
            Ok(was_ours) => started += u64::from(was_ours),
            // One that cannot be started must not hold up the others.
            Err(error) => {
                let (association_id, cause) = (association.key.id.as_str(), error.chain());
                tracing::error!(association_id, cause, "cannot start the run");
            }
        }
    }
    Ok(started)
}
