//! What is remembered: every SQL statement, the migrations and the transactions.
//! One SQL text serves SQLite and PostgreSQL; what must differ stands in `dialect`.
//! Decisions belong to `domain`, requests to `server`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod dialect;
mod error;
mod migrate;
mod postgres;
mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;
mod value;

pub mod accounts;
pub mod activations;
pub mod baselines;
pub mod clause;
pub mod client_tokens;
pub mod nodes;
pub mod patch_groups;
pub mod snapshots;
pub mod tags;

pub use error::StoreError;
pub use tx::{Store, StoreOptions, Tx};
pub use value::{Column, Row, Value};

pub type Result<T> = std::result::Result<T, StoreError>;
