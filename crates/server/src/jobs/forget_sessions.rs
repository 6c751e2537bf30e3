//! Forgets sessions, sign-in codes and challenges of passkeys whose time is over. They sign nobody in any more, swept or not.

use std::sync::Arc;

use api::Timestamp;
use store::{passkeys, sign_in};

use crate::app::App;
use crate::error::ApiError;

/// How many were forgotten.
pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let mut tx = app.store().write().await?;
    let forgotten = sign_in::sweep(&mut tx, now).await? + passkeys::sweep(&mut tx, now).await?;
    tx.commit().await?;
    Ok(forgotten)
}
