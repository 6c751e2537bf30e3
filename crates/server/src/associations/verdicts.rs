//! What associations say of the compliance of nodes: the item of each in the compliance type Association, and who may
//! write it. Source: systems-manager.md 3.4, 6; patch-manager.md 4.8; agent-protocol.md 6.5.

use std::collections::BTreeMap;

use api::Timestamp;
use api::ssm::{
    AssociationSyncCompliance, ComplianceExecutionSummary, ComplianceItemEntry, ComplianceSeverity,
    ComplianceStatus,
};
use domain::command::InvocationStatus;
use domain::ids::NodeId;
use store::associations::executions::Execution;
use store::associations::standing::{self, Step};
use store::associations::{self, Association, AssociationKey};
use store::compliance::{self, Items, OwnItem};
use store::{Scope, Store, Tx, nodes};

use crate::error::{self, ApiError};
use crate::operations::compliance::{execution_summary, record};

pub const ASSOCIATION: &str = "Association";
/// What such runs are called in execution summaries.
const EXECUTION_TYPE: &str = "Command";
/// And those of runbooks.
const RUNBOOK_TYPE: &str = "Automation";

/// One node at a time: its lock, and then the fleet's numbers, are taken as by everybody who writes compliance.
async fn begin(store: &Store, (account, region): Scope<'_>, node: &NodeId) -> Result<Tx, ApiError> {
    let mut tx = store.write_by_locks().await?;
    nodes::lock(&mut tx, account, region, node).await?;
    Ok(tx)
}

/// Writes the item of a target that has ended, unless a newer run addresses the node by now.
pub async fn record(
    store: &Store,
    association: &Association,
    (run, step): (&Execution, &Step),
    now: Timestamp,
) -> Result<(), ApiError> {
    let mut tx = begin(store, association.key.scope(), &step.node).await?;
    let standing = standing::find(&mut tx, &association.key, &step.node).await?;
    if standing.is_none_or(|standing| standing.execution != run.id.as_str()) {
        return Ok(());
    }
    put(&mut tx, association, (run, step, EXECUTION_TYPE), now).await?;
    Ok(tx.commit().await?)
}

/// The same of a target of a runbook, with how it stands there, unless there is a newer run.
pub async fn record_runbook(
    store: &Store,
    association: &Association,
    (run, step): (&Execution, &Step),
    now: Timestamp,
) -> Result<(), ApiError> {
    let scope = association.key.scope();
    let mut tx = begin(store, scope, &step.node).await?;
    let known = nodes::find(&mut tx, scope.0, scope.1, &step.node).await?;
    let newest = associations::find(&mut tx, &association.key).await?;
    // A target may be called like a node and be none of ours.
    if known.is_none() || newest.is_none_or(|newest| newest.runs_made != run.run) {
        return Ok(());
    }
    standing::put_ended(&mut tx, run, step).await?;
    if !is_manual(association) {
        put(&mut tx, association, (run, step, RUNBOOK_TYPE), now).await?;
    }
    Ok(tx.commit().await?)
}

async fn put(
    tx: &mut Tx,
    association: &Association,
    (run, step, kind): (&Execution, &Step, &str),
    now: Timestamp,
) -> Result<(), ApiError> {
    let scope = association.key.scope();
    let execution = ComplianceExecutionSummary {
        execution_time: step.finished_at.unwrap_or(now),
        execution_id: Some(run.id.to_string()),
        execution_type: Some(kind.to_owned()),
    };
    let item = OwnItem { entry: verdict(association, step.status), execution: Some(execution.clone()) };
    let (kept, of) = stored(tx, scope, step.node.as_str()).await?;
    let items = record::merge(kept, of.as_ref().unwrap_or(&execution), vec![item]);
    let of = (step.node.as_str(), ASSOCIATION);
    let run = record::Run {
        at: execution.execution_time,
        id: execution.execution_id,
        kind: execution.execution_type,
    };
    record::replace(scope, tx, of, run, items, None).await
}

async fn stored(
    tx: &mut Tx,
    scope: Scope<'_>,
    node: &str,
) -> Result<(Option<Items>, Option<ComplianceExecutionSummary>), ApiError> {
    let Some(summary) = compliance::find(tx, scope, node, ASSOCIATION).await? else {
        return Ok((None, None));
    };
    let items = compliance::find_items(tx, scope, &summary).await?;
    Ok((items, Some(execution_summary(&summary))))
}

