//! Patch reports among uploaded inventory: a summary and items, or either with what is stored of the
//! other. Every report is kept, the newest is shown.
//! Source: patch-manager.md 3.3, 4.12, 5.5.

use api::Timestamp;
use api::ssm::{ErrorCode, InventoryItem};
use domain::compliance::report::{Execution, InvalidReport};
use domain::compliance::{PatchItem, PatchReport, PatchSummary};
use domain::ids::NodeId;
use domain::inventory::{COMPLIANCE_ITEM, PATCH_COMPLIANCE, PATCH_SUMMARY};
use store::compliance::{self, Items, Summary};
use store::inventory;
use store::patch_states;
use store::report_items;
use store::reports::{self, Insertion, Report, ReportKey};
use store::{Hash, Tx};

use crate::ctx::Ctx;
use crate::error::ApiError;

/// As compliance calls know it.
pub const COMPLIANCE_TYPE: &str = "Patch";

/// What a request brings of a patch report.
#[derive(Debug, Default)]
pub(super) struct Upload {
    summary: Option<PatchSummary>,
    /// In full; otherwise `items_type` says whether a hash stands for them.
    pub(super) items: Option<Vec<PatchItem>>,
    /// The type and context under which the items came, in full or as a hash.
    items_type: Option<(&'static str, &'static str)>,
    execution: Execution,
    captured_at: Option<Timestamp>,
}

impl Upload {
    pub(super) fn read(items: &[InventoryItem]) -> Result<Self, ApiError> {
        let mut upload = Self::default();
        if let Some(item) = items.iter().find(|item| item.type_name == PATCH_SUMMARY) {
            upload.captured_at = Timestamp::parse(&item.capture_time);
            let row = item.content.as_ref().and_then(|content| content.first());
            upload.summary =
                row.map(PatchSummary::from_attributes).transpose().map_err(|error| invalid(item, &error))?;
        }
        let plain = items.iter().find(|item| item.type_name == PATCH_COMPLIANCE);
        let full = items.iter().find(|item| is_patch_compliance_item(item));
        // The compliance items say more: they know the level of each patch.
        if let Some(item) = plain {
            upload.take_items(item, (PATCH_COMPLIANCE, ""), PatchItem::from_patch_compliance)?;
        }
        if let Some(item) = full {
            upload.take_items(item, (COMPLIANCE_ITEM, COMPLIANCE_TYPE), PatchItem::from_compliance_item)?;
            let text = |name| item.context.as_ref().and_then(|context| context.get(name)).cloned();
            upload.execution = Execution {
                id: text("ExecutionId").unwrap_or_default(),
                kind: text("ExecutionType").unwrap_or_default(),
            };
        }
        if let Some(summary) = &mut upload.summary {
            let Execution { id, kind } = upload.execution.clone();
            let execution = &mut summary.frame.execution;
            execution.kind = kind;
            if execution.id.is_empty() {
                execution.id = id;
            }
        }
        Ok(upload)
    }

    fn take_items(
        &mut self,
        item: &InventoryItem,
        of: (&'static str, &'static str),
        read: fn(&domain::compliance::report::Attributes) -> Result<PatchItem, InvalidReport>,
    ) -> Result<(), ApiError> {
        self.items_type = Some(of);
        self.captured_at = self.captured_at.or_else(|| Timestamp::parse(&item.capture_time));
        self.items = match &item.content {
            Some(rows) => {
                let items = rows.iter().map(read).collect::<Result<Vec<_>, _>>();
                Some(items.map_err(|error| invalid(item, &error))?)
            }
            None => None,
        };
        Ok(())
    }
}

fn is_patch_compliance_item(item: &InventoryItem) -> bool {
    let named = item.context.as_ref().and_then(|context| context.get("ComplianceType"));
    item.type_name == COMPLIANCE_ITEM && named.is_none_or(|kind| kind == COMPLIANCE_TYPE)
}

fn invalid(item: &InventoryItem, error: &InvalidReport) -> ApiError {
    let message = format!("{}: {error}", item.type_name);
    ApiError::new(ErrorCode::InvalidItemContentException, message).with("TypeName", item.type_name.as_str())
}

