//! The agent as a child of an agent's process: a build on probation, or the one that has the place where the parent cannot become
//! it. It has the parent's arguments and ends with it, as its standard input closes.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::platform;
use crate::run::{Lifetime, parents_end};

/// What it gets to end what it does.
const STOP_WITHIN: Duration = Duration::from_secs(10);
const WITH_PARENT: &str = "--with-parent";

/// With this process' arguments, and `more` of them. Its standard input is a pipe that closes when this process ends, however that is.
pub fn start(program: &Path, more: &[OsString]) -> anyhow::Result<Child> {
    let own: Vec<OsString> = std::env::args_os().skip(1).collect();
    let lacking = |argument: &&OsString| !own.contains(argument);
    let with_parent = OsString::from(WITH_PARENT);
    let mut command = Command::new(program);
    command.args(&own).args(more).args(Some(&with_parent).filter(lacking)).stdin(Stdio::piped());
    platform::isolate(&mut command);
    command.spawn().with_context(|| format!("{} cannot be started", program.display()))
}

/// `stdin`: what it takes for its parent's life.
pub async fn end(child: &mut Child, stdin: Option<ChildStdin>) {
    drop(stdin);
    let Some(pid) = child.id() else { return };
    platform::ask_agent_to_end(pid);
    if timeout(STOP_WITHIN, child.wait()).await.is_err() {
        platform::kill_tree(pid);
        // Killed: it ends at once, and there is nothing to learn from how.
        let _ = child.wait().await;
    }
}

/// When this process is to stop.
pub async fn stop(lifetime: Lifetime) -> anyhow::Result<()> {
    tokio::select! {
        signal = platform::stop_signal() => signal.context("cannot wait for signals"),
        () = parents_end(lifetime) => Ok(()),
    }
}
