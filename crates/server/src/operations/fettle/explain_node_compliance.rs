//! ExplainNodeCompliance: why a node is not compliant, or why its status cannot be trusted.
//! Source: patch-manager.md 8.

use api::fettle::{CauseItem, ExplainNodeComplianceRequest, ExplainNodeComplianceResponse};
use domain::explain::{ScanView, Situation, explain};
use domain::facts::{FactSet, PackageFact};
use store::reports;

use super::advisories::{self, Known};
use super::{managed_node, situation};
use crate::ctx::Ctx;
use crate::error::ApiError;

/// Reports that are looked at: enough to see methods that overwrite each other.
const REPORTS: i64 = 20;
const DEFAULT_MAX_ITEMS: i32 = 20;

pub async fn explain_node_compliance(
    ctx: &Ctx,
    request: ExplainNodeComplianceRequest,
) -> Result<ExplainNodeComplianceResponse, ApiError> {
    let max_items = usize::try_from(request.max_items.unwrap_or(DEFAULT_MAX_ITEMS)).unwrap_or(1);

    let mut tx = ctx.store.read().await?;
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?;
    let reports = reports::list(&mut tx, (&ctx.account, &ctx.region), &node.id, None, REPORTS).await?;
    let baseline = situation::baseline(ctx, &mut tx, &node).await?;
    let custom_compliance = situation::custom_compliance(ctx, &mut tx, &node).await?;
    let runs = situation::runs(ctx, &mut tx, &node).await?;
    let (items, scan, changed_at) = match reports.first() {
        Some(newest) => (
            situation::items(ctx, &mut tx, newest).await?,
            situation::scan(ctx, &mut tx, newest).await?,
            situation::changed_at(ctx, &mut tx, newest).await?,
        ),
        None => (Vec::new(), None, None),
    };
    let known = match &scan {
        Some(scan) => advisories::about_missing(ctx, &mut tx, &scan.facts, &items).await?,
        None => None,
    };
    drop(tx);

    let evaluation =
        baseline.as_ref().zip(scan.as_ref()).and_then(|(choice, scan)| situation::judge(ctx, choice, scan));
    let view = situation::node_view(ctx, &node, scan.as_ref().and_then(|scan| scan.observation.booted_at));
    let summaries: Vec<_> = reports.into_iter().map(|report| report.summary).collect();
    let situation = Situation {
        node: &view,
        now: ctx.now,
        scan_interval_seconds: None,
        baseline: baseline.as_ref(),
        reports: &summaries,
        items: &items,
        scan: scan.as_ref().zip(evaluation.as_ref()).map(|(scan, evaluation)| ScanView {
            facts: &scan.facts,
            observation: &scan.observation,
            evaluation,
        }),
        changed_at,
        runs: &runs,
        custom_compliance: &custom_compliance,
    };
    let mut response = explain(&situation).to_response(&situation, max_items);
    if let Some((scan, known)) = scan.as_ref().zip(known.as_ref()) {
        let items = response.causes.iter_mut().flat_map(|cause| cause.items.iter_mut().flatten());
        items.for_each(|item| add_feeds(item, &scan.facts, known));
    }
    Ok(response)
}

/// What feeds say of the version that would put the item right.
fn add_feeds(item: &mut CauseItem, facts: &FactSet, known: &Known) {
    let is_it = |fact: &&PackageFact| {
        item.name.as_ref() == Some(&fact.name) && item.arch.as_ref() == Some(&fact.arch)
    };
    let Some((fact, fix)) = facts.packages.iter().find(is_it).zip(item.fix_version.as_deref()) else {
        return;
    };
    let feeds: Vec<&str> = known.feeds.iter().map(|feed| feed.feed.as_str()).collect();
    let feeds = feeds.join(", ");
    let closed = known.knowledge.closed_by(fact, fix).filter(|closed| !closed.is_empty());
    let closed =
        closed.map(|closed| format!("{fix} closes {}, by the imported feed {feeds}", closed.join(", ")));
    let notices = Some(known.knowledge.announced_by(fact, fix)).filter(|notices| !notices.is_empty());
    let notices = notices.map(|notices| {
        format!("{fix} brings what {} announced, by the imported feed {feeds}", notices.join(", "))
    });
    let sentences: Vec<String> = closed.into_iter().chain(notices).collect();
    if !sentences.is_empty() {
        item.proof.get_or_insert_default().extend(sentences);
    }
}
