//! GetConfigurationManager: a manager with its definitions, and how they stand.
//! Source: API reference, GetConfigurationManager.

use api::quicksetup::{ConfigurationDefinition, GetConfigurationManagerInput, GetConfigurationManagerOutput};
use domain::quick_setup::TYPE_VERSION;
use store::quick_setup::{self as rows, Definition};
use store::tags;

use super::{arn, existing, tagged};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::quick_setup::status;

pub async fn get_configuration_manager(
    ctx: &Ctx,
    request: GetConfigurationManagerInput,
) -> Result<GetConfigurationManagerOutput, ApiError> {
    let mut tx = ctx.store.read().await?;
    let manager = existing(ctx, &mut tx, &request.manager_arn).await?;
    let definitions = rows::definitions_of(&mut tx, &manager.key).await?;
    let configurations = rows::configurations_of(&mut tx, &manager.key).await?;
    let associations = status::load(&mut tx, &ctx.account, &configurations).await?;
    let tags = tags::list(&mut tx, tagged(&manager.key)).await?;
    drop(tx);

    let all: Vec<_> = configurations.iter().collect();
    Ok(GetConfigurationManagerOutput {
        manager_arn: arn(&manager.key),
        name: Some(manager.name),
        description: Some(manager.description),
        created_at: Some(manager.created_at.into()),
        last_modified_at: Some(manager.updated_at.into()),
        configuration_definitions: Some(definitions.into_iter().map(to_wire).collect()),
        status_summaries: Some(status::summaries(&all, &associations)),
        tags: Some(tags),
    })
}

fn to_wire(definition: Definition) -> ConfigurationDefinition {
    ConfigurationDefinition {
        id: Some(definition.id),
        r#type: definition.definition_type,
        type_version: Some(TYPE_VERSION.to_owned()),
        parameters: definition.parameters,
        local_deployment_administration_role_arn: definition.administration_role,
        local_deployment_execution_role_name: definition.execution_role,
    }
}
