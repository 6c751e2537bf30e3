//! Other systems than Linux: this version reads no package manager there.

use std::path::Path;

use domain::os::OperatingSystem;

use crate::packages::{PackageManager, ScanError};

use super::FactsHash;

pub fn with_manager<T>(
    _root: &Path,
    _data_dir: &Path,
    _work: impl FnOnce(&mut dyn PackageManager, FactsHash<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    Err(ScanError::Settings("this version of the agent reads Linux nodes only".to_owned()).into())
}

pub fn operating_system() -> Option<OperatingSystem> {
    None
}
