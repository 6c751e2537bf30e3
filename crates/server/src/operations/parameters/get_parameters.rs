//! GetParameters: several parameters by name; those that are not there are listed apart.
//! Source: API reference, GetParameters; systems-manager.md 10.3.

use std::collections::BTreeSet;

use api::ssm::{GetParametersRequest, GetParametersResult};

use super::references::require_referred;
use super::{Asked, require_decryption, to_wire};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_parameters(
    ctx: &Ctx,
    request: GetParametersRequest,
) -> Result<GetParametersResult, ApiError> {
    let mut tx = ctx.store.read().await?;
    if let Some(node) = ctx.caller.node() {
        require_referred(ctx, &mut tx, node, &request).await?;
    }
    let names: BTreeSet<&String> = request.names.iter().collect();
    let mut invalid = Vec::new();
    let mut found = Vec::new();
    // Ten names at most.
    for name in names {
        let Ok(asked) = Asked::read(ctx, name) else {
            invalid.push(name.clone());
            continue;
        };
        match asked.find(ctx, &mut tx).await? {
            Ok(parameter) => found.push((parameter, asked.selector)),
            Err(_) => invalid.push(name.clone()),
        }
    }
    drop(tx);
    // One parameter may be asked for in several ways.
    found.sort_by(|(a, _), (b, _)| (a.name.as_str(), a.version).cmp(&(b.name.as_str(), b.version)));
    found.dedup();
    let (found, selectors): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    require_decryption(ctx, request.with_decryption, &found).await?;
    let shown = found.iter().zip(&selectors);
    let shown = shown
        .map(|(parameter, selector)| to_wire(ctx, parameter, selector.as_ref(), request.with_decryption));
    Ok(GetParametersResult {
        parameters: Some(shown.collect::<Result<_, _>>()?),
        invalid_parameters: Some(invalid),
    })
}
