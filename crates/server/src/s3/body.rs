//! A body on its way into the object store: unwrapped, hashed and written piece by piece, then held to all that the
//! request said of it. Memory does not grow with it. Source: S3 API reference, PutObject and UploadPart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::sigv4::chunked::{ChunkDecoder, ChunkError};
use axum::body::Body;
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use store::objects::Content;

use super::checksum::{Algorithm, Checksum, Tag};
use super::error::S3Error;
use crate::app::App;
use crate::auth::s3::BodyProof;
use crate::objects::{Pending, WriteError};

/// Of one object, and of one part.
pub const MAX_OBJECT_BYTES: u64 = 5 << 30;
/// A client that sends nothing for so long is given up.
const PIECE_TIMEOUT: Duration = Duration::from_secs(60);

/// What was written.
pub struct Written {
    pub content: Content,
    /// Lower-case hex MD5.
    pub etag: String,
    /// The checksum that the client vouched for, under the name of its header.
    pub checksum: Option<(Algorithm, String)>,
}

/// What is to be held against a body.
pub(super) struct Promise {
    size_bytes: u64,
    sha256: Option<String>,
    md5: Option<[u8; 16]>,
    /// With a value in a header, or one that follows the body.
    checksum: Option<(Algorithm, Option<String>)>,
}

/// Writes a body. What is returned is durable, and waste until an object has it.
pub async fn write(
    app: &Arc<App>,
    headers: &HeaderMap,
    body: Body,
    proof: BodyProof,
) -> Result<Written, S3Error> {
    let promise = promise(headers, &proof)?;
    let mut pending = Pending::begin(app).await?;
    let mut sums = Sums::new(&promise);
    match receive(&mut pending, &mut sums, &promise, body, proof).await {
        Ok(trailers) => {
            let checked = sums.check(&promise, &trailers);
            match checked {
                Ok((etag, checksum)) => {
                    let content = pending.finish().await?;
                    Ok(Written { content, etag, checksum })
                }
                Err(error) => {
                    pending.give_up().await;
                    Err(error)
                }
            }
        }
        Err(error) => {
            pending.give_up().await;
            Err(error)
        }
    }
}

type Trailers = BTreeMap<String, String>;

async fn receive(
    pending: &mut Pending,
    sums: &mut Sums,
    promise: &Promise,
    mut body: Body,
    proof: BodyProof,
) -> Result<Trailers, S3Error> {
    let mut decoder = match proof {
        BodyProof::Chunks(signatures) => Some(ChunkDecoder::new(signatures)),
        BodyProof::Unsigned | BodyProof::Hash(_) => None,
    };
    let mut unwrapped = Vec::new();
    loop {
        let frame = match tokio::time::timeout(PIECE_TIMEOUT, body.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => return Err(incomplete(format!("the body was cut off: {error}"))),
            Err(_) => {
                let message = "the body did not arrive: nothing came for a minute";
                return Err(S3Error::new("RequestTimeout", 400, message));
            }
        };
        let Ok(data) = frame.into_data() else { continue };
        let piece: &[u8] = match &mut decoder {
            None => &data,
            Some(decoder) => {
                unwrapped.clear();
                decoder.decode(&data, &mut unwrapped).map_err(malformed)?;
                &unwrapped
            }
        };
        sums.update(piece);
        if sums.size_bytes > promise.size_bytes {
            return Err(incomplete(format!(
                "the body is longer than the {} bytes announced",
                promise.size_bytes
            )));
        }
        pending.write(piece).await.map_err(|error: WriteError| S3Error::from(error))?;
    }
    match decoder {
        Some(decoder) => Ok(decoder.finish().map_err(malformed)?.into_iter().collect()),
        None => Ok(Trailers::new()),
    }
}

pub(super) fn promise(headers: &HeaderMap, proof: &BodyProof) -> Result<Promise, S3Error> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_chunked = matches!(proof, BodyProof::Chunks(_));
    let length = text(if is_chunked { "x-amz-decoded-content-length" } else { "content-length" });
    let length = length.ok_or_else(|| {
        S3Error::new("MissingContentLength", 411, "the request does not say how long its body is")
    })?;
    let size_bytes: u64 = length
        .parse()
        .map_err(|_| S3Error::invalid_argument(format!("`{length}` is no length of a body")))?;
    if size_bytes > MAX_OBJECT_BYTES {
        let message = format!(
            "{size_bytes} bytes are more than the {MAX_OBJECT_BYTES} of one request; upload the object in parts"
        );
        return Err(S3Error::new("EntityTooLarge", 400, message));
    }
    let md5 = match text("content-md5") {
        None => None,
        Some(given) => {
            let digest = STANDARD.decode(given).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
            Some(digest.ok_or_else(|| {
                S3Error::new("InvalidDigest", 400, "Content-MD5 is not the base64 of 16 bytes")
            })?)
        }
    };
    let given = Algorithm::ALL
        .into_iter()
        .find_map(|algorithm| Some((algorithm, Some(text(algorithm.header())?.to_owned()))));
    let announced = || {
        let names = text("x-amz-trailer").into_iter().flat_map(|list| list.split(','));
        names.filter_map(|name| Algorithm::of_header(name.trim())).next().map(|algorithm| (algorithm, None))
    };
    let sha256 = if let BodyProof::Hash(hash) = proof { Some(hash.clone()) } else { None };
    Ok(Promise { size_bytes, sha256, md5, checksum: given.or_else(announced) })
}

