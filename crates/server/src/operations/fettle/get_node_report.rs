//! GetNodeReport: one whole patch report, by default the newest, with what its facts add to it.

use std::collections::BTreeMap;

use api::fettle::{
    BaselineChoice as WireChoice, GetNodeReportRequest, GetNodeReportResponse, NodeIdentity, RefreshOutcome,
    ReportedPatch, RepositoryFailure,
};
use domain::baseline::BaselineChoice;
use domain::compliance::{PatchItem, PatchReport};
use domain::explain::STALE_AFTER_SECONDS;
use domain::facts::{AutomaticUpdates, ListRefresh, Observation};
use domain::patch::{Evaluation, PatchState, Verdict, suite};
use store::nodes::Node;
use store::reports::{self, Report};
use store::{Tx, patch_states};

use super::advisories::{self, Known};
use super::situation::{self, Scan};
use super::{counts_by_state, managed_node, not_found};
use crate::ctx::Ctx;
use crate::error::ApiError;

/// What facts and feeds add to a report.
struct Seen {
    scan: Option<Scan>,
    judged: Option<Evaluation>,
    known: Option<Known>,
}

pub async fn get_node_report(
    ctx: &Ctx,
    request: GetNodeReportRequest,
) -> Result<GetNodeReportResponse, ApiError> {
    let mut tx = ctx.store.read().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?;
    let report = find(ctx, &mut tx, &node, request.report_id.as_deref()).await?;
    let items = situation::items(ctx, &mut tx, &report).await?;
    let scan = situation::scan(ctx, &mut tx, &report).await?;
    let choice = situation::baseline(ctx, &mut tx, &node).await?;
    let known = match &scan {
        Some(scan) => advisories::about_missing(ctx, &mut tx, &scan.facts, &items).await?,
        None => None,
    };
    drop(tx);

    // Facts are judged anew only by the baseline that the report was made with.
    let same =
        choice.as_ref().filter(|choice| choice.baseline.id.to_string() == report.summary.frame.baseline_id);
    let judged = same.zip(scan.as_ref()).and_then(|(choice, scan)| situation::judge(ctx, choice, scan));
    let seen = Seen { scan, judged, known };
    Ok(to_wire(ctx, &node, report, items, seen, choice))
}

async fn find(ctx: &Ctx, tx: &mut Tx, node: &Node, id: Option<&str>) -> Result<Report, ApiError> {
    let scope = (&ctx.account, &ctx.region);
    let Some(id) = id else {
        let newest = patch_states::find(tx, scope, &node.id).await?;
        return newest.ok_or_else(|| not_found(format!("{} has not been scanned yet", node.id)));
    };
    let refusal = || not_found(format!("{} has no report `{id}`", node.id));
    let key = id.parse().map_err(|_| refusal())?;
    reports::find(tx, scope, &node.id, key).await?.ok_or_else(refusal)
}

fn to_wire(
    ctx: &Ctx,
    node: &Node,
    report: Report,
    items: Vec<PatchItem>,
    seen: Seen,
    choice: Option<BaselineChoice>,
) -> GetNodeReportResponse {
    let adds = &seen;
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (summary, report_id) = (report.summary, report.key.to_string());
    let frame = summary.frame.clone();
    let age_seconds = (ctx.now.millis_since(frame.ended_at) / 1000).max(0);
    let whole = PatchReport { summary, items };
    let (_, severities) = whole.severity_counts();
    let patch = |item: &PatchItem| to_patch(item, adds);
    let is_missing = |item: &&PatchItem| item.state == PatchState::Missing;
    let is_other = |item: &&PatchItem| item.state.is_non_compliant() && !is_missing(item);
    let seen = adds.scan.as_ref().map(|scan| &scan.observation);
    let (refresh, refresh_reason) = seen.map(refresh).unzip();
    GetNodeReportResponse {
        node: identity(ctx, node),
        report_id,
        snapshot_id: given(&frame.snapshot_id),
        baseline: Some(baseline(&frame.baseline_id, choice)),
        operation: Some(frame.operation.as_str().into()),
        started_at: Some(frame.started_at),
        ended_at: Some(frame.ended_at),
        age_seconds: Some(age_seconds),
        stale: Some(age_seconds > STALE_AFTER_SECONDS),
        lists_updated_at: seen.and_then(|seen| seen.lists_updated_at),
        refresh,
        refresh_reason: refresh_reason.flatten(),
        failed_repositories: seen.map(failures).unwrap_or_default(),
        counts: counts_by_state(&whole.summary.counts),
        status: whole.status().as_str().into(),
        non_compliant_severity: Some(whole.summary.non_compliant_severity.as_str().to_owned()),
        severity_counts: severity_counts(&severities),
        missing: whole.items.iter().filter(is_missing).map(patch).collect(),
        non_compliant: whole.items.iter().filter(is_other).map(patch).collect(),
        cve_feeds: adds.known.as_ref().map(|known| known.feeds.clone()),
        running_kernel: seen.and_then(|seen| given(&seen.running_kernel)),
        reboot_required_by: seen.and_then(|seen| seen.reboot_required_by.clone()),
        not_in_effect: seen.map(|seen| seen.not_in_effect.lines()),
        automatic_updates: seen.and_then(automatic_updates),
    }
}

