//! Where an installer replaces the program there is no build on probation.

use std::path::Path;

use super::Terms;
use crate::run::Lifetime;

/// Whether this process has guarded a build and is done.
pub fn guard(_data_dir: &Path, _lifetime: Lifetime, _terms: Terms) -> anyhow::Result<bool> {
    Ok(false)
}
