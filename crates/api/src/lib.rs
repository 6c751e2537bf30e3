//! What crosses a socket: wire types and their constraints, request signing, the agent protocol.
//! Pure: no async, no I/O, none of our other crates.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod agent;
pub mod timestamp;

pub use timestamp::Timestamp;
