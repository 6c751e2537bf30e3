//! Signing in and out. Which ways there are, and for how long each is good, stands in `crate::sign_in`.

mod create_session;
mod create_sign_in_code;
mod end_session;
mod refresh_session;
#[cfg(test)]
mod tests;

pub use create_session::create_session;
pub use create_sign_in_code::create_sign_in_code;
pub use end_session::end_session;
pub use refresh_session::refresh_session;

use api::fettle::{ErrorCode, SessionCredentials};
use store::sign_in::Session;

use crate::auth::UserToken;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::sign_in::CREDENTIALS_SECONDS;

/// One text for whatever was wrong: who tries learns nothing from it.
fn refused() -> ApiError {
    let message = "the sign-in code, or the user name and password, are not right or not valid any more";
    ApiError::new(ErrorCode::AccessDeniedException, message)
}

/// Temporary credentials of a session, which they do not outlive.
fn credentials(ctx: &Ctx, session: &Session, session_sha256: String) -> SessionCredentials {
    let until = ctx.now.plus_seconds(CREDENTIALS_SECONDS).min(session.expires_at);
    let token = UserToken::mint(session_sha256, until);
    SessionCredentials {
        session_token: token.to_token(&ctx.app.keyring),
        access_key_id: token.access_key_id,
        secret_access_key: token.secret_access_key,
        expiration: until,
    }
}
