//! Follows the runs of associations that have not ended: what a process that died left behind goes on from here. Ends
//! what is past its Duration, and takes back what associations said of nodes that they address no longer.
//! Source: systems-manager.md 3.1, 3.4.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::Timestamp;
use store::associations::executions::{self, Execution};
use store::associations::{AssociationKey, standing};
use store::{commands, nodes};

use crate::agents::retry;
use crate::app::App;
use crate::associations::{follow, runbook, verdicts};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::commands::cancel_whole;

/// Runs read at once.
const CHUNK: i64 = 100;
/// Nodes that were left, of one look.
const LEFT: i64 = 500;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let mut followed = take_back(&app).await?;
    let mut last = None;
    loop {
        let mut tx = app.store().read_each().await?;
        let open = executions::list_open(&mut tx, last.as_ref(), CHUNK).await?;
        drop(tx);
        for run in &open {
            if run.cancel_at.is_some_and(|at| at <= now) {
                retry(&app, || end(&app, run, now)).await?;
            }
            followed += follow(&app, run, now).await?;
        }
        let is_last = i64::try_from(open.len()).is_ok_and(|count| count < CHUNK);
        last = open.into_iter().next_back().map(|run| (run.created_at, run.id));
        if is_last {
            return Ok(followed);
        }
    }
}

/// The run's time is over: what runs is cancelled, what waits never starts.
async fn end(app: &Arc<App>, run: &Execution, now: Timestamp) -> Result<(), ApiError> {
    let mut tx = app.store().write().await?;
    let Some(mut command) = commands::find(&mut tx, &run.command()).await? else {
        drop(tx);
        let ctx = Ctx::of_job(app, run.association.scope(), now);
        return runbook::stop(&ctx, run).await.map(drop);
    };
    if command.finished_at.is_some() {
        return Ok(());
    }
    let woken = cancel_whole(&mut tx, &mut command, now).await?;
    executions::update(&mut tx, &Execution { cancel_at: None, ..run.clone() }).await?;
    tx.commit().await?;
    woken.iter().for_each(|node| app.agents.hub.wake(node));
    Ok(())
}

async fn take_back(app: &App) -> Result<u64, ApiError> {
    let mut tx = app.store().read_each().await?;
    let left = standing::list_left(&mut tx, LEFT).await?;
    drop(tx);
    for (association, node) in &left {
        retry(app, || async {
            let AssociationKey { account, region, .. } = association;
            let mut tx = app.store().write_by_locks().await?;
            nodes::lock(&mut tx, account, region, node).await?;
            if standing::delete_left(&mut tx, association, node).await? {
                verdicts::take_back(&mut tx, association, node.as_str()).await?;
                tx.commit().await?;
            }
            Ok(())
        })
        .await?;
    }
    let changed: BTreeSet<&AssociationKey> = left.iter().map(|(association, _)| association).collect();
    for association in changed {
        retry(app, || count(app, association)).await?;
    }
    Ok(left.len() as u64)
}

/// The nodes that left may have been deregistered, without any run.
async fn count(app: &App, association: &AssociationKey) -> Result<(), ApiError> {
    let mut tx = app.store().write_by_locks().await?;
    if standing::lock_counts(&mut tx, association).await? {
        let counts = standing::count(&mut tx, association).await?;
        standing::set_counts(&mut tx, association, &counts, None).await?;
        tx.commit().await?;
    }
    Ok(())
}
