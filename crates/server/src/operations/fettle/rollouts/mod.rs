//! Staged rollouts as they are asked about and told what to do, and the rings of patch policies. Bringing them on is
//! `crate::rollouts`'.
//! Decision: docs/decisions/0033-staged-rollouts.md.

mod delete_patch_policy_rollout;
mod get_patch_policy_rollout;
mod get_rollout;
#[cfg(test)]
mod killed;
mod list_rollouts;
#[cfg(test)]
mod policies;
mod put_patch_policy_rollout;
mod signal_rollout;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod units;

pub use delete_patch_policy_rollout::delete_patch_policy_rollout;
pub use get_patch_policy_rollout::get_patch_policy_rollout;
pub use get_rollout::get_rollout;
pub use list_rollouts::list_rollouts;
pub use put_patch_policy_rollout::put_patch_policy_rollout;
pub use signal_rollout::signal_rollout;

use domain::ids::Arn;
use store::Tx;
use store::commands::CommandKey;
use store::quick_setup::ManagerKey;

use super::not_found;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::rollouts::definition_key;

const MANAGER: &str = "configuration-manager/";

fn unknown(id: &str) -> ApiError {
    not_found(format!("`{id}` is no staged rollout, or is not kept any more"))
}

fn key(ctx: &Ctx, id: &str) -> Result<CommandKey, ApiError> {
    let id = id.to_ascii_lowercase().parse().map_err(|_| unknown(id))?;
    Ok(CommandKey { account: ctx.account.clone(), region: ctx.region.clone(), id })
}

/// The manager of a patch policy that is there.
async fn policy(ctx: &Ctx, tx: &mut Tx, arn: &str, definition: &str) -> Result<ManagerKey, ApiError> {
    let refusal = || not_found(format!("`{definition}` of `{arn}` is no patch policy"));
    let parsed = Arn::parse(arn).ok_or_else(refusal)?;
    let is_ours = parsed.account == ctx.account.as_str() && parsed.region == ctx.region.as_str();
    let id = parsed.resource.strip_prefix(MANAGER).filter(|_| is_ours).ok_or_else(refusal)?;
    let manager = ManagerKey { account: ctx.account.clone(), region: ctx.region.clone(), id: id.to_owned() };
    match definition_key(tx, &manager, definition).await? {
        Some(_) => Ok(manager),
        None => Err(refusal()),
    }
}
