//! Users: who may sign in beside root, and by which policies. What these mean is `domain::policy`'s.

mod change_password;
mod create_user;
mod delete_user;
mod list_users;
#[cfg(test)]
mod tests;
mod update_user;

pub use change_password::change_password;
pub use create_user::create_user;
pub use delete_user::delete_user;
pub use list_users::list_users;
pub use update_user::update_user;

use std::collections::BTreeMap;

use api::fettle::{ErrorCode, User as Wire, UserStatus};
use domain::ids::UserName;
use domain::policy::Policy;
use domain::principal::Principal;
use store::Tx;
use store::users::{self, User};

use super::not_found;
use crate::ctx::Ctx;
use crate::error::ApiError;

/// As many as IAM has in an account.
const MOST_USERS: i64 = 5_000;

async fn existing(ctx: &Ctx, tx: &mut Tx, name: &str) -> Result<User, ApiError> {
    let refusal = || not_found(format!("there is no user `{name}`"));
    let name: UserName = name.parse().map_err(|_| refusal())?;
    users::find(tx, &ctx.account, &name).await?.ok_or_else(refusal)
}

/// Each is kept as it was written, once it is understood whole.
fn checked(policies: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError> {
    for (name, document) in &policies {
        Policy::parse(document).map_err(|error| {
            let message = format!("policy `{name}`: {error}");
            ApiError::new(ErrorCode::MalformedPolicyDocumentException, message)
        })?;
    }
    Ok(policies)
}

fn to_wire(user: User) -> Wire {
    let status = if user.disabled_at.is_some() { UserStatus::Disabled } else { UserStatus::Active };
    Wire {
        arn: Principal::User(user.name.clone()).arn(&user.account),
        user_name: user.name.into(),
        user_id: user.id,
        status,
        created_at: user.created_at,
        password_changed_at: user.password.map(|password| password.changed_at),
        policies: user.policies,
    }
}
