//! DescribeMaintenanceWindowsForTarget: the windows whose targets or tasks cover nodes, tags or a group.
//! Source: API reference, DescribeMaintenanceWindowsForTarget; systems-manager.md 4.1.

use api::ssm::{
    DescribeMaintenanceWindowsForTargetRequest, DescribeMaintenanceWindowsForTargetResult,
    MaintenanceWindowIdentityForTarget,
};
use store::windows;

use super::{DEFAULT_PAGE, page_of, scope, targets};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const OPERATION: &str = "DescribeMaintenanceWindowsForTarget";

pub async fn describe_maintenance_windows_for_target(
    ctx: &Ctx,
    request: DescribeMaintenanceWindowsForTargetRequest,
) -> Result<DescribeMaintenanceWindowsForTargetResult, ApiError> {
    targets::check(&request.resource_type, &request.targets)?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let bound_to = (&request.targets, &request.resource_type);
    let page = Page::open(ctx, OPERATION, &bound_to, request.next_token.as_deref(), size)?;

    let mut tx = ctx.store.read().await?;
    let covering = targets::windows_covering(&mut tx, ctx, &request.resource_type, &request.targets).await?;
    let mut found = windows::list(&mut tx, scope(ctx)).await?;
    found.retain(|row| covering.contains(&row.window.id));
    let cut = page_of(ctx, &page, found, |row| row.window.id.to_string());
    let identities = cut.rows.into_iter().map(|row| MaintenanceWindowIdentityForTarget {
        window_id: Some(row.window.id.to_string()),
        name: Some(row.window.settings.name),
    });
    Ok(DescribeMaintenanceWindowsForTargetResult {
        window_identities: Some(identities.collect()),
        next_token: cut.next_token,
    })
}
