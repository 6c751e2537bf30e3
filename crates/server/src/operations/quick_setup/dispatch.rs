//! The operations of Quick Setup by their names. Method and path have become a name before.

use api::quicksetup::{ErrorCode, Operation};

use super::super::permission::authorise;
use super::super::{QUICK_SETUP, Service, call};
use super::{
    create_configuration_manager, delete_configuration_manager, get_configuration, get_configuration_manager,
    get_service_settings, list_configuration_managers, list_configurations, list_quick_setup_types,
    list_tags_for_resource, tag_resource, untag_resource, update_configuration_definition,
    update_configuration_manager, update_service_settings,
};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn dispatch(ctx: &Ctx, name: &str, body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let Some(operation) = Operation::parse(name) else {
        return Err(ApiError::new(
            ErrorCode::UnknownOperationException,
            format!(
                "no operation of {QUICK_SETUP} answers to `{}`",
                name.chars().take(128).collect::<String>()
            ),
        ));
    };
    authorise(ctx, Service::QuickSetup, operation.name(), body).await?;
    let answer = match operation {
        Operation::CreateConfigurationManager => call(ctx, body, create_configuration_manager),
        Operation::GetConfigurationManager => call(ctx, body, get_configuration_manager),
        Operation::ListConfigurationManagers => call(ctx, body, list_configuration_managers),
        Operation::UpdateConfigurationManager => call(ctx, body, update_configuration_manager),
        Operation::UpdateConfigurationDefinition => call(ctx, body, update_configuration_definition),
        Operation::DeleteConfigurationManager => call(ctx, body, delete_configuration_manager),
        Operation::GetConfiguration => call(ctx, body, get_configuration),
        Operation::ListConfigurations => call(ctx, body, list_configurations),
        Operation::GetServiceSettings => call(ctx, body, get_service_settings),
        Operation::UpdateServiceSettings => call(ctx, body, update_service_settings),
        Operation::ListQuickSetupTypes => call(ctx, body, list_quick_setup_types),
        Operation::TagResource => call(ctx, body, tag_resource),
        Operation::UntagResource => call(ctx, body, untag_resource),
        Operation::ListTagsForResource => call(ctx, body, list_tags_for_resource),
    };
    answer.await
}
