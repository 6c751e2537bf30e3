//! Operator commands and the typed client. The commands talk to a running server through its public
//! API; running a server, and reading its data folder, belongs to `server`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod advisories;
pub mod client;
pub mod commands;
pub mod connection;
pub mod interrupt;
pub mod text;

pub use client::{Client, ClientError};
pub use commands::Command;
pub use connection::Connection;
