//! DescribeMaintenanceWindowTargets: what is registered with a window as targets, by id.
//! Source: API reference, DescribeMaintenanceWindowTargets; systems-manager.md 4.2.

use api::ssm::{DescribeMaintenanceWindowTargetsRequest, DescribeMaintenanceWindowTargetsResult};
use store::window_parts::TARGETS;

use super::filters::Filters;
use super::{DEFAULT_PAGE, load, page_of, scope};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const OPERATION: &str = "DescribeMaintenanceWindowTargets";

pub async fn describe_maintenance_window_targets(
    ctx: &Ctx,
    request: DescribeMaintenanceWindowTargetsRequest,
) -> Result<DescribeMaintenanceWindowTargetsResult, ApiError> {
    let filters = Filters::read(request.filters.as_deref(), &["Type", "WindowTargetId", "OwnerInformation"])?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let bound_to = (&request.window_id, &request.filters);
    let page = Page::open(ctx, OPERATION, &bound_to, request.next_token.as_deref(), size)?;

    let mut tx = ctx.store.read().await?;
    let window = load(&mut tx, ctx, &request.window_id).await?.window.id;
    let mut found = TARGETS.list(&mut tx, scope(ctx), &window).await?;
    found.retain(|target| {
        filters.pass("Type", |kind| target.resource_type.as_ref().is_some_and(|of| of.as_str() == kind))
            && filters.pass("WindowTargetId", |id| target.window_target_id.as_deref() == Some(id))
            && filters.pass("OwnerInformation", |owner| target.owner_information.as_deref() == Some(owner))
    });
    let cut = page_of(ctx, &page, found, |target| target.window_target_id.clone().unwrap_or_default());
    Ok(DescribeMaintenanceWindowTargetsResult { targets: Some(cut.rows), next_token: cut.next_token })
}
