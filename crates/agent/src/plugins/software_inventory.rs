//! `aws:softwareInventory`: this node's inventory, gathered and sent by a process of its own, so that the resident agent stays
//! as small as it is. What is gathered is `inventory`'s.
//! Source: spec agent-protocol 6.1, 7.5.
//!
//! Differs from AWS: it also runs outside of associations, as a command that somebody gives.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use super::engine::{PluginResult, Run};
use super::output::stream_text;
use super::process::{self, Ending, Program};
use crate::platform;

pub const ACTION: &str = "aws:softwareInventory";

const TIMEOUT: Duration = Duration::from_secs(15 * 60);

pub async fn run(
    run: &Run<'_>,
    step_dir: &Path,
    inputs: &Value,
    cancel: &mut watch::Receiver<bool>,
) -> PluginResult {
    let outcome = gather(run, step_dir, inputs, cancel).await;
    let _ = std::fs::remove_dir_all(step_dir);
    outcome.unwrap_or_else(|reason| PluginResult::refused(format!("{ACTION}: {reason}\n")))
}

async fn gather(
    run: &Run<'_>,
    step_dir: &Path,
    inputs: &Value,
    cancel: &mut watch::Receiver<bool>,
) -> Result<PluginResult, String> {
    platform::create_private_dir(step_dir).map_err(|error| format!("{}: {error}", step_dir.display()))?;
    let surroundings = run.surroundings;
    let data_dir = surroundings.data_dir.to_string_lossy().into_owned();
    let program = Program {
        program: surroundings.agent_exe.clone(),
        arguments: vec!["inventory".into(), "--inputs".into(), inputs.to_string().into()],
        working_dir: step_dir.to_owned(),
        environment: vec![("FETTLE_AGENT_DATA".to_owned(), data_dir)],
        timeout: TIMEOUT,
        spool: None,
    };
    let finished = process::run(program, cancel)
        .await
        .map_err(|error| format!("cannot start {}: {error}", surroundings.agent_exe.display()))?;
    let code = match finished.ending {
        Ending::Exited(code) => i64::from(code),
        Ending::Killed => 1,
        Ending::TimedOut | Ending::Cancelled => 137,
    };
    Ok(PluginResult {
        ending: finished.ending,
        code,
        stdout: stream_text(&finished.stdout),
        stderr: if code == 0 { String::new() } else { stream_text(&finished.stderr) },
        ..PluginResult::empty()
    })
}
