//! Going over to another build of this agent: fetched and checked, tried, run on probation, put in this one's place, all of
//! it written down first. Who asks for it is `plugins::update_agent`; which build there is, the server's to say.
//! Source: docs/decisions, probation of builds.
//!
//! The program's file is the old one until the new one has shown what it can do here; so whoever starts the agent anew, at
//! whatever moment it was killed, starts one that works. Which of the two has the place is told by the file's SHA-256.

mod child;
mod consumption;
mod exchange;
mod fetch;
mod guard;
pub mod key;
pub mod probation;
mod reach;
pub mod refused;
#[cfg(any(windows, test))]
pub mod relay;
#[cfg(any(windows, test))]
pub mod renames;
#[cfg_attr(unix, path = "succession_unix.rs")]
#[cfg_attr(windows, path = "succession_windows.rs")]
mod succession;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use api::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::files;
use crate::run::Role;

pub use exchange::go_on;
pub use fetch::{Fetched, Wanted, fetch};
pub use guard::guard;
pub use reach::{ReachArgs, reach};

/// What the new program gets to reach the server, unless the operator says otherwise.
const REACH_WITHIN: Duration = Duration::from_secs(120);
/// How long a build does its work under the old one's eyes, unless the operator says otherwise.
const PROBATION: Duration = Duration::from_secs(600);

// How the service deals with new builds: no doc comment, which clap would take for the command's.
#[derive(clap::Args)]
pub struct UpdateArgs {
    /// A new build of the agent that does not reach the server within this time does not take the old one's place.
    #[arg(long, value_name = "SECONDS", env = "FETTLE_AGENT_UPDATE_WITHIN", default_value_t = REACH_WITHIN.as_secs())]
    update_within: u64,
    /// One that does works for so long under the old one's eyes, which goes back to its place when the new one fails.
    #[arg(long, value_name = "SECONDS", env = "FETTLE_AGENT_UPDATE_PROBATION", default_value_t = PROBATION.as_secs())]
    update_probation: u64,
    /// What a build under the old one's eyes is started with.
    #[arg(long, value_name = "SECONDS", hide = true)]
    on_probation: Option<u64>,
    /// What an agent is started with by a process that stays and starts what has the place after an update, too.
    #[arg(long, hide = true)]
    relayed: bool,
}

impl UpdateArgs {
    pub fn role(&self) -> Role {
        match self.on_probation {
            Some(seconds) => Role::OnProbation(Duration::from_secs(seconds)),
            None => Role::Agent(Terms {
                reach_within: Duration::from_secs(self.update_within),
                probation: Duration::from_secs(self.update_probation),
                is_relayed: self.relayed,
            }),
        }
    }
}

/// What a new build has to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub reach_within: Duration,
    pub probation: Duration,
    /// Whether whoever started this process starts what has the agent's place after an update.
    pub is_relayed: bool,
}

/// Of the program that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Kept,
    /// Another one has it now.
    Given,
}

/// How a process goes on that has not become another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It ends.
    End,
    /// It begins anew: its program has the agent's place.
    Anew,
    /// It ends, so that whoever started it starts what has the place now.
    HandOver,
}

/// The exit code of [`Next::HandOver`].
pub const HAND_OVER: u8 = 75;

const FILE: &str = "update.json";

/// An update on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Who asked for it.
    pub job_id: String,
    pub began_at: Timestamp,
    /// The file that is replaced.
    pub program: PathBuf,
    pub from_version: String,
    pub from_sha256: String,
    pub to_version: String,
    pub to_sha256: String,
    /// How often the new program was started to be tried.
    pub tries: u32,
    /// Why nothing comes of it.
    pub given_up: Option<String>,
    #[serde(default)]
    pub stage: Stage,
    /// How often the new program was started on probation and did not end because it was asked to.
    #[serde(default)]
    pub starts: u32,
}

/// How far an update has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    #[default]
    Fetched,
    /// It has reached the server, and works in the old one's place.
    Probation,
}

impl Update {
    pub fn load(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = data_dir.join(FILE);
        let text =
            files::read_if_present(&path).with_context(|| format!("cannot read {}", path.display()))?;
        text.map(|text| serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display())))
            .transpose()
    }

    /// Durable on return.
    pub fn save(&self, data_dir: &Path) -> anyhow::Result<()> {
        let path = data_dir.join(FILE);
        let json = serde_json::to_vec_pretty(self).context("an update is texts and numbers")?;
        files::write_atomically(&path, &json).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The end of it, however it ended.
    pub fn forget(&self, data_dir: &Path) -> anyhow::Result<()> {
        files::remove_if_present(&self.new_program())
            .with_context(|| format!("cannot remove {}", self.new_program().display()))?;
        probation::Shown::forget(data_dir)?;
        let path = data_dir.join(FILE);
        files::remove_if_present(&path).with_context(|| format!("cannot remove {}", path.display()))
    }

    /// At the start of an agent: an update whose command does not go on is over. `resumed` are the jobs that do.
    pub fn forget_unless_of(data_dir: &Path, program: &Path, resumed: &[&str]) -> anyhow::Result<()> {
        succession::remove_left_overs(program);
        match Self::load(data_dir)? {
            None => {
                let left = succession::new_program(program);
                files::remove_if_present(&left).with_context(|| format!("cannot remove {}", left.display()))
            }
            Some(update) if update.is_on_probation()? => Ok(()),
            Some(update) if !resumed.contains(&update.job_id.as_str()) => {
                let (job_id, given_up) = (&update.job_id, &update.given_up);
                tracing::warn!(job_id, given_up, "the command of an update is over before the update was");
                update.forget(data_dir)
            }
            Some(_) => Ok(()),
        }
    }

    /// Whether the new program works, and the old one still has its place.
    pub fn is_on_probation(&self) -> anyhow::Result<bool> {
        let may_be = self.stage == Stage::Probation && self.given_up.is_none();
        Ok(may_be && sha256_of(&self.program)? == self.from_sha256)
    }

    /// The new program until it takes the old one's place.
    pub fn new_program(&self) -> PathBuf {
        succession::new_program(&self.program)
    }
}

/// In hexadecimal.
pub fn sha256_of(path: &Path) -> anyhow::Result<String> {
    let hash = || {
        let mut file = File::open(path)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok::<_, std::io::Error>(hex::encode(hash.finalize())),
                count => hash.update(&buffer[..count]),
            }
        }
    };
    hash().with_context(|| format!("cannot read {}", path.display()))
}
