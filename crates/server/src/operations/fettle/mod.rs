//! Our own service: what the AWS API has no place for.
//! Source: `api/model/fettle.json`; patch-manager.md 8.

pub mod advisories;
mod explain_node_compliance;
mod export_patch_report;
mod get_agent_build;
mod get_agent_build_key;
mod get_fleet_summary;
mod get_node_report;
mod list_node_reports;
mod list_node_summaries;
mod list_nodes_on_day;
mod passkeys;
pub mod patch_now;
pub mod patch_runs;
mod preview_patch_baseline;
mod put_node_facts;
mod refresh_associations;
mod resolve_patch_snapshot;
pub mod rollouts;
mod sign_in;
pub mod situation;
#[cfg(test)]
pub(crate) mod tests;
mod users;

pub use advisories::{delete_advisory_feed, describe_advisories, import_advisories, list_advisory_feeds};
pub use explain_node_compliance::explain_node_compliance;
pub use export_patch_report::export_patch_report;
pub use get_agent_build::get_agent_build;
pub use get_agent_build_key::get_agent_build_key;
pub use get_fleet_summary::get_fleet_summary;
pub use get_node_report::get_node_report;
pub use list_node_reports::list_node_reports;
pub use list_node_summaries::list_node_summaries;
pub use list_nodes_on_day::list_nodes_on_day;
pub use passkeys::{
    delete_passkey, list_passkeys, register_passkey, start_passkey_registration, start_passkey_sign_in,
    update_passkey,
};
pub use patch_now::{cancel_patch_now, get_patch_now, list_patch_now, list_patch_now_nodes, start_patch_now};
pub use patch_runs::{
    get_patch_execution, get_patch_plan, list_patch_executions, put_patch_execution, put_patch_plan,
    start_patch_plan, start_patch_undo,
};
pub use preview_patch_baseline::preview_patch_baseline;
pub use put_node_facts::put_node_facts;
pub use refresh_associations::refresh_associations;
pub use resolve_patch_snapshot::resolve_patch_snapshot;
pub use rollouts::{
    delete_patch_policy_rollout, get_patch_policy_rollout, get_rollout, list_rollouts,
    put_patch_policy_rollout, signal_rollout,
};
pub use sign_in::{create_session, create_sign_in_code, end_session, refresh_session};
pub use users::{change_password, create_user, delete_user, list_users, update_user};

use std::collections::BTreeMap;

use api::fettle::ErrorCode;
use domain::ids::NodeId;
use domain::patch::{PatchCounts, PatchState};
use store::Tx;
use store::nodes::{self, Node};

use crate::ctx::Ctx;
use crate::error::ApiError;

async fn managed_node(ctx: &Ctx, tx: &mut Tx, instance_id: &str) -> Result<Node, ApiError> {
    let refusal = || not_found(format!("`{instance_id}` is not a managed node"));
    let id: NodeId = instance_id.parse().map_err(|_| refusal())?;
    nodes::find(tx, &ctx.account, &ctx.region, &id).await?.ok_or_else(refusal)
}

fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::ResourceNotFoundException, message)
}

/// Patches by state; states that no patch has are left out, but never what is installed or missing.
fn counts_by_state(counts: &PatchCounts) -> BTreeMap<String, i32> {
    let of = |state| match state {
        PatchState::Installed => counts.installed,
        PatchState::InstalledOther => counts.installed_other,
        PatchState::InstalledPendingReboot => counts.installed_pending_reboot,
        PatchState::InstalledRejected => counts.installed_rejected,
        PatchState::Missing => counts.missing,
        PatchState::NotApplicable => counts.not_applicable,
        PatchState::Failed => counts.failed,
        PatchState::AvailableSecurityUpdate => counts.available_security_update,
    };
    let is_told =
        |state: &PatchState| matches!(state, PatchState::Installed | PatchState::Missing) || of(*state) != 0;
    let row =
        |state: PatchState| (state.as_model_str().to_owned(), i32::try_from(of(state)).unwrap_or(i32::MAX));
    PatchState::ALL.into_iter().filter(is_told).map(row).collect()
}
