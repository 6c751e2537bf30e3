//! What is remembered: every SQL statement, the migrations and the transactions.
//! One SQL text serves SQLite and PostgreSQL; what must differ stands in `dialect`.
//! Decisions belong to `domain`, requests to `server`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod compact;
mod compressed;
mod dialect;
mod error;
mod memory;
mod migrate;
mod postgres;
mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;
mod value;

pub mod accounts;
pub mod activations;
pub mod advisories;
pub mod analysis;
pub mod associations;
pub mod automations;
pub mod available_patches;
pub mod baselines;
pub mod changes;
pub mod channels;
pub mod clause;
pub mod client_tokens;
pub mod command_notifications;
pub mod commands;
pub mod compliance;
pub mod counters;
pub mod document_attachments;
pub mod document_reviews;
pub mod documents;
pub mod facts;
pub mod fleet;
pub mod inventory;
pub mod invocations;
pub mod leases;
pub mod node_messages;
pub mod nodes;
pub mod objects;
pub mod parameters;
pub mod passkeys;
pub mod past_fleet;
pub mod patch_executions;
pub mod patch_groups;
pub mod patch_plans;
pub mod patch_states;
pub mod quick_setup;
pub mod replies;
pub mod report_items;
pub mod reports;
pub mod resource_groups;
pub mod retention;
pub mod rollouts;
pub mod sign_in;
pub mod snapshots;
pub mod step_results;
pub mod strings;
pub mod tags;
pub mod touched;
pub mod users;
pub mod wakeups;
pub mod window_executions;
pub mod window_parts;
pub mod windows;

pub use compact::Hash;
pub use error::StoreError;
pub use tx::{Gate, Store, StoreOptions, Tx};
pub use value::{Column, Row, Value};

pub type Result<T> = std::result::Result<T, StoreError>;

/// Whose rows: account and region.
pub type Scope<'a> = (&'a domain::ids::AccountId, &'a domain::ids::Region);
