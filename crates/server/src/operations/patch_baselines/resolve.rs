//! Which baseline a node uses: looks up what `domain::baseline`'s choice needs to know.
//! Source: spec patch-manager 5.1 and 5.2.

use domain::baseline::{Baseline, BaselineChoice, BaselineRules, patch_group_of, predefined};
use domain::ids::BaselineId;
use domain::os::{DetectedSystem, OperatingSystem};
use store::nodes::Node;
use store::tags::{self, Tagged};
use store::{StoreError, Tx, patch_groups};

use crate::ctx::Ctx;
use crate::error::{self, ApiError};

/// A node's baseline, with the way that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedBaseline {
    pub choice: BaselineChoice,
    pub system: DetectedSystem,
}

/// Refuses a node whose system has no baselines, or that has not said yet what it runs.
pub async fn baseline_of_node(tx: &mut Tx, ctx: &Ctx, node: &Node) -> Result<ResolvedBaseline, ApiError> {
    let system = system_of(node)?;
    let os = system.operating_system;
    let tags = tags::list(tx, Tagged::node(&ctx.account, &ctx.region, &node.id)).await?;
    let group = patch_group_of(&tags).map(|(_, group)| group);
    let registered = match &group {
        Some(group) => patch_groups::find(tx, &ctx.account, &ctx.region, group, os).await?,
        None => None,
    };
    let registered = match registered {
        Some(id) => Some(in_use(tx, ctx, &id).await?),
        None => None,
    };
    let default = match registered {
        // Not asked for when the group decides.
        Some(_) => predefined::default_for(os, &ctx.region),
        None => {
            let id = super::default_id(tx, ctx, os).await?;
            in_use(tx, ctx, &id).await?
        }
    };
    Ok(ResolvedBaseline { choice: BaselineChoice::of(group, registered, default), system })
}

/// A baseline that is registered cannot be deleted.
async fn in_use(tx: &mut Tx, ctx: &Ctx, id: &BaselineId) -> Result<Baseline, ApiError> {
    let lost = || StoreError::Corrupt(format!("baseline {id} is registered and not there"));
    Ok(super::find(tx, ctx, id).await?.ok_or_else(lost)?)
}

/// Whether a baseline that the caller brought is for this node. One for another system is
/// passed over, as an override file's entries for other systems are.
pub fn is_for(given: &BaselineRules, system: &DetectedSystem) -> bool {
    given.operating_system == system.operating_system
}

/// What a node runs, by what it reported of its platform.
pub fn system_of(node: &Node) -> Result<DetectedSystem, ApiError> {
    let about = &node.information;
    let text = |member: &Option<String>| member.clone().unwrap_or_default();
    let (kind, name, version) =
        (text(&about.platform_type), text(&about.platform_name), text(&about.platform_version));
    OperatingSystem::detect_platform(&kind, &name, &version).ok_or_else(|| {
        let platform = format!("{name} {version}");
        let platform = if name.is_empty() { "a system it has not reported yet" } else { platform.trim() };
        error::unsupported_operating_system(node.id.as_str(), platform)
    })
}
