//! DescribeEffectiveInstanceAssociations: what is to be applied to a node, with the documents' texts.
//! Source: API reference, DescribeEffectiveInstanceAssociations.

use api::ssm::{
    DescribeEffectiveInstanceAssociationsRequest, DescribeEffectiveInstanceAssociationsResult,
    InstanceAssociation,
};
use store::associations::Association;

use super::addressing;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::documents;
use crate::operations::nodes::managed_node;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 5;

pub async fn describe_effective_instance_associations(
    ctx: &Ctx,
    request: DescribeEffectiveInstanceAssociationsRequest,
) -> Result<DescribeEffectiveInstanceAssociationsResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "DescribeEffectiveInstanceAssociations", &request.instance_id, token, size)?;

    let mut tx = ctx.store.read().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?;
    let mut rows = addressing(ctx, &mut tx, &node).await?;
    drop(tx);
    rows.retain(|row| page.after.as_deref().is_none_or(|after| row.key.id.as_str() > after));
    let cut = page.cut(ctx, rows, |row| row.key.id.to_string());
    let mut associations = Vec::new();
    // Five at most.
    for association in cut.rows {
        associations.push(to_wire(ctx, &request.instance_id, association).await?);
    }
    Ok(DescribeEffectiveInstanceAssociationsResult {
        associations: Some(associations),
        next_token: cut.next_token,
    })
}

async fn to_wire(ctx: &Ctx, node: &str, association: Association) -> Result<InstanceAssociation, ApiError> {
    let settings = &association.settings;
    let found = documents::find(ctx, &settings.name, settings.document_version.as_deref(), None).await;
    let content = match found {
        Ok(found) => Some(found.version.content),
        Err(error) if error.code.status >= 500 => return Err(error),
        // Somebody else's that is not shared any more, or a version that is gone: the association is there without it.
        Err(_) => None,
    };
    Ok(InstanceAssociation {
        association_id: Some(association.key.id.to_string()),
        instance_id: Some(node.to_owned()),
        content,
        association_version: Some(association.version.to_string()),
    })
}
