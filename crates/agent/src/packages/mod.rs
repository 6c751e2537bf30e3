//! Package managers, read through their own files: what a node has, and what its repositories offer.
//! Judging the facts belongs to `domain::patch`.

#[cfg(target_os = "linux")]
pub mod apt;
#[cfg(target_os = "linux")]
pub mod root;

use std::path::PathBuf;

/// Why a node could not be read. A scan that ends in one of these leaves the last good report alone.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error("cannot read {}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A file whose text cannot be understood. Lines count from 1.
    #[error("{}:{line}: {reason}", path.display())]
    Malformed { path: PathBuf, line: u64, reason: String },
    /// A file that ends early or whose compression is broken.
    #[error("{}: {reason}", path.display())]
    Corrupt { path: PathBuf, reason: String },
    #[error("{0}")]
    Settings(String),
    #[error("no package manager that this agent reads: {} is missing", path.display())]
    NoPackageManager { path: PathBuf },
}
