//! Windows: the running machine's Windows Update.

use std::path::Path;

use anyhow::bail;
use domain::os::OperatingSystem;

use crate::packages::PackageManager;
use crate::packages::windows_update::of_this_machine;

use super::FactsHash;

/// Runs `work` with this machine's Windows Update, which knows no other root. No hash is known beforehand.
pub fn with_manager<T>(
    root: &Path,
    _data_dir: &Path,
    work: impl FnOnce(&mut dyn PackageManager, FactsHash<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    if root != Path::new("/") {
        bail!("{}: Windows Update can only be asked about the running machine", root.display());
    }
    work(&mut of_this_machine()?, &|| None)
}

pub fn operating_system() -> Option<OperatingSystem> {
    Some(OperatingSystem::Windows)
}
