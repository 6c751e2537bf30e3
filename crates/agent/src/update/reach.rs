//! Whether this program reaches the server from this machine: what a new build has to show before it takes an old one's
//! place, and what operators ask by hand.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use api::fettle::GetAgentBuildKeyRequest;

use crate::enroll::Registration;
use crate::journal::{JOURNAL_FILE, Journal, Limits};
use crate::patch_run::Session;
use crate::transport::call::now;
use crate::{files, platform};

const PAUSE: Duration = Duration::from_secs(1);
const COPY: &str = "journal-copy";

/// As operators and agents ask.
#[derive(clap::Args)]
pub struct ReachArgs {
    /// Try again for so long.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    within: u64,
    /// The folder that holds registration, key and journal.
    #[arg(long = "data", value_name = "DIR", env = "FETTLE_AGENT_DATA", default_value_os_t = platform::default_data_dir())]
    data_dir: PathBuf,
}

/// Reads what an agent reads at its start, gets credentials and asks the server something, until that works or `within` is
/// over. Changes nothing but credentials. Says who answered.
pub fn reach(args: &ReachArgs) -> anyhow::Result<String> {
    let (data_dir, within) = (args.data_dir.as_path(), Duration::from_secs(args.within));
    let end = Instant::now() + within;
    let registration = Registration::require(data_dir)?;
    read_journal(data_dir)?;
    loop {
        match ask(data_dir) {
            Ok(()) => return Ok(format!("{} answers this node", registration.endpoint)),
            Err(error) if Instant::now() + PAUSE < end => {
                tracing::info!(error = format!("{error:#}"), "not yet");
                std::thread::sleep(PAUSE);
            }
            Err(error) => {
                let context =
                    format!("{} was not reached within {} s", registration.endpoint, within.as_secs());
                return Err(error.context(context));
            }
        }
    }
}

fn ask(data_dir: &Path) -> anyhow::Result<()> {
    let session = Session::open(data_dir)?;
    let timeout = Duration::from_secs(10);
    session.caller.call_blocking(&session.credentials, &GetAgentBuildKeyRequest::default(), timeout)?;
    Ok(())
}

/// Of a copy: opening rewrites it, and the agent that is at work owns it.
fn read_journal(data_dir: &Path) -> anyhow::Result<()> {
    let dir = data_dir.join(COPY);
    platform::create_private_dir(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let (from, to) = (data_dir.join(JOURNAL_FILE), dir.join(JOURNAL_FILE));
    let copied = match std::fs::copy(&from, &to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Journal::open(&to, Limits::default(), now()).map(drop),
    };
    let removed = files::remove_dir_if_present(&dir);
    copied.and(removed).with_context(|| format!("cannot read {}", from.display()))
}
