//! GetParametersByPath: the parameters below a path, never one that has its name.
//! Source: API reference, GetParametersByPath; systems-manager.md 10.3.

use api::ssm::{GetParametersByPathRequest, GetParametersByPathResult};
use domain::parameter::path_key;
use store::parameters::{self as rows, Condition};

use super::filters::{Keys, conditions};
use super::{require_decryption, scope, to_wire};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 10;

pub async fn get_parameters_by_path(
    ctx: &Ctx,
    request: GetParametersByPathRequest,
) -> Result<GetParametersByPathResult, ApiError> {
    let path = path_key(&request.path).ok_or_else(|| {
        error::validation(
            "Path: expected a slash, and letters, digits and _.- in parts between slashes, such as /a/b",
        )
    })?;
    let is_recursive = request.recursive == Some(true);
    let binding = (&request.path, is_recursive, &request.parameter_filters);
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "GetParametersByPath", &binding, request.next_token.as_deref(), size)?;
    let filters = request.parameter_filters.as_deref().unwrap_or_default();
    let mut conditions = conditions(filters, Keys::OfPath)?;
    let label = conditions.iter().find_map(|condition| match condition {
        Condition::Label(label) => Some(label.clone()),
        _ => None,
    });
    conditions.push(match is_recursive {
        true => Condition::Below(vec![path.to_owned()]),
        false => Condition::ChildOf(vec![path.to_owned()]),
    });

    let mut tx = ctx.store.read_each().await?;
    let found = rows::list(&mut tx, scope(ctx), &conditions, (page.after.as_deref(), page.fetch())).await?;
    drop(tx);
    let cut = page.cut(ctx, found, |parameter| parameter.name.key().as_str().to_owned());
    require_decryption(ctx, request.with_decryption, &cut.rows).await?;
    let selector = label.map(domain::parameter::Selector::Label);
    let shown = cut.rows.iter();
    let shown = shown.map(|parameter| to_wire(ctx, parameter, selector.as_ref(), request.with_decryption));
    Ok(GetParametersByPathResult {
        parameters: Some(shown.collect::<Result<_, _>>()?),
        next_token: cut.next_token,
    })
}
