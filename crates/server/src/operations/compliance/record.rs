//! Items of one resource and type become its compliance, whichever call brought them.

use std::collections::BTreeMap;

use api::Timestamp;
use api::ssm::{
    ComplianceExecutionSummary, ComplianceItemEntry, ComplianceSeverity, ComplianceStatus as WireStatus,
};
use domain::compliance::{ComplianceLevel, ComplianceStatus, SeverityCounts};
use store::compliance::{self, Items, OwnItem, Summary};
use store::inventory::{Entry, Item};
use store::{Scope, Tx};

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::inventory::unknown_word;

/// What caused the run that found the items.
#[derive(Clone, Debug)]
pub struct Run {
    pub at: Timestamp,
    pub id: Option<String>,
    pub kind: Option<String>,
}

/// Replaces the items of a resource and type.
pub async fn replace(
    scope: Scope<'_>,
    tx: &mut Tx,
    (resource_id, compliance_type): (&str, &str),
    run: Run,
    items: Vec<OwnItem>,
    content_hash: Option<String>,
) -> Result<(), ApiError> {
    let (mut compliant, mut non_compliant) = (SeverityCounts::default(), SeverityCounts::default());
    for OwnItem { entry: item, .. } in &items {
        let level: ComplianceLevel = item.severity.as_str().parse().map_err(|error| unknown_word(&error))?;
        match item.status.as_str().parse().map_err(|error| unknown_word(&error))? {
            ComplianceStatus::Compliant => compliant.add(level),
            ComplianceStatus::NonCompliant => non_compliant.add(level),
        }
    }
    let status = match non_compliant.total() {
        0 => ComplianceStatus::Compliant,
        _ => ComplianceStatus::NonCompliant,
    };
    let detail = |name: &str| items.iter().find_map(|item| item.entry.details.as_ref()?.get(name)).cloned();
    let summary = Summary {
        resource_id: resource_id.to_owned(),
        compliance_type: compliance_type.to_owned(),
        status,
        overall_severity: non_compliant.worst(),
        execution_at: run.at,
        execution_id: run.id,
        execution_type: run.kind,
        patch_group: detail("PatchGroup"),
        baseline_id: detail("PatchBaselineId"),
        compliant,
        non_compliant,
        content_hash,
    };
    Ok(compliance::put(tx, scope, &summary, &Items::Own(items)).await?)
}

/// Replaces the items of the same ids and keeps the others, with the runs that found them.
pub fn merge(stored: Option<Items>, of: &ComplianceExecutionSummary, new: Vec<OwnItem>) -> Vec<OwnItem> {
    let mut items = match stored {
        Some(Items::Own(items)) => items,
        Some(Items::OfReport(_)) | None => Vec::new(),
    };
    items.retain(|old| new.iter().all(|item| item.entry.id != old.entry.id));
    for item in &mut items {
        item.execution.get_or_insert_with(|| of.clone());
    }
    items.extend(new);
    items
}

/// From `AWS:ComplianceItem` of a type that is no patch report: each attribute that is no member of
/// an item is one of its details.
pub async fn from_inventory(ctx: &Ctx, tx: &mut Tx, item: &Item, entries: &[Entry]) -> Result<(), ApiError> {
    let items = entries.iter().map(to_item).map(|entry| OwnItem { entry, execution: None }).collect();
    let text = |name: &str| item.context.get(name).filter(|text| !text.is_empty());
    let at = text("ExecutionTime").and_then(|text| Timestamp::parse(text));
    let at = at.or_else(|| Timestamp::parse(&item.capture_time)).unwrap_or(ctx.now);
    let run = Run { at, id: text("ExecutionId").cloned(), kind: text("ExecutionType").cloned() };
    let of = (item.node.as_str(), item.context_type.as_str());
    replace((&ctx.account, &ctx.region), tx, of, run, items, item.content_hash.clone()).await
}

fn to_item(entry: &Entry) -> ComplianceItemEntry {
    let mut details: BTreeMap<String, String> = entry.clone();
    let mut take = |name: &str| details.remove(name);
    let (id, title) = (take("Id"), take("Title"));
    let severity = ComplianceSeverity::from(take("Severity").unwrap_or_default());
    let status = WireStatus::from(take("Status").unwrap_or_default());
    details.retain(|_, value| !value.is_empty());
    ComplianceItemEntry { id, title, severity, status, details: Some(details) }
}
