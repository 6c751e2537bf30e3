//! `aws:runShellScript` and `aws:runPowerShellScript`: the step's lines as a file in a private folder, run by the
//! system's shell, or by PowerShell where that is installed.
//! Process handling belongs to `process`, the meaning of exit codes to `engine`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::object::Stream;
use serde_json::Value;
use tokio::sync::watch;

use super::engine::{PluginResult, Run};
use super::kept_output::Spool;
use super::output::stream_text;
use super::process::{self, Ending, Program};
use crate::files::write_atomically;
use crate::platform::{self, Interpreter};

pub const SHELL: &str = "aws:runShellScript";
pub const POWERSHELL: &str = "aws:runPowerShellScript";

pub fn is(action: &str) -> bool {
    matches!(action, SHELL | POWERSHELL)
}

const DEFAULT_TIMEOUT_SECONDS: u64 = 3600;
const ALLOWED_TIMEOUT_SECONDS: std::ops::RangeInclusive<u64> = 5..=172_800;

/// Runs one script. Nothing of it is left in the private folder afterwards.
pub async fn run(
    run: &Run<'_>,
    action: &str,
    (step_dir, inputs): (&Path, &Value),
    spool: Option<&Spool>,
    cancel: &mut watch::Receiver<bool>,
) -> PluginResult {
    let found = if action == POWERSHELL { platform::powershell() } else { platform::shell() };
    let Some(interpreter) = found else {
        return PluginResult::refused(format!(
            "{action} is not supported on {}",
            run.surroundings.platform_type
        ));
    };
    let result = run_with(interpreter, run, step_dir, inputs, spool, cancel).await;
    if let Err(error) = fs::remove_dir_all(step_dir) {
        tracing::debug!(%error, path = %step_dir.display(), "script folder not removed");
    }
    result.unwrap_or_else(PluginResult::refused)
}

async fn run_with(
    interpreter: Interpreter,
    run: &Run<'_>,
    step_dir: &Path,
    inputs: &Value,
    spool: Option<&Spool>,
    cancel: &mut watch::Receiver<bool>,
) -> Result<PluginResult, String> {
    let lines = format!("{}{}", interpreter.preamble, lines(inputs.get("runCommand"))?);
    platform::create_private_dir(step_dir)
        .map_err(|error| format!("cannot create {}: {error}", step_dir.display()))?;
    let script = step_dir.join(interpreter.file_name);
    write_atomically(&script, lines.as_bytes())
        .map_err(|error| format!("cannot write {}: {error}", script.display()))?;

    let working_dir = working_dir(inputs, step_dir, &run.downloads);
    let mut arguments: Vec<PathBuf> = interpreter.arguments.iter().map(PathBuf::from).collect();
    arguments.push(script);
    let program = Program {
        program: interpreter.program.into(),
        arguments,
        working_dir: working_dir.clone(),
        environment: environment(run, inputs),
        timeout: timeout(inputs.get("timeoutSeconds")),
        spool: spool.cloned(),
    };
    let finished = process::run(program, cancel).await.map_err(|error| {
        let is_missing = error.kind() == std::io::ErrorKind::NotFound && working_dir.is_dir();
        let hint = if is_missing { "; it is not installed here" } else { "" };
        format!("cannot start {} in {}: {error}{hint}", interpreter.program, working_dir.display())
    })?;
    let stderr = stream_text(&finished.stderr);
    let result = result(finished.ending, stream_text(&finished.stdout), stderr.clone());
    if let (Some(spool), Some(reason)) = (spool, result.stderr.strip_prefix(&stderr)) {
        spool.add(Stream::Error, reason);
    }
    Ok(result)
}

fn result(ending: Ending, stdout: String, stderr: String) -> PluginResult {
    let (code, killed) = match ending {
        Ending::Exited(code) => (i64::from(code), None),
        Ending::Killed => (1, Some("killed by a signal".to_owned())),
        Ending::TimedOut => (137, Some("time-out: the process group was killed".to_owned())),
        Ending::Cancelled => (137, Some("cancelled: the process group was killed".to_owned())),
    };
    let reason = killed.unwrap_or_else(|| format!("exit status {code}"));
    let stderr = if code == 0 || RESTART_OR_STOP.contains(&code) {
        stderr
    } else {
        with_reason(stderr, &format!("failed to run commands: {reason}"))
    };
    PluginResult { ending, code, stdout, stderr, ..PluginResult::empty() }
}

