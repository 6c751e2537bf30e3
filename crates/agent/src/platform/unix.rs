//! Unix: file modes, process groups, signals, os-release.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use super::{Interpreter, Machine};

/// A step that ends with this asks its agent for a restart of the machine, and to be run again afterwards.
pub const EXIT_RESTART: i64 = 194;

pub fn default_data_dir() -> PathBuf {
    PathBuf::from("/var/lib/fettle-agent")
}

/// Creates the folder and its parents, or takes an existing one; either way only its owner may enter it.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

/// Options that create a file only its owner can read.
pub fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

/// Opens for appending and reading, creating a private file when there is none.
pub fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

/// Its owner may run it.
pub fn make_executable(file: &File) -> io::Result<()> {
    file.set_permissions(fs::Permissions::from_mode(0o700))
}

/// Makes renames and new names in the folder durable.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Puts the child into a process group of its own, so that [`kill_tree`] reaches what it starts.
pub fn isolate(command: &mut Command) {
    command.process_group(0);
}

/// The same for a tool that is waited for without a runtime.
pub fn isolate_tool(command: &mut std::process::Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// An agent of ours, whose standard input was closed.
pub fn ask_agent_to_end(pid: u32) {
    ask_tree_to_end(pid);
}

/// Lets the process group that `pid` leads end in its own way. Gone already is fine.
pub fn ask_tree_to_end(pid: u32) {
    let group = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(Err(error)) = group.map(|group| kill_process_group(group, Signal::TERM)) {
        tracing::debug!(pid, %error, "process group not told to end");
    }
}

/// The signal that ended a process which did not exit.
pub fn signal_of(status: std::process::ExitStatus) -> i32 {
    std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or_default()
}

/// Kills the process group that `pid` leads. Gone already is fine.
pub fn kill_tree(pid: u32) {
    let group = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(Err(error)) = group.map(|group| kill_process_group(group, Signal::KILL)) {
        tracing::debug!(pid, %error, "process group not killed");
    }
}

/// Completes on SIGTERM or SIGINT.
pub async fn stop_signal() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

pub fn shell() -> Option<Interpreter> {
    Some(Interpreter { program: "/bin/sh", arguments: &[], file_name: "_script.sh", preamble: "" })
}

/// The one that is installed by hand; whether it is shows when it is started.
pub fn powershell() -> Option<Interpreter> {
    Some(Interpreter {
        program: "pwsh",
        arguments: &["-NoLogo", "-NoProfile", "-NonInteractive", "-File"],
        file_name: "_script.ps1",
        preamble: "",
    })
}

/// The command that restarts the machine; returns before the restart.
pub fn request_restart() -> std::process::Command {
    let mut command = std::process::Command::new("shutdown");
    command.args(["-r", "now"]);
    command
}

/// Linux' kernel tells under `/proc`, which is read where roots are known; nothing here knows better.
pub fn boot_id() -> String {
    String::new()
}

/// As [`boot_id`].
pub fn booted_at() -> Option<api::Timestamp> {
    None
}

pub fn machine() -> Machine {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let computer_name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    describe(&release, computer_name)
}

fn describe(os_release: &str, computer_name: String) -> Machine {
    Machine {
        platform_type: "Linux",
        platform_name: os_release_value(os_release, "NAME").unwrap_or_else(|| "Linux".to_owned()),
        platform_version: os_release_value(os_release, "VERSION_ID").unwrap_or_default(),
        computer_name,
    }
}

fn os_release_value(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
    Some(value.trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_from_os_release() {
        let text =
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n";
        let machine = describe(text, "web-01".into());
        assert_eq!(
            (machine.platform_name.as_str(), machine.platform_version.as_str()),
            ("Debian GNU/Linux", "12")
        );
        let bare = describe("ID=arch\n", "x".into());
        assert_eq!((bare.platform_name.as_str(), bare.platform_version.as_str()), ("Linux", ""));
    }

    #[test]
    fn private_means_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        create_private_dir(&inner).unwrap();
        let file = inner.join("f");
        drop(open_private(&file).unwrap());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&inner), mode(&file)), (0o700, 0o600));
    }
}
