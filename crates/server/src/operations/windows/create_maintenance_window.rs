//! CreateMaintenanceWindow: a window that opens by its schedule from now on.
//! Source: API reference, CreateMaintenanceWindow; systems-manager.md 4.1.

use api::ssm::{CreateMaintenanceWindowRequest, CreateMaintenanceWindowResult};
use domain::ids::WindowId;
use domain::window::{Settings, Window};
use store::tags::{self, Tagged};
use store::windows::{self, Scheduled};

use super::{MAX_WINDOWS, scope, unless_empty};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::keyring::random;
use crate::operations::idempotency::{self, Repeat};
use crate::operations::tags::checked_tags;
use crate::windows::zones;

const OPERATION: &str = "CreateMaintenanceWindow";

pub async fn create_maintenance_window(
    ctx: &Ctx,
    mut request: CreateMaintenanceWindowRequest,
) -> Result<CreateMaintenanceWindowResult, ApiError> {
    let token = request.client_token.take();
    let repeat = Repeat::new(OPERATION, token, &request);
    let tags = checked_tags(&request.tags.take().unwrap_or_default())?;
    let settings = settings(request);
    settings.check(zones())?;

    let mut tx = ctx.store.write().await?;
    if let Some(first) = idempotency::first_answer(&mut tx, ctx, &repeat).await? {
        return Ok(first);
    }
    if windows::list(&mut tx, scope(ctx)).await?.len() >= MAX_WINDOWS {
        return Err(error::too_many_windows(MAX_WINDOWS));
    }
    let window = Window {
        id: WindowId::mint(random()),
        settings,
        enabled: true,
        created_at: ctx.now,
        modified_at: ctx.now,
        schedule_changed_at: ctx.now,
    };
    let next_at = window.next_after(ctx.now, zones())?;
    let scheduled = Scheduled { window, next_at };
    windows::insert(&mut tx, scope(ctx), &scheduled).await?;
    let id = &scheduled.window.id;
    tags::put(&mut tx, Tagged::window(&ctx.account, &ctx.region, id), &tags).await?;
    let result = CreateMaintenanceWindowResult { window_id: Some(id.to_string()) };
    idempotency::remember(&mut tx, ctx, &repeat, &result).await?;
    tx.commit().await?;
    Ok(result)
}

fn settings(request: CreateMaintenanceWindowRequest) -> Settings {
    Settings {
        name: request.name,
        description: request.description,
        start_date: unless_empty(request.start_date),
        end_date: unless_empty(request.end_date),
        schedule: request.schedule,
        schedule_timezone: unless_empty(request.schedule_timezone),
        schedule_offset: request.schedule_offset,
        duration_hours: request.duration,
        cutoff_hours: request.cutoff,
        allow_unassociated_targets: request.allow_unassociated_targets,
    }
}
