//! Where a running program's file cannot be replaced, an installer does it.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;

pub const IS_POSSIBLE: bool = false;

pub fn go_on(_data_dir: &Path, _within: Duration) -> anyhow::Result<()> {
    bail!("an agent on this platform does not replace itself")
}
