//! Quick Setup: configuration managers, their definitions, and what is deployed of them. Deploying is
//! `crate::quick_setup`'s and the job's.
//! Source: systems-manager.md 13; api-operations.md, Quick Setup.

mod create_configuration_manager;
mod delete_configuration_manager;
mod dispatch;
mod filters;
mod get_configuration;
mod get_configuration_manager;
mod get_service_settings;
mod list_configuration_managers;
mod list_configurations;
mod list_quick_setup_types;
mod list_tags_for_resource;
mod tag_resource;
#[cfg(test)]
mod tests;
mod untag_resource;
mod update_configuration_definition;
mod update_configuration_manager;
mod update_service_settings;

pub use create_configuration_manager::create_configuration_manager;
pub use delete_configuration_manager::delete_configuration_manager;
pub use dispatch::dispatch;
pub use get_configuration::get_configuration;
pub use get_configuration_manager::get_configuration_manager;
pub use get_service_settings::get_service_settings;
pub use list_configuration_managers::list_configuration_managers;
pub use list_configurations::list_configurations;
pub use list_quick_setup_types::list_quick_setup_types;
pub use list_tags_for_resource::list_tags_for_resource;
pub use tag_resource::tag_resource;
pub use untag_resource::untag_resource;
pub use update_configuration_definition::update_configuration_definition;
pub use update_configuration_manager::update_configuration_manager;
pub use update_service_settings::update_service_settings;

use std::collections::BTreeMap;

use api::quicksetup::ErrorCode;
use api::ssm;
use domain::ids::Arn;
use domain::ids::Region;
use domain::quick_setup::{Kind, TYPE_VERSION};
use store::Tx;
use store::quick_setup::{self as rows, Configuration, Definition, Manager, ManagerKey};
use store::tags::Tagged;

use super::QUICK_SETUP;
use super::page::Page;
use super::tags::checked_tags;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::keyring::random;
use crate::quick_setup::TAGGED_TYPE;
use crate::quick_setup::status::{INITIALIZING, is_busy};

const RESOURCE: &str = "configuration-manager/";
/// Of the lists, where a request names no other.
const DEFAULT_PAGE: i32 = 50;
/// What lists show of the parameters.
const FIRST_CLASS: [&str; 6] = [
    "PatchPolicyName",
    "ConfigurationOptionsPatchOperation",
    "ConfigurationOptionsScanValue",
    "ConfigurationOptionsInstallValue",
    "TargetType",
    "TargetRegions",
];

fn arn(key: &ManagerKey) -> String {
    format!("arn:aws:{QUICK_SETUP}:{}:{}:{RESOURCE}{}", key.region, key.account, key.id)
}

fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::ResourceNotFoundException, message)
}

/// The manager that an ARN names, which must be of the caller's account and region.
async fn existing(ctx: &Ctx, tx: &mut Tx, text: &str) -> Result<Manager, ApiError> {
    let refusal = || not_found(format!("there is no configuration manager `{text}`"));
    let parsed = Arn::parse(text).ok_or_else(refusal)?;
    let is_here = parsed.service == QUICK_SETUP
        && parsed.account == ctx.account.as_str()
        && parsed.region == ctx.region.as_str();
    let id = text.split_once(RESOURCE).map(|(_, id)| id.to_ascii_lowercase()).filter(|_| is_here);
    let key =
        ManagerKey { account: ctx.account.clone(), region: ctx.region.clone(), id: id.ok_or_else(refusal)? };
    rows::find_manager(tx, &key).await?.ok_or_else(refusal)
}

/// A change comes after the one before it.
fn refuse_busy(manager: &Manager, configurations: &[Configuration]) -> Result<(), ApiError> {
    match configurations.iter().find(|configuration| is_busy(configuration)) {
        None => Ok(()),
        Some(busy) => {
            let status = &busy.status;
            let message = format!(
                "configuration manager `{}` is {status}: try again when it is not",
                arn(&manager.key)
            );
            Err(ApiError::new(ErrorCode::ConflictException, message))
        }
    }
}

fn tagged(key: &ManagerKey) -> Tagged<'_> {
    Tagged { account: &key.account, region: &key.region, resource_type: TAGGED_TYPE, resource_id: &key.id }
}

/// By the rules for all tags.
fn checked(given: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError> {
    let tag = |(key, value): (&String, &String)| ssm::Tag { key: key.clone(), value: value.clone() };
    let tags: Vec<ssm::Tag> = given.iter().map(tag).collect();
    checked_tags(&tags).map_err(|error| error::validation(error.message))
}

/// The types that are served are few, and each has one version.
fn check_type(given: &str, version: Option<&str>) -> Result<Kind, ApiError> {
    let kind = Kind::parse(given).ok_or_else(|| {
        let served = Kind::ALL.map(Kind::as_str).join(" or ");
        error::validation(format!("the type `{given}` is not served here: expected {served}"))
    })?;
    check_version(version)?;
    Ok(kind)
}

fn check_version(version: Option<&str>) -> Result<(), ApiError> {
    match version {
        None | Some("LATEST" | TYPE_VERSION | "1") => Ok(()),
        Some(other) => Err(error::validation(format!(
            "TypeVersion `{other}` is not there: the newest is {TYPE_VERSION}"
        ))),
    }
}

/// To be deployed at once.
fn new_configuration(ctx: &Ctx, definition: &Definition, target_region: &Region) -> Configuration {
    Configuration {
        manager: definition.manager.clone(),
        definition_id: definition.id.clone(),
        target_region: target_region.clone(),
        id: short_id(),
        status: INITIALIZING.to_owned(),
        message: String::new(),
        associations: BTreeMap::new(),
        bucket: None,
        created_at: ctx.now,
        updated_at: ctx.now,
        due_at: Some(ctx.now),
    }
}

/// `[a-z0-9-]{1,20}`.
fn short_id() -> String {
    hex::encode(random::<6>())
}

fn first_class(definition: &Definition) -> BTreeMap<String, String> {
    let mut shown = definition.parameters.clone();
    shown.retain(|name, value| FIRST_CLASS.contains(&name.as_str()) && !value.is_empty());
    shown
}

/// A token of another list, or with other filters, is the request's fault.
fn open_page(
    ctx: &Ctx,
    operation: &str,
    scope: &impl serde::Serialize,
    token: Option<&str>,
    size: usize,
) -> Result<Page, ApiError> {
    Page::open(ctx, operation, scope, token, size)
        .map_err(|_| error::validation("the StartingToken is not one of this operation with these filters"))
}

/// Those after the page's key, in the order of their keys.
fn after<T>(page: &Page, rows: &mut Vec<T>, key: impl Fn(&T) -> String) {
    rows.retain(|row| page.after.as_ref().is_none_or(|after| key(row) > *after));
    rows.sort_unstable_by_key(key);
}
