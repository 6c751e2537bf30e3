//! Everything that can go wrong while patching, each with a stable code that reports, logs and
//! `docs/errors/` share. Recognising a failure in a tool's output is the agent's package managers' work.
//! Source: spec patch-manager 8.4.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A failure with what it is about. `subject` is what the code's page calls it: the package, the
/// repository, the process that holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: FailureCode,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// One line for people: what happened, in the tool's words where they help.
    pub detail: String,
}

/// Adding a code needs a page `docs/errors/<code>.md`, which a test checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureCode {
    /// Another process holds the package manager's lock. Subject: the process.
    LockHeld,
    /// A repository cannot be fetched. Subject: the repository.
    RepositoryUnreachable,
    /// A repository's signature or key does not verify. Subject: the repository.
    RepositoryUntrusted,
    /// A repository's metadata is damaged or not understood. Subject: the repository.
    RepositoryDamaged,
    /// No enabled repository offers the approved version. Subject: the package.
    VersionUnavailable,
    /// A package file cannot be downloaded. Subject: the package.
    DownloadFailed,
    /// A downloaded file is not what the repository promised. Subject: the package.
    ChecksumMismatch,
    /// The solver finds no way to install it. Subject: the package.
    UnmetDependency,
    /// It needs a package that the baseline rejects with BLOCK. Subject: the rejected package.
    RejectedDependency,
    /// A hold, a version lock or a pin keeps it. Subject: the package.
    Held,
    /// Installing it would remove other packages. Subject: the first of them.
    WouldRemove,
    /// A maintainer script or scriptlet failed. Subject: the script.
    ScriptFailed,
    /// A file belongs to another package too. Subject: the file.
    FileConflict,
    /// Too little space for download or unpacking. Subject: the file system.
    DiskFull,
    /// The tool's own records are inconsistent and its repair did not help. Subject: the file or package.
    DatabaseBroken,
    /// An operation took longer than it may. Subject: the program.
    TimedOut,
    /// The machine has too little memory, the kernel ended the tool. Subject: the program.
    OutOfMemory,
    /// The tool is not there. Subject: the program.
    ToolMissing,
    /// Root rights are needed. Subject: the program.
    NotPermitted,
    /// The run ended and the package is not at the version that was asked for, though the tool
    /// reported success. Subject: the package.
    NotInstalled,
    /// The tool ended with an error that is none of these. Subject: the program.
    ToolFailed,
    /// Windows Update answered with an HRESULT. Subject: the code.
    WindowsUpdate,
    /// The list of an override cannot be fetched or read. Subject: its address.
    OverrideUnreadable,
    /// A hook document failed. Subject: its name.
    HookFailed,
    /// The reboot that was asked for did not happen. Subject: empty.
    RebootFailed,
    /// It was not tried, because the machine has to restart before it. Subject: empty.
    RestartFirst,
    /// The versions from before can no longer be obtained. Subject: the package.
    UndoImpossible,
    /// A snapshot cannot be taken, or the machine cannot go back to one. Subject: the file system.
    SnapshotFailed,
    /// Only a part of the updates goes in, on a system that supports upgrading everything together. Subject: empty.
    PartialUpgrade,
}

impl FailureCode {
    pub const ALL: [Self; 29] = [
        Self::LockHeld,
        Self::RepositoryUnreachable,
        Self::RepositoryUntrusted,
        Self::RepositoryDamaged,
        Self::VersionUnavailable,
        Self::DownloadFailed,
        Self::ChecksumMismatch,
        Self::UnmetDependency,
        Self::RejectedDependency,
        Self::Held,
        Self::WouldRemove,
        Self::ScriptFailed,
        Self::FileConflict,
        Self::DiskFull,
        Self::DatabaseBroken,
        Self::TimedOut,
        Self::OutOfMemory,
        Self::ToolMissing,
        Self::NotPermitted,
        Self::NotInstalled,
        Self::ToolFailed,
        Self::WindowsUpdate,
        Self::OverrideUnreadable,
        Self::HookFailed,
        Self::RebootFailed,
        Self::RestartFirst,
        Self::UndoImpossible,
        Self::SnapshotFailed,
        Self::PartialUpgrade,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::LockHeld => "lock-held",
            Self::RepositoryUnreachable => "repository-unreachable",
            Self::RepositoryUntrusted => "repository-untrusted",
            Self::RepositoryDamaged => "repository-damaged",
            Self::VersionUnavailable => "version-unavailable",
            Self::DownloadFailed => "download-failed",
            Self::ChecksumMismatch => "checksum-mismatch",
            Self::UnmetDependency => "unmet-dependency",
            Self::RejectedDependency => "rejected-dependency",
            Self::Held => "held",
            Self::WouldRemove => "would-remove",
            Self::ScriptFailed => "script-failed",
            Self::FileConflict => "file-conflict",
            Self::DiskFull => "disk-full",
            Self::DatabaseBroken => "database-broken",
            Self::TimedOut => "timed-out",
            Self::OutOfMemory => "out-of-memory",
            Self::ToolMissing => "tool-missing",
            Self::NotPermitted => "not-permitted",
            Self::NotInstalled => "not-installed",
            Self::ToolFailed => "tool-failed",
            Self::WindowsUpdate => "windows-update",
            Self::OverrideUnreadable => "override-unreadable",
            Self::HookFailed => "hook-failed",
            Self::RebootFailed => "reboot-failed",
            Self::RestartFirst => "restart-first",
            Self::UndoImpossible => "undo-impossible",
            Self::SnapshotFailed => "snapshot-failed",
            Self::PartialUpgrade => "partial-upgrade",
        }
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject.as_str() {
            "" => write!(f, "{}: {}", self.code, self.detail),
            subject => write!(f, "{} ({subject}): {}", self.code, self.detail),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_they_are_stored() {
        for code in FailureCode::ALL {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
        }
    }
}
