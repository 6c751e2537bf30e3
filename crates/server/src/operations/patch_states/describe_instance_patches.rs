//! DescribeInstancePatches: the patches of a node's newest report.
//! Source: API reference, DescribeInstancePatches; patch-manager.md 6.3.

use std::collections::BTreeMap;

use api::Timestamp;
use api::ssm::{
    DescribeInstancePatchesRequest, DescribeInstancePatchesResult, ErrorCode, PatchComplianceData,
    PatchComplianceDataState, PatchOrchestratorFilter,
};
use domain::compliance::PatchItem;
use domain::facts::FactSet;
use domain::patch::PatchState;
use store::reports::Report;
use store::{Tx, patch_states, report_items};

use super::DEFAULT_PAGE;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::fettle::advisories::{self, Known};
use crate::operations::fettle::situation;
use crate::operations::nodes::managed_node;
use crate::operations::page::{Page, page_size};

pub async fn describe_instance_patches(
    ctx: &Ctx,
    request: DescribeInstancePatchesRequest,
) -> Result<DescribeInstancePatchesResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let binding = (&request.instance_id, &request.filters);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "DescribeInstancePatches", &binding, token, size)?;
    let filters = request.filters.as_deref().unwrap_or_default();
    let filters = filters.iter().map(Filter::parse).collect::<Result<Vec<_>, _>>()?;

    let mut tx = ctx.store.read().await?;
    let scope = (&ctx.account, &ctx.region);
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?.id;
    let report = patch_states::find(&mut tx, scope, &node).await?;
    let items = match &report {
        Some(report) => report_items::load(&mut tx, scope, &report.items_hash).await?,
        None => Vec::new(),
    };
    // Facts and feeds are only asked when something on the page is missing.

    let after = page.after.as_deref().and_then(Key::from_text);
    let rows = keyed(items).into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let rows =
        rows.filter(|(_, item)| filters.iter().all(|filter| filter.holds(item))).take(size + 1).collect();
    let cut = page.cut(ctx, rows, |(key, _)| key.to_text());
    let shown: Vec<PatchItem> = cut.rows.into_iter().map(|(_, item)| item).collect();
    let (facts, known) = match &report {
        Some(report) if shown.iter().any(|item| item.state.is_non_compliant()) => {
            about(ctx, &mut tx, report, &shown).await?
        }
        _ => (None, None),
    };
    drop(tx);
    let to_wire = |item| to_wire(item, facts.as_ref(), known.as_ref());
    Ok(DescribeInstancePatchesResult {
        patches: Some(shown.into_iter().map(to_wire).collect()),
        next_token: cut.next_token,
    })
}

/// By id; an id that is listed twice is told apart by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(String, usize);

impl Key {
    fn to_text(&self) -> String {
        format!("{}\n{}", self.1, self.0)
    }

    fn from_text(text: &str) -> Option<Self> {
        let (number, id) = text.split_once('\n')?;
        Some(Self(id.to_owned(), number.parse().ok()?))
    }
}

fn keyed(items: Vec<PatchItem>) -> Vec<(Key, PatchItem)> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut rows: Vec<_> = items
        .into_iter()
        .map(|item| {
            let number = seen.entry(item.id.clone()).and_modify(|number| *number += 1).or_default();
            (Key(item.id.clone(), *number), item)
        })
        .collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows
}

enum Filter {
    State(Vec<PatchState>),
    Text(fn(&PatchItem) -> &str, Vec<String>),
}

impl Filter {
    /// Either spelling of a state is taken.
    fn parse(filter: &PatchOrchestratorFilter) -> Result<Self, ApiError> {
        let invalid = |message: String| ApiError::new(ErrorCode::InvalidFilter, message);
        let values = filter.values.clone().unwrap_or_default();
        Ok(match filter.key.as_deref().unwrap_or_default() {
            "State" => {
                let states = values.iter().map(|text| text.parse());
                Self::State(states.collect::<Result<_, _>>().map_err(|error| invalid(format!("{error}")))?)
            }
            "Classification" => Self::Text(|item| &item.classification, values),
            "Severity" => Self::Text(|item| &item.severity, values),
            "KBId" => Self::Text(|item| &item.id, values),
            key => return Err(invalid(format!("`{key}` is not a key to filter by"))),
        })
    }

    fn holds(&self, item: &PatchItem) -> bool {
        match self {
            Self::State(states) => states.contains(&item.state),
            Self::Text(text, values) => values.iter().any(|value| value == text(item)),
        }
    }
}

/// What the run saw, and what feeds know of it.
pub async fn about(
    ctx: &Ctx,
    tx: &mut Tx,
    report: &Report,
    items: &[PatchItem],
) -> Result<(Option<FactSet>, Option<Known>), ApiError> {
    let Some(scan) = situation::scan(ctx, tx, report).await? else { return Ok((None, None)) };
    let known = advisories::about_missing(ctx, tx, &scan.facts, items).await?;
    Ok((Some(scan.facts), known))
}

fn to_wire(item: PatchItem, facts: Option<&FactSet>, known: Option<&Known>) -> PatchComplianceData {
    let cve_ids = advisories::cves(&item, facts, known).unwrap_or_default();
    PatchComplianceData {
        cve_ids: Some(cve_ids.join(",")).filter(|ids| !ids.is_empty()),
        title: item.title,
        kb_id: item.id,
        classification: item.classification,
        severity: item.severity,
        state: PatchComplianceDataState::from(item.state.as_str()),
        installed_time: item.installed_at.unwrap_or(Timestamp::EPOCH),
    }
}
