//! The form of the generated constraint tables, and the traits that tie wire types to them.
//! Tables are written by `codegen/`; checking values against them belongs to `decode`.

use std::sync::OnceLock;

use regex::Regex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::decode::FromJson;

/// A wire type with a constraint table.
pub trait Shape: FromJson + DeserializeOwned {
    fn schema() -> &'static Schema;
}

/// The input of an operation.
pub trait Request: Shape + Serialize {
    type Response: Shape + Serialize;
    /// The value of the `X-Amz-Target` header.
    const TARGET: &'static str;
}

/// What the model says about one shape.
#[derive(Debug)]
pub struct Schema {
    pub name: &'static str,
    /// Values are never echoed in messages.
    pub sensitive: bool,
    pub kind: Kind,
}

#[derive(Debug)]
pub enum Kind {
    Structure(&'static [Member]),
    List {
        element: &'static Schema,
        length: Bounds,
    },
    Map {
        key: &'static Schema,
        value: &'static Schema,
        /// Number of entries.
        length: Bounds,
    },
    Text {
        /// In Unicode scalar values.
        length: Bounds,
        pattern: Option<&'static Pattern>,
        /// Empty unless the shape is an enum.
        values: &'static [&'static str],
    },
    Integer(Bounds),
    Long(Bounds),
    Boolean,
    Timestamp,
    Blob {
        /// In bytes, after decoding base64.
        length: Bounds,
    },
}

#[derive(Debug)]
pub struct Member {
    pub name: &'static str,
    /// The name with its first letter in lower case, as constraint messages have it.
    pub path: &'static str,
    pub required: bool,
    pub schema: &'static Schema,
}

/// Both ends are allowed values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub min: Option<i64>,
    pub max: Option<i64>,
}

/// A pattern of the model. It must match the whole text.
#[derive(Debug)]
pub struct Pattern {
    source: &'static str,
    translated: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    pub const fn new(source: &'static str, translated: &'static str) -> Self {
        Self { source, translated, compiled: OnceLock::new() }
    }

    /// As the model and messages have it.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// In the syntax of the `regex` crate, anchored at both ends.
    pub fn translated(&self) -> &'static str {
        self.translated
    }

    pub fn matches(&self, text: &str) -> bool {
        // A test proves that every pattern of the models compiles, so nothing passes unchecked.
        let compiled = self.compiled.get_or_init(|| Regex::new(self.translated).ok());
        compiled.as_ref().is_none_or(|pattern| pattern.is_match(text))
    }
}
