//! Names of parameters and of paths, and what follows a name where a version is asked for.
//! Source: systems-manager.md 10.1, 10.3, 0.4.

use std::fmt;

use crate::ids::{AccountId, Arn, Region};

const MAX_LEVELS: usize = 15;
/// Of the ARN.
const MAX_ARN_CHARS: usize = 1011;

/// As a parameter was created: `/a/b`, or `x` where there is no hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterName(String);

/// What tells parameters apart: the name without its leading slash, so that `/x` and `x` are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParameterKey(String);

/// Which version: `name:3` or `name:label`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    Version(i64),
    Label(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error(
        "parameter name `{0}`: expected letters, digits and _.- in parts between slashes, none of them empty"
    )]
    Characters(String),
    #[error(
        "parameter name `{0}`: a name with a hierarchy must be a fully qualified name, which begins with a slash"
    )]
    NotQualified(String),
    #[error("parameter name `{0}`: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)")]
    Prefix(String),
    /// A path of AWS's own.
    #[error("No access to reserved parameter name: {0}.")]
    Reserved(String),
    #[error("parameter name `{name}` has {levels} levels; at most {MAX_LEVELS} are allowed")]
    Levels { name: String, levels: usize },
    #[error("parameter name `{name}`: its ARN has {chars} characters; at most {MAX_ARN_CHARS} are allowed")]
    Length { name: String, chars: usize },
}

impl ParameterName {
    /// A name that a new parameter may have.
    pub fn parse(text: &str, account: &AccountId, region: &Region) -> Result<Self, NameError> {
        let shown = || text.chars().take(200).collect::<String>();
        let key = key_of(text).map_err(|error| error(shown()))?;
        let parts: Vec<&str> = key.split('/').collect();
        let first = parts[0].to_ascii_lowercase();
        if first == "aws" && parts.len() > 1 {
            return Err(NameError::Reserved(shown()));
        }
        if first.starts_with("aws") || first.starts_with("ssm") {
            return Err(NameError::Prefix(shown()));
        }
        if parts.len() > MAX_LEVELS {
            return Err(NameError::Levels { name: shown(), levels: parts.len() });
        }
        let name = Self(text.to_owned());
        let chars = name.key().arn(account, region).chars().count();
        match chars > MAX_ARN_CHARS {
            true => Err(NameError::Length { name: shown(), chars }),
            false => Ok(name),
        }
    }

    /// One that was checked when it was created.
    pub fn of_stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn key(&self) -> ParameterKey {
        ParameterKey(without_slash(&self.0).to_owned())
    }
}

impl ParameterKey {
    /// One that came out of a name.
    pub fn of_stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path above, without its leading slash; empty at the top.
    pub fn parent(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    pub fn arn(&self, account: &AccountId, region: &Region) -> String {
        format!("arn:aws:ssm:{region}:{account}:parameter/{}", self.0)
    }
}

impl fmt::Display for ParameterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Selector {
    fn parse(text: &str) -> Self {
        match text.parse() {
            Ok(version) if text.bytes().all(|b| b.is_ascii_digit()) => Self::Version(version),
            _ => Self::Label(text.to_owned()),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "{version}"),
            Self::Label(label) => f.write_str(label),
        }
    }
}

/// What a request asks for: a name or an ARN, either with a selector. `None`: it is well formed, and of somebody else.
pub fn requested(
    text: &str,
    account: &AccountId,
    region: &Region,
) -> Result<Option<(ParameterKey, Option<Selector>)>, NameError> {
    let (name, selector) = match Arn::parse(text) {
        None => split(text),
        Some(arn) => {
            let Some(rest) = arn.resource.strip_prefix("parameter/").filter(|_| arn.service == "ssm") else {
                return Ok(None);
            };
            if arn.account != account.as_str() || arn.region != region.as_str() {
                return Ok(None);
            }
            let (key, selector) = split(rest);
            if !key.split('/').all(is_part) {
                return Ok(None);
            }
            // An ARN has no slash of its own before a name without a hierarchy.
            return Ok(Some((ParameterKey(key.to_owned()), selector.map(Selector::parse))));
        }
    };
    let key = key_of(name).map_err(|error| error(name.chars().take(200).collect()))?;
    Ok(Some((ParameterKey(key.to_owned()), selector.map(Selector::parse))))
}

