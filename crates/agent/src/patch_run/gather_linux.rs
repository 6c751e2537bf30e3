//! Linux: the package manager of the root that is patched, and what baselines call its system.

use std::path::Path;

use domain::os::OperatingSystem;

use crate::packages::apt::Environment;
use crate::packages::kept::Keeper;
use crate::packages::root::Root;
use crate::packages::{self, PackageManager};

use super::FactsHash;

/// Runs `work` with this root's package manager, and with what tells the hash of the facts it gathered last, where that
/// is known already. Nothing is read again that did not change since the last time.
pub fn with_manager<T>(
    root: &Path,
    data_dir: &Path,
    work: impl FnOnce(&mut dyn PackageManager, FactsHash<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let environment = format!("{:?}", Environment::of_process());
    let root = Root::at(root)?.keeping(Keeper::new(data_dir, &environment));
    let mut manager = packages::of(&root)?;
    work(manager.as_mut(), &|| root.keeper().and_then(Keeper::facts_hash).map(|(hash, _)| hash))
}

/// What this node runs, as baselines name it.
pub fn operating_system() -> Option<OperatingSystem> {
    let release = crate::platform::machine();
    let detected = OperatingSystem::detect_platform(
        release.platform_type,
        &release.platform_name,
        &release.platform_version,
    );
    detected.map(|detected| detected.operating_system)
}
