//! The operations of Resource Groups by their names. Method and path have become a name before.

use api::resourcegroups::{ErrorCode, Operation};

use super::super::permission::authorise;
use super::super::{RESOURCE_GROUPS, Service, call};
use super::{
    create_group, delete_group, get_group, get_group_configuration, get_group_query, get_tags,
    group_resources, list_group_resources, list_groups, search_resources, tag, ungroup_resources, untag,
    update_group, update_group_query,
};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn dispatch(ctx: &Ctx, name: &str, body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let Some(operation) = Operation::parse(name) else {
        let name: String = name.chars().take(128).collect();
        let message = format!("no operation of {RESOURCE_GROUPS} answers to `{name}`");
        return Err(ApiError::new(ErrorCode::UnknownOperationException, message));
    };
    authorise(ctx, Service::ResourceGroups, operation.name(), body).await?;
    let answer = match operation {
        Operation::CreateGroup => call(ctx, body, create_group),
        Operation::DeleteGroup => call(ctx, body, delete_group),
        Operation::GetGroup => call(ctx, body, get_group),
        Operation::GetGroupConfiguration => call(ctx, body, get_group_configuration),
        Operation::GetGroupQuery => call(ctx, body, get_group_query),
        Operation::GetTags => call(ctx, body, get_tags),
        Operation::GroupResources => call(ctx, body, group_resources),
        Operation::ListGroupResources => call(ctx, body, list_group_resources),
        Operation::ListGroups => call(ctx, body, list_groups),
        Operation::SearchResources => call(ctx, body, search_resources),
        Operation::Tag => call(ctx, body, tag),
        Operation::UngroupResources => call(ctx, body, ungroup_resources),
        Operation::Untag => call(ctx, body, untag),
        Operation::UpdateGroup => call(ctx, body, update_group),
        Operation::UpdateGroupQuery => call(ctx, body, update_group_query),
    };
    answer.await
}
