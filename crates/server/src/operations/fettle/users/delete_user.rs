//! DeleteUser: the user's sessions and passkeys end with the user.

use api::fettle::{DeleteUserRequest, DeleteUserResponse};
use domain::principal::Principal;
use store::{passkeys, users};

use super::existing;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::sign_in;

pub async fn delete_user(ctx: &Ctx, request: DeleteUserRequest) -> Result<DeleteUserResponse, ApiError> {
    let mut tx = ctx.store.write().await?;
    let user = existing(ctx, &mut tx, &request.user_name).await?;
    sign_in::sign_out(&mut tx, &user, None).await?;
    passkeys::delete_all(&mut tx, &user.account, &Principal::User(user.name.clone())).await?;
    users::delete(&mut tx, &user.account, &user.name).await?;
    tx.commit().await?;
    Ok(DeleteUserResponse {})
}
