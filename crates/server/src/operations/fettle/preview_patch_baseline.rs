//! PreviewPatchBaseline: what a baseline that is not saved would approve of what the fleet has reported, and what that would
//! change against a saved one. Distinct fact sets are judged and not nodes, and of these so many at most.

#[cfg(test)]
mod tests;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use api::Timestamp;
use api::fettle::{PreviewComparison, PreviewPatchBaselineRequest, PreviewPatchBaselineResponse};
use api::ssm::CreatePatchBaselineRequest;
use domain::baseline::{Baseline, BaselineRules, NewBaseline};
use domain::facts::FactSet;
use domain::ids::{BaselineId, NodeId, PatchGroup};
use domain::os::OperatingSystem;
use domain::patch::preview::{Preview, differs};
use fleet::{Fleet, patch_group};
use serde_json::{Value, json};
use store::fleet::FleetNode;
use store::patch_groups::{self, RegistrationFilter};
use store::{Hash, StoreError, facts};
use tokio::sync::Semaphore;

use super::not_found;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::page::{Page, page_size};
use crate::operations::patch_baselines;

const OPERATION: &str = "PreviewPatchBaseline";
const DEFAULT_PAGE: i32 = 10;
/// Fact sets that one answer judges: those that serve the saved baseline first, and of these the most shared ones.
const MOST_SETS: usize = 256;
/// Sets that are in memory at once.
const BATCH: usize = 32;
/// Previews are asked for as somebody types: so many are worked on at once by this process, others wait.
static AT_ONCE: Semaphore = Semaphore::const_new(2);
/// Of one operating system; a baseline has 25 groups at most, an account 50 baselines.
const MOST_REGISTRATIONS: i64 = 10_000;

pub async fn preview_patch_baseline(
    ctx: &Ctx,
    request: PreviewPatchBaselineRequest,
) -> Result<PreviewPatchBaselineResponse, ApiError> {
    let rules = unsaved_rules(&request)?;
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let scope = (&request.baseline, &request.baseline_id);
    let page = Page::open(ctx, OPERATION, &scope, request.next_token.as_deref(), size)?;
    if let Some(after) = &page.after
        && request.list.as_ref().is_none_or(|list| !wire::is_of(list, after))
    {
        return Err(error::validation("NextToken: it is of one list, and List must name that one"));
    }
    let saved = match &request.baseline_id {
        Some(id) => Some(saved_baseline(ctx, id, rules.operating_system).await?),
        None => None,
    };
    let _turn = AT_ONCE.acquire().await.expect("the semaphore is never closed");

    let fleet = ctx.app.fleets.get(&ctx.store, (&ctx.account, &ctx.region), ctx.now).await?;
    let nodes = nodes_of(&fleet, rules.operating_system);
    let serves = match &saved {
        Some(saved) => Some(served(ctx, saved, &nodes).await?),
        None => None,
    };
    let sets = sets(ctx, &nodes, serves.as_deref()).await?;
    let told = sets.iter().map(|set| set.nodes).sum();
    let serving = sets.iter().map(|set| set.serving).sum();
    let judged = judge(ctx, sets, rules, saved.as_ref().map(|saved| saved.rules.clone())).await?;
    let comparison = saved.map(|saved| PreviewComparison {
        baseline_id: saved.id.to_string(),
        nodes_served: wire::number(serving),
        nodes_served_examined: wire::number(judged.serving),
        nodes_changed: wire::number(judged.changed),
    });
    Ok(PreviewPatchBaselineResponse {
        lists: wire::lists(ctx, &page, &judged, request.list.as_ref()),
        nodes: wire::number(told),
        nodes_examined: wire::number(judged.nodes),
        comparison,
        as_of: fleet.as_of,
    })
}

/// By the code, and in the words, of CreatePatchBaseline. Only the name may be missing.
fn unsaved_rules(request: &PreviewPatchBaselineRequest) -> Result<BaselineRules, ApiError> {
    let mut given = serde_json::to_value(&request.baseline).unwrap_or_default();
    if let Value::Object(members) = &mut given {
        members.entry("Name").or_insert_with(|| json!("unsaved"));
    }
    let given: CreatePatchBaselineRequest = api::decode(given.to_string().as_bytes())?;
    Ok(NewBaseline::try_from(given)?.rules)
}

async fn saved_baseline(ctx: &Ctx, id: &str, os: OperatingSystem) -> Result<Baseline, ApiError> {
    let refusal = || not_found(format!("there is no baseline `{id}` in {}", ctx.region));
    let id: BaselineId = id.parse().map_err(|_| refusal())?;
    let saved = patch_baselines::find(&mut ctx.store.read().await?, ctx, &id).await?.ok_or_else(refusal)?;
    if saved.rules.operating_system != os {
        let of = saved.rules.operating_system;
        return Err(error::validation(format!(
            "BaselineId: `{id}` is for {of}, the previewed baseline for {os}"
        )));
    }
    Ok(saved)
}

