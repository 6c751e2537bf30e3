//! Tags of resources: what may carry them, and the three operations.
//! Source: API reference, AddTagsToResource and its neighbours; systems-manager.md 15.3.

mod add_tags_to_resource;
mod list_tags_for_resource;
mod remove_tags_from_resource;

pub use add_tags_to_resource::add_tags_to_resource;
pub use list_tags_for_resource::list_tags_for_resource;
pub use remove_tags_from_resource::remove_tags_from_resource;

use std::collections::BTreeMap;

use api::ssm::{ErrorCode, ResourceTypeForTagging, Tag};
use domain::ids::{AssociationId, AutomationExecutionId, BaselineId, DocumentName, NodeId, WindowId};
use domain::parameter;
use store::Tx;
use store::associations::{self, AssociationKey};
use store::automations::{self, AutomationKey};
use store::parameters::{self, Which};
use store::tags::Tagged;
use store::{baselines, documents, nodes, windows};

use crate::ctx::Ctx;
use crate::error::{self, ApiError};

/// Of one resource.
const MOST_TAGS: usize = 50;

/// The tags of a request as a map. A key may appear once, and none may begin with `aws:`.
pub fn checked_tags(tags: &[Tag]) -> Result<BTreeMap<String, String>, ApiError> {
    let mut map = BTreeMap::new();
    for tag in tags {
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return Err(error::validation(format!(
                "tag key `{}` begins with aws:, which is reserved",
                tag.key
            )));
        }
        if map.insert(tag.key.clone(), tag.value.clone()).is_some() {
            return Err(error::validation(format!("tag key `{}` is given twice", tag.key)));
        }
    }
    if map.len() > MOST_TAGS { Err(too_many()) } else { Ok(map) }
}

pub fn to_wire(tags: BTreeMap<String, String>) -> Vec<Tag> {
    tags.into_iter().map(|(key, value)| Tag { key, value }).collect()
}

fn too_many() -> ApiError {
    ApiError::new(ErrorCode::TooManyTagsError, format!("a resource has at most {MOST_TAGS} tags"))
}

/// The resource, if it is there and may carry tags.
async fn resource<'a>(
    ctx: &'a Ctx,
    tx: &mut Tx,
    kind: &'a ResourceTypeForTagging,
    id: &'a str,
) -> Result<Tagged<'a>, ApiError> {
    let refusal = || {
        let message = format!("{} `{id}` does not exist", kind.as_str());
        ApiError::new(ErrorCode::InvalidResourceId, message)
    };
    let resource_id = match kind {
        ResourceTypeForTagging::ManagedInstance => {
            let node: NodeId = id.parse().map_err(|_| refusal())?;
            nodes::find(tx, &ctx.account, &ctx.region, &node).await?.ok_or_else(refusal)?;
            id
        }
        ResourceTypeForTagging::PatchBaseline => {
            let baseline: BaselineId = id.parse().map_err(|_| refusal())?;
            let baseline = baseline.local(&ctx.account, &ctx.region).ok_or_else(refusal)?;
            baselines::find(tx, &ctx.account, &ctx.region, &baseline).await?.ok_or_else(refusal)?;
            id.rsplit_once('/').map_or(id, |(_, short)| short)
        }
        ResourceTypeForTagging::Document => {
            let name: DocumentName = id.parse().map_err(|_| refusal())?;
            documents::find(tx, (&ctx.account, &ctx.region), &name).await?.ok_or_else(refusal)?;
            id
        }
        ResourceTypeForTagging::MaintenanceWindow => {
            let window: WindowId = id.parse().map_err(|_| refusal())?;
            windows::find(tx, (&ctx.account, &ctx.region), &window).await?.ok_or_else(refusal)?;
            id
        }
        ResourceTypeForTagging::Association => {
            let association: AssociationId = id.parse().map_err(|_| refusal())?;
            let (account, region) = (ctx.account.clone(), ctx.region.clone());
            let key = AssociationKey { account, region, id: association };
            associations::find(tx, &key).await?.ok_or_else(refusal)?;
            id
        }
        ResourceTypeForTagging::Automation => {
            let execution: AutomationExecutionId = id.parse().map_err(|_| refusal())?;
            let (account, region) = (ctx.account.clone(), ctx.region.clone());
            let key = AutomationKey { account, region, id: execution };
            automations::find(tx, &key).await?.ok_or_else(refusal)?;
            id
        }
        ResourceTypeForTagging::Parameter => {
            let found = parameter::requested(id, &ctx.account, &ctx.region).map_err(|_| refusal())?;
            let (key, _) = found.filter(|(_, selector)| selector.is_none()).ok_or_else(refusal)?;
            let found = parameters::find(tx, (&ctx.account, &ctx.region), &key, Which::Newest).await?;
            found.ok_or_else(refusal)?;
            // Tags are kept by the key, with which a name and an ARN end.
            &id[id.len() - key.as_str().len()..]
        }
        // No resource of the other types can exist here yet.
        _ => return Err(refusal()),
    };
    Ok(Tagged { account: &ctx.account, region: &ctx.region, resource_type: kind.as_str(), resource_id })
}
