//! ListConfigurations: what is deployed of the definitions of a region's managers, by id.
//! Source: API reference, ListConfigurations.

use api::quicksetup::{ConfigurationSummary, ListConfigurationsInput, ListConfigurationsOutput};
use domain::quick_setup::TYPE_VERSION;
use store::quick_setup::{self as rows, Configuration, Definition};

use super::filters::{Field, Filters};
use super::{DEFAULT_PAGE, after, arn, existing, first_class, open_page};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::page_size;
use crate::quick_setup::status::{self, Associations};

pub async fn list_configurations(
    ctx: &Ctx,
    request: ListConfigurationsInput,
) -> Result<ListConfigurationsOutput, ApiError> {
    let size = page_size(request.max_items, DEFAULT_PAGE);
    let bound = (&request.filters, &request.manager_arn, &request.configuration_definition_id);
    let page = open_page(ctx, "ListConfigurations", &bound, request.starting_token.as_deref(), size)?;
    let filters = Filters::parse(request.filters.as_deref().unwrap_or_default())?;

    let mut tx = ctx.store.read().await?;
    let scope = (&ctx.account, &ctx.region);
    let mut found = match &request.manager_arn {
        Some(arn) => {
            let manager = existing(ctx, &mut tx, arn).await?;
            rows::configurations_of(&mut tx, &manager.key).await?
        }
        None => rows::list_configurations(&mut tx, scope).await?,
    };
    let managers = rows::list_managers(&mut tx, scope).await?;
    let definitions = rows::list_definitions(&mut tx, scope).await?;
    let wanted = request.configuration_definition_id.as_ref();
    found.retain(|row| wanted.is_none_or(|wanted| row.definition_id == *wanted));
    let associations = status::load(&mut tx, &ctx.account, &found).await?;
    drop(tx);

    let mut shown: Vec<ConfigurationSummary> = Vec::new();
    for row in &found {
        let Some(definition) = definitions
            .iter()
            .find(|definition| definition.manager == row.manager && definition.id == row.definition_id)
        else {
            continue;
        };
        let name =
            managers.iter().find(|manager| manager.key == row.manager).map(|manager| manager.name.clone());
        let fields = |field: Field| match field {
            Field::Type => vec![definition.definition_type.clone()],
            Field::Definition => vec![definition.id.clone()],
            Field::Status => vec![row.status.clone()],
            Field::Name => name.clone().into_iter().collect(),
            Field::Manager => vec![row.manager.id.clone()],
            Field::Region => vec![row.target_region.to_string()],
        };
        if filters.matches(fields) {
            shown.push(to_wire(row, definition, &associations));
        }
    }
    let key = |row: &ConfigurationSummary| row.id.clone().unwrap_or_default();
    after(&page, &mut shown, key);
    let cut = page.cut(ctx, shown, key);
    Ok(ListConfigurationsOutput { configurations_list: Some(cut.rows), next_token: cut.next_token })
}

fn to_wire(
    row: &Configuration,
    definition: &Definition,
    associations: &Associations,
) -> ConfigurationSummary {
    ConfigurationSummary {
        account: Some(row.manager.account.to_string()),
        region: Some(row.target_region.to_string()),
        id: Some(row.id.clone()),
        manager_arn: Some(arn(&row.manager)),
        configuration_definition_id: Some(definition.id.clone()),
        created_at: Some(row.created_at.into()),
        r#type: Some(definition.definition_type.clone()),
        type_version: Some(TYPE_VERSION.to_owned()),
        first_class_parameters: Some(first_class(definition)),
        status_summaries: Some(status::summaries(&[row], associations)),
    }
}
