//! Passkeys of whoever calls: registered, listed, named and deleted. Signing in with one is CreateSession's; what an
//! authenticator's answer must be is `crate::sign_in::passkeys`'.

mod delete_passkey;
mod list_passkeys;
mod register_passkey;
mod start_passkey_registration;
mod start_passkey_sign_in;
#[cfg(test)]
mod tests;
mod update_passkey;

pub use delete_passkey::delete_passkey;
pub use list_passkeys::list_passkeys;
pub use register_passkey::register_passkey;
pub use start_passkey_registration::start_passkey_registration;
pub use start_passkey_sign_in::start_passkey_sign_in;
pub use update_passkey::update_passkey;

use api::fettle::{ErrorCode, Passkey as Wire};
use domain::ids::AccountId;
use domain::principal::Principal;
use store::passkeys::{self as rows, Challenge, Passkey};
use store::{Tx, users};

use super::not_found;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::sign_in;
use crate::sign_in::passkeys::Ceremony;
use crate::sign_in::passkeys::{CHALLENGE_SECONDS, Refused, Site, challenge_of, decode, user_handle};

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoName(_) | Refused::Malformed(_) | Refused::Algorithm(_) | Refused::OtherCredential => {
                error::validation(refused.to_string())
            }
            _ => Self::new(ErrorCode::AccessDeniedException, refused.to_string()),
        }
    }
}

/// Who calls: root or a user. Nodes have no passkeys.
fn own(ctx: &Ctx) -> Result<Principal, ApiError> {
    Principal::of_arn(ctx.caller.arn(), &ctx.account)
        .ok_or_else(|| ApiError::new(ErrorCode::AccessDeniedException, "only users and root have passkeys"))
}

/// `None` where the user is gone.
pub async fn handle_of(
    tx: &mut Tx,
    account: &AccountId,
    principal: &Principal,
) -> Result<Option<String>, ApiError> {
    Ok(match principal {
        Principal::Root => Some(user_handle(account, principal.name())),
        Principal::User(name) => {
            users::find(tx, account, name).await?.map(|user| user_handle(account, &user.id))
        }
    })
}

async fn existing(ctx: &Ctx, tx: &mut Tx, id: &str) -> Result<Passkey, ApiError> {
    let own = own(ctx)?;
    let found = rows::find(tx, id).await?;
    let found = found.filter(|passkey| passkey.account == ctx.account && passkey.principal == own);
    found.ok_or_else(|| not_found(format!("there is no passkey `{id}` of yours")))
}

/// A new challenge, kept until its answer comes.
async fn begin(
    ctx: &Ctx,
    tx: &mut Tx,
    site: &Site,
    principal: Option<Principal>,
) -> Result<String, ApiError> {
    let challenge = sign_in::mint_secret();
    let kept = Challenge {
        account: ctx.account.clone(),
        principal,
        relying_party_id: site.relying_party_id.clone(),
        expires_at: ctx.now.plus_seconds(CHALLENGE_SECONDS),
    };
    rows::insert_challenge(tx, &sign_in::hash(&challenge), &kept).await?;
    Ok(challenge)
}

/// The challenge that was answered, which is gone whatever comes of it.
pub async fn take_challenge(
    ctx: &Ctx,
    site: &Site,
    ceremony: Ceremony,
    client_data: &str,
) -> Result<Challenge, ApiError> {
    let client_data = decode(client_data, "ClientData")?;
    let challenge = challenge_of(&client_data, ceremony, site)?;
    let mut tx = ctx.store.write().await?;
    let taken = rows::take_challenge(&mut tx, &sign_in::hash(&challenge)).await?;
    tx.commit().await?;
    let is_good = |taken: &Challenge| {
        ctx.now < taken.expires_at
            && taken.account == ctx.account
            && taken.relying_party_id == site.relying_party_id
            && taken.principal.is_some() == (ceremony == Ceremony::Registration)
    };
    Ok(taken.filter(is_good).ok_or(Refused::Challenge)?)
}

fn to_wire(passkey: Passkey) -> Wire {
    Wire {
        passkey_id: passkey.credential_id,
        name: passkey.name,
        relying_party_id: passkey.relying_party_id,
        created_at: passkey.created_at,
        last_used_at: passkey.last_used_at,
        refused_at: passkey.refused_at,
    }
}
