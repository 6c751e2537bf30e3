//! PutParameter: a new parameter, or another version of one.
//! Source: API reference, PutParameter; systems-manager.md 10.1, 10.2.

use api::ssm::{ErrorCode, PutParameterRequest, PutParameterResult};
use domain::ids::Arn;
use domain::parameter::{
    Declared, Kind, MOST_VERSIONS, ParameterKey, ParameterName, Policies, PolicyError, Tier, ValueError,
    Wanted, check_value, chosen_tier,
};
use store::parameters::{self as rows, Parameter, Which};
use store::{Tx, tags};

use super::references::run_associations;
use super::{DEFAULT_KEY, checked_key, purpose, scope, tagged};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::tags::checked_tags;

const DEFAULT_DATA_TYPE: &str = "text";

impl From<ValueError> for ApiError {
    fn from(error: ValueError) -> Self {
        let code = match error {
            ValueError::Pattern(_) => ErrorCode::InvalidAllowedPatternException,
            ValueError::Mismatch(_) => ErrorCode::ParameterPatternMismatchException,
            _ => ErrorCode::ValidationException,
        };
        Self::new(code, error.to_string())
    }
}

impl From<PolicyError> for ApiError {
    fn from(error: PolicyError) -> Self {
        let code = match error {
            PolicyError::Unreadable => ErrorCode::ValidationException,
            PolicyError::Limit(_) => ErrorCode::PoliciesLimitExceededException,
            PolicyError::Type(_) => ErrorCode::InvalidPolicyTypeException,
            PolicyError::Attribute { .. } => ErrorCode::InvalidPolicyAttributeException,
            PolicyError::Incompatible(_) => ErrorCode::IncompatiblePolicyException,
        };
        Self::new(code, error.to_string())
    }
}

pub async fn put_parameter(ctx: &Ctx, request: PutParameterRequest) -> Result<PutParameterResult, ApiError> {
    let name = name(ctx, &request.name)?;
    let key = name.key();
    let overwrites = request.overwrite == Some(true);
    let given = request.tags.as_deref().unwrap_or_default();
    if overwrites && !given.is_empty() {
        return Err(error::validation(
            "Tags: they can't be given with Overwrite; use AddTagsToResource instead",
        ));
    }
    let tags = checked_tags(given).map_err(|error| error::validation(error.message))?;
    let texts = [("Description", &request.description), ("AllowedPattern", &request.allowed_pattern)];
    let has_nul = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains('\0'));
    if let Some((member, _)) = texts.into_iter().find(|(_, text)| has_nul(text)) {
        return Err(error::validation(format!("{member}: no text has the character U+0000")));
    }
    let policies = request.policies.as_deref().map(|text| Policies::parse(text, ctx.now)).transpose()?;

    let mut tx = ctx.store.write().await?;
    let before = rows::find(&mut tx, scope(ctx), &key, Which::Newest).await?;
    if before.is_some() && !overwrites {
        let message = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
        return Err(ApiError::new(ErrorCode::ParameterAlreadyExists, message));
    }
    let parameter = next(ctx, &mut tx, (name, &request, policies), before.as_ref()).await?;
    match before {
        None => {
            rows::insert(&mut tx, scope(ctx), &parameter).await?;
            tags::put(&mut tx, tagged(ctx, &key), &tags).await?;
        }
        Some(_) => {
            make_room(ctx, &mut tx, &key).await?;
            rows::add_version(&mut tx, scope(ctx), &parameter).await?;
            run_associations(ctx, &mut tx, &key).await?;
        }
    }
    tx.commit().await?;
    Ok(PutParameterResult { version: Some(parameter.version), tier: Some(parameter.tier.as_str().into()) })
}

/// A name, or the ARN of one.
fn name(ctx: &Ctx, text: &str) -> Result<ParameterName, ApiError> {
    let own = Arn::parse(text).filter(|arn| {
        arn.service == "ssm" && arn.account == ctx.account.as_str() && arn.region == ctx.region.as_str()
    });
    // Its key is told from a name by a slash, which a name in a hierarchy begins with.
    let name = own.and_then(|arn| arn.resource.strip_prefix("parameter")).unwrap_or(text);
    Ok(ParameterName::parse(name, &ctx.account, &ctx.region)?)
}

