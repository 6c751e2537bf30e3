//! GetGroupConfiguration: the configuration of a group that lists its members.
//! Source: API reference, GetGroupConfiguration.

use api::resourcegroups::{
    GetGroupConfigurationInput, GetGroupConfigurationOutput, GroupConfiguration, GroupConfigurationStatus,
};
use store::resource_groups::Group;

use super::named;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_group_configuration(
    ctx: &Ctx,
    request: GetGroupConfigurationInput,
) -> Result<GetGroupConfigurationOutput, ApiError> {
    let mut tx = ctx.store.read().await?;
    let group = named(ctx, &mut tx, (request.group.as_deref(), None)).await?;
    Ok(GetGroupConfigurationOutput { group_configuration: shown(&group) })
}

/// It is in place as soon as it is written.
pub fn shown(group: &Group) -> Option<GroupConfiguration> {
    group.settings.configuration.clone().map(|items| GroupConfiguration {
        configuration: Some(items),
        status: Some(GroupConfigurationStatus::UpdateComplete),
        ..GroupConfiguration::default()
    })
}
