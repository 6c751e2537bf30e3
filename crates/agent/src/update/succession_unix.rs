//! Where a running program's file may be replaced and a process may go on as another program: one rename, one `exec`.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::exchange::check;
use super::{Next, Place, Terms, Update, sha256_of};
use crate::platform;
use crate::run::Lifetime;

/// The new program until it takes the old one's place: beside it, so that one rename does it.
pub fn new_program(program: &Path) -> PathBuf {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    program.with_file_name(format!(".{name}.update"))
}

/// With one rename: at every moment one of the two has the place.
pub fn put_in_place(update: &Update) -> anyhow::Result<()> {
    check(update)?;
    if sha256_of(&update.program)? != update.from_sha256 {
        bail!("{} was replaced meanwhile, by somebody else", update.program.display());
    }
    let new = update.new_program();
    fs::rename(&new, &update.program)
        .with_context(|| format!("cannot put {} in place of {}", new.display(), update.program.display()))?;
    update.program.parent().map_or(Ok(()), platform::sync_dir).context("the new name is not durable")
}

/// This process goes on as the program that has the agent's place, with the same arguments. Returns only when that is impossible.
pub fn become_program(
    update: &Update,
    _place: Place,
    _lifetime: Lifetime,
    _terms: Terms,
) -> anyhow::Result<Next> {
    let error = Command::new(&update.program).args(std::env::args_os().skip(1)).exec();
    Err(error).with_context(|| format!("cannot start {}", update.program.display()))
}

/// Nothing is left of the program before.
pub fn remove_left_overs(_program: &Path) {}