fn identity(ctx: &Ctx, node: &Node) -> NodeIdentity {
    let said = node.information.clone();
    let ping = if node.is_online(ctx.now) { "Online" } else { "ConnectionLost" };
    NodeIdentity {
        instance_id: node.id.to_string(),
        computer_name: said.computer_name,
        platform_name: said.platform_name,
        platform_version: said.platform_version,
        ip_address: said.ip_address,
        ping_status: Some(ping.to_owned()),
        last_ping_date_time: node.last_seen_at,
    }
}

/// The report's own baseline; why it applies is known only while it still does.
fn baseline(reported: &str, choice: Option<BaselineChoice>) -> WireChoice {
    match choice {
        Some(choice) if choice.baseline.id.to_string() == reported => choice.to_wire(),
        Some(choice) => WireChoice {
            baseline_id: Some(reported.to_owned()),
            reason: Some(format!(
                "the run used this baseline; a run now would use {} ({})",
                choice.baseline.id, choice.baseline.name
            )),
            ..WireChoice::default()
        },
        None => WireChoice { baseline_id: Some(reported.to_owned()), ..WireChoice::default() },
    }
}

fn severity_counts(counts: &domain::compliance::SeverityCounts) -> BTreeMap<String, i32> {
    let levels = domain::compliance::ComplianceLevel::ALL.into_iter().filter(|level| counts.of(*level) > 0);
    levels
        .map(|level| (level.as_str().to_owned(), i32::try_from(counts.of(level)).unwrap_or(i32::MAX)))
        .collect()
}

fn refresh(seen: &Observation) -> (RefreshOutcome, Option<String>) {
    match &seen.refresh {
        ListRefresh::Refreshed => (RefreshOutcome::Refreshed, None),
        ListRefresh::Partial => (RefreshOutcome::Partial, None),
        ListRefresh::Skipped => (RefreshOutcome::Skipped, None),
        ListRefresh::Failed(reason) => (RefreshOutcome::Failed, Some(reason.clone())),
    }
}

fn automatic_updates(seen: &Observation) -> Option<Vec<String>> {
    let lines: Vec<String> = seen.automatic_updates.iter().map(AutomaticUpdates::line).collect();
    Some(lines).filter(|lines| !lines.is_empty())
}

fn failures(seen: &Observation) -> Vec<RepositoryFailure> {
    let failure = |failure: &domain::facts::RepositoryFailure| RepositoryFailure {
        uri: Some(failure.uri.clone()),
        suite: Some(failure.suite.clone()),
        error: Some(failure.error.clone()),
    };
    seen.failed_repositories.iter().map(failure).collect()
}

/// The item, with what its facts add: versions and where the fix comes from.
fn to_patch(item: &PatchItem, seen: &Seen) -> ReportedPatch {
    let (scan, judged) = (seen.scan.as_ref(), seen.judged.as_ref());
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (name, arch) = item.id.rsplit_once('.').unwrap_or((&item.id, ""));
    let version = item.title.strip_prefix(&item.id).and_then(|rest| rest.strip_prefix(':'));
    // Titles of rpm packages always have their epoch, versions elsewhere only when it is not 0.
    let version = version.map(|version| version.strip_prefix("0:").unwrap_or(version));
    let is_fix = matches!(item.state, PatchState::Missing | PatchState::Failed);
    let verdict = judged.and_then(|judged| verdict_of(judged, name, arch));
    let fact =
        scan.and_then(|scan| scan.facts.packages.iter().find(|fact| fact.name == name && fact.arch == arch));
    let repository = verdict
        .and_then(|verdict| verdict.candidate.as_ref()?.repository)
        .and_then(|place| scan?.facts.repositories.get(place as usize));
    let installed = fact.map(|fact| fact.version.as_str()).or(version.filter(|_| !is_fix));
    ReportedPatch {
        name: name.to_owned(),
        arch: given(arch),
        state: Some(item.state.as_model_str().to_owned()),
        installed_version: installed.map(str::to_owned),
        fix_version: version.filter(|_| is_fix).map(str::to_owned),
        repository: repository
            .and_then(|found| given(if found.label.is_empty() { &found.origin } else { &found.label })),
        suite: repository.and_then(|found| given(suite::display_name(found))),
        compliance_level: Some(item.compliance_level.as_str().to_owned()),
        classification: given(&item.classification),
        priority: given(&item.severity),
        advisory: verdict.and_then(|verdict| verdict.advisory.clone()),
        advisory_ids: advisories::notices(item, scan.map(|scan| &scan.facts), seen.known.as_ref()),
        approved_at: verdict.and_then(|verdict| verdict.approved_at),
        cves: advisories::cves(item, scan.map(|scan| &scan.facts), seen.known.as_ref()),
    }
}

/// Verdicts are sorted by name and architecture.
fn verdict_of<'e>(judged: &'e Evaluation, name: &str, arch: &str) -> Option<&'e Verdict> {
    let key = |verdict: &Verdict| (verdict.name.as_str(), verdict.arch.as_str()).cmp(&(name, arch));
    let found = judged.verdicts.binary_search_by(key).ok()?;
    judged.verdicts.get(found)
}