/// Exit codes by which a script speaks to the agent; no failure to explain.
const RESTART_OR_STOP: [i64; 2] = [super::engine::EXIT_RESTART, super::engine::EXIT_STOP_WITH_SUCCESS];

fn with_reason(mut stderr: String, reason: &str) -> String {
    if !stderr.is_empty() && !stderr.ends_with('\n') {
        stderr.push('\n');
    }
    stderr.push_str(reason);
    stderr
}

fn lines(input: Option<&Value>) -> Result<String, String> {
    let mut text = String::new();
    match input {
        Some(Value::String(line)) => text.push_str(line),
        Some(Value::Array(lines)) if !lines.is_empty() => {
            for line in lines {
                let line = line.as_str().ok_or("runCommand must be a list of strings")?;
                text.push_str(line);
                text.push('\n');
            }
        }
        _ => return Err("runCommand is missing or empty".to_owned()),
    }
    Ok(text)
}

/// The folder asked for, taken relative to that of the command's downloads, or where it has none to the step's own; that
/// one by default.
fn working_dir(inputs: &Value, step_dir: &Path, downloads: &Path) -> PathBuf {
    let base = if downloads.is_dir() { downloads } else { step_dir };
    match inputs.get("workingDirectory").and_then(Value::as_str) {
        Some(asked) if !asked.is_empty() => base.join(asked),
        _ => base.to_owned(),
    }
}

/// Text or number; whatever is not in the range silently becomes the default, as with the stock agent.
fn timeout(input: Option<&Value>) -> Duration {
    let seconds = match input {
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(Value::Number(number)) => number.as_u64(),
        _ => None,
    };
    let seconds = seconds.filter(|seconds| ALLOWED_TIMEOUT_SECONDS.contains(seconds));
    Duration::from_secs(seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS))
}

/// What the document asks for, under what every script gets.
fn environment(run: &Run<'_>, inputs: &Value) -> Vec<(String, String)> {
    let surroundings = run.surroundings;
    let data_dir = surroundings.data_dir.to_string_lossy().into_owned();
    let credentials = surroundings.data_dir.join(crate::transport::credentials::SHARED_FILE);
    let ours = [
        ("AWS_SSM_INSTANCE_ID", surroundings.instance_id.clone()),
        ("AWS_SSM_REGION_NAME", surroundings.region.clone()),
        ("AWS_SSM_PLATFORM_NAME", surroundings.platform_name.clone()),
        ("AWS_SSM_PLATFORM_VERSION", surroundings.platform_version.clone()),
        ("SSM_COMMAND_ID", run.command_id.to_owned()),
        ("AWS_SHARED_CREDENTIALS_FILE", credentials.to_string_lossy().into_owned()),
        ("FETTLE_AGENT_EXE", surroundings.agent_exe.to_string_lossy().into_owned()),
        ("FETTLE_AGENT_DATA", data_dir),
    ];
    let asked = inputs.get("environment").and_then(Value::as_object);
    let asked = asked.into_iter().flatten().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), text)
    });
    asked
        .chain(run.environment.iter().cloned())
        .filter(|(name, _)| !name.is_empty() && !name.contains(['=', '\0']))
        .chain(ours.map(|(name, value)| (name.to_owned(), value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_time_outs_like_the_stock_agent() {
        let check =
            |input: Value, seconds: u64| assert_eq!(timeout(Some(&input)).as_secs(), seconds, "{input}");
        check(json!("60"), 60);
        check(json!(5), 5);
        check(json!("3"), 3600);
        check(json!(172_801), 3600);
        check(json!("soon"), 3600);
        check(json!(null), 3600);
        assert_eq!(timeout(None).as_secs(), 3600);
    }

    #[test]
    fn explains_failures_on_standard_error() {
        let check = |ending, stderr: &str, expected: &str| {
            assert_eq!(result(ending, String::new(), stderr.into()).stderr, expected);
        };
        check(Ending::Exited(0), "warn\n", "warn\n");
        check(Ending::Exited(194), "", "");
        check(Ending::Exited(7), "", "failed to run commands: exit status 7");
        check(Ending::Exited(7), "oops", "oops\nfailed to run commands: exit status 7");
    }

    #[test]
    fn takes_lines_or_a_text() {
        assert_eq!(lines(Some(&json!(["a", "b"]))).unwrap(), "a\nb\n");
        assert_eq!(lines(Some(&json!("a"))).unwrap(), "a");
        for wrong in [json!([]), json!([1]), json!({}), json!(null)] {
            assert!(lines(Some(&wrong)).is_err(), "{wrong}");
        }
    }
}
