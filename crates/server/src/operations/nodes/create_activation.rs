//! CreateActivation: an id and a code with which machines register.
//! Source: API reference, CreateActivation; systems-manager.md 15.1.

use api::Timestamp;
use api::ssm::{CreateActivationRequest, CreateActivationResult, ErrorCode};
use domain::ids::ActivationId;
use store::activations::{self, Activation};
use store::tags::{self, Tagged};

use super::code_sha256;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::keyring::{random, random_text};
use crate::operations::tags::checked_tags;

const CODE_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// What agents accept: no shorter and no longer.
const CODE_LENGTH: usize = 20;
const DEFAULT_LIFETIME_SECONDS: i64 = 24 * 3600;
const LONGEST_LIFETIME_SECONDS: i64 = 30 * 24 * 3600;

pub async fn create_activation(
    ctx: &Ctx,
    request: CreateActivationRequest,
) -> Result<CreateActivationResult, ApiError> {
    let expires_at = expiry(request.expiration_date, ctx.now)?;
    check_role(&request.iam_role)?;
    let tags = checked_tags(request.tags.as_deref().unwrap_or_default())?;

    let code = random_text(CODE_ALPHABET, CODE_LENGTH);
    let activation = Activation {
        account: ctx.account.clone(),
        region: ctx.region.clone(),
        id: ActivationId::mint(random()),
        code_sha256: code_sha256(&code),
        iam_role: request.iam_role,
        default_instance_name: request.default_instance_name,
        description: request.description,
        registration_limit: request.registration_limit.unwrap_or(1).into(),
        registrations_count: 0,
        created_at: ctx.now,
        expires_at,
    };
    let mut tx = ctx.store.write().await?;
    activations::insert(&mut tx, &activation).await?;
    let tagged = Tagged {
        account: &ctx.account,
        region: &ctx.region,
        resource_type: "Activation",
        resource_id: activation.id.as_str(),
    };
    tags::put(&mut tx, tagged, &tags).await?;
    tx.commit().await?;

    Ok(CreateActivationResult { activation_id: Some(activation.id.to_string()), activation_code: Some(code) })
}

fn expiry(asked: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, ApiError> {
    let Some(at) = asked else { return Ok(now.plus_seconds(DEFAULT_LIFETIME_SECONDS)) };
    if at <= now || at > now.plus_seconds(LONGEST_LIFETIME_SECONDS) {
        let message = format!("ExpirationDate {at} is not between now and 30 days from now");
        return Err(ApiError::new(ErrorCode::InvalidParameters, message));
    }
    Ok(at)
}

/// A role's name, with or without the path `service-role/`.
fn check_role(role: &str) -> Result<(), ApiError> {
    let name = role.strip_prefix("service-role/").unwrap_or(role);
    let is_name =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b));
    if is_name {
        return Ok(());
    }
    let message = format!("IamRole `{role}` is not a role name: expected letters, digits and +=,.@_-");
    Err(ApiError::new(ErrorCode::InvalidParameters, message))
}
