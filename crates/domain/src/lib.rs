//! What is decided: pure functions of values, used on both sides of the wire.
//! No clock, files, network, environment or SQL: the caller hands everything in.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod facts;
pub mod ids;
pub mod patch;
