//! ListConfigurationManagers: the managers of a region, by id.
//! Source: API reference, ListConfigurationManagers.

use api::quicksetup::{
    ConfigurationDefinitionSummary, ConfigurationManagerSummary, ListConfigurationManagersInput,
    ListConfigurationManagersOutput, Status,
};
use domain::quick_setup::TYPE_VERSION;
use store::quick_setup::{self as rows, Definition, Manager};

use super::filters::{Field, Filters};
use super::{DEFAULT_PAGE, after, arn, first_class, open_page};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::page_size;
use crate::quick_setup::status;

pub async fn list_configuration_managers(
    ctx: &Ctx,
    request: ListConfigurationManagersInput,
) -> Result<ListConfigurationManagersOutput, ApiError> {
    let size = page_size(request.max_items, DEFAULT_PAGE);
    let token = request.starting_token.as_deref();
    let page = open_page(ctx, "ListConfigurationManagers", &request.filters, token, size)?;
    let filters = Filters::parse(&request.filters.unwrap_or_default())?;

    let mut tx = ctx.store.read().await?;
    let scope = (&ctx.account, &ctx.region);
    let managers = rows::list_managers(&mut tx, scope).await?;
    let definitions = rows::list_definitions(&mut tx, scope).await?;
    let configurations = rows::list_configurations(&mut tx, scope).await?;
    let associations = status::load(&mut tx, &ctx.account, &configurations).await?;
    drop(tx);

    let mut shown = Vec::new();
    for manager in managers {
        let of: Vec<_> = configurations.iter().filter(|row| row.manager == manager.key).collect();
        let summaries = status::summaries(&of, &associations);
        let definitions: Vec<&Definition> =
            definitions.iter().filter(|row| row.manager == manager.key).collect();
        let fields = |field: Field| match field {
            Field::Type => definitions.iter().map(|row| row.definition_type.clone()).collect(),
            Field::Definition => definitions.iter().map(|row| row.id.clone()).collect(),
            Field::Status => {
                let deployment = summaries.first().and_then(|summary| summary.status.as_ref());
                deployment.map(|status: &Status| status.as_str().to_owned()).into_iter().collect()
            }
            Field::Name => vec![manager.name.clone()],
            Field::Manager => vec![manager.key.id.clone()],
            Field::Region => of.iter().map(|row| row.target_region.to_string()).collect(),
        };
        if filters.matches(fields) {
            shown.push(to_wire(&manager, &definitions, summaries));
        }
    }
    after(&page, &mut shown, |row| row.manager_arn.clone());
    let cut = page.cut(ctx, shown, |row| row.manager_arn.clone());
    Ok(ListConfigurationManagersOutput {
        configuration_managers_list: Some(cut.rows),
        next_token: cut.next_token,
    })
}

fn to_wire(
    manager: &Manager,
    definitions: &[&Definition],
    summaries: Vec<api::quicksetup::StatusSummary>,
) -> ConfigurationManagerSummary {
    let definition = |row: &&Definition| ConfigurationDefinitionSummary {
        id: Some(row.id.clone()),
        r#type: Some(row.definition_type.clone()),
        type_version: Some(TYPE_VERSION.to_owned()),
        first_class_parameters: Some(first_class(row)),
    };
    ConfigurationManagerSummary {
        manager_arn: arn(&manager.key),
        name: Some(manager.name.clone()),
        description: Some(manager.description.clone()),
        configuration_definition_summaries: Some(definitions.iter().map(definition).collect()),
        status_summaries: Some(summaries),
    }
}
