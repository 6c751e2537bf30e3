//! CreateConfigurationManager: rows for a manager, its definitions and what is to be deployed of them; the job deploys.
//! Source: API reference, CreateConfigurationManager.

use api::quicksetup::{
    ConfigurationDefinitionInput, CreateConfigurationManagerInput, CreateConfigurationManagerOutput,
};
use store::quick_setup::{self as rows, Configuration, Definition, Manager, ManagerKey};
use store::tags;

use super::{arn, check_type, checked, new_configuration, short_id, tagged};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::quick_setup::read;

const MOST_DEFINITIONS: usize = 10;
/// Of one account in one region.
const MOST_MANAGERS: usize = 500;

pub async fn create_configuration_manager(
    ctx: &Ctx,
    request: CreateConfigurationManagerInput,
) -> Result<CreateConfigurationManagerOutput, ApiError> {
    let count = request.configuration_definitions.len();
    if !(1..=MOST_DEFINITIONS).contains(&count) {
        return Err(error::validation(format!(
            "ConfigurationDefinitions has {count} entries; expected 1 to {MOST_DEFINITIONS}"
        )));
    }
    let given = checked(&request.tags.unwrap_or_default())?;
    let id = uuid::Uuid::new_v4().to_string();
    let key = ManagerKey { account: ctx.account.clone(), region: ctx.region.clone(), id };
    let manager = Manager {
        key: key.clone(),
        name: request.name.unwrap_or_default(),
        description: request.description.unwrap_or_default(),
        created_at: ctx.now,
        updated_at: ctx.now,
    };
    let mut made: Vec<(Definition, Vec<Configuration>)> = Vec::new();
    for input in request.configuration_definitions {
        made.push(define(ctx, &key, input)?);
    }
    let mut tx = ctx.store.write().await?;
    if rows::list_managers(&mut tx, (&ctx.account, &ctx.region)).await?.len() >= MOST_MANAGERS {
        return Err(error::validation(format!(
            "there are {MOST_MANAGERS} configuration managers, which is the limit: delete some first"
        )));
    }
    rows::put_manager(&mut tx, &manager).await?;
    tags::put(&mut tx, tagged(&key), &given).await?;
    for (definition, configurations) in &made {
        rows::put_definition(&mut tx, definition).await?;
        for configuration in configurations {
            rows::put_configuration(&mut tx, configuration).await?;
        }
    }
    tx.commit().await?;
    Ok(CreateConfigurationManagerOutput { manager_arn: arn(&key) })
}

/// One definition, and a configuration for each of its regions.
fn define(
    ctx: &Ctx,
    manager: &ManagerKey,
    input: ConfigurationDefinitionInput,
) -> Result<(Definition, Vec<Configuration>), ApiError> {
    let kind = check_type(&input.r#type, input.type_version.as_deref())?;
    let definition = Definition {
        manager: manager.clone(),
        id: short_id(),
        definition_type: kind.as_str().to_owned(),
        parameters: input.parameters,
        administration_role: input.local_deployment_administration_role_arn,
        execution_role: input.local_deployment_execution_role_name,
    };
    let asked = read(&definition).map_err(|error| error::validation(error.to_string()))?;
    let regions = asked.scope().regions.iter();
    let configurations = regions.map(|region| new_configuration(ctx, &definition, region)).collect();
    Ok((definition, configurations))
}
