//! DescribeMaintenanceWindowSchedule: the coming openings of one window, of those that cover a target, or of all.
//! Source: API reference, DescribeMaintenanceWindowSchedule; systems-manager.md 4.1.

use api::Timestamp;
use api::ssm::{
    DescribeMaintenanceWindowScheduleRequest, DescribeMaintenanceWindowScheduleResult,
    ScheduledWindowExecution,
};
use domain::window::Window;
use store::{Tx, windows};

use super::filters::Filters;
use super::{DEFAULT_PAGE, load, page_of, scope, targets};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::page::{Page, page_size};
use crate::windows::zones;

const OPERATION: &str = "DescribeMaintenanceWindowSchedule";
const BEFORE: &str = "ScheduledBefore";
const AFTER: &str = "ScheduledAfter";
/// Of each window, unless a filter says how far to look.
const COMING: usize = 25;
/// Of the openings of a page, whatever is asked for.
const MAX_PAGE: usize = 500;

pub async fn describe_maintenance_window_schedule(
    ctx: &Ctx,
    request: DescribeMaintenanceWindowScheduleRequest,
) -> Result<DescribeMaintenanceWindowScheduleResult, ApiError> {
    let given = request.filters.iter().flatten();
    let given = given.map(|filter| (filter.key.as_deref(), filter.values.as_deref()));
    let filters = Filters::of(given, &[BEFORE, AFTER])?;
    let (before, after) = (filters.time(BEFORE)?, filters.time(AFTER)?);
    let size = page_size(request.max_results, DEFAULT_PAGE).min(MAX_PAGE);
    let bound_to = (&request.window_id, &request.targets, &request.resource_type, &request.filters);
    let page = Page::open(ctx, OPERATION, &bound_to, request.next_token.as_deref(), size)?;

    let mut tx = ctx.store.read().await?;
    let windows = addressed(&mut tx, ctx, &request).await?;
    let from = after.map_or(ctx.now, |after| after.max(ctx.now));
    let mut coming = Vec::new();
    for window in windows.iter().filter(|window| window.enabled) {
        let calendar = window.calendar(zones())?;
        let times: Vec<Timestamp> = match before {
            None => calendar.upcoming(from).take(COMING).collect(),
            Some(before) => {
                // What the page before ended with, and a page from there on.
                let from =
                    page.after.as_deref().and_then(key_time).map_or(from, |at| at.plus_millis(-1).max(from));
                calendar.upcoming(from).take_while(|at| *at < before).take(size + 2).collect()
            }
        };
        coming.extend(times.into_iter().map(|at| (at, window)));
    }
    let cut = page_of(ctx, &page, coming, |(at, window)| key(*at, window));
    let shown = cut.rows.into_iter().map(|(at, window)| {
        Ok::<_, ApiError>(ScheduledWindowExecution {
            window_id: Some(window.id.to_string()),
            name: Some(window.settings.name.clone()),
            execution_time: Some(window.show(at, zones())?),
        })
    });
    Ok(DescribeMaintenanceWindowScheduleResult {
        scheduled_window_executions: Some(shown.collect::<Result<_, _>>()?),
        next_token: cut.next_token,
    })
}

async fn addressed(
    tx: &mut Tx,
    ctx: &Ctx,
    request: &DescribeMaintenanceWindowScheduleRequest,
) -> Result<Vec<Window>, ApiError> {
    let wanted = request.targets.as_deref().unwrap_or_default();
    match (&request.window_id, &request.resource_type) {
        (Some(_), kind) if kind.is_some() || !wanted.is_empty() => {
            Err(error::validation("give WindowId, or Targets and ResourceType, not both"))
        }
        (Some(id), _) => Ok(vec![load(tx, ctx, id).await?.window]),
        (None, None) if wanted.is_empty() => {
            Ok(windows::list(tx, scope(ctx)).await?.into_iter().map(|row| row.window).collect())
        }
        (None, Some(kind)) if !wanted.is_empty() => {
            targets::check(kind, wanted)?;
            let covering = targets::windows_covering(tx, ctx, kind, wanted).await?;
            let all = windows::list(tx, scope(ctx)).await?.into_iter().map(|row| row.window);
            Ok(all.filter(|window| covering.contains(&window.id)).collect())
        }
        (None, _) => Err(error::validation("Targets and ResourceType are given together")),
    }
}

/// By time, then by window. Milliseconds of these years have 13 digits.
fn key(at: Timestamp, window: &Window) -> String {
    format!("{:020}/{}", at.as_millis(), window.id)
}

fn key_time(key: &str) -> Option<Timestamp> {
    key.split_once('/')?.0.parse().ok().map(Timestamp::from_millis)
}
