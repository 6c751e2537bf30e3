//! What differs between operating systems: private files, process groups, signals, the machine's description.
//! One file per family with the same functions; nothing else in the crate asks which system it runs on.
//!
//! The Windows file compiles and is type-checked, but was never run on Windows.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod family;
#[cfg(any(target_os = "macos", all(unix, test)))]
mod macos;

pub use family::{
    EXIT_RESTART, ask_agent_to_end, ask_tree_to_end, create_private_dir, default_data_dir, isolate,
    isolate_tool, kill_tree, make_executable, open_private, powershell, private_file, request_restart, shell,
    signal_of, stop_signal, sync_dir,
};

#[cfg(not(target_os = "macos"))]
pub use family::{boot_id, booted_at, machine};
#[cfg(target_os = "macos")]
pub use macos::{boot_id, booted_at, machine};

/// What the heartbeat tells about this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// `Linux`, `Windows`, `MacOS`.
    pub platform_type: &'static str,
    /// `Debian GNU/Linux`.
    pub platform_name: String,
    /// `12`.
    pub platform_version: String,
    pub computer_name: String,
}

/// Runs a script file: program, arguments before the file's path, and the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interpreter {
    pub program: &'static str,
    pub arguments: &'static [&'static str],
    pub file_name: &'static str,
    /// Before the script's own text.
    pub preamble: &'static str,
}
