//! CreateUser: somebody more who may sign in.

use api::fettle::{CreateUserRequest, CreateUserResponse, ErrorCode};
use domain::ids::UserName;
use store::users::{self, Password, User};

use super::{MOST_USERS, checked, to_wire};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::root_key::mint_access_key_id;

pub async fn create_user(ctx: &Ctx, request: CreateUserRequest) -> Result<CreateUserResponse, ApiError> {
    let name: UserName = request.user_name.parse()?;
    let policies = checked(request.policies.unwrap_or_default())?;
    let password = match request.password {
        Some(password) => {
            Some(Password { hash: ctx.app.passwords.hash(password).await?, changed_at: ctx.now })
        }
        None => None,
    };
    let user = User {
        account: ctx.account.clone(),
        name,
        id: mint_access_key_id("AIDA"),
        password,
        policies,
        created_at: ctx.now,
        disabled_at: None,
    };
    let mut tx = ctx.store.write().await?;
    if users::count(&mut tx, &ctx.account).await? >= MOST_USERS {
        let message = format!("an account has at most {MOST_USERS} users");
        return Err(ApiError::new(ErrorCode::LimitExceededException, message));
    }
    if !users::insert(&mut tx, &user).await? {
        let message = format!("user `{}` is there already", user.name);
        return Err(ApiError::new(ErrorCode::EntityAlreadyExistsException, message));
    }
    tx.commit().await?;
    Ok(CreateUserResponse { user: to_wire(user) })
}
