//! UpdateMaintenanceWindow: changes what is sent, or with Replace everything.
//! Source: API reference, UpdateMaintenanceWindow; systems-manager.md 4.1.

use api::ssm::{UpdateMaintenanceWindowRequest, UpdateMaintenanceWindowResult};
use domain::window::Settings;
use store::windows;

use super::{load, scope, unless_empty};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::windows::zones;

pub async fn update_maintenance_window(
    ctx: &Ctx,
    request: UpdateMaintenanceWindowRequest,
) -> Result<UpdateMaintenanceWindowResult, ApiError> {
    let mut tx = ctx.store.write().await?;
    let mut scheduled = load(&mut tx, ctx, &request.window_id).await?;
    let window = &mut scheduled.window;
    let before = (window.settings.clone(), window.enabled);
    window.enabled = request.enabled.unwrap_or(window.enabled);
    window.settings = match request.replace {
        Some(true) => replaced(request)?,
        _ => changed(before.0.clone(), request),
    };
    window.settings.check(zones())?;
    window.modified_at = ctx.now;
    let is_rescheduled = !window.settings.has_schedule_of(&before.0);
    if is_rescheduled {
        window.schedule_changed_at = ctx.now;
    }
    // Otherwise what is due this second stays due.
    if is_rescheduled || window.enabled != before.1 {
        scheduled.next_at = window.next_after(ctx.now, zones())?;
    }
    windows::update(&mut tx, scope(ctx), &scheduled).await?;
    tx.commit().await?;
    Ok(scheduled.window.to_update_result())
}

/// What creating a window requires must be there, all else is cleared. Enabled is no part of that and stays.
fn replaced(request: UpdateMaintenanceWindowRequest) -> Result<Settings, ApiError> {
    let missing = |member| error::validation(format!("with Replace the member {member} is required"));
    Ok(Settings {
        name: request.name.ok_or_else(|| missing("Name"))?,
        description: request.description,
        start_date: unless_empty(request.start_date),
        end_date: unless_empty(request.end_date),
        schedule: request.schedule.ok_or_else(|| missing("Schedule"))?,
        schedule_timezone: unless_empty(request.schedule_timezone),
        schedule_offset: request.schedule_offset,
        duration_hours: request.duration.ok_or_else(|| missing("Duration"))?,
        cutoff_hours: request.cutoff.ok_or_else(|| missing("Cutoff"))?,
        allow_unassociated_targets: request
            .allow_unassociated_targets
            .ok_or_else(|| missing("AllowUnassociatedTargets"))?,
    })
}

fn changed(before: Settings, request: UpdateMaintenanceWindowRequest) -> Settings {
    // An empty text is sent to clear what was there.
    let text = |sent: Option<String>, before| if sent.is_some() { unless_empty(sent) } else { before };
    Settings {
        name: request.name.unwrap_or(before.name),
        description: request.description.or(before.description),
        start_date: text(request.start_date, before.start_date),
        end_date: text(request.end_date, before.end_date),
        schedule: request.schedule.unwrap_or(before.schedule),
        schedule_timezone: text(request.schedule_timezone, before.schedule_timezone),
        schedule_offset: request.schedule_offset.or(before.schedule_offset),
        duration_hours: request.duration.unwrap_or(before.duration_hours),
        cutoff_hours: request.cutoff.unwrap_or(before.cutoff_hours),
        allow_unassociated_targets: request
            .allow_unassociated_targets
            .unwrap_or(before.allow_unassociated_targets),
    }
}
