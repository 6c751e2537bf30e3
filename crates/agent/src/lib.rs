//! The Fettle agent: enrols this machine, runs the documents it is sent, scans its packages, reports.
//! Decisions belong to `domain`, wire forms to `api`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(target_os = "linux")]
pub mod advisories;
pub mod boot;
pub mod commands;
pub mod effect;
pub mod enroll;
pub mod files;
pub mod heartbeat;
pub mod inventory;
pub mod journal;
#[cfg_attr(target_os = "linux", path = "lookout_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "lookout_other.rs")]
pub mod lookout;
pub mod packages;
pub mod patch_run;
pub mod platform;
pub mod plugins;
pub mod run;
#[cfg(target_os = "linux")]
pub mod scan;
#[cfg_attr(not(target_os = "linux"), path = "snapshots_other.rs")]
pub mod snapshots;
pub mod transport;
pub mod update;

/// As servers see it.
pub const AGENT_NAME: &str = "fettle-agent";
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// In 0..1, for spreading retries of many nodes over time.
pub fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness the retries are merely not spread.
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}
