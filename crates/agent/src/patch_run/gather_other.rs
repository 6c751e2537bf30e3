//! Other systems than Linux: this version reads no package manager there.

use std::path::Path;

use domain::os::OperatingSystem;

use crate::packages::ScanError;

use super::{Gathered, Lists};

pub fn gather(_root: &Path, _data_dir: &Path, _lists: Lists) -> Result<Gathered, ScanError> {
    Err(ScanError::Settings("this version of the agent reads apt nodes only".to_owned()))
}

pub fn operating_system() -> Option<OperatingSystem> {
    None
}
