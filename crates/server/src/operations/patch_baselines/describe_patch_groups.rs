//! DescribePatchGroups: the registered groups, each with its baseline, by name and system.
//! Source: API reference, DescribePatchGroups; spec patch-manager 5.1.

use std::collections::BTreeMap;

use api::ssm::{DescribePatchGroupsRequest, DescribePatchGroupsResult, PatchGroupPatchBaselineMapping};
use domain::baseline::{Baseline, predefined};
use domain::ids::BaselineId;
use store::patch_groups::{self, After, Registration, RegistrationFilter};
use store::{StoreError, Tx, baselines};

use super::DEFAULT_PAGE;
use super::filters::{Filters, NAME_PREFIX, OPERATING_SYSTEM};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const OPERATION: &str = "DescribePatchGroups";

pub async fn describe_patch_groups(
    ctx: &Ctx,
    request: DescribePatchGroupsRequest,
) -> Result<DescribePatchGroupsResult, ApiError> {
    let filters = Filters::read(request.filters.as_deref(), &[NAME_PREFIX, OPERATING_SYSTEM])?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, OPERATION, &request.filters, request.next_token.as_deref(), size)?;

    let mut tx = ctx.store.read().await?;
    let filter = RegistrationFilter {
        name_prefixes: &filters.name_prefixes,
        operating_systems: &filters.operating_systems,
    };
    let after = page.after.as_deref().and_then(after);
    let found = patch_groups::list(&mut tx, &ctx.account, &ctx.region, filter, after, page.fetch()).await?;
    let cut = page.cut(ctx, found, key);
    let baselines = baselines_of(&mut tx, ctx, &cut.rows).await?;
    let defaults = super::Defaults::load(&mut tx, ctx).await?;
    let mapping = |row: &Registration| {
        let lost = || StoreError::Corrupt(format!("no baseline {} of {}", row.baseline_id, row.patch_group));
        let baseline = baselines.get(&row.baseline_id).ok_or_else(lost)?;
        Ok(PatchGroupPatchBaselineMapping {
            patch_group: Some(row.patch_group.to_string()),
            baseline_identity: Some(defaults.identity(baseline)),
        })
    };
    let mappings = cut.rows.iter().map(mapping).collect::<Result<_, StoreError>>()?;
    Ok(DescribePatchGroupsResult { mappings: Some(mappings), next_token: cut.next_token })
}

/// System first: it cannot hold the colon.
fn key(row: &Registration) -> String {
    format!("{}:{}", row.operating_system, row.patch_group)
}

fn after(key: &str) -> Option<After<'_>> {
    let (operating_system, patch_group) = key.split_once(':')?;
    Some(After { patch_group, operating_system })
}

async fn baselines_of(
    tx: &mut Tx,
    ctx: &Ctx,
    rows: &[Registration],
) -> Result<BTreeMap<BaselineId, Baseline>, ApiError> {
    let ids = rows.iter().map(|row| row.baseline_id.clone());
    let (provided, own): (Vec<_>, Vec<_>) = ids.partition(BaselineId::is_provided);
    let mut found = baselines::find_many(tx, &ctx.account, &ctx.region, &own).await?;
    found.extend(provided.iter().filter_map(|id| predefined::find(id, &ctx.region)));
    Ok(found.into_iter().map(|baseline| (baseline.id.clone(), baseline)).collect())
}
