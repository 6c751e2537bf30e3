//! CreateSignInCode: what `fettle up` and `fettle sign-in-link` make links of.

use api::fettle::{CreateSignInCodeRequest, CreateSignInCodeResponse, ErrorCode};
use domain::ids::UserName;
use domain::principal::Principal;
use store::sign_in as rows;
use store::users;

use super::super::not_found;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::permission::is_root;
use crate::sign_in::{self, CODE_SECONDS};

pub async fn create_sign_in_code(
    ctx: &Ctx,
    request: CreateSignInCodeRequest,
) -> Result<CreateSignInCodeResponse, ApiError> {
    let mut tx = ctx.store.write().await?;
    let principal = match &request.user_name {
        Some(name) => {
            let refusal = || not_found(format!("there is no user `{name}`"));
            let name: UserName = name.parse().map_err(|_| refusal())?;
            let user = users::find(&mut tx, &ctx.account, &name).await?.ok_or_else(refusal)?;
            if user.disabled_at.is_some() {
                return Err(not_found(format!("user `{name}` is disabled: UpdateUser lets a user in again")));
            }
            Principal::User(name)
        }
        // Whatever a policy allows: nobody becomes root by it.
        None if is_root(ctx) => Principal::Root,
        None => {
            let message = "only root makes a sign-in code for root: give UserName";
            return Err(ApiError::new(ErrorCode::AccessDeniedException, message));
        }
    };
    let code = sign_in::mint_secret();
    let made = sign_in::session(&ctx.account, &ctx.region, principal, ctx.now, CODE_SECONDS);
    rows::insert_code(&mut tx, &sign_in::hash(&code), &made).await?;
    tx.commit().await?;
    Ok(CreateSignInCodeResponse {
        sign_in_code: code,
        expires_at: made.expires_at,
        user_name: made.principal.name().to_owned(),
    })
}
