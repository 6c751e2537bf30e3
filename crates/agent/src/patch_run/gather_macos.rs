//! macOS: the running machine's updates.

use std::path::Path;

use anyhow::bail;
use domain::os::OperatingSystem;

use crate::packages::PackageManager;
use crate::packages::macos::MacOs;

use super::FactsHash;

/// Runs `work` with this machine's package managers, which know no other root. No hash is known beforehand.
pub fn with_manager<T>(
    root: &Path,
    _data_dir: &Path,
    work: impl FnOnce(&mut dyn PackageManager, FactsHash<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    if root != Path::new("/") {
        bail!("{}: macOS can only be asked about the running machine", root.display());
    }
    work(&mut MacOs::of_this_machine(), &|| None)
}

pub fn operating_system() -> Option<OperatingSystem> {
    Some(OperatingSystem::MacOs)
}