fn nodes_of(fleet: &Fleet, os: OperatingSystem) -> Vec<&FleetNode> {
    // A fleet has few different platforms.
    let mut known: HashMap<[&str; 3], bool> = HashMap::new();
    let mut found = Vec::new();
    for node in fleet.nodes() {
        let platform = [&node.platform_type, &node.platform_name, &node.platform_version];
        let platform = platform.map(|text| text.as_deref().unwrap_or_default());
        let is_of = known.entry(platform).or_insert_with_key(|[kind, name, version]| {
            let system = OperatingSystem::detect_platform(kind, name, version);
            system.is_some_and(|system| system.operating_system == os)
        });
        if *is_of {
            found.push(node);
        }
    }
    found
}

/// Which of these nodes use the baseline now: those of its groups, and of the other nodes all if it is the default.
async fn served(ctx: &Ctx, saved: &Baseline, nodes: &[&FleetNode]) -> Result<Vec<bool>, ApiError> {
    let os = saved.rules.operating_system;
    let mut tx = ctx.store.read().await?;
    let filter = RegistrationFilter { operating_systems: &[os], ..RegistrationFilter::default() };
    let (account, region) = (&ctx.account, &ctx.region);
    let all = patch_groups::list(&mut tx, account, region, filter, None, MOST_REGISTRATIONS).await?;
    let default = patch_baselines::default_id(&mut tx, ctx, os).await?;
    let registered: HashMap<PatchGroup, BaselineId> =
        all.into_iter().map(|registration| (registration.patch_group, registration.baseline_id)).collect();
    let is_served = |node: &&FleetNode| {
        let group: Option<PatchGroup> = patch_group(node).and_then(|group| group.parse().ok());
        *group.and_then(|group| registered.get(&group)).unwrap_or(&default) == saved.id
    };
    Ok(nodes.iter().map(is_served).collect())
}

struct SharedSet {
    hash: Hash,
    nodes: u64,
    /// Those of them that use the saved baseline.
    serving: u64,
}

/// The sets that say most come first.
async fn sets(ctx: &Ctx, nodes: &[&FleetNode], served: Option<&[bool]>) -> Result<Vec<SharedSet>, ApiError> {
    let ids: Vec<&NodeId> = nodes.iter().map(|node| &node.id).collect();
    let found = ctx.app.fact_indexes.sets_of(&ctx.store, (&ctx.account, &ctx.region), &ids).await?;
    let is_served = |place: &&usize| served.is_some_and(|served| served[**place]);
    let mut sets: Vec<SharedSet> = found
        .into_iter()
        .map(|(hash, places)| SharedSet {
            hash,
            nodes: places.len() as u64,
            serving: places.iter().filter(is_served).count() as u64,
        })
        .collect();
    sets.sort_unstable_by(|a, b| (b.serving, b.nodes, &a.hash).cmp(&(a.serving, a.nodes, &b.hash)));
    Ok(sets)
}

/// What came of the sets that were looked at.
#[derive(Default)]
struct Judged {
    after: Preview,
    /// Of the saved baseline.
    before: Option<Preview>,
    nodes: u64,
    serving: u64,
    changed: u64,
}

async fn judge(
    ctx: &Ctx,
    sets: Vec<SharedSet>,
    rules: BaselineRules,
    saved: Option<BaselineRules>,
) -> Result<Judged, ApiError> {
    let rules = Arc::new((rules, saved));
    let mut judged = Judged { before: rules.1.is_some().then(Preview::default), ..Judged::default() };
    for batch in sets[..sets.len().min(MOST_SETS)].chunks(BATCH) {
        let hashes: Vec<Hash> = batch.iter().map(|set| set.hash).collect();
        let mut tx = ctx.store.read().await?;
        let loaded = facts::load_many(&mut tx, (&ctx.account, &ctx.region), &hashes).await?;
        drop(tx);
        let mut loaded: BTreeMap<Hash, FactSet> = loaded.into_iter().collect();
        // One that is gone by now is no node's any more.
        let batch: Vec<(FactSet, u64, u64)> = batch
            .iter()
            .filter_map(|set| Some((loaded.remove(&set.hash)?, set.nodes, set.serving)))
            .collect();
        let (rules, now) = (Arc::clone(&rules), ctx.now);
        let work = move || {
            for (facts, nodes, serving) in &batch {
                judged.add(&rules.0, rules.1.as_ref(), facts, (*nodes, *serving), now);
            }
            judged
        };
        judged = tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| StoreError::Backend(error.to_string().into()))?;
    }
    Ok(judged)
}

impl Judged {
    fn add(
        &mut self,
        rules: &BaselineRules,
        saved: Option<&BaselineRules>,
        facts: &FactSet,
        (nodes, serving): (u64, u64),
        now: Timestamp,
    ) {
        // What a node tells of its platform and what its facts say may differ for a moment: then it is not looked at.
        let Ok(after) = self.after.add(rules, facts, now, nodes) else { return };
        self.nodes += nodes;
        self.serving += serving;
        if let (Some(saved), Some(known)) = (saved, &mut self.before)
            && let Ok(before) = known.add(saved, facts, now, nodes)
            && differs(&before, &after)
        {
            self.changed += serving;
        }
    }
}
