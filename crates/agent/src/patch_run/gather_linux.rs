//! Linux: package lists, refreshed where possible, read together with what dpkg knows.

use std::path::Path;

use domain::os::OperatingSystem;

use crate::packages::root::Root;
use crate::packages::{self, GatherOptions, RefreshLists, ScanError};
use crate::transport::call::now;

use super::Gathered;

/// With old lists when they cannot be refreshed; the observation says so.
pub fn gather(root: &Path, data_dir: &Path) -> Result<Gathered, ScanError> {
    let options = GatherOptions {
        now: now(),
        refresh: RefreshLists::WherePossible,
        data_dir: Some(data_dir.to_owned()),
    };
    let root = Root::at(root)?;
    let (facts, observation) = packages::of(&root)?.gather(&options)?;
    Ok(Gathered { facts, observation })
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
