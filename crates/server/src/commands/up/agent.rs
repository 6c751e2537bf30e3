//! The agent as a child of `fettle up`: found beside this program, enrolled, started, stopped.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use api::Timestamp;
use api::ssm::CreateActivationResult;
use serde::Deserialize;
use serde_json::Value;
use tokio::process::{Child, ChildStdin, Command};

/// The agent ends what it does, or gives it up, in this time.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// So much of its log is shown when it dies.
const LOG_SHOWN_BYTES: u64 = 2_000;
const REGISTRATION: &str = "registration.json";

/// The part of the agent's registration that `fettle up` needs.
#[derive(Deserialize)]
pub struct Registration {
    pub instance_id: String,
    pub region: String,
}

/// The agent's program.
pub fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program is")?;
    let path = own.with_file_name(format!("fettle-agent{}", std::env::consts::EXE_SUFFIX));
    if !path.exists() {
        bail!(
            "{} is missing: the agent's program must be beside `fettle`; `make up` builds both",
            path.display()
        );
    }
    Ok(path)
}

/// `None` before the first enrolment.
pub fn registration(folder: &Path) -> anyhow::Result<Option<Registration>> {
    let path = folder.join(REGISTRATION);
    match std::fs::read(&path) {
        Ok(text) => {
            let parsed = serde_json::from_slice(&text);
            Ok(Some(parsed.with_context(|| format!("{} is damaged", path.display()))?))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// The port may have changed since the enrolment; the node stays the same.
pub fn point_to(folder: &Path, endpoint: &str) -> anyhow::Result<()> {
    let path = folder.join(REGISTRATION);
    let mut registration: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    if registration["endpoint"] == endpoint {
        return Ok(());
    }
    registration["endpoint"] = endpoint.into();
    let new = folder.join("registration.json.new");
    let written = private_file(&new).and_then(|mut file| {
        file.set_len(0)?;
        file.write_all(registration.to_string().as_bytes())?;
        file.sync_all()
    });
    written
        .and_then(|()| std::fs::rename(&new, &path))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Registers this machine; returns the node's id.
pub async fn enroll(
    program: &Path,
    folder: &Path,
    endpoint: &str,
    region: &str,
    activation: &CreateActivationResult,
) -> anyhow::Result<String> {
    let enrolled = Command::new(program)
        .arg("enroll")
        .args(["--endpoint", endpoint, "--region", region, "--force"])
        .args(["--activation-id", activation.activation_id.as_deref().unwrap_or_default()])
        .arg("--data")
        .arg(folder)
        // Arguments can be read by every user of the machine.
        .env("FETTLE_ACTIVATION_CODE", activation.activation_code.as_deref().unwrap_or_default())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("cannot start {}", program.display()))?;
    if !enrolled.status.success() {
        bail!("the agent could not enrol: {}", String::from_utf8_lossy(&enrolled.stderr).trim());
    }
    let registration = registration(folder)?.context("the agent enrolled, but kept no registration")?;
    Ok(registration.instance_id)
}

/// The running agent. Dropped, it is killed.
pub struct Agent {
    child: Child,
    /// Held open for as long as this process lives: its end, even by `kill -9`, is the agent's.
    _lifeline: Option<ChildStdin>,
    log: PathBuf,
    pub started_at: Timestamp,
}

impl Agent {
    pub fn start(program: &Path, folder: &Path, log: &Path, started_at: Timestamp) -> anyhow::Result<Self> {
        let cannot_log = || format!("cannot write {}", log.display());
        let output = private_log(log).with_context(cannot_log)?;
        let errors = output.try_clone().with_context(cannot_log)?;
        let mut command = Command::new(program);
        command.arg("run").arg("--with-parent").arg("--data").arg(folder);
        command.stdin(Stdio::piped()).stdout(output).stderr(errors).kill_on_drop(true);
        platform::set_apart(&mut command);
        let mut child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        // Taken, because waiting for the child would close it.
        let lifeline = child.stdin.take();
        Ok(Self { child, _lifeline: lifeline, log: log.to_owned(), started_at })
    }

    /// Resolves when the agent is gone, with what it said last.
    pub async fn died(&mut self) -> anyhow::Error {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let said = tail(&self.log).unwrap_or_default();
        anyhow::anyhow!(
            "the agent ended by itself ({status}); it said last:\n{said}\n  its log: {}",
            self.log.display()
        )
    }

    /// Waits for `work`, but not longer than the agent lives.
    pub async fn or_death<T>(&mut self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        tokio::select! {
            outcome = work => outcome,
            death = self.died() => Err(death),
        }
    }

    pub async fn stop(mut self) -> anyhow::Result<()> {
        platform::ask_to_stop(&mut self.child);
        if tokio::time::timeout(STOP_TIMEOUT, self.child.wait()).await.is_err() {
            self.child.kill().await.context("cannot stop the agent")?;
        }
        Ok(())
    }
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let size_bytes = file.metadata()?.len();
    file.seek(SeekFrom::Start(size_bytes.saturating_sub(LOG_SHOWN_BYTES)))?;
    let mut text = vec![];
    file.read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(5)..]
        .iter()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n"))
}

/// Logs name packages and hosts: nobody else's business.
pub fn private_log(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        platform::make_private_folder(&mut builder);
        builder.create(folder)?;
    }
    private_file(path)
}

fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    platform::make_private_file(&mut options);
    options.open(path)
}

#[cfg(unix)]
mod platform {
    use std::fs::{DirBuilder, OpenOptions};
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

    use rustix::process::{Pid, Signal, kill_process};
    use tokio::process::{Child, Command};

    /// A terminal's Ctrl-C is for us: we stop the agent in order.
    pub fn set_apart(command: &mut Command) {
        command.process_group(0);
    }

    pub fn ask_to_stop(child: &mut Child) {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        // It may have ended by itself, and then there is nothing to ask.
        let _ = id.map(|id| kill_process(id, Signal::TERM));
    }

    pub fn make_private_folder(builder: &mut DirBuilder) {
        builder.mode(0o700);
    }

    pub fn make_private_file(options: &mut OpenOptions) {
        options.mode(0o600);
    }
}

#[cfg(not(unix))]
mod platform {
    use std::fs::{DirBuilder, OpenOptions};

    use tokio::process::{Child, Command};

    pub fn set_apart(_: &mut Command) {}

    pub fn ask_to_stop(child: &mut Child) {
        let _ = child.start_kill();
    }

    pub fn make_private_folder(_: &mut DirBuilder) {}

    pub fn make_private_file(_: &mut OpenOptions) {}
}
