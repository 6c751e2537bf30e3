//! Writing a content so that it cannot be lost sight of: noted as waste before its first byte, taken out of the waste by
//! the transaction that gives it to an object. Whatever happens in between, the waste is swept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::Timestamp;
use store::objects::{Content, waste};
use store::{StoreError, Tx};

use super::{ContentError, Writer};
use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;

/// A writer that has not been heard of for so long is gone.
const HELD_SECONDS: i64 = 15 * 60;
const HOLD_AGAIN_AFTER: Duration = Duration::from_secs(5 * 60);
/// Somebody may be reading what was just replaced or deleted.
const READERS_SECONDS: i64 = 15 * 60;

#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error("the note of what is being written failed")]
    Store(#[source] Box<ApiError>),
}

impl From<ApiError> for WriteError {
    fn from(error: ApiError) -> Self {
        Self::Store(Box::new(error))
    }
}

/// A content on its way. Dropped, it stays noted as waste.
pub struct Pending {
    app: Arc<App>,
    id: String,
    size_bytes: u64,
    writer: Option<Writer>,
    held_at: Instant,
}

impl Pending {
    pub async fn begin(app: &Arc<App>) -> Result<Self, WriteError> {
        let id = hex::encode(crate::keyring::random::<16>());
        hold(app, &id).await?;
        let mut pending =
            Self { app: Arc::clone(app), id, size_bytes: 0, writer: None, held_at: Instant::now() };
        match app.objects.contents.create(&pending.id).await {
            Ok(writer) => pending.writer = Some(writer),
            Err(error) => {
                pending.give_up().await;
                return Err(error.into());
            }
        }
        Ok(pending)
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        if self.held_at.elapsed() > HOLD_AGAIN_AFTER {
            hold(&self.app, &self.id).await?;
            self.held_at = Instant::now();
        }
        self.size_bytes += bytes.len() as u64;
        match &mut self.writer {
            Some(writer) => Ok(writer.write(bytes).await?),
            None => Ok(()),
        }
    }

    /// Durable from here on, and still waste: see [`keep`].
    pub async fn finish(mut self) -> Result<Content, WriteError> {
        if let Some(writer) = self.writer.take()
            && let Err(error) = writer.finish().await
        {
            self.give_up().await;
            return Err(error.into());
        }
        Ok(Content { id: self.id, size_bytes: self.size_bytes })
    }

    /// Deletes what was written, now instead of with the next sweep.
    pub async fn give_up(self) {
        let Self { app, id, writer, .. } = self;
        if let Some(writer) = writer {
            writer.abort().await;
        }
        discard(&app, &id).await;
    }
}

/// Deletes a content that no object was given.
pub async fn discard(app: &App, id: &str) {
    let deleted = async {
        app.objects.contents.delete(id).await.map_err(|error| error.to_string())?;
        let ids = [id.to_owned()];
        retry(app, || async {
            let mut tx = app.store().write().await?;
            waste::delete(&mut tx, &ids).await?;
            Ok(tx.commit().await?)
        })
        .await
        .map_err(|error| error.chain())
    };
    if let Err(error) = deleted.await {
        tracing::warn!(content = id, error, "what was written is left to the next sweep");
    }
}

async fn hold(app: &App, id: &str) -> Result<(), ApiError> {
    let holder = app.agents.hub.server_id();
    retry(app, || async {
        let mut tx = app.store().write().await?;
        waste::hold(&mut tx, id, holder, app.now().plus_seconds(HELD_SECONDS)).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// In the transaction that gives `content` to an object: false when it took too long and was swept.
pub async fn keep(app: &App, tx: &mut Tx, content: &Content) -> Result<bool, StoreError> {
    waste::release(tx, &content.id, app.agents.hub.server_id()).await
}

/// In the transaction that takes `contents` from their object.
pub async fn leave(tx: &mut Tx, contents: &[Content], now: Timestamp) -> Result<(), StoreError> {
    waste::add(tx, contents, now.plus_seconds(READERS_SECONDS)).await
}
