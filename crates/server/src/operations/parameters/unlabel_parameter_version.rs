//! UnlabelParameterVersion: takes labels from a version; those that it does not have are listed apart.
//! Source: API reference, UnlabelParameterVersion; systems-manager.md 10.3.

use std::collections::BTreeSet;

use api::ssm::{UnlabelParameterVersionRequest, UnlabelParameterVersionResult};
use domain::parameter::is_label;
use store::parameters::{self as rows, Which};

use super::{named, scope, version_not_found};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn unlabel_parameter_version(
    ctx: &Ctx,
    request: UnlabelParameterVersionRequest,
) -> Result<UnlabelParameterVersionResult, ApiError> {
    let version = request.parameter_version;
    let mut tx = ctx.store.write().await?;
    let key = named(ctx, &mut tx, &request.name).await?.name.key();
    let found = rows::find(&mut tx, scope(ctx), &key, Which::Version(version)).await?;
    found.ok_or_else(|| version_not_found(&version.to_string(), &request.name))?;
    let (mut removed, mut invalid) = (Vec::new(), Vec::new());
    let labels: BTreeSet<String> = request.labels.into_iter().collect();
    // Ten labels at most.
    for label in labels {
        let was_there =
            is_label(&label) && rows::remove_label(&mut tx, scope(ctx), (&key, version), &label).await?;
        if was_there { removed.push(label) } else { invalid.push(label) }
    }
    tx.commit().await?;
    Ok(UnlabelParameterVersionResult { removed_labels: Some(removed), invalid_labels: Some(invalid) })
}
