//! What an operator can ask a running server. Data goes to stdout, everything else to stderr.

mod advisories;
mod find;
mod listed;
mod nodes;
mod order;
mod patch;
mod patch_family;
mod patch_now;
mod report;
mod rings;
mod rollout;
mod users;
mod why;

use std::io::{ErrorKind, IsTerminal, Write};

use anyhow::Context;
use api::fettle::UndoWay;
use api::sigv4::Credentials;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::client::{Client, ClientError};
use crate::connection::Connection;
use crate::text::Style;

pub use report::node_report;
pub use users::link;

#[derive(Subcommand)]
pub enum Command {
    /// List the nodes and whether they are there.
    Nodes {
        #[command(flatten)]
        common: Common,
    },
    /// Print the newest patch report of a node; without NODE, of the only one, or a line for each.
    Report {
        /// Its id, its computer name, or the beginning of either.
        node: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Say why a node is not compliant, or why its status cannot be trusted, and what to do.
    Why {
        /// Its id, its computer name, or the beginning of either.
        node: String,
        #[command(flatten)]
        common: Common,
    },
    /// Import feeds that name the CVEs of packages, and ask what they know.
    #[command(subcommand)]
    Advisories(advisories::Advisories),
    /// Ask a node what an installation by its baseline would change. Changes nothing.
    Plan {
        /// Its id, its computer name, or the beginning of either.
        node: String,
        #[command(flatten)]
        common: Common,
    },
    /// Scan nodes by their baselines, or install what is missing: one NODE, or many with `now`.
    Patch(patch_family::Patch),
    /// Manage who may sign in to the console beside root, and what each may do.
    #[command(subcommand)]
    Users(users::Users),
    /// Print a link that signs in to the console once, within ten minutes: root, or a user.
    SignInLink {
        /// Sign in this user instead of root.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// List the runs that changed a node's packages, and whether each can be taken back.
    History {
        /// Its id, its computer name, or the beginning of either.
        node: String,
        /// Show all of this run: its execution id, or the beginning of it.
        execution_id: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Take back what one patch run changed on a node, after showing whether and how that is possible.
    Undo {
        /// Its id, its computer name, or the beginning of either.
        node: String,
        /// The command that installed, or the beginning of its id.
        execution_id: String,
        /// Only show what can be taken back.
        #[arg(long)]
        dry_run: bool,
        /// Take back what can be, when not everything can.
        #[arg(long, conflicts_with = "dry_run")]
        partly: bool,
        /// Go back to the snapshot of the whole root from before the run; takes effect with a restart.
        #[arg(long, conflicts_with = "partly")]
        snapshot: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Args)]
pub struct Common {
    #[command(flatten)]
    connection: Connection,
    /// Print JSON: the API's own answers.
    #[arg(long)]
    json: bool,
}

/// Who reads the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Json,
    Text(Style),
}

impl Command {
    pub fn connection(&self) -> &Connection {
        &self.common().connection
    }

    /// `root` is the key from the data folder that the connection names.
    pub fn run(&self, root: Option<Credentials>) -> anyhow::Result<()> {
        let client = self.connection().client(root)?;
        let output = if self.common().json { Output::Json } else { Output::Text(Style::of_stdout()) };
        let answer = match self {
            Self::Nodes { .. } => nodes::nodes(&client, output),
            Self::Report { node, .. } => report::report(&client, node.as_deref(), output),
            Self::Why { node, .. } => why::why(&client, node, output),
            Self::Advisories(command) => command.run(&client, output),
            Self::Plan { node, .. } => order::plan(&client, node, output),
            Self::Patch(patch) => patch.run(&client, output),
            Self::Users(command) => command.run(&client, output),
            Self::SignInLink { user, .. } => users::sign_in_link(&client, user.as_deref(), output),
            Self::History { node, execution_id, .. } => {
                order::history(&client, node, execution_id.as_deref(), output)
            }
            Self::Undo { node, execution_id, dry_run, partly, snapshot, .. } => {
                let extent = match (dry_run, partly) {
                    (true, _) => order::Extent::DryRun,
                    (false, false) => order::Extent::Whole,
                    (false, true) => order::Extent::Partly,
                };
                let by = if *snapshot { UndoWay::Snapshot } else { UndoWay::Packages };
                order::undo(&client, node, execution_id, &order::Undo { extent, by }, output)
            }
        };
        print(&answer.map_err(|error| with_hint(error, &client))?)
    }

    fn common(&self) -> &Common {
        match self {
            Self::Nodes { common }
            | Self::Report { common, .. }
            | Self::Why { common, .. }
            | Self::Plan { common, .. }
            | Self::SignInLink { common, .. }
            | Self::History { common, .. }
            | Self::Undo { common, .. } => common,
            Self::Patch(patch) => patch.common(),
            Self::Users(command) => command.common(),
            Self::Advisories(command) => command.common(),
        }
    }
}

/// What to do next, where the error itself cannot know.
fn with_hint(error: anyhow::Error, client: &Client) -> anyhow::Error {
    let hint = match error.downcast_ref::<ClientError>() {
        Some(ClientError::Unreachable { endpoint, .. }) => {
            format!(
                "is the server running? `fettle server` starts one; --endpoint names another than {endpoint}"
            )
        }
        Some(ClientError::Refused { code, .. }) => match code.as_str() {
            "UnrecognizedClientException" | "InvalidSignatureException" => format!(
                "the keys are not those of {}: eval \"$(fettle credentials --data DIR)\" sets them",
                client.endpoint()
            ),
            "ExpiredTokenException" => "the temporary credentials have expired: get new ones".to_owned(),
            "UnknownOperationException" => "the server is older than this command, or not Fettle".to_owned(),
            _ => return error,
        },
        _ => return error,
    };
    anyhow::anyhow!("{error:#}\n  {hint}")
}

fn json(value: &impl Serialize) -> anyhow::Result<String> {
    let mut text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    text.push('\n');
    Ok(text)
}

/// A reader that has seen enough (`| head`) is no error.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to stdout"),
        _ => Ok(()),
    }
}

impl Style {
    /// Colours only for a terminal whose user did not refuse them.
    pub fn of_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if std::io::stdout().is_terminal() && !refused { Self::Coloured } else { Self::Plain }
    }
}
