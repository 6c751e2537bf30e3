//! Executions of runbooks at work: beginning one, going on with those that are due, calling what their steps call.
//! What follows is decided in `domain::automation`; every decision is a row before anything is done about it.
//! Source: systems-manager.md 7.

mod begin;
mod call;
mod carry_on;
mod loaded;
mod run_script;
mod targets;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub use begin::MOST_OPEN;
pub use begin::{Order, check, place, place_as, prepare, refuse_elsewhere};
pub use call::{carry_out, claim};
pub use carry_on::{ask_to_stop, carry_on};
pub use loaded::Loaded;

use std::sync::Arc;

use api::Timestamp;
use store::automations::Automation;

use crate::app::App;
use crate::caller::Caller;
use crate::ctx::Ctx;

/// Whatever an execution does, it does with the rights of who started it.
/// Differs from AWS: there are no roles to take on here, so `assumeRole` changes nothing.
fn ctx_of(app: &Arc<App>, automation: &Automation, now: Timestamp) -> Ctx {
    let caller = Caller::on_behalf_of(Some(&automation.executed_by));
    let scope = (&automation.key.account, &automation.key.region);
    Ctx { caller, ..Ctx::of_job(app, scope, now) }
}
