//! Signature Version 4, for both ends: what a signer puts on a request is what a verifier recomputes.
//! Pure: who owns a key, what the body hashes to and what time it is are given. RSA signatures of nodes use the
//! same text to sign; their keys belong to the server. Source: AWS's description of the signing process.

mod canonical;
pub mod chunked;
mod credentials;
mod presented;
mod refusal;
mod sign;
#[cfg(test)]
mod tests;
mod time;

use ring::digest::{SHA256, digest};

pub use canonical::{
    PathStyle, RequestParts, canonical_request, percent_decode, percent_decode_bytes, percent_encode,
};
pub use credentials::{Credentials, Scope, SigningKey, same};
pub use presented::{Placement, Presented};
pub use refusal::Refusal;
pub use sign::Signer;
pub use time::{SKEW_SECONDS, format_date, format_time, parse_time};

pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// In place of a payload hash: the body is not covered by the signature.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Lower-case hex SHA-256 of a body.
pub fn payload_hash(body: &[u8]) -> String {
    to_hex(digest(&SHA256, body).as_ref())
}

/// 32 bytes in lower case, without going through single characters: each request has three of them.
fn to_hex(hash: &[u8]) -> String {
    let mut text = [0; 64];
    match hex::encode_to_slice(hash, &mut text) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => hex::encode(hash),
    }
}

/// What is signed: the algorithm, the time, the scope, and the hash of the canonical request.
pub fn string_to_sign(at: crate::Timestamp, scope: &Scope, canonical_request: &str) -> String {
    let hash = payload_hash(canonical_request.as_bytes());
    format!("{ALGORITHM}\n{}\n{scope}\n{hash}", format_time(at))
}
