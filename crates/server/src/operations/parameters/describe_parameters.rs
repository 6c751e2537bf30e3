//! DescribeParameters: what there is to know of parameters beside their values, by name.
//! Source: API reference, DescribeParameters; systems-manager.md 10.3.

use api::ssm::{DescribeParametersRequest, DescribeParametersResult, ParameterMetadata};
use store::parameters::{self as rows, Parameter};

use super::filters::{Keys, conditions, old_conditions};
use super::{policies_to_wire, scope};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

pub async fn describe_parameters(
    ctx: &Ctx,
    request: DescribeParametersRequest,
) -> Result<DescribeParametersResult, ApiError> {
    let new = request.parameter_filters.as_deref().unwrap_or_default();
    let old = request.filters.as_deref().unwrap_or_default();
    if !new.is_empty() && !old.is_empty() {
        return Err(error::validation("You can use either Filters or ParameterFilters in a single request."));
    }
    let is_shared = request.shared == Some(true);
    let binding = (&request.filters, &request.parameter_filters, is_shared);
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "DescribeParameters", &binding, request.next_token.as_deref(), size)?;
    let mut conditions = conditions(new, Keys::All)?;
    conditions.extend(old_conditions(old)?);
    // No account shares parameters with another one here.
    let found = match is_shared {
        true => vec![],
        false => {
            let mut tx = ctx.store.read_each().await?;
            rows::list(&mut tx, scope(ctx), &conditions, (page.after.as_deref(), page.fetch())).await?
        }
    };
    let cut = page.cut(ctx, found, |parameter| parameter.name.key().as_str().to_owned());
    Ok(DescribeParametersResult {
        parameters: Some(cut.rows.iter().map(|parameter| to_metadata(ctx, parameter)).collect()),
        next_token: cut.next_token,
    })
}

fn to_metadata(ctx: &Ctx, parameter: &Parameter) -> ParameterMetadata {
    ParameterMetadata {
        name: Some(parameter.name.as_str().to_owned()),
        arn: Some(parameter.name.key().arn(&ctx.account, &ctx.region)),
        r#type: Some(parameter.kind.as_str().into()),
        key_id: parameter.key_id.clone(),
        last_modified_date: Some(parameter.modified_at),
        last_modified_user: Some(parameter.modified_by.clone()),
        description: parameter.description.clone(),
        allowed_pattern: parameter.allowed_pattern.clone(),
        version: Some(parameter.version),
        tier: Some(parameter.tier.as_str().into()),
        policies: Some(policies_to_wire(parameter)),
        data_type: Some(parameter.data_type.clone()),
    }
}
