//! Who signed a request to the object store: in its headers, or in a presigned address. The body comes later and in
//! pieces, so that the signature is over what the request declares of it; `s3::body` holds it to that.
//! Source: S3 API reference, authenticating requests.

use std::sync::Arc;

use api::Timestamp;
use api::sigv4::chunked::{
    ChunkSeed, STREAMING_SIGNED, STREAMING_SIGNED_TRAILER, STREAMING_UNSIGNED_TRAILER, Signatures,
};
use api::sigv4::{Placement, Presented, Refusal, RequestParts, UNSIGNED_PAYLOAD};
use axum::http::request::Parts;
use domain::ids::Region;

use super::{Payload, Signed, ephemeral, is_session_of_ours, scope_service, with_secret};
use crate::app::{App, Mode};
use crate::s3::error::S3Error;

const SERVICE: &str = "s3";
const HASH_HEADER: &str = "x-amz-content-sha256";
/// Those that change nothing, or are part of the signature in another way.
const FREE_HEADERS: [&str; 3] = [HASH_HEADER, "x-amz-date", "x-amz-user-agent"];

/// What a request says of its body, and is to be held to.
pub enum BodyProof {
    /// Nothing.
    Unsigned,
    /// Lower-case hex SHA-256.
    Hash(String),
    Chunks(Signatures),
}

/// Whether a request claims to be signed for the object store: by the scope of its credentials, wherever it has them.
pub fn is_addressed(parts: &Parts) -> bool {
    let is_version_2 = || is_version_2(parts.uri.query().unwrap_or_default());
    let is_in_header = parts.headers.contains_key("authorization");
    scope_service(parts).as_deref() == Some(SERVICE) || (!is_in_header && is_version_2())
}

/// As old clients presign; no other service ever knew it.
fn is_version_2(query: &str) -> bool {
    let has = |name: &str| query.split('&').any(|pair| pair.starts_with(name));
    has("AWSAccessKeyId=") && has("Signature=")
}

pub async fn authenticate(
    app: &Arc<App>,
    parts: &Parts,
    now: Timestamp,
) -> Result<(Signed, BodyProof), S3Error> {
    let headers: Vec<(&str, &str)> = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let request = RequestParts {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
    };
    if is_version_2(request.query) {
        let message = "Signature Version 2 is not taken here: presign with version 4, in boto3 with \
                       Config(signature_version='s3v4')";
        return Err(S3Error::invalid_request(message));
    }
    let presented = Presented::from_request(&request).map_err(S3Error::refused)?;
    let is_presigned = presented.placement != Placement::Header;
    let declared = declared(&request, is_presigned)?;
    let region: Region = presented.scope.region.parse().map_err(|_| malformed_region(&presented))?;
    if app.mode == Mode::Ephemeral && !is_session_of_ours(app, &presented) {
        let signed = ephemeral(&presented, region)?;
        return Ok((signed, proof(&declared, None)));
    }
    presented.check_time(now).map_err(|refusal| match refusal {
        Refusal::Expired(_) if is_presigned => S3Error::access_denied("Request has expired"),
        other => S3Error::refused(other),
    })?;
    presented.check_service(SERVICE).map_err(S3Error::refused)?;
    refuse_unsigned_headers(&request, &presented)?;
    let payload = Payload::Declared(&declared);
    let (signed, key) = with_secret(app, &request, &presented, payload, region, now).await?;
    let Presented { signed_at, scope, signature, .. } = presented;
    Ok((signed, proof(&declared, Some(ChunkSeed { key, signed_at, scope, signature }))))
}

/// The word or hash that stands for the body in the text that was signed.
fn declared(request: &RequestParts<'_>, is_presigned: bool) -> Result<String, S3Error> {
    let given = match is_presigned {
        true => request.parameter("X-Amz-Content-Sha256").or(request.header(HASH_HEADER).map(str::to_owned)),
        false => request.header(HASH_HEADER).map(str::to_owned),
    };
    let Some(given) = given else {
        return if is_presigned {
            Ok(UNSIGNED_PAYLOAD.to_owned())
        } else {
            Err(S3Error::invalid_request(format!("Missing required header for this request: {HASH_HEADER}")))
        };
    };
    let is_hash =
        given.len() == 64 && given.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let words = [UNSIGNED_PAYLOAD, STREAMING_SIGNED, STREAMING_SIGNED_TRAILER, STREAMING_UNSIGNED_TRAILER];
    if is_hash || words.contains(&given.as_str()) {
        return Ok(given);
    }
    let message =
        format!("{HASH_HEADER} must be UNSIGNED-PAYLOAD, a STREAMING value known here, or a sha256 in hex");
    Err(S3Error::invalid_argument(message))
}

fn proof(declared: &str, seed: Option<ChunkSeed>) -> BodyProof {
    match declared {
        UNSIGNED_PAYLOAD => BodyProof::Unsigned,
        STREAMING_UNSIGNED_TRAILER => BodyProof::Chunks(Signatures::None),
        STREAMING_SIGNED | STREAMING_SIGNED_TRAILER => {
            BodyProof::Chunks(seed.map_or(Signatures::Unchecked, |seed| Signatures::Checked(Box::new(seed))))
        }
        hash => BodyProof::Hash(hash.to_owned()),
    }
}

/// Otherwise whoever sees a presigned address could make something else of it, such as a copy of another object.
fn refuse_unsigned_headers(request: &RequestParts<'_>, presented: &Presented) -> Result<(), S3Error> {
    let is_signed = |name: &str| presented.signed_headers.iter().any(|signed| signed == name);
    let unsigned = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).find(|name| {
        name.starts_with("x-amz-") && !FREE_HEADERS.contains(&name.as_str()) && !is_signed(name)
    });
    match unsigned {
        Some(name) => Err(S3Error::access_denied(format!(
            "There were headers present in the request which were not signed: {name}"
        ))),
        None => Ok(()),
    }
}

fn malformed_region(presented: &Presented) -> S3Error {
    let message = format!("the credential's scope names no region: `{}`", presented.scope.region);
    S3Error::new("AuthorizationHeaderMalformed", 400, message)
}
