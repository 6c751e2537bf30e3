//! Homebrew's formulae and casks: what is installed and what has a newer version. brew is run as the owner of its folder,
//! never as root, and told not to update itself on the way.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::packages::tool::Tool;

/// Where Homebrew lives on Apple's processors and on Intel's.
pub const FOLDERS: [&str; 2] = ["/opt/homebrew", "/usr/local"];

/// One installed formula or cask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brewed {
    pub name: String,
    pub kind: Kind,
    /// The newest of those that are installed.
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outdated {
    pub name: String,
    pub kind: Kind,
    pub current: String,
    pub is_pinned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Formula,
    Cask,
}

/// Homebrew of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Homebrew {
    pub program: PathBuf,
    /// Whom to run it as, where that is not who runs this.
    pub owner: Option<String>,
}

#[derive(Deserialize)]
struct Listing {
    #[serde(default)]
    formulae: Vec<Entry>,
    #[serde(default)]
    casks: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    current_version: String,
    #[serde(default)]
    pinned: bool,
}

impl Kind {
    pub fn option(self) -> &'static str {
        match self {
            Self::Formula => "--formula",
            Self::Cask => "--cask",
        }
    }
}

/// `brew outdated --json=v2`
pub fn parse_outdated(text: &str) -> serde_json::Result<Vec<Outdated>> {
    let Listing { formulae, casks } = serde_json::from_str(text)?;
    let of = |kind| {
        move |entry: Entry| Outdated {
            name: entry.name,
            kind,
            current: entry.current_version,
            is_pinned: entry.pinned,
        }
    };
    let casks = casks.into_iter().map(of(Kind::Cask));
    Ok(formulae.into_iter().map(of(Kind::Formula)).chain(casks).collect())
}

/// `brew list --versions`: a name and its versions, oldest first.
pub fn parse_installed(text: &str, kind: Kind) -> Vec<Brewed> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        Some(Brewed { name, kind, version: words.next_back()?.to_owned() })
    };
    text.lines().filter_map(line).collect()
}

impl Homebrew {
    /// Run as the owner; sudo forgets the environment, so it is given behind it.
    pub fn tool(&self) -> Tool {
        const QUIET: [&str; 2] = ["HOMEBREW_NO_AUTO_UPDATE=1", "HOMEBREW_NO_ENV_HINTS=1"];
        let tool = match &self.owner {
            None => Tool::new("env"),
            Some(owner) => Tool::new("sudo").args(["-n", "-H", "-u", owner, "--", "env"]),
        };
        tool.args(QUIET).arg(&self.program)
    }
}

/// To be run as whoever owns its folder, when that is somebody else.
pub fn owned(program: PathBuf) -> Homebrew {
    let folder = program.parent().unwrap_or(&program);
    let owner = std::fs::metadata(folder).ok().map(|metadata| metadata.uid());
    let is_other = |uid: &u32| *uid != rustix::process::geteuid().as_raw();
    Homebrew { owner: owner.filter(is_other).map(|uid| format!("#{uid}")), program }
}

/// The program below one of these folders; `None` without Homebrew.
pub fn find(folders: &[&Path]) -> Option<PathBuf> {
    folders.iter().map(|folder| folder.join("bin/brew")).find(|program| program.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_outdated() {
        let text = r#"{"formulae":[
            {"name":"openssl@3","installed_versions":["3.1.0"],"current_version":"3.1.4","pinned":false,"pinned_version":null},
            {"name":"node","installed_versions":["18.1.0"],"current_version":"21.1.0","pinned":true,"pinned_version":"18.1.0"}],
          "casks":[{"name":"firefox","installed_versions":"118.0","current_version":"119.0"}]}"#;
        let found: Vec<_> = parse_outdated(text)
            .unwrap()
            .into_iter()
            .map(|o| (o.name, o.kind, o.current, o.is_pinned))
            .collect();
        let expected = [
            ("openssl@3".to_owned(), Kind::Formula, "3.1.4".to_owned(), false),
            ("node".to_owned(), Kind::Formula, "21.1.0".to_owned(), true),
            ("firefox".to_owned(), Kind::Cask, "119.0".to_owned(), false),
        ];
        assert_eq!(found, expected);
        assert!(parse_outdated("Error: nothing").is_err());
    }

    #[test]
    fn reads_what_is_installed() {
        let found = parse_installed("openssl@3 3.0.9 3.1.0\nwget 1.21.4\n\nbroken\n", Kind::Formula);
        let lines: Vec<_> = found.iter().map(|b| (b.name.as_str(), b.version.as_str())).collect();
        assert_eq!(lines, [("openssl@3", "3.1.0"), ("wget", "1.21.4")]);
    }
}
