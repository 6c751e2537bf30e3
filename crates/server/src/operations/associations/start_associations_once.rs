//! StartAssociationsOnce: a run now, beside what the schedule says.
//! Source: API reference, StartAssociationsOnce.

use api::ssm::{ErrorCode, StartAssociationsOnceRequest, StartAssociationsOnceResult};
use store::associations;

use super::existing;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn start_associations_once(
    ctx: &Ctx,
    request: StartAssociationsOnceRequest,
) -> Result<StartAssociationsOnceResult, ApiError> {
    let mut tx = ctx.store.write().await?;
    // Ten at most.
    for (place, id) in request.association_ids.iter().enumerate() {
        let association = existing(ctx, &mut tx, id).await?;
        if request.association_ids[..place].contains(id) {
            let message = format!("association `{id}` is listed twice");
            return Err(ApiError::new(ErrorCode::InvalidAssociation, message));
        }
        associations::set_due(&mut tx, &association.key, ctx.now).await?;
    }
    tx.commit().await?;
    Ok(StartAssociationsOnceResult {})
}
