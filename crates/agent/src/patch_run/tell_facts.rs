//! `fettle-agent facts`: tells the server what this node's package manager knows, when that changed outside a patch run.
//! No patch report is made of it: nobody asked for a judgement.
//! When to look is `watch`'s to say; reading belongs to `packages`.

use std::path::Path;

use anyhow::Context;

use super::upload::{self, Told};
use super::{Lists, Session, gather, lock};

/// Returns one line for people. With nothing new, the server is not called.
pub fn tell_facts(root: &Path, data_dir: &Path) -> anyhow::Result<String> {
    let _one_at_a_time = lock(data_dir)?;
    let gathered = gather::gather(root, data_dir, Lists::AsTheyAre)
        .context("the packages of this node cannot be read; nothing was told")?;
    let facts_hash = gathered.facts_hash();
    if Told::load(data_dir).is_some_and(|told| told == Told::of(&facts_hash, &gathered.observation)) {
        return Ok(format!("nothing new: the server has the facts {facts_hash}"));
    }
    let session = Session::open(data_dir)?;
    upload::facts(&session, data_dir, &gathered).context("the node's facts were not stored")?;
    Ok(format!("told the facts {facts_hash}"))
}
