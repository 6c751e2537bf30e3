//! Parameter Store: parameters with their versions and labels. What names, values and policies may be is `domain::parameter`'s.
//! Source: systems-manager.md 10.

mod delete_parameter;
mod delete_parameters;
mod describe_parameters;
pub mod fetched;
mod filters;
mod get_parameter;
mod get_parameter_history;
mod get_parameters;
mod get_parameters_by_path;
mod label_parameter_version;
mod put_parameter;
pub mod references;
#[cfg(test)]
mod tests;
mod unlabel_parameter_version;

pub use delete_parameter::delete_parameter;
pub use delete_parameters::delete_parameters;
pub use describe_parameters::describe_parameters;
pub use get_parameter::get_parameter;
pub use get_parameter_history::get_parameter_history;
pub use get_parameters::get_parameters;
pub use get_parameters_by_path::get_parameters_by_path;
pub use label_parameter_version::label_parameter_version;
pub use put_parameter::put_parameter;
pub use unlabel_parameter_version::unlabel_parameter_version;

use api::ssm::{self, ErrorCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::parameter::{self, Kind, NameError, ParameterKey, Selector};
use store::parameters::{self as rows, Parameter, Which};
use store::tags::{self, Tagged};
use store::{Scope, StoreError, Tx};

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::permission;

/// The one key there is: the server's own, under the name that AWS has for its default.
const DEFAULT_KEY: &str = "alias/aws/ssm";

impl From<NameError> for ApiError {
    fn from(error: NameError) -> Self {
        let code = match error {
            NameError::Reserved(_) => ErrorCode::AccessDeniedException,
            NameError::Levels { .. } => ErrorCode::HierarchyLevelLimitExceededException,
            _ => ErrorCode::ValidationException,
        };
        Self::new(code, error.to_string())
    }
}

/// What a request asks for by a name or an ARN, with a version or a label behind it.
pub struct Asked {
    /// As the request has it.
    text: String,
    /// `None`: somebody else's.
    key: Option<ParameterKey>,
    selector: Option<Selector>,
}

/// Why there is nothing to show.
pub enum Missing {
    Parameter,
    Version,
}

impl Asked {
    pub fn read(ctx: &Ctx, text: &str) -> Result<Self, NameError> {
        let found = parameter::requested(text, &ctx.account, &ctx.region)?;
        let (key, selector) = found.map_or((None, None), |(key, selector)| (Some(key), selector));
        Ok(Self { text: text.to_owned(), key, selector })
    }

    pub async fn find(&self, ctx: &Ctx, tx: &mut Tx) -> Result<Result<Parameter, Missing>, StoreError> {
        let Some(key) = &self.key else { return Ok(Err(Missing::Parameter)) };
        let which = match &self.selector {
            None => Which::Newest,
            Some(Selector::Version(version)) => Which::Version(*version),
            Some(Selector::Label(label)) if !parameter::is_label(label) => {
                let newest = rows::find(tx, scope(ctx), key, Which::Newest).await?;
                return Ok(Err(if newest.is_some() { Missing::Version } else { Missing::Parameter }));
            }
            Some(Selector::Label(label)) => Which::Labelled(label),
        };
        match rows::find(tx, scope(ctx), key, which).await? {
            Some(parameter) => Ok(Ok(parameter)),
            None if which == Which::Newest => Ok(Err(Missing::Parameter)),
            None => match rows::find(tx, scope(ctx), key, Which::Newest).await? {
                Some(_) => Ok(Err(Missing::Version)),
                None => Ok(Err(Missing::Parameter)),
            },
        }
    }
}

fn scope(ctx: &Ctx) -> Scope<'_> {
    (&ctx.account, &ctx.region)
}

fn tagged<'a>(ctx: &'a Ctx, key: &'a ParameterKey) -> Tagged<'a> {
    Tagged {
        account: &ctx.account,
        region: &ctx.region,
        resource_type: "Parameter",
        resource_id: key.as_str(),
    }
}

/// The newest version of a parameter that is named without a selector, for operations on all of it.
async fn named(ctx: &Ctx, tx: &mut Tx, text: &str) -> Result<Parameter, ApiError> {
    let asked = Asked::read(ctx, text)?;
    match asked.find(ctx, tx).await? {
        Ok(parameter) if asked.selector.is_none() => Ok(parameter),
        _ => Err(not_found(text)),
    }
}

