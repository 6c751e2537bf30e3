//! What a group may be: a query over tags, or a list of members under the generic configuration.
//! Source: API reference, CreateGroup; the guide's service configurations.

use api::resourcegroups::{GroupConfigurationItem, QueryType, ResourceQuery};
use domain::resource_group::{NodeKind, Query, TAG_FILTERS};
use store::resource_groups::Settings;

use super::refusal;
use crate::error::ApiError;

/// The one kind of group here that lists its members.
pub const GENERIC: &str = "AWS::ResourceGroups::Generic";
pub const ALLOWED_TYPES: &str = "allowed-resource-types";
pub const PROTECTION: &str = "deletion-protection";
pub const UNLESS_EMPTY: &str = "UNLESS_EMPTY";

/// AWS reserves names that begin with its own.
pub fn name(name: &str) -> Result<(), ApiError> {
    match name.to_ascii_lowercase().starts_with("aws") {
        true => Err(refusal(format!("Name: `{name}` begins with AWS, which is reserved"))),
        false => Ok(()),
    }
}

pub fn query(given: &ResourceQuery) -> Result<Query, ApiError> {
    if given.r#type != QueryType::TagFilters10 {
        return Err(refusal(format!(
            "ResourceQuery: this server has no stacks: give the Type {TAG_FILTERS}, which selects by tags"
        )));
    }
    Query::parse(&given.query).map_err(|error| refusal(error.to_string()))
}

/// A group has one of the two.
pub fn contents(settings: &Settings) -> Result<(), ApiError> {
    match (&settings.query, &settings.configuration) {
        (Some(given), None) => query(given).map(drop),
        (None, Some(items)) => configuration(items),
        (Some(_), Some(_)) => Err(refusal("give ResourceQuery or Configuration, not both")),
        (None, None) => Err(refusal(format!(
            "give ResourceQuery, which selects the members, or Configuration of the type {GENERIC}, to list them"
        ))),
    }
}

fn configuration(items: &[GroupConfigurationItem]) -> Result<(), ApiError> {
    let [item] = items else {
        return Err(refusal(format!("Configuration: expected one item, of the type {GENERIC}")));
    };
    if item.r#type != GENERIC {
        let kind = &item.r#type;
        return Err(refusal(format!(
            "Configuration: the type `{kind}` is not served here: expected {GENERIC}"
        )));
    }
    let mut seen = Vec::new();
    for parameter in item.parameters.iter().flatten() {
        let name = parameter.name.as_str();
        if seen.contains(&name) {
            return Err(refusal(format!("Configuration: the parameter `{name}` is there twice")));
        }
        seen.push(name);
        let values = parameter.values.as_deref().unwrap_or_default();
        let is_fit = match name {
            ALLOWED_TYPES => !values.is_empty(),
            PROTECTION => values.len() == 1 && values[0] == UNLESS_EMPTY,
            _ => {
                return Err(refusal(format!(
                    "Configuration: the parameter `{name}` is not served here: expected {ALLOWED_TYPES} or {PROTECTION}"
                )));
            }
        };
        if !is_fit {
            let expected = if name == PROTECTION { UNLESS_EMPTY } else { "at least one resource type" };
            return Err(refusal(format!("Configuration: `{name}`: expected {expected}")));
        }
    }
    Ok(())
}

/// The values of a parameter of a group's configuration, where it has it.
pub fn parameter<'s>(settings: &'s Settings, name: &str) -> Option<&'s [String]> {
    let items = settings.configuration.iter().flatten();
    let mut parameters = items.flat_map(|item| item.parameters.iter().flatten());
    parameters.find(|parameter| parameter.name == name)?.values.as_deref()
}

/// Whether the group lets nodes of this kind be listed.
pub fn admits(settings: &Settings, kind: NodeKind) -> bool {
    parameter(settings, ALLOWED_TYPES)
        .is_none_or(|types| types.iter().any(|allowed| allowed == kind.resource_type()))
}
