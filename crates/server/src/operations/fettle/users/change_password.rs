//! ChangePassword: by the user, who knows the old one.

use api::fettle::{ChangePasswordRequest, ChangePasswordResponse, ErrorCode};
use domain::principal::Principal;
use store::users::{self, Password};

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::sign_in;
use crate::sign_in::attempts::BY_NAME;

pub async fn change_password(
    ctx: &Ctx,
    request: ChangePasswordRequest,
) -> Result<ChangePasswordResponse, ApiError> {
    let refused = |message: &str| ApiError::new(ErrorCode::AccessDeniedException, message);
    let name = match Principal::of_arn(ctx.caller.arn(), &ctx.account) {
        Some(Principal::User(name)) => name,
        _ => return Err(refused("only users have passwords: root signs in by a code")),
    };
    let subject = (&ctx.account, name.as_str());
    ctx.app.attempts.begin(&subject, BY_NAME, ctx.now)?;
    let user = users::find(&mut ctx.store.read_each().await?, &ctx.account, &name).await?;
    let hash = user.and_then(|user| user.password).map(|password| password.hash);
    if !ctx.app.passwords.verify(request.old_password, hash.clone()).await? {
        return Err(refused("OldPassword is not the user's password"));
    }
    ctx.app.attempts.give_back(&subject);
    let new = Password { hash: ctx.app.passwords.hash(request.new_password).await?, changed_at: ctx.now };

    let mut tx = ctx.store.write().await?;
    let user = users::find(&mut tx, &ctx.account, &name).await?;
    // Unless somebody gave the user another one meanwhile.
    let user = user.filter(|user| user.password.as_ref().map(|password| &password.hash) == hash.as_ref());
    let mut user = user.ok_or_else(|| refused("OldPassword is not the user's password"))?;
    user.password = Some(new);
    users::update(&mut tx, &user).await?;
    let kept = ctx.browser.cookie.as_deref().map(sign_in::hash);
    sign_in::sign_out(&mut tx, &user, kept.as_deref()).await?;
    tx.commit().await?;
    Ok(ChangePasswordResponse {})
}
