//! The builds of our agent that an account keeps: which there are for a platform, and what they are.
//! How they are named is decided in `domain::agent_build`.

use domain::agent_build::{AgentVersion, BUILD_BUCKET, Target};
use domain::ids::AccountId;
use domain::object::BucketName;
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use store::Tx;
use store::objects::{self, Content, Object};

use crate::app::App;
use crate::error::ApiError;
use api::ssm::ErrorCode;

/// Keys of the bucket that are looked at: builds and signatures of some hundred versions.
const MOST_KEYS: i64 = 5_000;

/// Where builds are kept.
pub fn bucket() -> BucketName {
    BUILD_BUCKET.parse().expect("this is a name of a bucket, see the test below")
}

/// Builds and signatures, of every platform.
pub async fn list(tx: &mut Tx, account: &AccountId) -> Result<Vec<Object>, ApiError> {
    Ok(objects::list(tx, (account, &bucket()), b"", None, MOST_KEYS).await?)
}

/// The build of this version, or the newest one.
pub fn newest<'a>(
    listed: &'a [Object],
    target: &Target,
    wanted: Option<&AgentVersion>,
) -> Option<(AgentVersion, &'a Object)> {
    let of_target = listed.iter().filter_map(|object| Some((target.version_of(&object.key)?, object)));
    of_target
        .filter(|(version, _)| wanted.is_none_or(|wanted| wanted == version))
        .max_by(|(one, _), (other, _)| one.cmp(other))
}

/// Read once for each set of contents, which never change; a fleet asks for the same few.
pub async fn sha256(app: &App, build: &Object) -> Result<String, ApiError> {
    let name: Vec<&str> = build.contents.iter().map(|content| content.id.as_str()).collect();
    let name = name.join(" ");
    // One server reads a build once, however many nodes ask at a time.
    let mut known = app.build_hashes.lock().await;
    if let Some(hash) = known.get(&name) {
        return Ok(hash.clone());
    }
    let mut hash = Sha256::new();
    each_piece(app, &build.contents, |piece| hash.update(piece)).await?;
    let hash = hex::encode(hash.finalize());
    known.insert(name, hash.clone());
    Ok(hash)
}

pub async fn each_piece(
    app: &App,
    contents: &[Content],
    mut take: impl FnMut(&[u8]),
) -> Result<(), ApiError> {
    let failed = |error: String| {
        tracing::error!(error, "a build of the agent could not be read");
        ApiError::new(ErrorCode::InternalServerError, "the object store failed")
    };
    for content in contents {
        let read = app.objects.contents.read(&content.id, 0..content.size_bytes).await;
        let mut bytes = read.map_err(|error| failed(error.to_string()))?;
        while let Some(piece) = bytes.next().await {
            take(&piece.map_err(|error| failed(error.to_string()))?);
        }
    }
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::objects::{Pending, keep};
    use crate::testing::TestServer;

    /// Puts this among the builds, as `aws s3 cp` does.
    pub async fn publish(server: &TestServer, key: &str, bytes: &[u8]) {
        let ctx = server.root();
        let mut pending = Pending::begin(&ctx.app).await.unwrap();
        pending.write(bytes).await.unwrap();
        let content = pending.finish().await.unwrap();
        let object = Object {
            key: key.parse().unwrap(),
            size_bytes: content.size_bytes,
            contents: vec![content.clone()],
            headers: std::collections::BTreeMap::new(),
            etag: String::new(),
            modified_at: server.now,
        };
        let mut tx = ctx.store.write().await.unwrap();
        assert!(keep(&ctx.app, &mut tx, &content).await.unwrap());
        objects::put(&mut tx, &ctx.account, &bucket(), &object).await.unwrap();
        tx.commit().await.unwrap();
    }

    #[test]
    fn builds_have_a_bucket() {
        assert_eq!(bucket().to_string(), BUILD_BUCKET);
    }
}