/// Everything that is computed on the way.
struct Sums {
    size_bytes: u64,
    tag: Tag,
    sha256: Option<ring::digest::Context>,
    checksum: Option<Checksum>,
}

impl Sums {
    fn new(promise: &Promise) -> Self {
        Self {
            size_bytes: 0,
            tag: Tag::default(),
            sha256: promise.sha256.is_some().then(|| ring::digest::Context::new(&ring::digest::SHA256)),
            checksum: promise.checksum.as_ref().map(|(algorithm, _)| Checksum::new(*algorithm)),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.size_bytes += bytes.len() as u64;
        self.tag.update(bytes);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        if let Some(checksum) = &mut self.checksum {
            checksum.update(bytes);
        }
    }

    /// The entity tag, and the checksum that was promised.
    fn check(
        self,
        promise: &Promise,
        trailers: &Trailers,
    ) -> Result<(String, Option<(Algorithm, String)>), S3Error> {
        if self.size_bytes != promise.size_bytes {
            let (got, announced) = (self.size_bytes, promise.size_bytes);
            return Err(incomplete(format!("{got} bytes came of the {announced} announced")));
        }
        let sha256 = self.sha256.map(|context| hex::encode(context.finish()));
        if sha256 != promise.sha256 {
            let message = "the provided 'x-amz-content-sha256' header does not match what was computed";
            return Err(S3Error::new("XAmzContentSHA256Mismatch", 400, message));
        }
        let tag = self.tag.finish();
        if promise.md5.is_some_and(|promised| promised != tag) {
            return Err(S3Error::new(
                "BadDigest",
                400,
                "the Content-MD5 you specified did not match what was received",
            ));
        }
        let computed = self.checksum.map(Checksum::finish);
        let checksum = match (&promise.checksum, computed) {
            (Some((algorithm, given)), Some(computed)) => {
                let given = given.as_ref().or_else(|| trailers.get(algorithm.header()));
                if given != Some(&computed) {
                    let header = algorithm.header();
                    let message = format!("the {header} you specified did not match what was received");
                    return Err(S3Error::new("BadDigest", 400, message));
                }
                Some((*algorithm, computed))
            }
            _ => None,
        };
        Ok((hex::encode(tag), checksum))
    }
}

fn incomplete(message: String) -> S3Error {
    S3Error::new("IncompleteBody", 400, message)
}

fn malformed(error: ChunkError) -> S3Error {
    match error {
        ChunkError::Mismatch => S3Error::new("SignatureDoesNotMatch", 403, error.to_string()),
        ChunkError::Malformed(_) => incomplete(error.to_string()),
    }
}

/// A body that is read as a whole: a list or a configuration, not an object.
pub async fn read_small(headers: &HeaderMap, body: Body, proof: BodyProof) -> Result<Vec<u8>, S3Error> {
    const LIMIT_BYTES: usize = 2 << 20;
    let whole = http_body_util::Limited::new(body, LIMIT_BYTES).collect();
    let bytes = match tokio::time::timeout(PIECE_TIMEOUT, whole).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return Err(S3Error::new(
                "EntityTooLarge",
                400,
                format!("the body has more than {LIMIT_BYTES} bytes"),
            ));
        }
        Ok(Err(error)) => return Err(incomplete(format!("the body was cut off: {error}"))),
        Err(_) => return Err(S3Error::new("RequestTimeout", 400, "the body did not arrive in time")),
    };
    let mut content = Vec::new();
    let mut trailers = Trailers::new();
    let (mut sha256, mut decoder) = (None, None);
    match proof {
        BodyProof::Unsigned => {}
        BodyProof::Hash(hash) => sha256 = Some(hash),
        BodyProof::Chunks(signatures) => decoder = Some(ChunkDecoder::new(signatures)),
    }
    match decoder {
        None => content.extend_from_slice(&bytes),
        Some(mut decoder) => {
            decoder.decode(&bytes, &mut content).map_err(malformed)?;
            trailers.extend(decoder.finish().map_err(malformed)?);
        }
    }
    let kind = sha256.map_or(BodyProof::Unsigned, BodyProof::Hash);
    let promise = Promise { size_bytes: content.len() as u64, ..promise_of_small(headers, &kind)? };
    let mut sums = Sums::new(&promise);
    sums.update(&content);
    sums.check(&promise, &trailers)?;
    Ok(content)
}

/// Lists may come without a length.
fn promise_of_small(headers: &HeaderMap, proof: &BodyProof) -> Result<Promise, S3Error> {
    let mut headers = headers.clone();
    headers.insert("content-length", axum::http::HeaderValue::from_static("0"));
    promise(&headers, proof)
}
