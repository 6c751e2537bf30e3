//! Brings configurations of Quick Setup to what they should be: new and changed ones at once, all of them every hour.
//! Source: systems-manager.md 13, patch-manager.md 5.3.

use std::sync::Arc;

use api::Timestamp;
use store::quick_setup;

use crate::app::App;
use crate::error::ApiError;
use crate::quick_setup::bring_about;

/// Of one look; what is left waits for the next.
const CONFIGURATIONS: i64 = 20;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let mut tx = app.store().read_each().await?;
    let due = quick_setup::list_due(&mut tx, now, CONFIGURATIONS).await?;
    drop(tx);
    let mut done = 0;
    for configuration in due {
        match bring_about(&app, &configuration, now).await {
            Ok(()) => done += 1,
            // One that cannot be deployed must not hold up the others.
            Err(error) => {
                let (configuration_id, cause) = (configuration.id.as_str(), error.chain());
                tracing::error!(configuration_id, cause, "cannot deploy the configuration");
            }
        }
    }
    Ok(done)
}
