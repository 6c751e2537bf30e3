//! What a run reports as compliance items in place of a patch report: the verdict about an association, and the findings of
//! a baseline that was brought along. The node's patch compliance stays as it is.
//! Source: spec patch-manager 4.2, 4.8 and 6.1.

use std::collections::BTreeMap;

use anyhow::Context;
use api::ssm::{
    ComplianceExecutionSummary, ComplianceItemEntry, ComplianceUploadType, PutComplianceItemsRequest,
};
use domain::compliance::report::{PatchItem, PatchReport};
use domain::compliance::{ComplianceLevel, ComplianceStatus};
use domain::patch::PatchState;

use crate::transport::call::CALL_TIMEOUT;

use super::Session;
use super::patience::patiently;

const ASSOCIATION: &str = "Association";
const ASSOCIATION_DOCUMENT: &str = "AWS-RunPatchBaselineAssociation";
/// Where the findings of a baseline that was brought along are kept, on request.
const APART: &str = "Custom:BaselineOverride";
/// The limits of one upload.
const MAX_ITEMS: usize = 10_000;
const MAX_BYTES: usize = 700 << 10;

/// Says whether the node complies, as the item of the association; those of other associations stay.
pub fn association(session: &Session, association_id: &str, report: &PatchReport) -> anyhow::Result<()> {
    let request = PutComplianceItemsRequest {
        upload_type: Some(ComplianceUploadType::Partial),
        ..request(session, ASSOCIATION, report, vec![verdict(association_id, report)])
    };
    put(session, &request).context("the verdict about the association was not stored; the last one stays")
}

/// Lists what the brought baseline is about, in place of what such a run found before.
pub fn apart(session: &Session, report: &PatchReport) -> anyhow::Result<()> {
    let request = request(session, APART, report, within_limits(items(report)));
    put(session, &request).context("the findings were not stored; the last ones stay")
}

fn put(session: &Session, request: &PutComplianceItemsRequest) -> anyhow::Result<()> {
    patiently(|| session.caller.call_blocking(&session.credentials, request, CALL_TIMEOUT))?;
    Ok(())
}

fn request(
    session: &Session,
    compliance_type: &str,
    report: &PatchReport,
    items: Vec<ComplianceItemEntry>,
) -> PutComplianceItemsRequest {
    let frame = &report.summary.frame;
    PutComplianceItemsRequest {
        resource_id: session.instance_id.clone(),
        resource_type: "ManagedInstance".to_owned(),
        compliance_type: compliance_type.to_owned(),
        execution_summary: ComplianceExecutionSummary {
            execution_time: frame.ended_at,
            execution_id: Some(frame.execution.id.clone()),
            execution_type: Some(frame.execution.kind.clone()),
        },
        items,
        ..PutComplianceItemsRequest::default()
    }
}

/// As bad as the worst patch that is not compliant.
fn verdict(association_id: &str, report: &PatchReport) -> ComplianceItemEntry {
    let status = report.status();
    let severity = match status {
        ComplianceStatus::Compliant => ComplianceLevel::Unspecified,
        ComplianceStatus::NonCompliant => report.summary.non_compliant_severity,
    };
    let details = [
        ("DocumentName", ASSOCIATION_DOCUMENT),
        ("DocumentVersion", "1"),
        ("PatchBaselineId", report.summary.frame.baseline_id.as_str()),
    ];
    ComplianceItemEntry {
        id: Some(association_id.to_owned()),
        title: Some(ASSOCIATION_DOCUMENT.to_owned()),
        severity: severity.as_str().into(),
        status: status.as_str().into(),
        details: Some(details.map(|(name, text)| (name.to_owned(), text.to_owned())).into()),
    }
}

/// What is not the baseline's business is left out; what is not compliant comes first.
fn items(report: &PatchReport) -> Vec<ComplianceItemEntry> {
    let is_about = |item: &&PatchItem| {
        item.status.is_some() && !matches!(item.state, PatchState::InstalledOther | PatchState::NotApplicable)
    };
    let (bad, good): (Vec<_>, Vec<_>) = report
        .items
        .iter()
        .filter(is_about)
        .partition(|item| item.status == Some(ComplianceStatus::NonCompliant));
    bad.into_iter().chain(good).map(entry).collect()
}

fn entry(item: &PatchItem) -> ComplianceItemEntry {
    let details = [
        ("PatchState", item.state.as_str().to_owned()),
        ("Classification", item.classification.clone()),
        ("PatchSeverity", item.severity.clone()),
        ("CVEIds", item.cve_ids.join(",")),
        ("DetailedText", item.detailed_text.clone()),
    ];
    let details: BTreeMap<String, String> = details
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| (name.to_owned(), text))
        .collect();
    let status = item.status.unwrap_or(ComplianceStatus::NonCompliant);
    ComplianceItemEntry {
        id: Some(item.id.clone()),
        title: Some(item.title.clone()).filter(|title| !title.is_empty()),
        severity: item.compliance_level.as_str().into(),
        status: status.as_str().into(),
        details: Some(details),
    }
}

/// As many as one upload takes, from the first.
fn within_limits(items: Vec<ComplianceItemEntry>) -> Vec<ComplianceItemEntry> {
    let size = |item: &ComplianceItemEntry| {
        let details = item.details.iter().flatten().map(|(name, text)| name.len() + text.len());
        details.sum::<usize>() + item.id.iter().chain(&item.title).map(String::len).sum::<usize>()
    };
    let mut bytes = 0;
    let fits = |item: &ComplianceItemEntry| {
        bytes += size(item);
        bytes <= MAX_BYTES
    };
    items.into_iter().take(MAX_ITEMS).take_while(fits).collect()
}
