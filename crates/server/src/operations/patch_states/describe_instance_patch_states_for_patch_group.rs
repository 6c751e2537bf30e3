//! DescribeInstancePatchStatesForPatchGroup: the numbers of each node whose newest report names the
//! group.
//! Source: API reference, DescribeInstancePatchStatesForPatchGroup; patch-manager.md 6.3.

use api::ssm::{
    DescribeInstancePatchStatesForPatchGroupRequest, DescribeInstancePatchStatesForPatchGroupResult,
    ErrorCode, InstancePatchStateFilter, InstancePatchStateOperatorType,
};
use store::patch_states::{self, CountComparison, CountCondition, CountField};

use super::{DEFAULT_PAGE, to_state};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

pub async fn describe_instance_patch_states_for_patch_group(
    ctx: &Ctx,
    request: DescribeInstancePatchStatesForPatchGroupRequest,
) -> Result<DescribeInstancePatchStatesForPatchGroupResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let binding = (&request.patch_group, &request.filters);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "DescribeInstancePatchStatesForPatchGroup", &binding, token, size)?;
    let filters = request.filters.as_deref().unwrap_or_default();
    let conditions = filters.iter().map(condition).collect::<Result<Vec<_>, _>>()?;

    let mut tx = ctx.store.read_each().await?;
    let scope = (&ctx.account, &ctx.region);
    let after = page.after.as_deref();
    let rows =
        patch_states::list_group(&mut tx, scope, &request.patch_group, &conditions, after, page.fetch())
            .await?;
    let cut = page.cut(ctx, rows, |report| report.node.to_string());
    Ok(DescribeInstancePatchStatesForPatchGroupResult {
        instance_patch_states: Some(cut.rows.into_iter().map(to_state).collect()),
        next_token: cut.next_token,
    })
}

fn condition(filter: &InstancePatchStateFilter) -> Result<CountCondition, ApiError> {
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidFilter, message);
    let field = match filter.key.as_str() {
        "InstalledCount" => CountField::Installed,
        "InstalledOtherCount" => CountField::InstalledOther,
        "InstalledPendingRebootCount" => CountField::InstalledPendingReboot,
        "InstalledRejectedCount" => CountField::InstalledRejected,
        "MissingCount" => CountField::Missing,
        "FailedCount" => CountField::Failed,
        "UnreportedNotApplicableCount" => CountField::UnreportedNotApplicable,
        "NotApplicableCount" => CountField::NotApplicable,
        key => return Err(invalid(format!("`{key}` is not a key to filter by"))),
    };
    let comparison = match &filter.r#type {
        InstancePatchStateOperatorType::Equal => CountComparison::Equal,
        InstancePatchStateOperatorType::NotEqual => CountComparison::NotEqual,
        InstancePatchStateOperatorType::LessThan => CountComparison::LessThan,
        InstancePatchStateOperatorType::GreaterThan => CountComparison::GreaterThan,
        InstancePatchStateOperatorType::Unknown(other) => {
            return Err(invalid(format!("`{other}` is not a filter type")));
        }
    };
    let text = filter.values.first().map(String::as_str).unwrap_or_default();
    let value: u32 = text.parse().map_err(|_| invalid(format!("`{text}` is not a number from 0 on")))?;
    Ok(CountCondition { field, comparison, value: value.into() })
}
