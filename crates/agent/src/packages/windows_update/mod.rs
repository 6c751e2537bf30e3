//! Windows Update: what this machine has and is offered, and installing it, through the Windows Update Agent.
//! Every decision is plain Rust over [`agent::UpdateAgent`] and is tested on any system; the calls themselves are COM
//! (`com`), which runs on Windows alone.
//! Source: spec patch-manager 2.5, 4.10 and 8.4; WUA's published interfaces.
//!
//! The adapter was run under wine against a stand-in for WUA, never on Windows itself.

pub mod agent;
mod categories;
pub mod codes;
#[cfg(windows)]
pub mod com;
pub mod command;
mod facts;
#[cfg(test)]
mod fake;
pub mod install;
pub mod manager;
pub mod policy;
#[cfg(windows)]
pub mod registry;
pub mod rounds;
pub mod selection;
pub mod settings;

#[cfg(windows)]
mod verbs;
#[cfg(windows)]
pub use verbs::{Verb, of_this_machine};
