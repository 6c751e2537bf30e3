//! Contents as objects of a bucket elsewhere: AWS, or anything that speaks S3's protocol.
//! The protocol, repeats and credentials are object_store's; the way to the network is in `http_client`.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use axum::body::Bytes;
use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};

use super::http_client::Connector;
use super::{ByteStream, ContentError};

/// What one upload holds in memory. A content that is no longer is sent in one request.
const PART_BYTES: usize = 8 << 20;

/// Which bucket, and how it is reached.
pub struct RemoteSettings {
    pub bucket: String,
    /// Before all names; empty, or without slashes at its ends.
    pub prefix: String,
    /// `None`: AWS.
    pub endpoint: Option<String>,
    pub region: String,
    /// Names that object_store knows, such as `aws_access_key_id`, with their values. Never printed.
    pub credentials: Vec<(String, String)>,
}

pub struct Remote {
    store: Arc<dyn ObjectStore>,
    prefix: String,
}

impl Remote {
    pub fn open(settings: RemoteSettings) -> Result<Self, ContentError> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(settings.bucket)
            .with_region(settings.region)
            // Stores of one's own have no host for each bucket.
            .with_virtual_hosted_style_request(false)
            .with_config(AmazonS3ConfigKey::DisableBulkDelete, "true")
            .with_http_connector(Connector);
        if let Some(endpoint) = settings.endpoint {
            builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
        }
        for (name, value) in settings.credentials {
            let key: AmazonS3ConfigKey = name.parse().map_err(failed)?;
            builder = builder.with_config(key, value);
        }
        Ok(Self { store: Arc::new(builder.build().map_err(failed)?), prefix: settings.prefix })
    }

    /// Asks for a content that is not there: what refuses that would refuse everything.
    pub async fn check(&self) -> Result<(), ContentError> {
        match self.store.head(&self.path("00000000000000000000000000000000")).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    fn path(&self, id: &str) -> Path {
        let folder = id.get(..2).unwrap_or("--");
        Path::from_iter(self.prefix.split('/').filter(|part| !part.is_empty()).chain([folder, id]))
    }

    pub fn create(&self, id: &str) -> RemoteWriter {
        RemoteWriter { store: Arc::clone(&self.store), path: self.path(id), buffer: Vec::new(), parts: None }
    }

    pub async fn read(&self, id: &str, range: Range<u64>) -> Result<ByteStream, ContentError> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        match self.store.get_opts(&self.path(id), options).await {
            Ok(found) => Ok(Box::pin(found.into_stream().map_err(io::Error::other))),
            Err(Error::NotFound { .. }) => Err(ContentError::Missing(id.to_owned())),
            Err(error) => Err(failed(error)),
        }
    }

    pub async fn delete(&self, id: &str) -> Result<(), ContentError> {
        match self.store.delete(&self.path(id)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

pub struct RemoteWriter {
    store: Arc<dyn ObjectStore>,
    path: Path,
    buffer: Vec<u8>,
    /// Once there was more than one part's worth.
    parts: Option<Box<dyn MultipartUpload>>,
}

impl RemoteWriter {
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), ContentError> {
        while self.buffer.len() + bytes.len() > PART_BYTES {
            let (now, rest) = bytes.split_at(PART_BYTES - self.buffer.len());
            self.buffer.extend_from_slice(now);
            bytes = rest;
            let part = self.take();
            let parts = match &mut self.parts {
                Some(parts) => parts,
                none => none.insert(self.store.put_multipart(&self.path).await.map_err(failed)?),
            };
            parts.put_part(part).await.map_err(failed)?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn take(&mut self) -> PutPayload {
        PutPayload::from(Bytes::from(std::mem::take(&mut self.buffer)))
    }

    pub async fn finish(mut self) -> Result<(), ContentError> {
        let last = self.take();
        match self.parts.take() {
            None => self.store.put(&self.path, last).await.map(drop).map_err(failed),
            Some(mut parts) => {
                let finished = async {
                    parts.put_part(last).await?;
                    parts.complete().await
                };
                if let Err(error) = finished.await {
                    give_up(parts).await;
                    return Err(failed(error));
                }
                Ok(())
            }
        }
    }

    /// Otherwise its parts stay, and are paid for.
    pub async fn abort(self) {
        if let Some(parts) = self.parts {
            give_up(parts).await;
        }
    }
}

async fn give_up(mut parts: Box<dyn MultipartUpload>) {
    if let Err(error) = parts.abort().await {
        tracing::warn!(%error, "the parts of an upload that failed stay in the bucket until its rules remove them");
    }
}

fn failed(error: Error) -> ContentError {
    ContentError::Io(io::Error::other(error))
}
