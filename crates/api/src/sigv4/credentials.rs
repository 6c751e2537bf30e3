//! Keys and scopes: who signs, and for which day, region and service.

use std::fmt;

use ring::hmac::{self, HMAC_SHA256, Key};
use subtle::ConstantTimeEq;

use super::{Refusal, format_date};
use crate::Timestamp;

const TERMINATOR: &str = "aws4_request";

/// What a client signs with. `Debug` shows only the key id.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    /// Goes with temporary keys.
    pub session_token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// What a signature is good for. Prints as `20150830/us-east-1/ssm/aws4_request`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// `20150830`
    pub date: String,
    pub region: String,
    pub service: String,
}

impl Scope {
    pub fn new(at: Timestamp, region: &str, service: &str) -> Self {
        Self { date: format_date(at), region: region.to_owned(), service: service.to_owned() }
    }

    /// Splits `<key id>/20150830/us-east-1/ssm/aws4_request`. The key id may hold slashes.
    pub fn parse_credential(credential: &str) -> Result<(&str, Self), Refusal> {
        let parts: Vec<&str> = credential.rsplitn(5, '/').collect();
        let [terminator, service, region, date, access_key_id] = parts[..] else {
            return Err(Refusal::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got '{credential}'"
            )));
        };
        if terminator != TERMINATOR {
            return Err(Refusal::Unfit(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'."
            )));
        }
        if [service, region, date, access_key_id].contains(&"") {
            return Err(Refusal::Incomplete(format!("Credential has an empty element: '{credential}'")));
        }
        let scope = Self { date: date.to_owned(), region: region.to_owned(), service: service.to_owned() };
        Ok((access_key_id, scope))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

/// A secret narrowed to one scope. It may be kept for the day; it does not lead back to the secret.
#[derive(Clone)]
pub struct SigningKey(Key);

impl SigningKey {
    pub fn derive(secret_access_key: &str, scope: &Scope) -> Self {
        let secret = Key::new(HMAC_SHA256, format!("AWS4{secret_access_key}").as_bytes());
        let narrowed = |key: &Key, to: &str| Key::new(HMAC_SHA256, hmac::sign(key, to.as_bytes()).as_ref());
        let date = narrowed(&secret, &scope.date);
        let region = narrowed(&date, &scope.region);
        let service = narrowed(&region, &scope.service);
        Self(narrowed(&service, TERMINATOR))
    }

    /// Lower-case hex.
    pub fn signature(&self, string_to_sign: &str) -> String {
        super::to_hex(hmac::sign(&self.0, string_to_sign.as_bytes()).as_ref())
    }
}

/// Compares without telling by its duration where two texts differ.
pub fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}
