//! Windows: what Windows Update has installed and offers.

use std::path::Path;

use domain::os::OperatingSystem;

use crate::packages::windows_update::of_this_machine;
use crate::packages::{GatherOptions, PackageManager, RefreshLists, ScanError};
use crate::transport::call::now;

use super::{Gathered, Lists};

/// Of the running machine: Windows Update knows no other.
pub fn gather(root: &Path, data_dir: &Path, lists: Lists) -> Result<Gathered, ScanError> {
    if root != Path::new("/") {
        let reason =
            format!("{}: Windows Update can only be asked about the running machine", root.display());
        return Err(ScanError::Settings(reason));
    }
    let refresh = match lists {
        Lists::Refresh => RefreshLists::WherePossible,
        Lists::AsTheyAre => RefreshLists::Never,
    };
    let options = GatherOptions { now: now(), refresh, data_dir: Some(data_dir.to_owned()) };
    let manager =
        of_this_machine().map_err(|error| ScanError::Settings(format!("Windows Update: {error}")))?;
    let (facts, observation) = manager.gather(&options)?;
    Ok(Gathered { facts, observation, facts_hash: None })
}

pub fn operating_system() -> Option<OperatingSystem> {
    Some(OperatingSystem::Windows)
}