fn verdict(association: &Association, status: InvocationStatus) -> ComplianceItemEntry {
    let settings = &association.settings;
    let status = match status {
        InvocationStatus::Success => ComplianceStatus::Compliant,
        _ => ComplianceStatus::NonCompliant,
    };
    let version = settings.document_version.clone().unwrap_or_default();
    let details = [("DocumentName", settings.name.clone()), ("DocumentVersion", version)];
    ComplianceItemEntry {
        id: Some(association.key.id.to_string()),
        title: Some(settings.name.clone()),
        severity: severity(association),
        status,
        details: Some(details.map(|(name, text)| (name.to_owned(), text)).into()),
    }
}

fn severity(association: &Association) -> ComplianceSeverity {
    let severity = association.settings.compliance_severity.as_ref();
    severity.map_or(ComplianceSeverity::Unspecified, |severity| severity.as_str().into())
}

/// Takes back what an association said of a node that it no longer addresses.
pub async fn take_back(tx: &mut Tx, association: &AssociationKey, node: &str) -> Result<(), ApiError> {
    let scope = association.scope();
    let (Some(Items::Own(mut items)), Some(of)) = stored(tx, scope, node).await? else { return Ok(()) };
    let before = items.len();
    items.retain(|item| item.entry.id.as_deref() != Some(association.id.as_str()));
    if items.len() == before {
        return Ok(());
    }
    if items.is_empty() {
        // Without any it would count as compliant.
        return Ok(compliance::delete(tx, scope, node, ASSOCIATION).await?);
    }
    let run =
        record::Run { at: of.execution_time, id: of.execution_id.clone(), kind: of.execution_type.clone() };
    let items = record::merge(Some(Items::Own(items)), &of, Vec::new());
    record::replace(scope, tx, (node, ASSOCIATION), run, items, None).await
}

/// The associations among the items' ids.
async fn known<'a>(
    tx: &mut Tx,
    scope: Scope<'_>,
    ids: impl Iterator<Item = &'a ComplianceItemEntry>,
) -> Result<BTreeMap<String, Association>, ApiError> {
    let mut ids: Vec<&str> = ids.filter_map(|item| item.id.as_deref()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut known = BTreeMap::new();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let found = associations::find_many(tx, scope, ids).await?;
        known.extend(found.into_iter().map(|association| (association.key.id.to_string(), association)));
    }
    Ok(known)
}

/// Far below either engine's limit of parameters.
const IDS_AT_ONCE: usize = 500;

fn is_manual(association: &Association) -> bool {
    association.settings.sync_compliance == Some(AssociationSyncCompliance::Manual)
}

/// Refuses items of what is no association, and of associations whose runs are their verdict.
pub async fn check_partial(
    tx: &mut Tx,
    scope: Scope<'_>,
    items: &[ComplianceItemEntry],
) -> Result<(), ApiError> {
    let known = known(tx, scope, items.iter()).await?;
    for item in items {
        let id = item.id.as_deref().unwrap_or_default();
        let Some(association) = known.get(id) else {
            return Err(error::validation(format!(
                "`{id}` is not an association: with UploadType PARTIAL the Id of each item is that of an association \
                 with SyncCompliance MANUAL"
            )));
        };
        if !is_manual(association) {
            return Err(error::validation(format!(
                "association `{id}` has SyncCompliance AUTO, by which its runs decide: change it to MANUAL, so that \
                 its compliance can be put"
            )));
        }
    }
    Ok(())
}

/// What an upload of all associations of a node changes. Agents know those that they ran, not those that they were
/// sent: of an association of ours the stored item stays where the upload has none, or may not say.
pub async fn admit_complete(
    tx: &mut Tx,
    scope: Scope<'_>,
    (stored, of): (Option<Items>, Option<&ComplianceExecutionSummary>),
    mut uploaded: Vec<OwnItem>,
) -> Result<Vec<OwnItem>, ApiError> {
    let stored = match stored {
        Some(Items::Own(items)) => items,
        Some(Items::OfReport(_)) | None => Vec::new(),
    };
    let known = known(tx, scope, stored.iter().chain(&uploaded).map(|item| &item.entry)).await?;
    let association = |item: &OwnItem| item.entry.id.as_ref().and_then(|id| known.get(id));
    uploaded.retain(|item| !association(item).is_some_and(is_manual));
    for item in &mut uploaded {
        if let Some(association) = item.entry.id.as_ref().and_then(|id| known.get(id)) {
            item.entry.severity = severity(association);
            item.entry.title.get_or_insert_default();
            if item.entry.title.as_deref() == Some("") {
                item.entry.title = Some(association.settings.name.clone());
            }
        }
    }
    let is_new = |old: &OwnItem| uploaded.iter().any(|item| item.entry.id == old.entry.id);
    let mut items: Vec<OwnItem> =
        stored.into_iter().filter(|old| association(old).is_some() && !is_new(old)).collect();
    for item in &mut items {
        item.execution = item.execution.take().or_else(|| of.cloned());
    }
    items.extend(uploaded);
    Ok(items)
}