/// The version that the request makes; what it leaves out stays as it was.
async fn next(
    ctx: &Ctx,
    tx: &mut Tx,
    (name, request, policies): (ParameterName, &PutParameterRequest, Option<Policies>),
    before: Option<&Parameter>,
) -> Result<Parameter, ApiError> {
    let kind = kind(request, before)?;
    let policies =
        policies.or_else(|| before.map(|before| before.policies.clone().renewed())).unwrap_or_default();
    let tier = tier(ctx, tx, (request, &policies), before).await?;
    let kept = |choose: fn(&Parameter) -> Option<&String>| before.and_then(choose).cloned();
    let data_type = request.data_type.clone().or_else(|| kept(|before| Some(&before.data_type)));
    let data_type = data_type.unwrap_or_else(|| DEFAULT_DATA_TYPE.to_owned());
    let allowed_pattern =
        request.allowed_pattern.clone().or_else(|| kept(|before| before.allowed_pattern.as_ref()));
    let declared =
        Declared { kind, tier, allowed_pattern: allowed_pattern.as_deref(), data_type: &data_type };
    check_value(&request.value, declared)?;
    let key_id = match (kind, request.key_id.as_deref()) {
        (Kind::SecureString, Some(key_id)) => Some(checked_key(ctx, key_id)?),
        (Kind::SecureString, None) => {
            kept(|before| before.key_id.as_ref()).or_else(|| Some(DEFAULT_KEY.to_owned()))
        }
        (_, None) => None,
        (_, Some(_)) => {
            return Err(error::validation("KeyId: only parameters of the type SecureString have a key"));
        }
    };
    let version = before.map_or(1, |before| before.version + 1);
    let value = request.value.as_bytes();
    let value = match kind {
        Kind::SecureString => ctx.app.keyring.seal(&purpose(ctx, &name.key(), version), value),
        Kind::String | Kind::StringList => value.to_vec(),
    };
    Ok(Parameter {
        // Another spelling of it is no other name.
        name: before.map_or(name, |before| before.name.clone()),
        version,
        kind,
        value,
        key_id,
        tier,
        data_type,
        description: request.description.clone().or_else(|| kept(|before| before.description.as_ref())),
        allowed_pattern: allowed_pattern.filter(|pattern| !pattern.is_empty()),
        policies,
        modified_at: ctx.now,
        modified_by: ctx.caller.arn().to_owned(),
    })
}

fn kind(request: &PutParameterRequest, before: Option<&Parameter>) -> Result<Kind, ApiError> {
    let wanted = request.r#type.as_ref().map(|kind| {
        let unsupported = || {
            let message = format!("Type: `{}` is not supported", kind.as_str());
            ApiError::new(ErrorCode::UnsupportedParameterType, message)
        };
        Kind::parse(kind.as_str()).ok_or_else(unsupported)
    });
    match (wanted.transpose()?, before.map(|before| before.kind)) {
        (Some(wanted), Some(kind)) if wanted != kind => {
            let message = format!(
                "Type: the parameter is of the type {}, which can't be changed to {}; delete it and create it anew",
                kind.as_str(),
                wanted.as_str()
            );
            Err(ApiError::new(ErrorCode::HierarchyTypeMismatchException, message))
        }
        (Some(kind), _) | (None, Some(kind)) => Ok(kind),
        (None, None) => {
            Err(error::validation("Type: a parameter type is required when you create a parameter"))
        }
    }
}

async fn tier(
    ctx: &Ctx,
    tx: &mut Tx,
    (request, policies): (&PutParameterRequest, &Policies),
    before: Option<&Parameter>,
) -> Result<Tier, ApiError> {
    let before = before.map(|before| before.tier);
    let standard_count = match before {
        None => rows::count(tx, scope(ctx), Tier::Standard).await?,
        Some(_) => 0,
    };
    let wanted = Wanted {
        tier: request.tier.as_ref().map(|tier| tier.as_str()),
        before,
        value_bytes: request.value.len(),
        has_policies: !policies.is_empty(),
        standard_count,
    };
    let tier = chosen_tier(wanted).map_err(|error| error::validation(error.to_string()))?;
    if before == Some(tier) {
        return Ok(tier);
    }
    let count = match tier {
        Tier::Standard => standard_count,
        Tier::Advanced => rows::count(tx, scope(ctx), tier).await?,
    };
    if count >= tier.most_parameters() {
        let message = format!(
            "an account has at most {} parameters of the tier {} in a region",
            tier.most_parameters(),
            tier.as_str()
        );
        return Err(ApiError::new(ErrorCode::ParameterLimitExceeded, message));
    }
    Ok(tier)
}

/// Drops the oldest version where there are as many as may be; one with a label stays.
async fn make_room(ctx: &Ctx, tx: &mut Tx, key: &ParameterKey) -> Result<(), ApiError> {
    let (count, oldest) = rows::oldest_version(tx, scope(ctx), key).await?;
    if count < MOST_VERSIONS {
        return Ok(());
    }
    let labels = rows::labels(tx, scope(ctx), key).await?;
    if labels.iter().any(|(_, version)| *version == oldest) {
        let message = format!(
            "parameter `{key}` has {MOST_VERSIONS} versions, and the oldest, {oldest}, has a label: move the label to another version"
        );
        return Err(ApiError::new(ErrorCode::ParameterMaxVersionLimitExceeded, message));
    }
    rows::delete_version(tx, scope(ctx), key, oldest).await?;
    Ok(())
}
