//! Linux: package lists, refreshed where possible, read together with what dpkg knows.

use std::path::Path;

use domain::os::OperatingSystem;

use crate::packages::apt::Environment;
use crate::packages::kept::Keeper;
use crate::packages::root::Root;
use crate::packages::{self, GatherOptions, RefreshLists, ScanError};
use crate::transport::call::now;

use super::{Gathered, Lists};

/// With old lists when they cannot be refreshed; the observation says so. Nothing is read again that did not change
/// since the last time.
pub fn gather(root: &Path, data_dir: &Path, lists: Lists) -> Result<Gathered, ScanError> {
    let environment = format!("{:?}", Environment::of_process());
    let root = Root::at(root)?.keeping(Keeper::new(data_dir, &environment));
    let refresh = match lists {
        Lists::Refresh => RefreshLists::WherePossible,
        Lists::AsTheyAre => RefreshLists::Never,
    };
    let options = GatherOptions { now: now(), refresh, data_dir: Some(data_dir.to_owned()) };
    let (facts, observation) = packages::of(&root)?.gather(&options)?;
    let facts_hash = root.keeper().and_then(Keeper::facts_hash).map(|(hash, _)| hash);
    Ok(Gathered { facts, observation, facts_hash })
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
