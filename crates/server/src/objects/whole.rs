//! Small contents written at once, under the name of an object. For what the server itself puts into its object store.

use std::sync::Arc;

use md5::{Digest, Md5};
use store::objects::{self, Content, Object, ObjectRef};
use store::{StoreError, Tx};

use super::{Pending, WriteError, keep, leave};
use crate::app::App;
use crate::ctx::Ctx;
use crate::error::ApiError;

/// Durable, and waste until [`put_whole`] gives it a name.
pub async fn write_whole(app: &Arc<App>, bytes: &[u8]) -> Result<Content, ApiError> {
    let written = async {
        let mut pending = Pending::begin(app).await?;
        if let Err(error) = pending.write(bytes).await {
            pending.give_up().await;
            return Err(error);
        }
        pending.finish().await
    };
    written.await.map_err(|error: WriteError| StoreError::Backend(error.into()).into())
}

/// As S3 has it of objects of one part.
pub fn etag_of(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

/// A new object, or another content in the place of the one that is there. The bucket is the caller's to look for.
pub async fn put_whole(
    ctx: &Ctx,
    tx: &mut Tx,
    at: &ObjectRef,
    (content, etag): (&Content, &str),
    content_type: &str,
) -> Result<(), ApiError> {
    if let Some(old) = objects::find(tx, at).await? {
        leave(tx, &old.contents, ctx.now).await?;
    }
    if !keep(&ctx.app, tx, content).await? {
        return Err(StoreError::Corrupt("a content was swept while it was written".to_owned()).into());
    }
    let object = Object {
        key: at.key.clone(),
        contents: vec![content.clone()],
        headers: [("content-type".to_owned(), content_type.to_owned())].into(),
        size_bytes: content.size_bytes,
        etag: etag.to_owned(),
        modified_at: ctx.now,
    };
    Ok(objects::put(tx, &at.account, &at.bucket, &object).await?)
}
