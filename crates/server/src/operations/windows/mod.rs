//! Maintenance windows: registering them, their targets and tasks, and reading how their runs went.
//! Opening and running them is `crate::windows`' work, decided in `domain::window`. Source: systems-manager.md 4.

mod cancel_maintenance_window_execution;
mod create_maintenance_window;
mod delete_maintenance_window;
mod deregister_target_from_maintenance_window;
mod deregister_task_from_maintenance_window;
mod describe_maintenance_window_execution_task_invocations;
mod describe_maintenance_window_execution_tasks;
mod describe_maintenance_window_executions;
mod describe_maintenance_window_schedule;
mod describe_maintenance_window_targets;
mod describe_maintenance_window_tasks;
mod describe_maintenance_windows;
mod describe_maintenance_windows_for_target;
mod executions;
mod filters;
mod get_maintenance_window;
mod get_maintenance_window_execution;
mod get_maintenance_window_execution_task;
mod get_maintenance_window_execution_task_invocation;
mod get_maintenance_window_task;
mod register_target_with_maintenance_window;
mod register_task_with_maintenance_window;
mod targets;
mod tasks;
#[cfg(test)]
mod tests;
mod update_maintenance_window;
mod update_maintenance_window_target;
mod update_maintenance_window_task;

pub use cancel_maintenance_window_execution::cancel_maintenance_window_execution;
pub use create_maintenance_window::create_maintenance_window;
pub use delete_maintenance_window::delete_maintenance_window;
pub use deregister_target_from_maintenance_window::deregister_target_from_maintenance_window;
pub use deregister_task_from_maintenance_window::deregister_task_from_maintenance_window;
pub use describe_maintenance_window_execution_task_invocations::describe_maintenance_window_execution_task_invocations;
pub use describe_maintenance_window_execution_tasks::describe_maintenance_window_execution_tasks;
pub use describe_maintenance_window_executions::describe_maintenance_window_executions;
pub use describe_maintenance_window_schedule::describe_maintenance_window_schedule;
pub use describe_maintenance_window_targets::describe_maintenance_window_targets;
pub use describe_maintenance_window_tasks::describe_maintenance_window_tasks;
pub use describe_maintenance_windows::describe_maintenance_windows;
pub use describe_maintenance_windows_for_target::describe_maintenance_windows_for_target;
pub use get_maintenance_window::get_maintenance_window;
pub use get_maintenance_window_execution::get_maintenance_window_execution;
pub use get_maintenance_window_execution_task::get_maintenance_window_execution_task;
pub use get_maintenance_window_execution_task_invocation::get_maintenance_window_execution_task_invocation;
pub use get_maintenance_window_task::get_maintenance_window_task;
pub use register_target_with_maintenance_window::register_target_with_maintenance_window;
pub use register_task_with_maintenance_window::register_task_with_maintenance_window;
pub use update_maintenance_window::update_maintenance_window;
pub use update_maintenance_window_target::update_maintenance_window_target;
pub use update_maintenance_window_task::update_maintenance_window_task;

use domain::ids::WindowId;
use domain::window::Window;
use store::windows::{self, Scheduled};
use store::{Scope, Tx};

use super::page::{Cut, Page};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::windows::zones;

/// Of an account in a region.
const MAX_WINDOWS: usize = 50;
/// Of a window.
const MAX_TARGETS: usize = 100;
const MAX_TASKS: usize = 20;
/// Of the lists here, where a request names no other.
const DEFAULT_PAGE: i32 = 50;

fn scope(ctx: &Ctx) -> Scope<'_> {
    (&ctx.account, &ctx.region)
}

async fn load(tx: &mut Tx, ctx: &Ctx, id: &str) -> Result<Scheduled, ApiError> {
    let id: WindowId = id.parse()?;
    windows::find(tx, scope(ctx), &id).await?.ok_or_else(|| error::window_not_found(&id))
}

/// `NextExecutionTime` of a window that opens again.
fn next_execution_time(ctx: &Ctx, window: &Window) -> Result<Option<String>, ApiError> {
    let next = window.next_after(ctx.now, zones())?;
    Ok(next.map(|next| window.show(next, zones())).transpose()?)
}

/// Empty texts clear what they are given for.
fn unless_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// A page of rows that were all read: there are never many. In the order of their keys.
fn page_of<T>(ctx: &Ctx, page: &Page, rows: Vec<T>, key: impl Fn(&T) -> String) -> Cut<T> {
    let mut rows: Vec<(String, T)> = rows.into_iter().map(|row| (key(&row), row)).collect();
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    rows.retain(|(key, _)| page.after.as_ref().is_none_or(|after| key > after));
    let cut = page.cut(ctx, rows, |(key, _)| key.clone());
    Cut { rows: cut.rows.into_iter().map(|(_, row)| row).collect(), next_token: cut.next_token }
}
