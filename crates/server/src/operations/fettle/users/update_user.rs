//! UpdateUser: another password, other policies, or whether the user may sign in.

use api::fettle::{UpdateUserRequest, UpdateUserResponse, UserStatus};
use store::users::{self, Password};

use super::{checked, existing, to_wire};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::sign_in;

pub async fn update_user(ctx: &Ctx, request: UpdateUserRequest) -> Result<UpdateUserResponse, ApiError> {
    let policies = request.policies.map(checked).transpose()?;
    // Hashed before a transaction is open: that takes its time.
    let password = match request.password {
        Some(password) => {
            Some(Password { hash: ctx.app.passwords.hash(password).await?, changed_at: ctx.now })
        }
        None => None,
    };
    let mut tx = ctx.store.write().await?;
    let mut user = existing(ctx, &mut tx, &request.user_name).await?;
    if let Some(policies) = policies {
        user.policies = policies;
    }
    match request.status {
        Some(UserStatus::Disabled) => user.disabled_at = user.disabled_at.or(Some(ctx.now)),
        Some(_) => user.disabled_at = None,
        None => {}
    }
    // Who knew the old password, or may not be here any more, is signed out.
    if password.is_some() || user.disabled_at.is_some() {
        sign_in::sign_out(&mut tx, &user, None).await?;
    }
    user.password = password.or(user.password);
    users::update(&mut tx, &user).await?;
    tx.commit().await?;
    Ok(UpdateUserResponse { user: to_wire(user) })
}
