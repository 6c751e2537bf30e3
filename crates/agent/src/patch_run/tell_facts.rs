//! `fettle-agent facts`: tells the server what this node's package manager knows, when that changed outside a patch run.
//! No patch report is made of it: nobody asked for a judgement.
//! When to look is `lookout`'s to say; reading belongs to `packages`.

use std::path::Path;

use anyhow::Context;

use super::upload::{self, Told};
use super::{Gathered, Session, gather, history, lock};
use crate::boot::Boot;
use crate::packages::{GatherOptions, RefreshLists};
use crate::transport::call::now;

/// Returns one line for people. With nothing new, the server is not called.
pub fn tell_facts(root: &Path, data_dir: &Path) -> anyhow::Result<String> {
    let _one_at_a_time = lock(data_dir)?;
    let boot = Boot::of(root);
    let options =
        GatherOptions { now: now(), refresh: RefreshLists::Never, data_dir: Some(data_dir.to_owned()) };
    let gathered = gather::with_manager(root, data_dir, |manager, facts_hash| {
        Gathered::by(manager, &boot, &options, facts_hash)
            .context("the packages of this node cannot be read; nothing was told")
    })?;
    let facts_hash = gathered.facts_hash();
    if history::is_untold(data_dir) {
        history::tell(&Session::open(data_dir)?, data_dir).context("what runs changed was not stored")?;
    }
    if Told::load(data_dir).is_some_and(|told| told == Told::of(&facts_hash, &gathered.observation)) {
        return Ok(format!("nothing new: the server has the facts {facts_hash}"));
    }
    let session = Session::open(data_dir)?;
    upload::facts(&session, data_dir, &gathered).context("the node's facts were not stored")?;
    Ok(format!("told the facts {facts_hash}"))
}
