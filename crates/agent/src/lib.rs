//! The Fettle agent: enrols this machine, runs the documents it is sent, scans its packages, reports.
//! Decisions belong to `domain`, wire forms to `api`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod files;
pub mod journal;
#[cfg(unix)]
pub mod packages;
pub mod platform;
