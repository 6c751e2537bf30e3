//! DescribeEffectivePatchesForPatchBaseline: what a Windows baseline says of each update that nodes were seen to be
//! offered: approved, approved later, or named by a list.
//! Source: API reference, DescribeEffectivePatchesForPatchBaseline; patch-manager.md 6.3.

use std::collections::BTreeSet;

use api::ssm::{
    DescribeEffectivePatchesForPatchBaselineRequest, DescribeEffectivePatchesForPatchBaselineResult,
    EffectivePatch, PatchComplianceLevel, PatchDeploymentStatus, PatchStatus,
};
use domain::os::OperatingSystem;
use domain::patch::effective::effect;
use store::Tx;
use store::available_patches::{self, AvailableCondition, AvailableField, AvailableKind, AvailablePatch};

use super::{DEFAULT_PAGE, describe_available_patches::to_wire};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::page::{Page, page_size};
use crate::operations::patch_baselines::{load, resource_id};

const OPERATION: &str = "DescribeEffectivePatchesForPatchBaseline";
/// Rows per read. All are read for each page: whether an update is superseded, any other row may say.
const BATCH: i64 = 1000;
/// More updates than these are not looked at.
const MAX_BATCHES: usize = 100;

pub async fn describe_effective_patches_for_patch_baseline(
    ctx: &Ctx,
    request: DescribeEffectivePatchesForPatchBaselineRequest,
) -> Result<DescribeEffectivePatchesForPatchBaselineResult, ApiError> {
    let id = resource_id(&request.baseline_id)?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, OPERATION, &id.as_str(), request.next_token.as_deref(), size)?;

    let mut tx = ctx.store.read().await?;
    let baseline = load(&mut tx, ctx, &id).await?;
    if baseline.rules.operating_system != OperatingSystem::Windows {
        let os = baseline.rules.operating_system;
        return Err(error::effective_patches_of_windows_only(&baseline.id, os));
    }
    let updates = newest_updates(&mut tx, ctx).await?;

    let effective = |row: AvailablePatch| {
        let effect = effect(&baseline.rules, row.offered.detail.update.as_ref()?, ctx.now)?;
        let status = PatchStatus {
            deployment_status: Some(PatchDeploymentStatus::from(effect.status.as_str())),
            compliance_level: Some(PatchComplianceLevel::from(effect.compliance_level.as_str())),
            approval_date: effect.approved_at,
        };
        Some((key(&row), EffectivePatch { patch: Some(to_wire(row)), patch_status: Some(status) }))
    };
    let after = page.after.as_deref();
    let rows = updates.into_iter().filter(|row| after.is_none_or(|after| key(row).as_str() > after));
    let cut = page.cut(ctx, rows.filter_map(effective).collect(), |(key, _)| key.clone());
    Ok(DescribeEffectivePatchesForPatchBaselineResult {
        effective_patches: Some(cut.rows.into_iter().map(|(_, patch)| patch).collect()),
        next_token: cut.next_token,
    })
}

fn key(row: &AvailablePatch) -> String {
    let offered = &row.offered;
    format!("{}\n{}\n{}", offered.name, offered.version, offered.product)
}

/// Each update once, by KB number; those that another one replaces have left the catalogue.
async fn newest_updates(tx: &mut Tx, ctx: &Ctx) -> Result<Vec<AvailablePatch>, ApiError> {
    let kind = AvailableKind::Windows.as_str().to_owned();
    let conditions = [AvailableCondition { field: AvailableField::Kind, values: vec![kind] }];
    let mut rows: Vec<AvailablePatch> = Vec::new();
    for _ in 0..MAX_BATCHES {
        let after = rows.last().map(|row| {
            let offered = &row.offered;
            [&offered.product, &offered.name, &offered.arch, &offered.version, &offered.repository]
                .map(Clone::clone)
        });
        let scope = (&ctx.account, &ctx.region);
        let batch = available_patches::list(tx, scope, &conditions, after.as_ref(), BATCH).await?;
        let is_last = batch.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        rows.extend(batch);
        if is_last {
            break;
        }
    }
    let updates = rows.iter().filter_map(|row| row.offered.detail.update.as_ref());
    let replaced: BTreeSet<String> = updates.flat_map(|update| update.supersedes.iter().cloned()).collect();
    rows.retain(|row| !replaced.contains(&row.offered.version));
    rows.sort_by_key(key);
    rows.dedup_by(|a, b| a.offered.version == b.offered.version);
    Ok(rows)
}
