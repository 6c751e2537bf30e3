//! Builds of the agent that nodes bring themselves up to date with: how they are named, ordered, and what is signed.
//! Keeping and signing them is the server's, checking and taking them over the agent's.

use std::fmt;
use std::str::FromStr;

use crate::object::ObjectKey;

/// The bucket of an account from which its nodes take builds.
pub const BUILD_BUCKET: &str = "fettle-agents";
/// What follows a build's key in that of its signature.
pub const SIGNATURE_SUFFIX: &str = ".sig";
const MOST_PARTS: usize = 4;
const MOST_CHARS: usize = 32;

/// Numbers with dots between them. The missing ones are zero: `1.2` and `1.2.0` are the same.
#[derive(Clone, Debug)]
pub struct AgentVersion(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version of the agent, such as 1.4.0")]
pub struct InvalidVersion(String);

impl FromStr for AgentVersion {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let is_number =
            |part: &str| !part.is_empty() && part.parse::<u32>().is_ok_and(|_| !part.starts_with('+'));
        let parts = text.split('.');
        let is_version =
            text.len() <= MOST_CHARS && parts.clone().count() <= MOST_PARTS && parts.clone().all(is_number);
        match is_version {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidVersion(text.chars().take(MOST_CHARS).collect())),
        }
    }
}

impl AgentVersion {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn numbers(&self) -> [u32; MOST_PARTS] {
        let mut numbers = [0; MOST_PARTS];
        for (number, part) in numbers.iter_mut().zip(self.0.split('.')) {
            *number = part.parse().unwrap_or_default();
        }
        numbers
    }
}

impl PartialEq for AgentVersion {
    fn eq(&self, other: &Self) -> bool {
        self.numbers() == other.numbers()
    }
}

impl Eq for AgentVersion {}

impl PartialOrd for AgentVersion {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AgentVersion {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.numbers().cmp(&other.numbers())
    }
}

impl fmt::Display for AgentVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a build is for: `linux-x86_64`, as the build itself knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(String);

impl Target {
    /// `None`: these are no names of a platform and an architecture.
    pub fn new(platform: &str, architecture: &str) -> Option<Self> {
        let is_word = |text: &str| {
            (1..=32).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        (is_word(platform) && is_word(architecture)).then(|| Self(format!("{platform}-{architecture}")))
    }

    /// Where a build is: `VERSION/PLATFORM-ARCHITECTURE`.
    pub fn key(&self, version: &AgentVersion) -> ObjectKey {
        let key = format!("{version}/{}", self.0);
        key.parse().expect("numbers, dots, one slash and lower-case words")
    }

    /// The version that a key stands for, if it is that of a build for this.
    pub fn version_of(&self, key: &ObjectKey) -> Option<AgentVersion> {
        let (version, target) = key.as_str().split_once('/')?;
        if target == self.0 { version.parse().ok() } else { None }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is signed: nothing of a build can be exchanged for something else, its version and its target included.
pub fn statement(version: &AgentVersion, target: &Target, size_bytes: u64, sha256: &str) -> String {
    format!("fettle-agent build\nversion {version}\ntarget {target}\nsize {size_bytes}\nsha256 {sha256}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> AgentVersion {
        text.parse().unwrap()
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        assert!(version("0.10.0") > version("0.9.9"));
        assert!(version("1.2") == version("1.2.0") && version("1.2.0.1") > version("1.2"));
        assert!(version("2") > version("1.99.99"));
        for wrong in ["", "1.", ".1", "1.2.3.4.5", "1.x", "v1", "+1", "-1", "1.4294967296", "1..2"] {
            assert!(wrong.parse::<AgentVersion>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_build_is_found_by_its_key() {
        let target = Target::new("linux", "x86_64").unwrap();
        let key = target.key(&version("1.4.0"));
        assert_eq!(key.as_str(), "1.4.0/linux-x86_64");
        assert_eq!(target.version_of(&key).unwrap().as_str(), "1.4.0");
        for other in ["1.4.0/linux-x86_64.sig", "1.4.0/linux-aarch64", "a/linux-x86_64", "linux-x86_64"] {
            assert!(target.version_of(&other.parse().unwrap()).is_none(), "{other}");
        }
        for (platform, architecture) in [("", "x86_64"), ("Linux", "x86_64"), ("..", "a"), ("a/b", "c")] {
            assert_eq!(Target::new(platform, architecture), None);
        }
    }

    #[test]
    fn the_statement_names_everything() {
        let target = Target::new("linux", "x86_64").unwrap();
        let said = statement(&version("1.4.0"), &target, 7, "ab");
        assert_eq!(said, "fettle-agent build\nversion 1.4.0\ntarget linux-x86_64\nsize 7\nsha256 ab\n");
    }
}
