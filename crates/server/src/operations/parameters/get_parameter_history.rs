//! GetParameterHistory: the versions of a parameter, the oldest first.
//! Source: API reference, GetParameterHistory; systems-manager.md 10.3.

use api::ssm::{GetParameterHistoryRequest, GetParameterHistoryResult, ParameterHistory};
use store::parameters::{self as rows, Parameter};

use super::{named, policies_to_wire, require_decryption, scope, value};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

pub async fn get_parameter_history(
    ctx: &Ctx,
    request: GetParameterHistoryRequest,
) -> Result<GetParameterHistoryResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "GetParameterHistory", &request.name, request.next_token.as_deref(), size)?;
    let after = page.after.as_deref().and_then(|version| version.parse().ok()).unwrap_or_default();

    let mut tx = ctx.store.read().await?;
    let key = named(ctx, &mut tx, &request.name).await?.name.key();
    let labels = rows::labels(&mut tx, scope(ctx), &key).await?;
    let versions = rows::list_versions(&mut tx, scope(ctx), &key, (after, page.fetch())).await?;
    drop(tx);
    let cut = page.cut(ctx, versions, |parameter| parameter.version.to_string());
    require_decryption(ctx, request.with_decryption, &cut.rows).await?;
    let shown = cut.rows.iter().map(|parameter| {
        let labels = labels.iter().filter(|(_, version)| *version == parameter.version);
        let labels = labels.map(|(label, _)| label.clone()).collect();
        Ok(to_history(parameter, value(ctx, parameter, request.with_decryption)?, labels))
    });
    Ok(GetParameterHistoryResult {
        parameters: Some(shown.collect::<Result<_, ApiError>>()?),
        next_token: cut.next_token,
    })
}

fn to_history(parameter: &Parameter, value: String, labels: Vec<String>) -> ParameterHistory {
    ParameterHistory {
        name: Some(parameter.name.as_str().to_owned()),
        r#type: Some(parameter.kind.as_str().into()),
        key_id: parameter.key_id.clone(),
        last_modified_date: Some(parameter.modified_at),
        last_modified_user: Some(parameter.modified_by.clone()),
        description: parameter.description.clone(),
        value: Some(value),
        allowed_pattern: parameter.allowed_pattern.clone(),
        version: Some(parameter.version),
        labels: Some(labels),
        tier: Some(parameter.tier.as_str().into()),
        policies: Some(policies_to_wire(parameter)),
        data_type: Some(parameter.data_type.clone()),
    }
}
