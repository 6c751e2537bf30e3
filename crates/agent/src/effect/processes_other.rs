//! Systems without `/proc`: whether a process runs replaced files is not known there.

use std::path::Path;

use domain::facts::StaleUnit;

pub fn stale(_proc: &Path) -> (Vec<StaleUnit>, u32) {
    (Vec::new(), 0)
}
