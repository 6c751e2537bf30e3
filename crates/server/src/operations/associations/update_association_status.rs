//! UpdateAssociationStatus: what a client says of an association of the old form.
//! Source: API reference, UpdateAssociationStatus.

use api::ssm::{ErrorCode, UpdateAssociationStatusRequest, UpdateAssociationStatusResult};
use store::associations;

use super::{describe, named};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn update_association_status(
    ctx: &Ctx,
    request: UpdateAssociationStatusRequest,
) -> Result<UpdateAssociationStatusResult, ApiError> {
    let mut tx = ctx.store.write().await?;
    let by = (Some(request.name.as_str()), Some(request.instance_id.as_str()));
    let mut association = named(ctx, &mut tx, None, by).await?;
    if association.legacy_status.as_ref() == Some(&request.association_status) {
        let message = format!("association `{}` has this status already", association.key.id);
        return Err(ApiError::new(ErrorCode::StatusUnchanged, message));
    }
    associations::set_legacy_status(&mut tx, &association.key, &request.association_status).await?;
    tx.commit().await?;
    association.legacy_status = Some(request.association_status);
    Ok(UpdateAssociationStatusResult { association_description: Some(describe(&association)) })
}
