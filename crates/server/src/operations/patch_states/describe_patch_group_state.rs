//! DescribePatchGroupState: how many nodes of a group have patches in each state.
//! Source: API reference, DescribePatchGroupState; patch-manager.md 5.1.

use api::ssm::{DescribePatchGroupStateRequest, DescribePatchGroupStateResult};
use store::patch_states::{self, INSTANCES};

use super::count;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn describe_patch_group_state(
    ctx: &Ctx,
    request: DescribePatchGroupStateRequest,
) -> Result<DescribePatchGroupStateResult, ApiError> {
    let mut tx = ctx.store.read_each().await?;
    let scope = (&ctx.account, &ctx.region);
    let counts = patch_states::count_group(&mut tx, scope, &request.patch_group).await?;
    let of =
        |name: &str| count(counts.iter().find(|(bucket, _)| bucket == name).map_or(0, |(_, nodes)| *nodes));
    Ok(DescribePatchGroupStateResult {
        instances: of(INSTANCES),
        instances_with_installed_patches: of("installed"),
        instances_with_installed_other_patches: of("installed_other"),
        instances_with_installed_pending_reboot_patches: of("installed_pending_reboot"),
        instances_with_installed_rejected_patches: of("installed_rejected"),
        instances_with_missing_patches: of("missing"),
        instances_with_failed_patches: of("failed"),
        instances_with_not_applicable_patches: of("not_applicable"),
        instances_with_unreported_not_applicable_patches: of("unreported_not_applicable"),
        instances_with_critical_non_compliant_patches: of("critical_non_compliant"),
        instances_with_security_non_compliant_patches: of("security_non_compliant"),
        instances_with_other_non_compliant_patches: of("other_non_compliant"),
        instances_with_available_security_updates: of("available_security_update"),
    })
}
