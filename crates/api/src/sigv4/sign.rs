//! The client's side: headers or a query that prove who sends a request.

use super::{
    ALGORITHM, Credentials, PathStyle, Refusal, RequestParts, Scope, SigningKey, canonical_request,
    format_time, percent_encode, string_to_sign,
};
use crate::Timestamp;

/// Headers that change on the way, or are added after signing.
const NEVER_SIGNED: [&str; 6] =
    ["authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"];

/// Signs requests of one caller to one service.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    pub credentials: &'a Credentials,
    pub region: &'a str,
    pub service: &'a str,
    pub style: PathStyle,
}

impl Signer<'_> {
    /// The headers to add to a request, with lower-case names. All headers it has are signed, save those that may
    /// change on the way; `Host` must be among them.
    pub fn sign(
        &self,
        request: &RequestParts<'_>,
        payload_hash: &str,
        at: Timestamp,
    ) -> Result<Vec<(&'static str, String)>, Refusal> {
        let mut added = vec![("x-amz-date", format_time(at))];
        if let Some(token) = &self.credentials.session_token {
            added.push(("x-amz-security-token", token.clone()));
        }
        let is_kept = |(name, _): &&(&str, &str)| {
            let is_added = added.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
            !is_added && !NEVER_SIGNED.iter().any(|known| known.eq_ignore_ascii_case(name))
        };
        let mut headers: Vec<(&str, &str)> = request.headers.iter().filter(is_kept).copied().collect();
        headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
        let mut signed_headers: Vec<String> =
            headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        signed_headers.sort_unstable();
        signed_headers.dedup();

        let request = RequestParts { headers: &headers, ..*request };
        let signature = self.signature(&request, &signed_headers, payload_hash, at)?;
        let credential = self.credential(at);
        let signed_headers = signed_headers.join(";");
        let authorization = format!(
            "{ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, Signature={signature}"
        );
        added.push(("authorization", authorization));
        Ok(added)
    }

    /// The whole query of a presigned request: what it had, and the proof. Of the headers only `Host` is signed.
    pub fn presign(
        &self,
        request: &RequestParts<'_>,
        payload_hash: &str,
        at: Timestamp,
        expires_seconds: u32,
    ) -> Result<String, Refusal> {
        let mut query = request.query.to_owned();
        let mut add = |name: &str, value: &str| {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(&format!("{name}={}", percent_encode(value)));
        };
        add("X-Amz-Algorithm", ALGORITHM);
        add("X-Amz-Credential", &self.credential(at));
        add("X-Amz-Date", &format_time(at));
        add("X-Amz-Expires", &expires_seconds.to_string());
        add("X-Amz-SignedHeaders", "host");
        if let Some(token) = &self.credentials.session_token {
            add("X-Amz-Security-Token", token);
        }
        let request = RequestParts { query: &query, ..*request };
        let signature = self.signature(&request, &["host".to_owned()], payload_hash, at)?;
        Ok(format!("{query}&X-Amz-Signature={signature}"))
    }

    fn signature(
        &self,
        request: &RequestParts<'_>,
        signed_headers: &[String],
        payload_hash: &str,
        at: Timestamp,
    ) -> Result<String, Refusal> {
        let scope = self.scope(at);
        let canonical = canonical_request(request, signed_headers, payload_hash, self.style)?;
        let key = SigningKey::derive(&self.credentials.secret_access_key, &scope);
        Ok(key.signature(&string_to_sign(at, &scope, &canonical)))
    }

    fn scope(&self, at: Timestamp) -> Scope {
        Scope::new(at, self.region, self.service)
    }

    fn credential(&self, at: Timestamp) -> String {
        format!("{}/{}", self.credentials.access_key_id, self.scope(at))
    }
}
