//! The Fettle server: authentication, operations, the agents' endpoints, background jobs.
//! What is decided stands in `domain`, what is remembered in `store`, the wire types in `api`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod agents;
pub mod app;
mod associations;
mod auth;
mod automations;
mod caller;
mod clock;
pub mod commands;
mod ctx;
mod error;
mod events;
mod fleets;
mod groups;
pub mod http;
mod jobs;
pub mod keyring;
mod metrics;
mod objects;
mod operations;
mod progress;
mod quick_setup;
pub mod retention;
mod rollouts;
pub mod root_key;
mod s3;
mod scripts;
mod sign_in;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tls;
pub mod webhooks;
mod windows;

pub use app::{App, Mode};
pub use ctx::Ctx;
pub use error::ApiError;
