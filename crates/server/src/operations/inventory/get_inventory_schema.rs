//! GetInventorySchema: the types that can be uploaded and asked for, and their attributes.
//! Source: systems-manager.md 5.2.

use api::ssm::{
    GetInventorySchemaRequest, GetInventorySchemaResult, InventoryAttributeDataType, InventoryItemAttribute,
    InventoryItemSchema,
};
use domain::inventory::InventoryType;
use store::inventory::{self, Schema};

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

/// Which attributes are told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attributes {
    All,
    /// Those that GetInventory counts by.
    Aggregatable,
}

pub async fn get_inventory_schema(
    ctx: &Ctx,
    request: GetInventorySchemaRequest,
) -> Result<GetInventorySchemaResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let binding = (&request.type_name, &request.aggregator, &request.sub_type);
    let page = Page::open(ctx, "GetInventorySchema", &binding, request.next_token.as_deref(), size)?;
    let which = if request.aggregator == Some(true) { Attributes::Aggregatable } else { Attributes::All };

    let mut tx = ctx.store.read_each().await?;
    let custom = inventory::schemas(&mut tx, (&ctx.account, &ctx.region)).await?;
    let prefix = request.type_name.unwrap_or_default();
    let after = page.after.as_deref().unwrap_or_default();
    let provided = InventoryType::all().iter().map(|known| of_provided(known, which));
    let rows = provided
        .chain(custom.into_iter().map(of_custom))
        .filter(|schema| schema.type_name.starts_with(&prefix) && schema.type_name.as_str() > after)
        .filter(|schema| !schema.attributes.is_empty())
        .take(size + 1)
        .collect();
    let cut = page.cut(ctx, rows, |schema: &InventoryItemSchema| schema.type_name.clone());
    Ok(GetInventorySchemaResult { schemas: Some(cut.rows), next_token: cut.next_token })
}

fn of_provided(known: &InventoryType, which: Attributes) -> InventoryItemSchema {
    let attribute = |name: &str| InventoryItemAttribute {
        name: name.to_owned(),
        data_type: match known.is_number(name) {
            true => InventoryAttributeDataType::Number,
            false => InventoryAttributeDataType::String,
        },
    };
    let is_told = |name: &&str| which == Attributes::All || known.is_aggregatable(name);
    InventoryItemSchema {
        type_name: known.name.to_owned(),
        version: Some(known.version.to_string()),
        attributes: known.attributes().filter(is_told).map(attribute).collect(),
        display_name: Some(known.display_name().to_owned()),
    }
}

fn of_custom(schema: Schema) -> InventoryItemSchema {
    let attribute =
        |name: String| InventoryItemAttribute { name, data_type: InventoryAttributeDataType::String };
    InventoryItemSchema {
        display_name: schema.type_name.split_once(':').map(|(_, name)| name.to_owned()),
        type_name: schema.type_name,
        version: Some(schema.schema_version),
        attributes: schema.attributes.into_iter().map(attribute).collect(),
    }
}
