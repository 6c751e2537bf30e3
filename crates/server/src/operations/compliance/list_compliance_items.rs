//! ListComplianceItems: single patches, associations and custom items with their status.
//! Source: API reference, ListComplianceItems; systems-manager.md 6, patch-manager.md 6.2.

use std::collections::BTreeMap;

use api::ssm::{
    ComplianceItem, ComplianceSeverity, ComplianceStatus, ListComplianceItemsRequest,
    ListComplianceItemsResult,
};
use domain::ids::NodeId;
use store::clause::Comparison;
use store::compliance::{self, After, Items, OwnItem, Summary, SummaryCondition, SummaryField};
use store::{Tx, nodes, patch_states, report_items};

use super::filters::{self, Filter, OnSummary, invalid_filter};
use super::{DEFAULT_PAGE, RESOURCE_TYPE, execution_summary, invalid_resource_id, invalid_resource_type};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

/// Summaries that one request opens; a page that finds fewer items than asked for goes on from there.
const OPENED_PER_PAGE: usize = 200;
/// Summaries per read.
const BATCH: i64 = 20;

pub async fn list_compliance_items(
    ctx: &Ctx,
    request: ListComplianceItemsRequest,
) -> Result<ListComplianceItemsResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let binding = (&request.filters, &request.resource_ids, &request.resource_types);
    let page = Page::open(ctx, "ListComplianceItems", &binding, request.next_token.as_deref(), size)?;
    if let Some(given) = request.resource_types.iter().flatten().find(|given| *given != RESOURCE_TYPE) {
        return Err(invalid_resource_type(given));
    }
    let Some(mut selection) = Selection::parse(&filters::parse(request.filters.as_deref())?)? else {
        return Ok(ListComplianceItemsResult { compliance_items: Some(Vec::new()), next_token: None });
    };
    let mut tx = ctx.store.read().await?;
    if let Some(ids) = request.resource_ids {
        check_resources(ctx, &mut tx, &ids).await?;
        let (field, comparison) = (SummaryField::ResourceId, Comparison::Equal);
        selection.conditions.push(SummaryCondition { field, comparison, values: ids });
    }

    let mut walk = Walk::from(page.after.as_deref());
    let mut found = Vec::new();
    let mut opened = 0;
    while found.len() <= size && opened < OPENED_PER_PAGE {
        let summaries = walk.next_summaries(ctx, &mut tx, &selection.conditions).await?;
        let is_last = summaries.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        for summary in summaries {
            let items = load(ctx, &mut tx, &summary).await?;
            walk.collect(&summary, items, &selection, &mut found);
            opened += 1;
            if found.len() > size {
                break;
            }
        }
        if is_last {
            let cut = page.cut(ctx, found, |(key, _)| key.to_text());
            return Ok(answer(cut.rows, cut.next_token));
        }
    }
    if found.len() > size {
        let cut = page.cut(ctx, found, |(key, _)| key.to_text());
        return Ok(answer(cut.rows, cut.next_token));
    }
    Ok(answer(found, Some(page.token(ctx, &walk.position.to_text()))))
}

fn answer(rows: Vec<(Key, ComplianceItem)>, next_token: Option<String>) -> ListComplianceItemsResult {
    ListComplianceItemsResult {
        compliance_items: Some(rows.into_iter().map(|(_, item)| item).collect()),
        next_token,
    }
}

async fn check_resources(ctx: &Ctx, tx: &mut Tx, ids: &[String]) -> Result<(), ApiError> {
    for id in ids {
        let node: NodeId = id.parse().map_err(|_| invalid_resource_id(id))?;
        if nodes::find(tx, &ctx.account, &ctx.region, &node).await?.is_none() {
            return Err(invalid_resource_id(id));
        }
    }
    Ok(())
}

/// Filters, apart: those that a whole summary passes and those that single items do.
struct Selection {
    conditions: Vec<SummaryCondition>,
    on_items: Vec<Filter>,
}

impl Selection {
    /// `None` when nothing can pass.
    fn parse(filters: &[Filter]) -> Result<Option<Self>, ApiError> {
        let (mut conditions, mut on_items) = (Vec::new(), Vec::new());
        for filter in filters {
            match filter.key.as_str() {
                "Status" | "Severity" | "Id" | "Title" | "PatchState" => on_items.push(filter.clone()),
                key => match filter.on_summary()? {
                    Some(OnSummary::Condition(condition)) => conditions.push(condition),
                    Some(OnSummary::Always(true)) => {}
                    Some(OnSummary::Always(false)) => return Ok(None),
                    None => return Err(invalid_filter(format!("`{key}` is not a key to filter by"))),
                },
            }
        }
        Ok(Some(Self { conditions, on_items }))
    }

