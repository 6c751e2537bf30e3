//! DescribeMaintenanceWindows: the account's windows, by id.
//! Source: API reference, DescribeMaintenanceWindows; systems-manager.md 4.1.

use api::ssm::{DescribeMaintenanceWindowsRequest, DescribeMaintenanceWindowsResult};
use store::windows;

use super::filters::Filters;
use super::{DEFAULT_PAGE, next_execution_time, page_of, scope};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const OPERATION: &str = "DescribeMaintenanceWindows";

pub async fn describe_maintenance_windows(
    ctx: &Ctx,
    request: DescribeMaintenanceWindowsRequest,
) -> Result<DescribeMaintenanceWindowsResult, ApiError> {
    let filters = Filters::read(request.filters.as_deref(), &["Name", "Enabled"])?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, OPERATION, &request.filters, request.next_token.as_deref(), size)?;

    let mut tx = ctx.store.read_each().await?;
    let mut found = windows::list(&mut tx, scope(ctx)).await?;
    found.retain(|row| {
        filters.pass("Name", |name| row.window.settings.name == name)
            && filters.pass("Enabled", |text| text.eq_ignore_ascii_case(&row.window.enabled.to_string()))
    });
    let cut = page_of(ctx, &page, found, |row| row.window.id.to_string());
    let identity = |window: &domain::window::Window| {
        Ok::<_, ApiError>(window.to_identity(next_execution_time(ctx, window)?))
    };
    let identities = cut.rows.iter().map(|row| identity(&row.window)).collect::<Result<_, _>>()?;
    Ok(DescribeMaintenanceWindowsResult { window_identities: Some(identities), next_token: cut.next_token })
}
