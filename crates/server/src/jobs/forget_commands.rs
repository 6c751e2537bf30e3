//! Forgets commands and runs of associations after their 30 days, with what nodes planned for them, and the notes of replies that no agent repeats any more.
//! Source: systems-manager.md 1.1; agent-protocol.md 3.4.

use std::sync::Arc;

use api::Timestamp;
use store::associations::executions;
use store::{commands, patch_plans, replies, rollouts};

use super::sweep::days;
use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;

/// Agents repeat for two hours.
const REPLIES_SECONDS: i64 = 24 * 3600;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let before = now.plus_seconds(-days(app.retention.commands_days));
    retry(&app, || async {
        let mut tx = app.store().write().await?;
        replies::delete_older(&mut tx, now.plus_seconds(-REPLIES_SECONDS)).await?;
        patch_plans::delete_older(&mut tx, before).await?;
        executions::delete_older(&mut tx, before).await?;
        let forgotten = commands::delete_older(&mut tx, before).await?;
        rollouts::delete_older(&mut tx, before).await?;
        rollouts::delete_of_gone_policies(&mut tx).await?;
        tx.commit().await?;
        Ok(forgotten)
    })
    .await
}
