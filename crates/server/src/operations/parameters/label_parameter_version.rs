//! LabelParameterVersion: labels for a version, by default the newest; what another version had of them moves.
//! Source: API reference, LabelParameterVersion; systems-manager.md 10.3.

use std::collections::BTreeSet;

use api::ssm::{ErrorCode, LabelParameterVersionRequest, LabelParameterVersionResult};
use domain::parameter::{MOST_LABELS, is_label};
use store::parameters::{self as rows, Which};

use super::{named, scope, version_not_found};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn label_parameter_version(
    ctx: &Ctx,
    request: LabelParameterVersionRequest,
) -> Result<LabelParameterVersionResult, ApiError> {
    let labels: BTreeSet<String> = request.labels.into_iter().collect();
    let (labels, invalid): (Vec<String>, Vec<String>) = labels.into_iter().partition(|label| is_label(label));

    let mut tx = ctx.store.write().await?;
    let newest = named(ctx, &mut tx, &request.name).await?;
    let key = newest.name.key();
    let version = request.parameter_version.unwrap_or(newest.version);
    let found = rows::find(&mut tx, scope(ctx), &key, Which::Version(version)).await?;
    found.ok_or_else(|| version_not_found(&version.to_string(), &request.name))?;
    let all = rows::labels(&mut tx, scope(ctx), &key).await?;
    let others = all.iter().filter(|(label, of)| *of == version && !labels.contains(label)).count();
    if others + labels.len() > MOST_LABELS {
        let message = format!(
            "version {version} of `{}` would have {} labels; at most {MOST_LABELS} are allowed",
            request.name,
            others + labels.len()
        );
        return Err(ApiError::new(ErrorCode::ParameterVersionLabelLimitExceeded, message));
    }
    rows::put_labels(&mut tx, scope(ctx), (&key, version), &labels).await?;
    tx.commit().await?;
    Ok(LabelParameterVersionResult { invalid_labels: Some(invalid), parameter_version: Some(version) })
}
