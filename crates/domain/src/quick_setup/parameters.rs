//! The parameters of a definition: all of them text, an empty one as good as none, each read once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// A parameter that a definition cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Parameters: {name}: {reason}")]
pub struct ParameterError {
    pub name: String,
    pub reason: String,
}

impl ParameterError {
    pub fn new(name: &str, reason: impl Into<String>) -> Self {
        Self { name: name.chars().take(256).collect(), reason: reason.into() }
    }
}

pub struct Parameters<'a> {
    given: &'a BTreeMap<String, String>,
    read: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Parameters<'a> {
    pub fn new(given: &'a BTreeMap<String, String>) -> Self {
        Self { given, read: RefCell::default() }
    }

    pub fn text(&self, name: &'static str) -> Option<&'a str> {
        self.read.borrow_mut().insert(name);
        self.given.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    pub fn required(&self, name: &'static str) -> Result<&'a str, ParameterError> {
        self.text(name).ok_or_else(|| ParameterError::new(name, "is required"))
    }

    /// Known, and without a meaning here.
    pub fn pass_over(&self, names: &[&'static str]) {
        self.read.borrow_mut().extend(names);
    }

    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, ParameterError> {
        match self.text(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(other) => Err(ParameterError::new(name, format!("`{other}` is neither true nor false"))),
        }
    }

    /// One of `values`, of which the first is the default.
    pub fn choice(
        &self,
        name: &'static str,
        values: &[&'static str],
    ) -> Result<&'static str, ParameterError> {
        let Some(text) = self.text(name) else { return Ok(values.first().copied().unwrap_or_default()) };
        let found = values.iter().copied().find(|value| *value == text);
        found
            .ok_or_else(|| ParameterError::new(name, format!("`{text}` is not one of {}", values.join(", "))))
    }

    /// Parts between commas.
    pub fn list(&self, name: &'static str) -> Vec<&'a str> {
        let parts = self.text(name).unwrap_or_default().split(',').map(str::trim);
        parts.filter(|part| !part.is_empty()).collect()
    }

    /// What nobody reads would be silently left undone.
    pub fn refuse_unknown(&self) -> Result<(), ParameterError> {
        let read = self.read.borrow();
        match self.given.keys().find(|name| !read.contains(name.as_str())) {
            None => Ok(()),
            Some(name) => Err(ParameterError::new(name, "is not a parameter of this type")),
        }
    }
}
