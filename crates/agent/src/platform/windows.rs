//! Windows: folders inherit their protection, a tree is killed with the system's own tool.
//! Never run on Windows so far: compiled and type-checked only.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::{Interpreter, Machine};

/// A step that ends with this asks its agent for a restart of the machine, and to be run again afterwards.
pub const EXIT_RESTART: i64 = 3010;

pub fn default_data_dir() -> PathBuf {
    let base = std::env::var_os("ProgramData").unwrap_or_else(|| r"C:\ProgramData".into());
    PathBuf::from(base).join("fettle-agent")
}

/// Access is what the parent folder grants; the installer protects the default one.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

pub fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    options
}

pub fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

/// By its ending alone.
pub fn make_executable(_file: &File) -> io::Result<()> {
    Ok(())
}

/// The file system journals its names; there is no call to wait for them.
pub fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// A child is killed by its id and the ids of its descendants; nothing to set up.
pub fn isolate(_command: &mut Command) {}

pub fn isolate_tool(_command: &mut std::process::Command) {}

/// An agent of ours, whose standard input was closed: that is the message.
pub fn ask_agent_to_end(_pid: u32) {}

/// There is no polite way to end a tree without a console.
pub fn ask_tree_to_end(pid: u32) {
    kill_tree(pid);
}

/// Processes end by exit codes alone.
pub fn signal_of(_status: std::process::ExitStatus) -> i32 {
    0
}

pub fn kill_tree(pid: u32) {
    let killed = std::process::Command::new("taskkill").args(["/T", "/F", "/PID", &pid.to_string()]).status();
    if let Err(error) = killed {
        tracing::debug!(pid, %error, "process tree not killed");
    }
}

/// Completes on Ctrl-C.
pub async fn stop_signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

pub fn shell() -> Option<Interpreter> {
    None
}

/// Windows' own PowerShell, which takes a file without a byte order mark for one in the system's old code page.
pub fn powershell() -> Option<Interpreter> {
    Some(Interpreter {
        program: "powershell.exe",
        arguments: &["-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File"],
        file_name: "_script.ps1",
        preamble: "\u{feff}",
    })
}

pub fn request_restart() -> std::process::Command {
    let mut command = std::process::Command::new("shutdown");
    command.args(["/r", "/t", "0"]);
    command
}

/// New at every boot; empty where the registry cannot be written.
pub fn boot_id() -> String {
    crate::packages::windows_update::registry::boot_id().unwrap_or_else(|error| {
        tracing::warn!("restarts cannot be told: {error:#}");
        String::new()
    })
}

pub fn booted_at() -> Option<api::Timestamp> {
    let since_boot = crate::packages::windows_update::com::milliseconds_since_boot();
    let since_boot = i64::try_from(since_boot).ok()?;
    Some(crate::transport::call::now().plus_millis(-since_boot))
}

pub fn machine() -> Machine {
    let system = crate::packages::windows_update::registry::system();
    Machine {
        platform_type: "Windows",
        platform_name: system.name,
        platform_version: system.version,
        computer_name: std::env::var("COMPUTERNAME").unwrap_or_default(),
    }
}
