//! Paths of parameters that a setting names: everything below one of them is meant.
//! Source: systems-manager.md 10.1.

use std::fmt;
use std::str::FromStr;

use super::{ParameterKey, path_key};

/// `/`: everything. `/a/b`: what is called so, and what is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterPath(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no path of parameters: expected / or /part/part, of letters, digits and _.-")]
pub struct PathError(String);

impl FromStr for ParameterPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        match path_key(text) {
            Some(key) => Ok(Self(key.to_owned())),
            None => Err(PathError(text.chars().take(200).collect())),
        }
    }
}

impl fmt::Display for ParameterPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

impl ParameterPath {
    pub fn covers(&self, key: &ParameterKey) -> bool {
        let rest = key.as_str().strip_prefix(&self.0);
        self.0.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_covers_what_is_below_it() {
        let check = |path: &str, key: &str, expected: bool| {
            let path: ParameterPath = path.parse().unwrap();
            assert_eq!(path.covers(&ParameterKey::of_stored(key.to_owned())), expected, "{path} {key}");
        };
        check("/", "x", true);
        check("/", "a/b", true);
        check("/a", "a", true);
        check("/a/", "a/b/c", true);
        check("/a", "ab", false);
        check("/a/b", "a", false);
        check("/a/b", "a/bc", false);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", "a", "//", "/a//b", "/a b", "/*", "/a:1"] {
            assert!(text.parse::<ParameterPath>().is_err(), "{text}");
        }
        assert_eq!("/a/b/".parse::<ParameterPath>().unwrap().to_string(), "/a/b");
    }
}
