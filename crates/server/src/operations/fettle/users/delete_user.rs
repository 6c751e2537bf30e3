//! DeleteUser: the user's sessions end with the user.

use api::fettle::{DeleteUserRequest, DeleteUserResponse};
use store::users;

use super::existing;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::sign_in;

pub async fn delete_user(ctx: &Ctx, request: DeleteUserRequest) -> Result<DeleteUserResponse, ApiError> {
    let mut tx = ctx.store.write().await?;
    let user = existing(ctx, &mut tx, &request.user_name).await?;
    sign_in::sign_out(&mut tx, &user, None).await?;
    users::delete(&mut tx, &user.account, &user.name).await?;
    tx.commit().await?;
    Ok(DeleteUserResponse {})
}
