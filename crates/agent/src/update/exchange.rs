//! Trying the new program, and going over to its probation or back to the old one's work. What follows is `guard`'s; how one
//! program takes another one's place, `succession`'s.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::succession::become_program;
use super::{Next, Place, Stage, Terms, Update, sha256_of};
use crate::run::Lifetime;
use crate::{files, platform};

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Beyond what it was told: then it does not heed that.
const GRACE: Duration = Duration::from_secs(5);
/// What the new program says when it is tried.
const SAID: &str = "update-trial.log";
const MOST_SAID: usize = 600;

/// Tries the update that is under way, then starts this program anew, which guards the new one where that reached the
/// server and else goes on with its work. Nothing of the agent may run any more.
pub fn go_on(data_dir: &Path, lifetime: Lifetime, terms: Terms) -> anyhow::Result<Next> {
    let Some(mut update) = Update::load(data_dir)? else { bail!("there is no update to go on with") };
    // Before it is started: one that takes the machine down with it is not tried for ever.
    update.tries += 1;
    update.save(data_dir)?;
    match check(&update).and_then(|()| try_out(&update.new_program(), data_dir, terms.reach_within)) {
        Ok(()) => {
            tracing::info!(to = update.to_version, "the new build reaches the server; it is on probation");
            update.stage = Stage::Probation;
        }
        Err(error) => {
            let reason = format!("{error:#}");
            tracing::error!(to = update.to_version, reason, "the agent is not updated");
            update.given_up = Some(reason);
        }
    }
    update.save(data_dir)?;
    become_program(&update, Place::Kept, lifetime, terms)
}

/// The new program is what was signed.
pub fn check(update: &Update) -> anyhow::Result<()> {
    let new = update.new_program();
    if sha256_of(&new)? != update.to_sha256 {
        bail!("{} has been changed since it was checked", new.display());
    }
    Ok(())
}

/// The new program, as it would run here, reaches the server.
fn try_out(new: &Path, data_dir: &Path, within: Duration) -> anyhow::Result<()> {
    let log = data_dir.join(SAID);
    files::remove_if_present(&log)?;
    let said = || {
        let text = fs::read(&log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[text.len().saturating_sub(MOST_SAID)..]).into_owned();
        text.chars().filter(|c| !c.is_control() || *c == '\n').collect::<String>().trim().to_owned()
    };
    let mut command = Command::new(new);
    command.arg("reach").arg("--data").arg(data_dir).arg("--within").arg(within.as_secs().to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
    platform::isolate_tool(&mut command);
    let mut child = command.spawn().context("the new program cannot be started")?;
    let end = Instant::now() + within + GRACE;
    loop {
        match child.try_wait().context("the new program cannot be waited for")? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => bail!("the new program did not reach the server: {status}: {}", said()),
            None if Instant::now() < end => std::thread::sleep(LOOK_EVERY),
            None => {
                platform::kill_tree(child.id());
                let _ = child.wait();
                bail!("the new program did not reach the server within {} s: {}", within.as_secs(), said());
            }
        }
    }
}
