//! DescribePatchBaselines: provided baselines first, then the account's own, each by id.
//! Source: API reference, DescribePatchBaselines; spec patch-manager 1.11.

use api::ssm::{DescribePatchBaselinesRequest, DescribePatchBaselinesResult};
use domain::baseline::{Baseline, predefined};
use store::Tx;
use store::baselines::{self, BaselineFilter};

use super::filters::{Filters, NAME_PREFIX, OPERATING_SYSTEM, OWNER, Owner};
use super::{DEFAULT_PAGE, Defaults};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const OPERATION: &str = "DescribePatchBaselines";

pub async fn describe_patch_baselines(
    ctx: &Ctx,
    request: DescribePatchBaselinesRequest,
) -> Result<DescribePatchBaselinesResult, ApiError> {
    let filters = Filters::read(request.filters.as_deref(), &[NAME_PREFIX, OWNER, OPERATING_SYSTEM])?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, OPERATION, &request.filters, request.next_token.as_deref(), size)?;

    let mut tx = ctx.store.read_remembered();
    let mut found = provided(ctx, &filters, page.after.as_deref());
    if found.len() <= page.limit && filters.wants_owner(Owner::Account) {
        found.extend(own(&mut tx, ctx, &filters, &page).await?);
    }
    let cut = page.cut(ctx, found, |baseline| baseline.id.to_string());
    let defaults = Defaults::load(&mut tx, ctx).await?;
    let identities = cut.rows.iter().map(|baseline| defaults.identity(baseline));
    Ok(DescribePatchBaselinesResult {
        baseline_identities: Some(identities.collect()),
        next_token: cut.next_token,
    })
}

/// ARNs sort before short ids: once the page before ended in an own baseline, none are left.
fn provided(ctx: &Ctx, filters: &Filters, after: Option<&str>) -> Vec<Baseline> {
    if !filters.wants_owner(Owner::Provider) {
        return Vec::new();
    }
    let mut baselines = predefined::all(&ctx.region);
    baselines.retain(|baseline| {
        filters.wants_name(&baseline.name)
            && filters.wants_system(baseline.rules.operating_system)
            && after.is_none_or(|after| baseline.id.as_str() > after)
    });
    baselines.sort_by(|a, b| a.id.cmp(&b.id));
    baselines
}

async fn own(tx: &mut Tx, ctx: &Ctx, filters: &Filters, page: &Page) -> Result<Vec<Baseline>, ApiError> {
    let filter = BaselineFilter {
        name_prefixes: &filters.name_prefixes,
        operating_systems: &filters.operating_systems,
    };
    let after = page.after.as_deref().filter(|after| after.starts_with("pb-"));
    Ok(baselines::list(tx, &ctx.account, &ctx.region, filter, after, page.fetch()).await?)
}
