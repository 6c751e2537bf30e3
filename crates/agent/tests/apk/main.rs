//! apk nodes through the real apk 3, on roots made on the spot. What a machine lacks skips a test with a line that says so, and
//! fails it where `FETTLE_REQUIRE_BEDS=1`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod bed;
mod crashes;
mod oracle;
mod server;
mod transactions;
mod versions;
