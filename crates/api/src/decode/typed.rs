//! The typed value of a JSON tree that has passed its checks. A structure is asked for its own
//! members, so that unknown ones cost nothing and `null` is the same as absent.
//!
//! Not serde's visitors: of four hundred structures they were a quarter of all that the compiler had to make of the server.
//! What `codegen/` writes for a structure is compiled once, here, whoever reads it and from whatever.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::DecodeError;
use super::tree::{Json, Object};

/// What can stand in a body.
pub trait FromJson: Sized {
    fn from_json(json: &Json<'_>) -> Result<Self, DecodeError>;
}

impl Object<'_> {
    pub fn optional<T: FromJson>(&self, name: &str) -> Result<Option<T>, DecodeError> {
        match self.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(json) => T::from_json(json).map(Some).map_err(|error| within(name, error)),
        }
    }

    /// Whether it must be there was asked before, of requests; a response's is empty when absent.
    pub fn required<T: FromJson + Default>(&self, name: &str) -> Result<T, DecodeError> {
        self.optional(name).map(Option::unwrap_or_default)
    }
}

/// The members of a structure.
pub fn members<'j, 'a>(json: &'j Json<'a>) -> Result<&'j Object<'a>, DecodeError> {
    json.as_object().ok_or_else(|| mismatch(json, "a structure"))
}

/// Says where it is, from the outermost member on.
#[cold]
fn within(name: &str, error: DecodeError) -> DecodeError {
    let DecodeError::Serialization(text) = error else { return error };
    let inner = text.strip_suffix('\'').and_then(|text| text.rsplit_once(" at '"));
    DecodeError::Serialization(match inner {
        Some((what, path)) => format!("{what} at '{name}.{path}'"),
        None => format!("{text} at '{name}'"),
    })
}

/// For serde, of which the generated types keep the traits.
pub fn deserialize<'de, D: Deserializer<'de>, T: FromJson>(deserializer: D) -> Result<T, D::Error> {
    let json = Json::deserialize(deserializer)?;
    T::from_json(&json).map_err(D::Error::custom)
}

pub fn mismatch(json: &Json<'_>, wanted: &str) -> DecodeError {
    DecodeError::Serialization(json.unlike(wanted))
}

impl FromJson for String {
    fn from_json(json: &Json<'_>) -> Result<Self, DecodeError> {
        json.as_str().map(str::to_owned).ok_or_else(|| mismatch(json, "a String"))
    }
}

impl FromJson for bool {
    fn from_json(json: &Json<'_>) -> Result<Self, DecodeError> {
        json.as_bool().ok_or_else(|| mismatch(json, "a Boolean"))
    }
}

impl FromJson for i64 {
    fn from_json(json: &Json<'_>) -> Result<Self, DecodeError> {
        json.as_number().and_then(serde_json::Number::as_i64).ok_or_else(|| mismatch(json, "a Long"))
    }
}

impl FromJson for i32 {
    fn from_json(json: &Json<'_>) -> Result<Self, DecodeError> {
        let number = json.as_number().and_then(serde_json::Number::as_i64);
        number.and_then(|number| number.try_into().ok()).ok_or_else(|| mismatch(json, "an Integer"))
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: &Json<'_>) -> Result<Self, DecodeError> {
        let elements = json.as_array().ok_or_else(|| mismatch(json, "a list"))?;
        let mut all = Self::with_capacity(elements.len());
        for element in elements {
            all.push(T::from_json(element)?);
        }
        Ok(all)
    }
}

/// Keys are texts or enums, and every text is one of an enum's.
impl<K: From<String> + Ord, T: FromJson> FromJson for BTreeMap<K, T> {
    fn from_json(json: &Json<'_>) -> Result<Self, DecodeError> {
        let entries = json.as_object().ok_or_else(|| mismatch(json, "a map"))?;
        let mut all = Self::new();
        for (key, value) in entries.iter() {
            all.insert(K::from(key.to_owned()), T::from_json(value)?);
        }
        Ok(all)
    }
}
