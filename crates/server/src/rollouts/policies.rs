//! The rings of patch policies: found by the association that installs for them, when it runs.

use domain::quick_setup::{self, Kind};
use store::Tx;
use store::associations::Association;
use store::quick_setup::{self as rows, ManagerKey};
use store::rollouts;

use super::begin::{Staged, check};
use crate::ctx::Ctx;
use crate::error::ApiError;

/// How an association's runs go by rings; `None`: they do not. Only installations of patch policies may.
pub async fn plan_of(ctx: &Ctx, association: &Association) -> Result<Option<Staged>, ApiError> {
    let name = association.settings.association_name.as_deref().unwrap_or_default();
    // The names of others cost no look.
    if !name.starts_with(quick_setup::INSTALL_NAMES) {
        return Ok(None);
    }
    let mut tx = ctx.store.read().await?;
    let deployed = rows::list_deployed_in(&mut tx, (&ctx.account, &ctx.region)).await?;
    let ours = deployed.into_iter().find(|configuration| {
        configuration.associations.get(quick_setup::INSTALL) == Some(&association.key.id)
    });
    let Some(ours) = ours else { return Ok(None) };
    let found = rollouts::find_of_policy(&mut tx, (&ours.manager, &ours.definition_id)).await?;
    drop(tx);
    match found {
        Some((plan, _)) => check(ctx, &plan).await.map(Some).map_err(|mut error| {
            error.message = format!(
                "the rings of the patch policy cannot be used any more, so that nothing is installed: {}: give it others \
                 with PutPatchPolicyRollout, or none with DeletePatchPolicyRollout",
                error.message
            );
            error
        }),
        None => Ok(None),
    }
}

/// The definition of a patch policy, if there is one.
pub async fn definition_key(
    tx: &mut Tx,
    manager: &ManagerKey,
    definition: &str,
) -> Result<Option<rows::Definition>, ApiError> {
    let all = rows::definitions_of(tx, manager).await?;
    Ok(all.into_iter().find(|found| {
        found.id == definition && Kind::parse(&found.definition_type) == Some(Kind::PatchPolicy)
    }))
}
