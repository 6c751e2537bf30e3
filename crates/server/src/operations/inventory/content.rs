//! What nodes have of an inventory type, wherever it is kept: uploads, the newest patch report,
//! compliance, or what is known of the node itself.

use std::collections::BTreeMap;

use api::Timestamp;
use domain::compliance::report::Attributes;
use domain::inventory::{
    COMPLIANCE_ITEM, COMPLIANCE_SUMMARY, INSTANCE_INFORMATION, InventoryType, PATCH_COMPLIANCE, PATCH_SUMMARY,
};
use store::compliance::{SummaryCondition, SummaryField};
use store::inventory::{Content, Entry, Item};
use store::nodes::Node;
use store::reports::Report;
use store::{Hash, Tx, clause::Comparison, compliance, inventory, patch_states, report_items};

use crate::ctx::Ctx;
use crate::error::ApiError;

/// One type of one node.
#[derive(Clone, Debug, Default)]
pub struct TypeContent {
    pub schema_version: String,
    pub capture_time: String,
    pub content_hash: Option<String>,
    pub entries: Vec<Entry>,
}

/// By node id; nodes that have nothing of the type are absent.
pub async fn load(
    ctx: &Ctx,
    tx: &mut Tx,
    type_name: &str,
    nodes: &[Node],
) -> Result<BTreeMap<String, TypeContent>, ApiError> {
    match type_name {
        INSTANCE_INFORMATION => {
            Ok(nodes.iter().map(|node| (node.id.to_string(), instance_information(node, ctx.now))).collect())
        }
        PATCH_SUMMARY => patch_summaries(ctx, tx, nodes).await,
        COMPLIANCE_SUMMARY => compliance_summaries(ctx, tx, nodes).await,
        _ => uploaded(ctx, tx, type_name, nodes).await,
    }
}

fn ids(nodes: &[Node]) -> Vec<String> {
    nodes.iter().map(|node| node.id.to_string()).collect()
}

fn made(type_name: &str, captured_at: Timestamp, entries: Vec<Entry>) -> TypeContent {
    TypeContent {
        schema_version: InventoryType::find(type_name)
            .map(|known| known.version.to_string())
            .unwrap_or_default(),
        capture_time: captured_at.to_iso_seconds(),
        content_hash: None,
        entries,
    }
}

fn entry(pairs: &[(&str, Option<&str>)]) -> Entry {
    pairs.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned()))).collect()
}

/// Source: systems-manager.md 5.2; agent-protocol.md 2.4.
fn instance_information(node: &Node, now: Timestamp) -> TypeContent {
    let said = &node.information;
    let status = if node.is_online(now) { "Active" } else { "ConnectionLost" };
    let row = entry(&[
        ("AgentType", said.agent_name.as_deref()),
        ("AgentVersion", said.agent_version.as_deref()),
        ("AgentStatus", said.agent_status.as_deref()),
        ("ComputerName", said.computer_name.as_deref()),
        ("InstanceId", Some(node.id.as_str())),
        ("InstanceStatus", Some(status)),
        ("IpAddress", said.ip_address.as_deref()),
        ("PlatformName", said.platform_name.as_deref()),
        ("PlatformType", said.platform_type.as_deref()),
        ("PlatformVersion", said.platform_version.as_deref()),
        ("ResourceType", Some("ManagedInstance")),
    ]);
    made(INSTANCE_INFORMATION, node.last_seen_at.unwrap_or(node.registered_at), vec![row])
}

async fn states(ctx: &Ctx, tx: &mut Tx, nodes: &[Node]) -> Result<Vec<Report>, ApiError> {
    let limit = i64::try_from(nodes.len()).unwrap_or(i64::MAX);
    Ok(patch_states::list_of(tx, (&ctx.account, &ctx.region), &ids(nodes), None, limit).await?)
}

async fn patch_summaries(
    ctx: &Ctx,
    tx: &mut Tx,
    nodes: &[Node],
) -> Result<BTreeMap<String, TypeContent>, ApiError> {
    let of = |report: Report| {
        let row = report.summary.to_attributes();
        (report.node.to_string(), made(PATCH_SUMMARY, report.captured_at, vec![row]))
    };
    Ok(states(ctx, tx, nodes).await?.into_iter().map(of).collect())
}

