//! DeleteActivation: no further machine registers with it; registered ones stay.
//! Source: API reference, DeleteActivation.

use api::ssm::{DeleteActivationRequest, DeleteActivationResult, ErrorCode};
use domain::ids::ActivationId;
use store::activations;
use store::tags::{self, Tagged};

use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn delete_activation(
    ctx: &Ctx,
    request: DeleteActivationRequest,
) -> Result<DeleteActivationResult, ApiError> {
    let unknown = || {
        let message = format!("activation `{}` does not exist", request.activation_id);
        ApiError::new(ErrorCode::InvalidActivationId, message)
    };
    let id: ActivationId = request.activation_id.parse().map_err(|_| unknown())?;

    let mut tx = ctx.store.write().await?;
    if !activations::delete(&mut tx, &ctx.account, &ctx.region, &id).await? {
        return Err(unknown());
    }
    let tagged = Tagged {
        account: &ctx.account,
        region: &ctx.region,
        resource_type: "Activation",
        resource_id: id.as_str(),
    };
    tags::remove_all(&mut tx, tagged).await?;
    tx.commit().await?;
    Ok(DeleteActivationResult {})
}
