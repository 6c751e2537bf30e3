//! DescribeActivations: the activations of this account and region, without their codes.
//! Source: API reference, DescribeActivations; systems-manager.md 15.1.

use api::ssm::{
    Activation, DescribeActivationsFilter, DescribeActivationsFilterKeys as Key, DescribeActivationsRequest,
    DescribeActivationsResult, ErrorCode,
};
use store::activations::{self, ActivationField};
use store::tags::{self, Tagged};

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};
use crate::operations::tags::to_wire;

const DEFAULT_PAGE: i32 = 50;

pub async fn describe_activations(
    ctx: &Ctx,
    request: DescribeActivationsRequest,
) -> Result<DescribeActivationsResult, ApiError> {
    let filters = request.filters.unwrap_or_default();
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "DescribeActivations", &filters, request.next_token.as_deref(), size)?;
    let conditions = filters.into_iter().map(condition).collect::<Result<Vec<_>, _>>()?;

    let mut tx = ctx.store.read().await?;
    let scope = (&ctx.account, &ctx.region);
    let rows = activations::list(&mut tx, scope, &conditions, page.after.as_deref(), page.fetch()).await?;
    let cut = page.cut(ctx, rows, |row| row.id.to_string());
    let mut list = Vec::with_capacity(cut.rows.len());
    for row in cut.rows {
        // Bounded by the page: the tags of an activation are few and rarely there.
        let tagged = Tagged {
            account: &ctx.account,
            region: &ctx.region,
            resource_type: "Activation",
            resource_id: row.id.as_str(),
        };
        let tags = to_wire(tags::list(&mut tx, tagged).await?);
        list.push(to_activation(ctx, row, tags));
    }
    Ok(DescribeActivationsResult { activation_list: Some(list), next_token: cut.next_token })
}

fn condition(filter: DescribeActivationsFilter) -> Result<(ActivationField, Vec<String>), ApiError> {
    let field = match filter.filter_key {
        Some(Key::ActivationIds) => ActivationField::Id,
        Some(Key::DefaultInstanceName) => ActivationField::DefaultInstanceName,
        Some(Key::IamRole) => ActivationField::IamRole,
        Some(Key::Unknown(_)) | None => {
            let message = "FilterKey: expected ActivationIds, DefaultInstanceName or IamRole";
            return Err(ApiError::new(ErrorCode::InvalidFilter, message));
        }
    };
    Ok((field, filter.filter_values.unwrap_or_default()))
}

fn to_activation(ctx: &Ctx, row: activations::Activation, tags: Vec<api::ssm::Tag>) -> Activation {
    Activation {
        activation_id: Some(row.id.to_string()),
        description: row.description,
        default_instance_name: row.default_instance_name,
        iam_role: Some(row.iam_role),
        registration_limit: i32::try_from(row.registration_limit).ok(),
        registrations_count: i32::try_from(row.registrations_count).ok(),
        expiration_date: Some(row.expires_at),
        expired: Some(row.expires_at <= ctx.now || row.registrations_count >= row.registration_limit),
        created_date: Some(row.created_at),
        tags: (!tags.is_empty()).then_some(tags),
    }
}
