//! Patch now: nodes are scanned or patched at once. Each is an association that runs this one time, so that State Manager
//! and Run Command show it as what it is; nothing is kept beside their rows.
//! Source: patch-manager.md 5.4. Decision: docs/decisions/0026-patch-now-and-policies.md.

mod cancel_patch_now;
mod get_patch_now;
mod list_patch_now;
mod list_patch_now_nodes;
mod start_patch_now;
mod targets;
#[cfg(test)]
mod tests;

pub use cancel_patch_now::cancel_patch_now;
pub use get_patch_now::get_patch_now;
pub use list_patch_now::list_patch_now;
pub use list_patch_now_nodes::list_patch_now_nodes;
pub use start_patch_now::start_patch_now;

use std::collections::BTreeMap;

use api::fettle::{PatchNow, PatchNowOrder, PatchNowTarget};
use api::{Timestamp, ssm};
use domain::association::{Counts, Overview};
use domain::command::InvocationStatus;
use domain::patch_now;
use store::Tx;
use store::associations::executions::{self, Execution};
use store::associations::{self, Association, AssociationKey, Settings};
use store::commands::{self, Command, CommandKey};
use store::rollouts;

use super::not_found;
use crate::ctx::Ctx;
use crate::error::ApiError;

/// One Patch now, and the command of its run.
struct Found {
    association: Association,
    run: Execution,
    command: Command,
}

async fn find(ctx: &Ctx, tx: &mut Tx, id: &str) -> Result<Found, ApiError> {
    let refusal = || not_found(format!("`{id}` is no Patch now, or is not kept any more"));
    let id = id.to_ascii_lowercase().parse().map_err(|_| refusal())?;
    let key = CommandKey { account: ctx.account.clone(), region: ctx.region.clone(), id };
    let command = commands::find(tx, &key).await?.ok_or_else(refusal)?;
    let of = command.association.clone().ok_or_else(refusal)?;
    let of = AssociationKey { account: key.account.clone(), region: key.region.clone(), id: of };
    let association = associations::find(tx, &of).await?;
    let association = association.filter(|found| is_patch_now(&found.settings)).ok_or_else(refusal)?;
    let run = executions::find(tx, &of, key.id.as_str()).await?.ok_or_else(refusal)?;
    Ok(Found { association, run, command })
}

/// No client can make one like it: ApplyOnlyAtCronInterval without a schedule is refused.
pub fn is_patch_now(settings: &Settings) -> bool {
    settings.association_name.as_deref() == Some(patch_now::ASSOCIATION_NAME)
        && settings.schedule_expression.is_none()
        && settings.apply_only_at_cron_interval == Some(true)
}

fn to_wire(association: &Association, run: &Execution) -> PatchNow {
    let counts = shown(&run.counts);
    PatchNow {
        patch_now_id: run.id.to_string(),
        association_id: association.key.id.to_string(),
        order: order(&association.settings),
        document_name: association.settings.name.clone(),
        started_at: run.created_at,
        ends_at: run.cancel_at,
        ended_at: run.finished_at,
        status: run.status.as_str().to_owned(),
        status_details: run.status.detail(&run.counts).to_owned(),
        target_count: counts.values().sum(),
        counts,
        rollout: None,
    }
}

/// Where it goes by rings, with how far these are.
async fn add_rollout(
    tx: &mut Tx,
    shown: &mut PatchNow,
    key: &CommandKey,
    now: Timestamp,
) -> Result<(), ApiError> {
    if let Some(rollout) = rollouts::find(tx, key).await? {
        let rollout = crate::rollouts::to_wire(tx, rollout, now).await?;
        shown.order.rollout = Some(rollout.plan.clone());
        shown.ends_at = Some(rollout.ends_at);
        shown.rollout = Some(rollout);
    }
    Ok(())
}

/// Nodes by the word for their state, with zeros for what everybody asks about.
fn shown(counts: &Counts) -> BTreeMap<String, i32> {
    let mut shown: BTreeMap<String, i32> =
        ["Pending", "InProgress", "Success", "Failed"].map(|name| (name.to_owned(), 0)).into();
    let found = Overview::of(counts).aggregated.into_iter();
    shown.extend(found.map(|(name, count)| (name.to_owned(), i32::try_from(count).unwrap_or(i32::MAX))));
    shown
}

/// What the association says is what is carried out.
fn order(settings: &Settings) -> PatchNowOrder {
    let output = settings.output_location.as_ref().and_then(|output| output.s3_location.clone());
    let output = output.unwrap_or_default();
    let targets = settings.targets.iter().flatten();
    PatchNowOrder {
        targets: targets.map(from_wire).collect(),
        max_concurrency: settings.max_concurrency.clone(),
        max_errors: settings.max_errors.clone(),
        for_hours: settings.duration,
        output_s3_bucket_name: output.output_s3_bucket_name,
        output_s3_key_prefix: output.output_s3_key_prefix,
        ..patch_now::order_of(settings.parameters.as_ref().unwrap_or(&BTreeMap::new()))
    }
}

fn from_wire(target: &ssm::Target) -> PatchNowTarget {
    let target = target.clone();
    PatchNowTarget { key: target.key.unwrap_or_default(), values: target.values.unwrap_or_default() }
}

/// As Run Command's and State Manager's lists have it.
fn words(status: InvocationStatus) -> (String, String) {
    (status.as_status_str().to_owned(), status.as_str().to_owned())
}
