//! Values as the API shows them: everything is text, or a list of texts.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::choice::text;
use super::requests::given_texts;

/// Inputs: structures as JSON.
pub fn shown(values: &Map<String, Value>) -> BTreeMap<String, String> {
    values.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

/// Parameters, variables and outputs: what is absent is left out.
pub fn texts(values: &Map<String, Value>) -> BTreeMap<String, Vec<String>> {
    let mut texts = given_texts(values);
    texts.retain(|name, _| values.get(name).is_some_and(|value| !value.is_null()));
    texts
}
