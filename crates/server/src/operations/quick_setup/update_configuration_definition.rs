//! UpdateConfigurationDefinition: other parameters take the place of all that were there, and are deployed; regions that
//! they no longer name are cleared.
//! Source: API reference, UpdateConfigurationDefinition; systems-manager.md 13.

use api::quicksetup::{UpdateConfigurationDefinitionInput, UpdateConfigurationDefinitionOutput};
use store::quick_setup::{self as rows, Configuration, Definition, Manager};

use super::{check_version, existing, new_configuration, not_found, refuse_busy};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::quick_setup::read;
use crate::quick_setup::status::{DELETING, DEPLOYING};

pub async fn update_configuration_definition(
    ctx: &Ctx,
    request: UpdateConfigurationDefinitionInput,
) -> Result<UpdateConfigurationDefinitionOutput, ApiError> {
    check_version(request.type_version.as_deref())?;
    let mut tx = ctx.store.write().await?;
    let manager = existing(ctx, &mut tx, &request.manager_arn).await?;
    let all = rows::definitions_of(&mut tx, &manager.key).await?;
    let before = all.into_iter().find(|definition| definition.id == request.id);
    let before =
        before.ok_or_else(|| not_found(format!("the manager has no definition `{}`", request.id)))?;
    let configurations = rows::configurations_of(&mut tx, &manager.key).await?;
    refuse_busy(&manager, &configurations)?;
    let definition = Definition {
        parameters: request.parameters.unwrap_or(before.parameters),
        administration_role: request.local_deployment_administration_role_arn.or(before.administration_role),
        execution_role: request.local_deployment_execution_role_name.or(before.execution_role),
        manager: before.manager,
        id: before.id,
        definition_type: before.definition_type,
    };
    let asked = read(&definition).map_err(|error| error::validation(error.to_string()))?;
    let regions = &asked.scope().regions;
    rows::put_definition(&mut tx, &definition).await?;
    rows::put_manager(&mut tx, &Manager { updated_at: ctx.now, ..manager }).await?;
    let there: Vec<Configuration> =
        configurations.into_iter().filter(|row| row.definition_id == definition.id).collect();
    for region in regions.iter().filter(|region| !there.iter().any(|row| row.target_region == **region)) {
        rows::put_configuration(&mut tx, &new_configuration(ctx, &definition, region)).await?;
    }
    for row in there {
        let stays = regions.contains(&row.target_region);
        let status = if stays { DEPLOYING } else { DELETING };
        let row =
            Configuration { status: status.to_owned(), updated_at: ctx.now, due_at: Some(ctx.now), ..row };
        rows::put_configuration(&mut tx, &row).await?;
    }
    tx.commit().await?;
    Ok(UpdateConfigurationDefinitionOutput {})
}
