//! Deletes contents that no object has: what writers left behind, what was replaced or deleted. Gives up uploads in parts
//! that nobody completes. Several servers may do it at a time: deleting what is gone does nothing.

use std::sync::Arc;

use api::Timestamp;
use store::objects::{uploads, waste};

use super::sweep::{BATCH, BATCHES, days};
use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;
use crate::objects::leave;

/// As clients of S3 set it for themselves, with a rule that AWS recommends.
const UPLOAD_DAYS: u32 = 7;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    give_up_uploads(&app, now).await?;
    let mut deleted = 0;
    for _ in 0..BATCHES {
        let due = retry(&app, || async {
            let mut tx = app.store().write().await?;
            let due = waste::take_due(&mut tx, now, BATCH).await?;
            tx.commit().await?;
            Ok(due)
        })
        .await?;
        let gone = delete(&app, &due).await?;
        deleted += gone;
        // What could not be deleted stays due: the next run tries again.
        if i64::try_from(gone).is_ok_and(|gone| gone < BATCH) {
            break;
        }
    }
    Ok(deleted)
}

async fn delete(app: &Arc<App>, due: &[String]) -> Result<u64, ApiError> {
    let mut gone = Vec::with_capacity(due.len());
    for content in due {
        match app.objects.contents.delete(content).await {
            Ok(()) => gone.push(content.clone()),
            Err(error) => tracing::warn!(%error, content, "what no object has could not be deleted"),
        }
    }
    retry(app, || async {
        let mut tx = app.store().write().await?;
        waste::delete(&mut tx, &gone).await?;
        Ok(tx.commit().await?)
    })
    .await?;
    Ok(gone.len() as u64)
}

async fn give_up_uploads(app: &Arc<App>, now: Timestamp) -> Result<(), ApiError> {
    let before = now.plus_seconds(-days(UPLOAD_DAYS));
    let old = uploads::list_older(&mut app.store().read_each().await?, before, BATCH).await?;
    for (account, upload_id) in old {
        retry(app, || async {
            let mut tx = app.store().write().await?;
            let upload = (&account, upload_id.as_str());
            let parts = uploads::list_parts(&mut tx, upload).await?;
            let contents: Vec<_> = parts.into_iter().map(|part| part.content).collect();
            leave(&mut tx, &contents, now).await?;
            uploads::delete(&mut tx, upload).await?;
            Ok(tx.commit().await?)
        })
        .await?;
    }
    Ok(())
}

/// Before the first request: where no other server uses the database, everything that is half written was left by one
/// that died.
pub async fn at_start(app: &Arc<App>, now: Timestamp) -> Result<(), ApiError> {
    if !app.store().is_embedded() {
        return Ok(());
    }
    let holder = app.agents.hub.server_id();
    let left = retry(app, || async {
        let mut tx = app.store().write().await?;
        let left = waste::make_due_what_was_left(&mut tx, holder, now).await?;
        tx.commit().await?;
        Ok(left)
    })
    .await?;
    if left > 0 {
        let deleted = run_once(Arc::clone(app), now).await?;
        tracing::info!(left, deleted, "uploads that the server's end cut off were cleared away");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::now;
    use crate::objects::Pending;
    use crate::testing::TestServer;

    async fn waste(server: &TestServer) -> i64 {
        store::testing::count(&server.app.store(), "object_waste").await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_dead_writer_left_is_cleared_at_the_next_start() {
        let server = TestServer::on_sqlite().await;
        // Begun and never finished: as if the process had ended.
        let mut pending = Pending::begin(&server.app).await.unwrap();
        pending.write(b"half").await.unwrap();
        drop(pending);
        run_once(Arc::clone(&server.app), now()).await.unwrap();
        assert_eq!(waste(&server).await, 1, "a writer may still be at it");
        at_start(&server.another().await, now()).await.unwrap();
        assert_eq!(waste(&server).await, 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_writer_that_is_not_heard_of_is_taken_for_gone() {
        for server in TestServer::on_each_engine().await {
            let mut pending = Pending::begin(&server.app).await.unwrap();
            pending.write(b"half").await.unwrap();
            let later = now().plus_seconds(3600);
            assert_eq!(run_once(Arc::clone(&server.app), later).await.unwrap(), 1);
            // It was not gone: what it wrote is, and it is told so.
            let content = pending.finish().await.unwrap();
            let mut tx = server.app.store().write().await.unwrap();
            assert!(!crate::objects::keep(&server.app, &mut tx, &content).await.unwrap());
        }
    }
}