    fn passes(&self, item: &ComplianceItem) -> bool {
        self.on_items.iter().all(|filter| {
            let state = || item.details.as_ref().and_then(|details| details.get("PatchState"));
            let text = match filter.key.as_str() {
                "Status" => item.status.as_ref().map(ComplianceStatus::as_str),
                "Severity" => item.severity.as_ref().map(ComplianceSeverity::as_str),
                "Id" => item.id.as_deref(),
                "Title" => item.title.as_deref(),
                _ => state().map(String::as_str),
            };
            filter.holds(text.unwrap_or_default())
        })
    }
}

/// The place of an item in the whole list.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    resource_id: String,
    compliance_type: String,
    /// `None`: after the last item of the summary.
    item: Option<(String, usize)>,
}

impl Key {
    fn to_text(&self) -> String {
        serde_json::to_string(&(&self.resource_id, &self.compliance_type, &self.item)).unwrap_or_default()
    }

    fn from_text(text: &str) -> Option<Self> {
        let (resource_id, compliance_type, item) = serde_json::from_str(text).ok()?;
        Some(Self { resource_id, compliance_type, item })
    }
}

/// Goes through summaries in order, starting inside the one where the page before ended.
struct Walk {
    started_at: Option<Key>,
    /// The last summary that was read to its end.
    position: Key,
}

impl Walk {
    fn from(after: Option<&str>) -> Self {
        let started_at = after.and_then(Key::from_text);
        Self { position: started_at.clone().unwrap_or_default(), started_at }
    }

    async fn next_summaries(
        &self,
        ctx: &Ctx,
        tx: &mut Tx,
        conditions: &[SummaryCondition],
    ) -> Result<Vec<Summary>, ApiError> {
        let scope = (&ctx.account, &ctx.region);
        let Key { resource_id, compliance_type, item } = &self.position;
        let mut summaries = Vec::new();
        // A page that ended inside a summary goes on in it.
        if item.is_some() {
            summaries.extend(compliance::find(tx, scope, resource_id, compliance_type).await?);
        }
        let after =
            Some(After { resource_id, compliance_type }).filter(|after| !after.resource_id.is_empty());
        summaries.extend(compliance::list(tx, scope, conditions, after, BATCH).await?);
        Ok(summaries)
    }

    /// Adds the items that pass and come after the start.
    fn collect(
        &mut self,
        summary: &Summary,
        items: Vec<ComplianceItem>,
        selection: &Selection,
        found: &mut Vec<(Key, ComplianceItem)>,
    ) {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let of = |item| Key {
            resource_id: summary.resource_id.clone(),
            compliance_type: summary.compliance_type.clone(),
            item,
        };
        for item in items {
            let id = item.id.clone().unwrap_or_default();
            let number = seen.entry(id.clone()).and_modify(|number| *number += 1).or_default();
            let key = of(Some((id, *number)));
            let is_before = self.started_at.as_ref().is_some_and(|start| {
                let here =
                    (&start.resource_id, &start.compliance_type) == (&key.resource_id, &key.compliance_type);
                here && start.item.is_some() && key.item <= start.item
            });
            if !is_before && selection.passes(&item) {
                found.push((key, item));
            }
        }
        self.position = of(None);
    }
}

/// By id.
async fn load(ctx: &Ctx, tx: &mut Tx, summary: &Summary) -> Result<Vec<ComplianceItem>, ApiError> {
    let scope = (&ctx.account, &ctx.region);
    let frame = ComplianceItem {
        compliance_type: Some(summary.compliance_type.clone()),
        resource_type: Some(RESOURCE_TYPE.to_owned()),
        resource_id: Some(summary.resource_id.clone()),
        execution_summary: Some(execution_summary(summary)),
        ..ComplianceItem::default()
    };
    let mut items: Vec<ComplianceItem> = match compliance::find_items(tx, scope, summary).await? {
        None => Vec::new(),
        Some(Items::Own(items)) => items
            .into_iter()
            .map(|OwnItem { entry, execution }| ComplianceItem {
                id: entry.id,
                title: entry.title,
                status: Some(entry.status),
                severity: Some(entry.severity),
                details: Some(entry.details.unwrap_or_default()),
                execution_summary: execution.or_else(|| frame.execution_summary.clone()),
                ..frame.clone()
            })
            .collect(),
        Some(Items::OfReport(hash)) => {
            let node: NodeId = summary.resource_id.parse()?;
            let Some(report) = patch_states::find(tx, scope, &node).await? else { return Ok(Vec::new()) };
            let items = report_items::load(tx, scope, &hash).await?;
            items
                .iter()
                .map(|item| from_row(&frame, item.to_compliance_item(&report.summary.frame)))
                .collect()
        }
    };
    items.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(items)
}

/// What is no member of its own is a detail.
fn from_row(frame: &ComplianceItem, mut row: BTreeMap<String, String>) -> ComplianceItem {
    let mut take = |name: &str| row.remove(name);
    let (id, title) = (take("Id"), take("Title"));
    let status = take("Status").map(ComplianceStatus::from);
    let severity = take("Severity").map(ComplianceSeverity::from);
    ComplianceItem { id, title, status, severity, details: Some(row), ..frame.clone() }
}
