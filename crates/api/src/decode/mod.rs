//! From body to request: JSON types, then every constraint of the model, then the typed value.
//! Size limits belong to the server. Source: AWS's common errors and their wording.

mod check;
mod shown;
#[cfg(test)]
mod sweep_tests;
#[cfg(test)]
mod tests;
mod tree;
mod typed;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Shape;
pub(crate) use tree::Json;
pub(crate) use typed::{FromJson, deserialize, members, mismatch};

/// Why a body is refused. The texts are meant for the client and carry no sensitive value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, nested too deeply, or a value of the wrong JSON type: `SerializationException`.
    #[error("{0}")]
    Serialization(String),
    /// One or more constraints are broken: `ValidationException`.
    #[error("{0}")]
    Validation(String),
}

/// Reads and checks a request. `null` counts as absent, unknown members are ignored, of a repeated
/// name the last value counts, an empty body is `{}`.
pub fn decode<T: Shape>(body: &[u8]) -> Result<T, DecodeError> {
    let json = parsed(body)?;
    check::check(T::schema(), &json)?;
    T::from_json(&json)
}

fn parsed(body: &[u8]) -> Result<Json<'_>, DecodeError> {
    let body = if body.is_empty() { b"{}" } else { body };
    // The parser refuses more than 128 levels, which bounds every recursion that follows.
    let parsed = match std::str::from_utf8(body) {
        // Valid as a whole: the parser need not look again at each text.
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(body),
    };
    parsed.map_err(|e| DecodeError::Serialization(e.to_string()))
}

/// Like [`decode`], for JSON that is already parsed.
pub fn decode_value<T: Shape>(value: Value) -> Result<T, DecodeError> {
    decode(&encode(&value))
}

/// Reads a response. A client takes what the server says: constraints are not checked.
pub fn decode_response<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|e| DecodeError::Serialization(e.to_string()))
}

/// The body of a request or response.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("wire types hold only what JSON has, under text keys")
}
