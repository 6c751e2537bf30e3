//! GetConfiguration: one definition in one region.
//! Source: API reference, GetConfiguration.

use api::quicksetup::{GetConfigurationInput, GetConfigurationOutput};
use domain::quick_setup::TYPE_VERSION;
use store::quick_setup as rows;

use super::{arn, not_found};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::quick_setup::status;

pub async fn get_configuration(
    ctx: &Ctx,
    request: GetConfigurationInput,
) -> Result<GetConfigurationOutput, ApiError> {
    let refusal = || not_found(format!("there is no configuration `{}`", request.configuration_id));
    let mut tx = ctx.store.read().await?;
    let scope = (&ctx.account, &ctx.region);
    let found = rows::find_configuration(&mut tx, scope, &request.configuration_id).await?;
    let found = found.ok_or_else(refusal)?;
    let definitions = rows::definitions_of(&mut tx, &found.manager).await?;
    let definition = definitions.into_iter().find(|row| row.id == found.definition_id).ok_or_else(refusal)?;
    let associations = status::load(&mut tx, &ctx.account, std::slice::from_ref(&found)).await?;
    drop(tx);
    Ok(GetConfigurationOutput {
        account: Some(ctx.account.to_string()),
        region: Some(found.target_region.to_string()),
        manager_arn: Some(arn(&found.manager)),
        configuration_definition_id: Some(definition.id),
        created_at: Some(found.created_at.into()),
        last_modified_at: Some(found.updated_at.into()),
        r#type: Some(definition.definition_type),
        type_version: Some(TYPE_VERSION.to_owned()),
        parameters: Some(definition.parameters),
        status_summaries: Some(status::summaries(&[&found], &associations)),
        id: Some(found.id),
    })
}