/// Keeps the report that the upload makes, if it makes one. `items_hash` is that of items in full.
pub(super) async fn record(
    ctx: &Ctx,
    tx: &mut Tx,
    node: &NodeId,
    upload: Upload,
    items_hash: Option<Hash>,
) -> Result<(), ApiError> {
    if upload.summary.is_none() && upload.items.is_none() {
        return Ok(());
    }
    let scope = (&ctx.account, &ctx.region);
    let (items_hash, items) = match (items_hash, upload.items) {
        (Some(hash), Some(items)) => (hash, Some(items)),
        _ => match stored_items(ctx, tx, node, upload.items_type).await? {
            Some(hash) => (hash, None),
            None => {
                // A summary that comes before its items.
                let none = report_items::none();
                report_items::insert(tx, scope, &none).await?;
                (none.hash, None)
            }
        },
    };
    let summary = match upload.summary {
        Some(summary) => summary,
        // Items that come after their summary, in a call of their own.
        None => match patch_states::find(tx, scope, node).await? {
            Some(shown) => shown.summary,
            None => return Ok(()),
        },
    };
    let key = ReportKey { ended_at: summary.frame.ended_at, sequence: 0 };
    let captured_at = upload.captured_at.unwrap_or(summary.frame.ended_at);
    let mut report =
        Report { node: node.clone(), key, captured_at, received_at: ctx.now, items_hash, summary };
    let outcome = reports::insert(tx, scope, &mut report).await?;
    let counts = &report.summary.counts;
    tracing::info!(node_id = %node, report_id = %report.key, ?outcome, missing = counts.missing, "patch report");
    match outcome {
        Insertion::Newest => show(ctx, tx, &report, items).await,
        Insertion::Older | Insertion::Known => Ok(()),
    }
}

/// The items that a hash stands for, or that an earlier call brought.
async fn stored_items(
    ctx: &Ctx,
    tx: &mut Tx,
    node: &NodeId,
    of: Option<(&'static str, &'static str)>,
) -> Result<Option<Hash>, ApiError> {
    let candidates = match &of {
        Some(named) => std::slice::from_ref(named),
        None => &[(COMPLIANCE_ITEM, COMPLIANCE_TYPE), (PATCH_COMPLIANCE, "")],
    };
    for (type_name, context) in candidates {
        let found =
            inventory::find_items_hash(tx, (&ctx.account, &ctx.region), (node, type_name, context)).await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Makes the newest report the node's compliance of type Patch.
async fn show(
    ctx: &Ctx,
    tx: &mut Tx,
    report: &Report,
    items: Option<Vec<PatchItem>>,
) -> Result<(), ApiError> {
    let scope = (&ctx.account, &ctx.region);
    let frame = &report.summary.frame;
    let mut summary = Summary {
        resource_id: report.node.to_string(),
        compliance_type: COMPLIANCE_TYPE.to_owned(),
        status: report.summary.counts.status(),
        overall_severity: report.summary.non_compliant_severity,
        execution_at: frame.ended_at,
        execution_id: Some(frame.execution.id.clone()).filter(|id| !id.is_empty()),
        execution_type: Some(frame.execution.kind.clone()).filter(|kind| !kind.is_empty()),
        patch_group: Some(frame.patch_group.clone()),
        baseline_id: Some(frame.baseline_id.clone()),
        compliant: Default::default(),
        non_compliant: Default::default(),
        content_hash: None,
    };
    if items.is_none() && compliance::touch(tx, scope, &summary, &report.items_hash).await? {
        return Ok(());
    }
    let items = match items {
        Some(items) => items,
        None => report_items::load(tx, scope, &report.items_hash).await?,
    };
    let report_of = PatchReport { summary: report.summary.clone(), items };
    summary.status = report_of.status();
    (summary.compliant, summary.non_compliant) = report_of.severity_counts();
    summary.overall_severity = summary.non_compliant.worst();
    Ok(compliance::put(tx, scope, &summary, &Items::OfReport(report.items_hash)).await?)
}