async fn compliance_summaries(
    ctx: &Ctx,
    tx: &mut Tx,
    nodes: &[Node],
) -> Result<BTreeMap<String, TypeContent>, ApiError> {
    let conditions = [SummaryCondition {
        field: SummaryField::ResourceId,
        comparison: Comparison::Equal,
        values: ids(nodes),
    }];
    let summaries = compliance::list(tx, (&ctx.account, &ctx.region), &conditions, None, i64::MAX).await?;
    let mut contents: BTreeMap<String, TypeContent> = BTreeMap::new();
    for summary in summaries {
        let at = summary.execution_at.to_iso_seconds();
        let mut row = entry(&[
            ("ComplianceType", Some(&summary.compliance_type)),
            ("PatchGroup", summary.patch_group.as_deref()),
            ("PatchBaselineId", summary.baseline_id.as_deref()),
            ("Status", Some(summary.status.as_str())),
            ("OverallSeverity", Some(summary.overall_severity.as_str())),
            ("ExecutionId", summary.execution_id.as_deref()),
            ("ExecutionType", summary.execution_type.as_deref()),
            ("ExecutionTime", Some(&at)),
        ]);
        for (prefix, counts) in [("Compliant", &summary.compliant), ("NonCompliant", &summary.non_compliant)]
        {
            for level in domain::compliance::ComplianceLevel::ALL {
                row.insert(
                    format!("{prefix}{}Count", capitalised(level.as_str())),
                    counts.of(level).to_string(),
                );
            }
        }
        let content = contents
            .entry(summary.resource_id)
            .or_insert_with(|| made(COMPLIANCE_SUMMARY, summary.execution_at, Vec::new()));
        content.capture_time = content.capture_time.clone().max(at);
        content.entries.push(row);
    }
    Ok(contents)
}

/// `CRITICAL` as `Critical`.
fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    format!("{first}{}", rest.to_ascii_lowercase())
}

async fn uploaded(
    ctx: &Ctx,
    tx: &mut Tx,
    type_name: &str,
    nodes: &[Node],
) -> Result<BTreeMap<String, TypeContent>, ApiError> {
    let scope = (&ctx.account, &ctx.region);
    let mut contents: BTreeMap<String, TypeContent> = BTreeMap::new();
    let is_patch = matches!(type_name, COMPLIANCE_ITEM | PATCH_COMPLIANCE);
    // What patches a node has is what its newest report says, whichever type brought it.
    let reports = if is_patch { states(ctx, tx, nodes).await? } else { Vec::new() };
    for report in reports {
        let rows = patch_rows(ctx, tx, type_name, &report, report.items_hash).await?;
        contents.insert(report.node.to_string(), made(type_name, report.captured_at, rows));
    }
    for (item, content) in inventory::list_contents(tx, scope, type_name, &ids(nodes)).await? {
        let of_node = contents.entry(item.node.to_string()).or_default();
        take_upload(of_node, &item);
        if let Content::Own(entries) = content {
            let context = &item.context;
            of_node.entries.extend(entries.into_iter().map(|entry| with_context(entry, context)));
        }
    }
    Ok(contents)
}

fn take_upload(content: &mut TypeContent, item: &Item) {
    content.schema_version = item.schema_version.clone();
    content.capture_time = content.capture_time.clone().max(item.capture_time.clone());
    content.content_hash = item.content_hash.clone();
}

/// The context of compliance items shows as attributes of each.
fn with_context(mut entry: Entry, context: &Entry) -> Entry {
    for (name, value) in context {
        entry.entry(name.clone()).or_insert_with(|| value.clone());
    }
    entry
}

async fn patch_rows(
    ctx: &Ctx,
    tx: &mut Tx,
    type_name: &str,
    report: &Report,
    hash: Hash,
) -> Result<Vec<Entry>, ApiError> {
    let items = report_items::load(tx, (&ctx.account, &ctx.region), &hash).await?;
    if type_name == PATCH_COMPLIANCE {
        return Ok(items.iter().map(|item| item.to_patch_compliance()).collect());
    }
    let frame = &report.summary.frame;
    let context: Attributes = entry(&[
        ("ComplianceType", Some(super::patch_report::COMPLIANCE_TYPE)),
        ("ExecutionId", Some(&frame.execution.id)),
        ("ExecutionType", Some(&frame.execution.kind)),
        ("ExecutionTime", Some(&frame.ended_at.to_iso_seconds())),
    ]);
    Ok(items.iter().map(|item| with_context(item.to_compliance_item(frame), &context)).collect())
}
