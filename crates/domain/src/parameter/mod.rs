//! Parameter Store: names, values, policies and labels of parameters, and the references to them in documents.
//! Keeping them, and encrypting the values of SecureStrings, is the server's.
//! Source: systems-manager.md 10.

mod data_type;
mod label;
mod name;
mod paths;
mod policy;
mod reference;
mod tier;
mod value;

pub use label::is_label;
pub use name::{NameError, ParameterKey, ParameterName, Selector, path_key, requested};
pub use paths::{ParameterPath, PathError};
pub use policy::{Due, Policies, Policy, PolicyError, PolicyStatus, Rule};
pub use reference::{Reference, Stored, references, references_in_text, substitute, substitute_secrets};
pub use tier::{Tier, TierError, Wanted, chosen_tier};
pub use value::{Declared, ValueError, check_value};

/// Of one parameter; the next one drops the oldest.
pub const MOST_VERSIONS: i64 = 100;
/// Of one version.
pub const MOST_LABELS: usize = 10;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    String,
    /// Elements between commas; a comma cannot be escaped.
    StringList,
    /// Kept encrypted.
    SecureString,
}

impl Kind {
    pub fn parse(text: &str) -> Option<Self> {
        [Self::String, Self::StringList, Self::SecureString].into_iter().find(|kind| kind.as_str() == text)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::SecureString => "SecureString",
        }
    }
}
