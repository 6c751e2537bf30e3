//! Forgets each Patch now that has ended, when its command is forgotten: its association has nothing left to say.
//! Decision: docs/decisions/0026-patch-now-and-policies.md.

use std::sync::Arc;

use api::Timestamp;
use store::associations::{self, Association};

use super::sweep::days;
use crate::agents::retry;
use crate::app::App;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::associations::remove;
use crate::operations::fettle::patch_now::is_patch_now;

/// Associations read at once.
const CHUNK: i64 = 100;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let before = now.plus_seconds(-days(app.retention.commands_days));
    let (mut forgotten, mut last) = (0, None);
    loop {
        let mut tx = app.store().read_each().await?;
        let chunk = associations::list_all(&mut tx, last.as_ref(), CHUNK).await?;
        drop(tx);
        let has_ended =
            |association: &&Association| association.counts.completed() == association.counts.total();
        let old = chunk.iter().filter(|association| association.created_at < before);
        for association in old.filter(|found| is_patch_now(&found.settings)).filter(has_ended) {
            retry(&app, || forget(&app, association, now)).await?;
            forgotten += 1;
        }
        let is_last = i64::try_from(chunk.len()).is_ok_and(|count| count < CHUNK);
        last = chunk.into_iter().next_back().map(|association| association.key);
        if is_last {
            return Ok(forgotten);
        }
    }
}

async fn forget(app: &Arc<App>, association: &Association, now: Timestamp) -> Result<(), ApiError> {
    let ctx = Ctx::of_job(app, association.key.scope(), now);
    let mut tx = ctx.store.write().await?;
    let ended = remove(&ctx, &mut tx, association).await?;
    tx.commit().await?;
    ended.into_iter().for_each(|command| app.agents.touch(command));
    Ok(())
}