/// The key of a path, which begins with a slash and may end in one; empty of `/` itself.
pub fn path_key(path: &str) -> Option<&str> {
    let rest = path.strip_prefix('/')?;
    let key = rest.strip_suffix('/').unwrap_or(rest);
    (rest.is_empty() || key.split('/').all(is_part)).then_some(key)
}

fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((name, selector)) => (name, Some(selector)),
        None => (text, None),
    }
}

fn without_slash(text: &str) -> &str {
    text.strip_prefix('/').unwrap_or(text)
}

fn key_of(text: &str) -> Result<&str, fn(String) -> NameError> {
    let key = without_slash(text);
    if !key.split('/').all(is_part) {
        return Err(NameError::Characters);
    }
    match key.contains('/') && !text.starts_with('/') {
        true => Err(NameError::NotQualified),
        false => Ok(key),
    }
}

fn is_part(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (AccountId, Region) {
        ("123456789012".parse().unwrap(), "eu-central-1".parse().unwrap())
    }

    #[test]
    fn names_are_checked() {
        let (account, region) = place();
        let check = |text: &str, expected: Result<&str, &str>| {
            let found = ParameterName::parse(text, &account, &region);
            match (found, expected) {
                (Ok(name), Ok(key)) => assert_eq!(name.key().as_str(), key, "{text}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{text}: {error}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        };
        check("x", Ok("x"));
        check("/x", Ok("x"));
        check("/a/B_1/c.d-e", Ok("a/B_1/c.d-e"));
        check("a/b", Err("fully qualified"));
        check("/a//b", Err("none of them empty"));
        check("/a/", Err("none of them empty"));
        check("/", Err("none of them empty"));
        check("a b", Err("expected letters"));
        check("ä", Err("expected letters"));
        check("a:b", Err("expected letters"));
        check("/aws/service/x", Err("No access to reserved parameter name: /aws/service/x."));
        check("AWSome", Err("can't be prefixed"));
        check("/ssm/x", Err("can't be prefixed"));
        check("/awsx/y", Err("can't be prefixed"));
        check("/a/aws", Ok("a/aws"));
        check(&"/l".repeat(15), Ok(&"/l".repeat(15)[1..]));
        check(&"/l".repeat(16), Err("16 levels"));
        let prefix = "arn:aws:ssm:eu-central-1:123456789012:parameter/".len();
        let longest = "n".repeat(1011 - prefix);
        check(&longest, Ok(&longest));
        check(&format!("{longest}n"), Err("1012 characters"));
    }

    #[test]
    fn requests_name_versions_and_labels() {
        let (account, region) = place();
        let check = |text: &str, expected: Option<(&str, Option<Selector>)>| {
            let found = requested(text, &account, &region).unwrap();
            let found = found.as_ref().map(|(key, selector)| (key.as_str(), selector.clone()));
            assert_eq!(found, expected, "{text}");
        };
        check("x", Some(("x", None)));
        check("/a/b:3", Some(("a/b", Some(Selector::Version(3)))));
        check("/a/b:prod", Some(("a/b", Some(Selector::Label("prod".into())))));
        check("x:", Some(("x", Some(Selector::Label(String::new())))));
        check("x:+3", Some(("x", Some(Selector::Label("+3".into())))));
        let own = "arn:aws:ssm:eu-central-1:123456789012:parameter/a/b";
        check(own, Some(("a/b", None)));
        check(&format!("{own}:2"), Some(("a/b", Some(Selector::Version(2)))));
        check("arn:aws:ssm:eu-central-1:210987654321:parameter/a/b", None);
        check("arn:aws:ssm:eu-west-1:123456789012:parameter/a/b", None);
        check("arn:aws:ssm:eu-central-1:123456789012:document/a", None);
        check("arn:aws:ssm:eu-central-1:123456789012:parameter/a\0", None);
        assert!(requested("a/b", &account, &region).is_err());
        assert!(requested("a b", &account, &region).is_err());
    }

    #[test]
    fn paths_begin_with_a_slash() {
        for (path, expected) in [
            ("/", Some("")),
            ("/a", Some("a")),
            ("/a/b/", Some("a/b")),
            ("a", None),
            ("", None),
            ("//", None),
            ("/a b", None),
        ] {
            assert_eq!(path_key(path), expected, "{path}");
        }
        let parents = ["x", "a/b", "a/b/c"].map(|key| ParameterKey(key.into()).parent().to_owned());
        assert_eq!(parents, ["", "a", "a/b"]);
    }
}
