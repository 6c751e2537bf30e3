//! Runs documents: one plugin a file, and the engine that decides which step runs next.
//! Parsing documents and filling in parameters belongs to `domain::document`; journal and replies to `commands`.

pub mod configure_package;
pub mod download;
pub mod engine;
pub mod kept_output;
#[cfg(all(test, unix))]
mod live_patching_tests;
pub mod output;
pub mod process;
pub mod refresh_association;
pub mod run_document;
pub mod script;
mod secrets;
pub mod software_inventory;
pub mod stored_parameters;
pub mod update_agent;

use std::path::PathBuf;

/// What every plugin may tell the programs it starts.
#[derive(Clone, Debug)]
pub struct Surroundings {
    pub data_dir: PathBuf,
    pub instance_id: String,
    pub region: String,
    /// `Linux`, `Windows`, `MacOS`: what `platformType` preconditions compare with.
    pub platform_type: &'static str,
    pub platform_name: String,
    pub platform_version: String,
    /// This program, for documents that call back into it.
    pub agent_exe: PathBuf,
}
