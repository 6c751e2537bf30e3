//! DeleteParameter: a parameter, with its versions, labels and tags.
//! Source: API reference, DeleteParameter.

use api::ssm::{DeleteParameterRequest, DeleteParameterResult};

use super::{named, remove};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn delete_parameter(
    ctx: &Ctx,
    request: DeleteParameterRequest,
) -> Result<DeleteParameterResult, ApiError> {
    let mut tx = ctx.store.write().await?;
    let key = named(ctx, &mut tx, &request.name).await?.name.key();
    remove(ctx, &mut tx, &key).await?;
    tx.commit().await?;
    Ok(DeleteParameterResult {})
}
