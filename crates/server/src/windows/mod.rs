//! Maintenance windows at work: opening those whose time has come, carrying on what is open.
//! What opens, starts and ends is decided in `domain::window`; every decision is a row before anything is done about it.
//! Source: systems-manager.md 4.4.

pub mod call;
mod carry_on;
mod open;
#[cfg(test)]
mod tests;

pub use carry_on::carry_on;
pub use open::open;

use std::sync::Arc;

use api::Timestamp;
use domain::ids::{AccountId, Region};
use jiff::tz::TimeZoneDatabase;

use crate::app::App;
use crate::caller::Caller;
use crate::ctx::Ctx;
use crate::root_key::root_arn;

/// The time zones of this machine, or where it has none those that came with the program.
pub fn zones() -> &'static TimeZoneDatabase {
    jiff::tz::db()
}

/// What a task does it does for the account that the window belongs to.
fn ctx_of(app: &Arc<App>, account: &AccountId, region: &Region, now: Timestamp) -> Ctx {
    let caller = Caller::User { arn: root_arn(account.as_str()), access_key_id: String::new() };
    Ctx { caller, ..Ctx::of_job(app, (account, region), now) }
}
