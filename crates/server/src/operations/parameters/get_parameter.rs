//! GetParameter: one version of a parameter, by default the newest.
//! Source: API reference, GetParameter; systems-manager.md 10.3.

use api::ssm::{GetParameterRequest, GetParameterResult};

use super::references::require_open;
use super::{Asked, Missing, not_found, require_decryption, to_wire, version_not_found};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_parameter(ctx: &Ctx, request: GetParameterRequest) -> Result<GetParameterResult, ApiError> {
    if let Some(node) = ctx.caller.node() {
        require_open(ctx, node, &request.name)?;
    }
    let asked = Asked::read(ctx, &request.name)?;
    let found = asked.find(ctx, &mut ctx.store.read().await?).await?;
    let parameter = found.map_err(|missing| match (missing, &asked.selector) {
        (Missing::Version, Some(selector)) => {
            let name = asked.text.strip_suffix(&format!(":{selector}")).unwrap_or(&asked.text);
            version_not_found(&selector.to_string(), name)
        }
        _ => not_found(&asked.text),
    })?;
    require_decryption(ctx, request.with_decryption, std::slice::from_ref(&parameter)).await?;
    let shown = to_wire(ctx, &parameter, asked.selector.as_ref(), request.with_decryption)?;
    Ok(GetParameterResult { parameter: Some(shown) })
}
