//! DeleteParameters: several parameters; those that are not there are listed apart.
//! Source: API reference, DeleteParameters.

use std::collections::BTreeSet;

use api::ssm::{DeleteParametersRequest, DeleteParametersResult};

use super::{named, remove};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn delete_parameters(
    ctx: &Ctx,
    request: DeleteParametersRequest,
) -> Result<DeleteParametersResult, ApiError> {
    let names: BTreeSet<String> = request.names.into_iter().collect();
    let (mut deleted, mut invalid) = (Vec::new(), Vec::new());
    let mut tx = ctx.store.write().await?;
    // Ten names at most.
    for name in names {
        match named(ctx, &mut tx, &name).await {
            Ok(parameter) => {
                remove(ctx, &mut tx, &parameter.name.key()).await?;
                deleted.push(name);
            }
            Err(error) if error.code.status >= 500 => return Err(error),
            Err(_) => invalid.push(name),
        }
    }
    tx.commit().await?;
    Ok(DeleteParametersResult { deleted_parameters: Some(deleted), invalid_parameters: Some(invalid) })
}
