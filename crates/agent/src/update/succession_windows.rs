//! Windows: a running program's file cannot be replaced, but it can be renamed; and a process cannot go on as another program,
//! but it can stay, start that one and end with it. So whoever started the agent, and stops it, keeps the process that he knows.
//! Renaming is `renames`', staying `relay`'s.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::exchange::check;
use super::{Next, Place, Terms, Update, relay, renames, sha256_of};
use crate::run::Lifetime;

/// The new program until it takes the old one's place: beside it, and called as programs are.
pub fn new_program(program: &Path) -> PathBuf {
    renames::beside(program, "update")
}

/// The program before goes to a name of its own, under which it runs on.
pub fn put_in_place(update: &Update) -> anyhow::Result<()> {
    check(update)?;
    if sha256_of(&update.program)? != update.from_sha256 {
        bail!("{} was replaced meanwhile, by somebody else", update.program.display());
    }
    let new = update.new_program();
    renames::put_in_place(&new, &update.program)
        .with_context(|| format!("cannot put {} in place of {}", new.display(), update.program.display()))
}

pub fn become_program(
    update: &Update,
    place: Place,
    lifetime: Lifetime,
    terms: Terms,
) -> anyhow::Result<Next> {
    match place {
        Place::Kept => Ok(Next::Anew),
        // Who started this process for that starts the other one: no chain of them grows with each update.
        Place::Given if terms.is_relayed => Ok(Next::HandOver),
        Place::Given => relay::run(&update.program, lifetime),
    }
}

/// Programs of earlier updates, as far as nobody runs them any more.
pub fn remove_left_overs(program: &Path) {
    renames::remove_old(program);
}
