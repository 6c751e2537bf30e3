//! What is asked of a package manager, what it says it would do, and what came of it: the words that the
//! agent's backends, the journal, reports and `fettle plan` share. Deciding what to ask for is `evaluate`'s.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::Failure;
use crate::baseline::names::entry_for_package;

/// One approved package version, exactly as a repository offers it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Wanted {
    pub name: String,
    pub arch: String,
    /// In the form of `PackageFact::version`.
    pub version: String,
}

/// What a transaction may do besides what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Patterns of rejected packages (BLOCK): no transaction may bring one in or change its version.
    #[serde(default)]
    pub blocked: Vec<String>,
    /// Single versions that rejected advisories and CVE ids mean (BLOCK): none of them may come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_versions: Vec<BlockedVersion>,
    /// Installed versions that are to be installed once more where they are wanted: a script of theirs failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<Wanted>,
}

/// A version of a package, and the entry of the rejected list that means it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlockedVersion {
    pub package: Wanted,
    pub entry: String,
}

impl Limits {
    /// Nothing that is to stay out, or as it is.
    pub fn block_nothing(&self) -> bool {
        self.blocked.is_empty() && self.blocked_versions.is_empty()
    }

    /// The entry that rejects this package, whichever version is meant.
    pub fn entry_for(&self, package: &str) -> Option<&str> {
        let by_version = || self.blocked_versions.iter().find(|blocked| blocked.package.name == package);
        entry_for_package(&self.blocked, package)
            .or_else(|| by_version().map(|blocked| blocked.entry.as_str()))
    }
}

/// A change of one package, planned or done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    pub name: String,
    pub arch: String,
    /// `None`: newly installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// `None`: removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    pub reason: ChangeReason,
}

impl Change {
    /// `compare` is the order of versions on the node.
    pub fn action(&self, compare: fn(&str, &str) -> Ordering) -> ChangeAction {
        match (&self.from, &self.to) {
            (None, _) => ChangeAction::Install,
            (Some(_), None) => ChangeAction::Remove,
            (Some(from), Some(to)) if compare(to, from).is_lt() => ChangeAction::Downgrade,
            (Some(_), Some(_)) => ChangeAction::Upgrade,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeAction {
    Install,
    Upgrade,
    Downgrade,
    Remove,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeReason {
    Wanted,
    Dependency,
}

/// What the node's own solver would do; nothing has been changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Sorted by name and architecture.
    pub changes: Vec<Change>,
    /// What cannot be done, and why; the rest of the plan holds without it.
    pub refused: Vec<Refusal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_bytes: Option<u64>,
    /// Growth of the file system; negative when it shrinks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<i64>,
    /// Services that will run replaced files afterwards, as far as that is known beforehand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restarts: Vec<String>,
    /// What to know before saying yes; nothing is kept away by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Failure>,
    /// The publisher says that a reboot will be needed.
    #[serde(default)]
    pub reboot_expected: bool,
    /// Changes that take effect with a reboot, whoever says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reboot_signs: Vec<RebootSign>,
    /// What stands in the way of all of it at this moment: a lock that somebody holds, a disk that is too full.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blockers: Vec<Failure>,
}

/// Why a reboot is to be expected after a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RebootSign {
    pub package: String,
    /// One clause: who says so, or what is known of such packages.
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub wanted: Wanted,
    pub failure: Failure,
}

/// What a transaction came to, judged by the package database afterwards, not by an exit code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Everything that differs from before, dependencies included; its reverse is the undo.
    pub changes: Vec<Change>,
    /// What was wanted and is not there.
    pub failed: Vec<Refusal>,
    /// What came, wanted or needed, although a script of its own failed, which the package database does not remember.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub half_done: Vec<Refusal>,
    /// What went wrong without keeping anything wanted away (a scriptlet that the tool only warns of).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Failure>,
}
