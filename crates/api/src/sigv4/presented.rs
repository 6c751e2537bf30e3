//! What a request presents as proof of who sent it, from its headers or its query, and the checks on it.

use base64::Engine as _;

use super::time::{SKEW_SECONDS, check_time};
use super::{
    ALGORITHM, PathStyle, Refusal, RequestParts, Scope, SigningKey, canonical_request, parse_time, same,
    string_to_sign,
};
use crate::Timestamp;

/// The longest life of a presigned request.
const MAX_EXPIRES_SECONDS: i64 = 7 * 24 * 3600;

/// Where a signature was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    Header,
    /// A presigned URL.
    Query {
        expires_seconds: i64,
    },
}

/// A claim that is well formed and not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// A node's id when the signature is RSA.
    pub access_key_id: String,
    pub scope: Scope,
    /// Lower-case, sorted.
    pub signed_headers: Vec<String>,
    /// Hex of an HMAC, or base64 of a node's RSA signature.
    pub signature: String,
    pub signed_at: Timestamp,
    pub session_token: Option<String>,
    pub placement: Placement,
}

impl Presented {
    /// Reads the `Authorization` header, else the query of a presigned request.
    pub fn from_request(request: &RequestParts<'_>) -> Result<Self, Refusal> {
        let presented = if let Some(header) = request.header("authorization") {
            Self::from_header(request, header)?
        } else if request.parameter("X-Amz-Algorithm").is_some() {
            Self::from_query(request)?
        } else {
            return Err(Refusal::Missing);
        };
        presented.check_parts(request)?;
        Ok(presented)
    }

    fn from_header(request: &RequestParts<'_>, header: &str) -> Result<Self, Refusal> {
        let fields = header.trim().strip_prefix(ALGORITHM).ok_or_else(|| {
            Refusal::Incomplete(format!(
                "Unsupported AWS 'algorithm': the Authorization header must begin with {ALGORITHM}"
            ))
        })?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for field in fields.split(',').map(str::trim).filter(|field| !field.is_empty()) {
            // A base64 signature may hold more equals signs: the first one counts.
            let (name, value) = field.split_once('=').ok_or_else(|| {
                Refusal::Incomplete(format!("'{field}' not a valid key=value pair in Authorization header"))
            })?;
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(Refusal::Incomplete(format!("'{name}' is twice in the Authorization header")));
            }
        }
        let need = |value: Option<&str>, name: &str| match value {
            Some(value) if !value.is_empty() => Ok(value.to_owned()),
            _ => Err(Refusal::Incomplete(format!("Authorization header requires '{name}' parameter."))),
        };
        let credential = need(credential, "Credential")?;
        let (access_key_id, scope) = Scope::parse_credential(&credential)?;
        let date = request.header("x-amz-date").or_else(|| request.header("date")).ok_or_else(|| {
            Refusal::Incomplete(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
                    .to_owned(),
            )
        })?;
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            scope,
            signed_headers: header_names(&need(signed_headers, "SignedHeaders")?),
            signature: need(signature, "Signature")?,
            signed_at: time(date)?,
            session_token: request.header("x-amz-security-token").map(str::to_owned),
            placement: Placement::Header,
        })
    }

    fn from_query(request: &RequestParts<'_>) -> Result<Self, Refusal> {
        let need = |name: &str| {
            let value = request.parameter(name).filter(|value| !value.is_empty());
            value.ok_or_else(|| {
                Refusal::Incomplete(format!("AWS query-string parameters must include '{name}'."))
            })
        };
        if need("X-Amz-Algorithm")? != ALGORITHM {
            return Err(Refusal::Incomplete(format!(
                "Unsupported AWS 'algorithm': only {ALGORITHM} is known"
            )));
        }
        let credential = need("X-Amz-Credential")?;
        let (access_key_id, scope) = Scope::parse_credential(&credential)?;
        let expires = need("X-Amz-Expires")?;
        let expires_seconds =
            expires.parse().ok().filter(|seconds| (1..=MAX_EXPIRES_SECONDS).contains(seconds));
        let expires_seconds = expires_seconds.ok_or_else(|| {
            Refusal::Incomplete(format!("X-Amz-Expires must be between 1 and {MAX_EXPIRES_SECONDS} seconds"))
        })?;
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            scope,
            signed_headers: header_names(&need("X-Amz-SignedHeaders")?),
            signature: need("X-Amz-Signature")?,
            signed_at: time(&need("X-Amz-Date")?)?,
            session_token: request.parameter("X-Amz-Security-Token"),
            placement: Placement::Query { expires_seconds },
        })
    }

    fn check_parts(&self, request: &RequestParts<'_>) -> Result<(), Refusal> {
        let date = super::format_date(self.signed_at);
        if self.scope.date != date {
            return Err(Refusal::Unfit(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' \
                 != '{date}', from '{}'.",
                self.scope.date,
                super::format_time(self.signed_at)
            )));
        }
        let is_signed = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        if !is_signed("host") {
            return Err(Refusal::Unfit(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
            ));
        }
        // Differs from AWS: without this, whoever sees a request could turn it into another operation.
        if request.header("x-amz-target").is_some() && !is_signed("x-amz-target") {
            return Err(Refusal::Unfit("'X-Amz-Target' must be a 'SignedHeader'.".to_owned()));
        }
        Ok(())
    }

    /// Whether the signature is neither too old nor from the future.
    pub fn check_time(&self, now: Timestamp) -> Result<(), Refusal> {
        let lifetime_seconds = match self.placement {
            Placement::Header => SKEW_SECONDS,
            Placement::Query { expires_seconds } => expires_seconds,
        };
        check_time(self.signed_at, lifetime_seconds, now)
    }

    /// Whether the signature was made for this service.
    pub fn check_service(&self, service: &str) -> Result<(), Refusal> {
        if self.scope.service == service {
            return Ok(());
        }
        Err(Refusal::Unfit(format!("Credential should be scoped to correct service: '{service}'.")))
    }

    pub fn string_to_sign(
        &self,
        request: &RequestParts<'_>,
        payload_hash: &str,
        style: PathStyle,
    ) -> Result<String, Refusal> {
        let canonical = canonical_request(request, &self.signed_headers, payload_hash, style)?;
        Ok(string_to_sign(self.signed_at, &self.scope, &canonical))
    }

    /// Whether the holder of the secret signed just this request. The time is checked by [`Self::check_time`].
    pub fn verify(
        &self,
        request: &RequestParts<'_>,
        payload_hash: &str,
        style: PathStyle,
        key: &SigningKey,
    ) -> Result<(), Refusal> {
        let expected = key.signature(&self.string_to_sign(request, payload_hash, style)?);
        if same(&expected, &self.signature) { Ok(()) } else { Err(Refusal::Mismatch) }
    }

    /// The bytes of a node's RSA signature.
    pub fn rsa_signature(&self) -> Result<Vec<u8>, Refusal> {
        base64::engine::general_purpose::STANDARD.decode(&self.signature).map_err(|_| Refusal::Mismatch)
    }
}

fn header_names(list: &str) -> Vec<String> {
    let mut names: Vec<String> = list.split(';').map(|name| name.trim().to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn time(text: &str) -> Result<Timestamp, Refusal> {
    parse_time(text)
        .ok_or_else(|| Refusal::Incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{text}'.")))
}
