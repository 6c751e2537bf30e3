//! The apt reader against the real apt: every answer must be the same.
//! What a machine lacks (apt, dpkg-deb, apt-ftparchive) skips a test with a line that says so.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod bed;
#[cfg(feature = "chroots")]
mod chroots;
mod command;
mod crashes;
mod damage;
mod kept;
mod killing;
mod machine;
mod oracle;
mod random_nodes;
mod refresh;
mod transactions;