fn not_found(name: &str) -> ApiError {
    ApiError::new(ErrorCode::ParameterNotFound, format!("parameter `{name}` does not exist"))
}

fn version_not_found(version: &str, name: &str) -> ApiError {
    let message = format!(
        "Systems Manager could not find version {version} of {name}. Verify the version and try again."
    );
    ApiError::new(ErrorCode::ParameterVersionNotFound, message)
}

/// Gone, with its versions, labels and tags; whether it was there.
pub async fn remove(ctx: &Ctx, tx: &mut Tx, key: &ParameterKey) -> Result<bool, StoreError> {
    tags::remove_all(tx, tagged(ctx, key)).await?;
    rows::delete(tx, scope(ctx), key).await
}

/// One version's value is sealed for itself alone.
fn purpose(ctx: &Ctx, key: &ParameterKey, version: i64) -> String {
    format!("parameter:{}:{}:{key}:{version}", ctx.account, ctx.region)
}

/// Asks whether the caller may have SecureStrings decrypted, where there are any among these.
async fn require_decryption(
    ctx: &Ctx,
    with_decryption: Option<bool>,
    parameters: &[Parameter],
) -> Result<(), ApiError> {
    let is_secret = |parameter: &Parameter| parameter.kind == Kind::SecureString;
    if with_decryption != Some(true) || !parameters.iter().any(is_secret) {
        return Ok(());
    }
    let key = format!("arn:aws:kms:{}:{}:{DEFAULT_KEY}", ctx.region, ctx.account);
    permission::require(ctx, "kms:Decrypt", key).await
}

/// As it was given; of a SecureString that is not to be decrypted, what is kept of it in Base64.
pub fn value(ctx: &Ctx, parameter: &Parameter, with_decryption: Option<bool>) -> Result<String, ApiError> {
    let shown = match (parameter.kind, with_decryption) {
        (Kind::String | Kind::StringList, _) => parameter.value.clone(),
        (Kind::SecureString, Some(true)) => {
            let purpose = purpose(ctx, &parameter.name.key(), parameter.version);
            let name = parameter.name.as_str();
            ctx.app.keyring.open_sealed(&purpose, &parameter.value).ok_or_else(|| {
                StoreError::Corrupt(format!("the value of `{name}` cannot be decrypted by this server's key"))
            })?
        }
        (Kind::SecureString, _) => return Ok(STANDARD.encode(&parameter.value)),
    };
    String::from_utf8(shown).map_err(|_| {
        StoreError::Corrupt(format!("the value of `{}` is no text", parameter.name.as_str())).into()
    })
}

fn to_wire(
    ctx: &Ctx,
    parameter: &Parameter,
    selector: Option<&Selector>,
    with_decryption: Option<bool>,
) -> Result<ssm::Parameter, ApiError> {
    Ok(ssm::Parameter {
        name: Some(parameter.name.as_str().to_owned()),
        r#type: Some(parameter.kind.as_str().into()),
        value: Some(value(ctx, parameter, with_decryption)?),
        version: Some(parameter.version),
        selector: selector.map(|selector| format!(":{selector}")),
        source_result: None,
        last_modified_date: Some(parameter.modified_at),
        arn: Some(parameter.name.key().arn(&ctx.account, &ctx.region)),
        data_type: Some(parameter.data_type.clone()),
    })
}

fn policies_to_wire(parameter: &Parameter) -> Vec<ssm::ParameterInlinePolicy> {
    let to_wire = |policy: &parameter::Policy| ssm::ParameterInlinePolicy {
        policy_text: Some(policy.text.clone()),
        policy_type: Some(policy.rule.type_name().to_owned()),
        policy_status: Some(policy.status.as_str().to_owned()),
    };
    parameter.policies.iter().map(to_wire).collect()
}

/// The names of the service's own key.
fn checked_key(ctx: &Ctx, key_id: &str) -> Result<String, ApiError> {
    let arn = format!("arn:aws:kms:{}:{}:{DEFAULT_KEY}", ctx.region, ctx.account);
    if key_id == DEFAULT_KEY || key_id == arn {
        return Ok(key_id.to_owned());
    }
    let message = format!("KeyId: the key `{key_id}` does not exist: this server has {DEFAULT_KEY} alone");
    Err(ApiError::new(ErrorCode::InvalidKeyId, message))
}
