//! The newest patch report of nodes: numbers per node and per group, and the patches behind them.
//! Source: patch-manager.md 3.3, 5.1, 6.3.

mod describe_available_patches;
mod describe_effective_patches_for_patch_baseline;
mod describe_instance_patch_states;
mod describe_instance_patch_states_for_patch_group;
mod describe_instance_patches;
mod describe_patch_group_state;
#[cfg(test)]
mod tests;

pub use describe_available_patches::describe_available_patches;
pub use describe_effective_patches_for_patch_baseline::describe_effective_patches_for_patch_baseline;
pub use describe_instance_patch_states::describe_instance_patch_states;
pub use describe_instance_patch_states_for_patch_group::describe_instance_patch_states_for_patch_group;
pub use describe_instance_patches::{about, describe_instance_patches};
pub use describe_patch_group_state::describe_patch_group_state;

use api::ssm::{InstancePatchState, PatchOperationType, RebootOption};
use store::reports::Report;

const DEFAULT_PAGE: i32 = 50;

fn count(number: i64) -> Option<i32> {
    Some(i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX }))
}

fn to_state(report: Report) -> InstancePatchState {
    let frame = report.summary.frame;
    let counts = report.summary.counts;
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    InstancePatchState {
        instance_id: report.node.into(),
        patch_group: frame.patch_group,
        baseline_id: frame.baseline_id,
        snapshot_id: given(frame.snapshot_id),
        install_override_list: given(frame.install_override_list),
        owner_information: Some(String::new()),
        installed_count: count(counts.installed),
        installed_other_count: count(counts.installed_other),
        installed_pending_reboot_count: count(counts.installed_pending_reboot),
        installed_rejected_count: count(counts.installed_rejected),
        missing_count: count(counts.missing),
        failed_count: count(counts.failed),
        unreported_not_applicable_count: count(counts.unreported_not_applicable),
        not_applicable_count: count(counts.not_applicable),
        available_security_update_count: count(counts.available_security_update),
        operation_start_time: frame.started_at,
        operation_end_time: frame.ended_at,
        operation: PatchOperationType::from(frame.operation.as_str()),
        last_no_reboot_install_operation_time: frame.last_no_reboot_install_at,
        reboot_option: given(frame.reboot_option).map(RebootOption::from),
        critical_non_compliant_count: count(counts.critical_non_compliant),
        security_non_compliant_count: count(counts.security_non_compliant),
        other_non_compliant_count: count(counts.other_non_compliant),
    }
}
