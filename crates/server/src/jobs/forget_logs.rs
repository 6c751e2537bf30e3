//! Deletes the files of log groups as old as commands become: what is in them is output of commands.
//! Source: docs/decisions, logs and updates.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::Timestamp;
use domain::ids::AccountId;
use domain::object::ObjectKey;
use store::objects;

use super::sweep::{BATCH, BATCHES, days};
use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;
use crate::objects::leave;
use crate::operations::commands::logs;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let before = now.plus_seconds(-days(app.retention.commands_days));
    let bucket = logs::bucket();
    let mut forgotten = 0;
    for _ in 0..BATCHES {
        let batch = retry(&app, || async {
            let mut tx = app.store().write().await?;
            let old = objects::list_logs_older(&mut tx, before, BATCH).await?;
            let count = old.len() as u64;
            let mut by_account: BTreeMap<AccountId, Vec<ObjectKey>> = BTreeMap::new();
            for (account, key) in old {
                by_account.entry(account).or_default().push(key);
            }
            for (account, keys) in by_account {
                let contents = objects::delete_many(&mut tx, (&account, &bucket), &keys).await?;
                leave(&mut tx, &contents, now).await?;
            }
            tx.commit().await?;
            Ok(count)
        });
        let batch = batch.await?;
        forgotten += batch;
        if i64::try_from(batch).is_ok_and(|batch| batch < BATCH) {
            break;
        }
    }
    Ok(forgotten)
}
