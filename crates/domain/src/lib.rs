//! What is decided: pure functions of values, used on both sides of the wire.
//! No clock, files, network, environment or SQL: the caller hands everything in.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod advisory;
pub mod agent_build;
pub mod association;
pub mod automation;
pub mod baseline;
pub mod catalogue;
pub mod change_calendar;
pub mod command;
pub mod compact;
pub mod compliance;
pub mod document;
pub mod explain;
pub mod facts;
pub mod fleet;
pub mod ids;
pub mod inventory;
pub mod notification;
pub mod object;
pub mod os;
pub mod parameter;
pub mod patch;
pub mod patch_now;
pub mod policy;
pub mod principal;
pub mod quick_setup;
pub mod resource_group;
pub mod rollout;
pub mod schedule;
pub mod target;
pub mod window;
