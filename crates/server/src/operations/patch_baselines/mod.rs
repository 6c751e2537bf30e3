//! Patch baselines, the groups registered to them, and frozen copies of them.
//! What a baseline means is `domain::baseline`'s; here it is looked up, kept and answered.
//! Source: spec patch-manager 1, 4.4, 5.1.

mod create_patch_baseline;
mod delete_patch_baseline;
mod deregister_patch_baseline_for_patch_group;
mod describe_patch_baselines;
mod describe_patch_groups;
mod describe_patch_properties;
mod filters;
mod get_default_patch_baseline;
mod get_deployable_patch_snapshot_for_instance;
mod get_patch_baseline;
mod get_patch_baseline_for_patch_group;
mod register_default_patch_baseline;
mod register_patch_baseline_for_patch_group;
pub mod resolve;
pub mod snapshot;
#[cfg(test)]
mod tests;
mod update_patch_baseline;

pub use create_patch_baseline::create_patch_baseline;
pub use delete_patch_baseline::delete_patch_baseline;
pub use deregister_patch_baseline_for_patch_group::deregister_patch_baseline_for_patch_group;
pub use describe_patch_baselines::describe_patch_baselines;
pub use describe_patch_groups::describe_patch_groups;
pub use describe_patch_properties::describe_patch_properties;
pub use get_default_patch_baseline::get_default_patch_baseline;
pub use get_deployable_patch_snapshot_for_instance::get_deployable_patch_snapshot_for_instance;
pub use get_patch_baseline::get_patch_baseline;
pub use get_patch_baseline_for_patch_group::get_patch_baseline_for_patch_group;
pub use register_default_patch_baseline::register_default_patch_baseline;
pub use register_patch_baseline_for_patch_group::register_patch_baseline_for_patch_group;
pub use update_patch_baseline::update_patch_baseline;

use std::collections::BTreeMap;

use api::ssm;
use domain::baseline::{Baseline, predefined};
use domain::ids::{BaselineId, PatchGroup, Region};
use domain::os::OperatingSystem;
use store::{Tx, baselines};

use crate::ctx::Ctx;
use crate::error::{self, ApiError};

/// Baselines that one account may make in one region.
const MAX_BASELINES: i64 = 50;
/// Patch groups that one baseline may serve.
const MAX_GROUPS_PER_BASELINE: usize = 25;
/// Of the lists here, where a request names no other.
const DEFAULT_PAGE: i32 = 50;

/// An own baseline or a provided one; `None` when there is none of that id here.
pub async fn find(tx: &mut Tx, ctx: &Ctx, id: &BaselineId) -> Result<Option<Baseline>, ApiError> {
    let Some(id) = id.local(&ctx.account, &ctx.region) else { return Ok(None) };
    if id.is_provided() {
        return Ok(predefined::find(&id, &ctx.region));
    }
    Ok(baselines::find(tx, &ctx.account, &ctx.region, &id).await?)
}

/// As `find`, for operations that declare DoesNotExistException.
pub async fn load(tx: &mut Tx, ctx: &Ctx, id: &BaselineId) -> Result<Baseline, ApiError> {
    find(tx, ctx, id).await?.ok_or_else(|| error::baseline_not_found(id, &ctx.region))
}

/// An own baseline's id as it is stored. Provided ones cannot be changed or deleted.
fn own_id(ctx: &Ctx, id: &BaselineId) -> Result<BaselineId, ApiError> {
    match id.local(&ctx.account, &ctx.region) {
        Some(id) if id.is_provided() => Err(error::baseline_is_provided(&id)),
        Some(id) => Ok(id),
        None => Err(error::baseline_not_found(id, &ctx.region)),
    }
}

/// The registered default of a system, else the provided one.
pub async fn default_id(tx: &mut Tx, ctx: &Ctx, os: OperatingSystem) -> Result<BaselineId, ApiError> {
    let registered = baselines::find_registered_default(tx, &ctx.account, &ctx.region, os).await?;
    Ok(registered.unwrap_or_else(|| predefined::default_id_for(os, &ctx.region)))
}

/// The default of every system: the registered one, else the provided one.
struct Defaults {
    registered: BTreeMap<OperatingSystem, BaselineId>,
    region: Region,
}

impl Defaults {
    async fn load(tx: &mut Tx, ctx: &Ctx) -> Result<Self, ApiError> {
        let registered = baselines::registered_defaults(tx, &ctx.account, &ctx.region).await?;
        Ok(Self { registered: registered.into_iter().collect(), region: ctx.region.clone() })
    }

    fn identity(&self, baseline: &Baseline) -> ssm::PatchBaselineIdentity {
        let os = baseline.rules.operating_system;
        match self.registered.get(&os) {
            Some(registered) => baseline.to_identity(registered),
            None => baseline.to_identity(&predefined::default_id_for(os, &self.region)),
        }
    }
}

/// For operations that declare InvalidResourceId.
pub(super) fn resource_id(text: &str) -> Result<BaselineId, ApiError> {
    text.parse().map_err(error::invalid_resource_id)
}

fn patch_group(text: &str) -> Result<PatchGroup, ApiError> {
    Ok(text.parse::<PatchGroup>()?)
}

/// Absent means Windows, as everywhere in this API.
fn operating_system(os: Option<&ssm::OperatingSystem>) -> Result<OperatingSystem, ApiError> {
    let Some(os) = os else { return Ok(OperatingSystem::Windows) };
    os.as_str()
        .parse()
        .map_err(|error: domain::os::UnknownOperatingSystem| error::validation(error.to_string()))
}
