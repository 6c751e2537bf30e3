//! The command-line verbs on Windows itself: the machine's own agent, registry and output put together.

use clap::Subcommand;

use super::codes::UpdateError;
use super::com::Wua;
use super::command::{self, ConfigureArgs, WindowsUpdatesArgs};
use super::manager::WindowsUpdate;
use super::registry;
use crate::transport::call::now;

#[derive(Subcommand)]
pub enum Verb {
    /// Find or install updates without any baseline; what AWS-InstallWindowsUpdates runs.
    WindowsUpdates(WindowsUpdatesArgs),
    /// Set the policy of automatic updates; what AWS-ConfigureWindowsUpdate runs.
    ConfigureWindowsUpdate(ConfigureArgs),
    /// Print what this agent sees of Windows Update, as JSON. Changes nothing.
    SelfCheck,
}

impl Verb {
    /// `print` gets every line; the number is the exit code.
    pub fn run(&self, print: fn(&str)) -> anyhow::Result<i32> {
        match self {
            Self::WindowsUpdates(args) => command::windows_updates(args, &mut Wua::open()?, now(), print),
            Self::ConfigureWindowsUpdate(args) => registry::apply(&args.settings()?).map(|()| 0),
            Self::SelfCheck => {
                let (system, policy) = (registry::system(), registry::policy());
                let report = command::self_check(&mut Wua::open()?, &system, &policy);
                print(&command::pretty(&report)?);
                Ok(0)
            }
        }
    }
}

/// Windows Update of this machine as a package manager.
pub fn of_this_machine() -> Result<WindowsUpdate<Wua>, UpdateError> {
    Ok(WindowsUpdate::new(Wua::open()?, registry::system(), registry::policy()))
}
