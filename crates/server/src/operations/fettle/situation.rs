//! Everything that is known of one node's patching, gathered in one read.

use api::Timestamp;
use domain::baseline::BaselineChoice;
use domain::compliance::{ComplianceStatus, PatchItem};
use domain::explain::{CustomCompliance, NodeView, PatchRun, Presence};
use domain::facts::{FactSet, Observation};
use domain::patch::{Conditions, Evaluation, evaluate};
use store::clause::Comparison;
use store::commands::CommandKey;
use store::compliance::{SummaryCondition, SummaryField};
use store::facts::NodeFacts;
use store::invocations::InvocationFilter;
use store::nodes::Node;
use store::reports::Report;
use store::{Tx, commands, compliance, facts, invocations, report_items};

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::patch_baselines::resolve;

/// A run starts within this of what it captured, clocks in whole seconds included.
const SLACK_SECONDS: i64 = 60;
/// A run's end is told in whole seconds; what was captured later is another look at the node.
const END_SLACK_MS: i64 = 999;
const CUSTOM_TYPES: i64 = 50;
/// Commands of a node that are looked through for patch documents, and how many of those are told.
const COMMANDS: i64 = 100;
const RUNS: usize = 10;
/// Those whose runs end with a report of the node's patches. AWS-RunPatchBaselineAssociation's do not.
const PATCH_DOCUMENTS: [&str; 3] =
    ["AWS-RunPatchBaseline", "AWS-RunPatchBaselineWithHooks", "Fettle-RunPatchBaseline"];

/// What a report was judged from.
pub struct Scan {
    pub facts: FactSet,
    pub observation: Observation,
}

pub fn node_view(ctx: &Ctx, node: &Node, booted_at: Option<Timestamp>) -> NodeView {
    let presence = if node.is_online(ctx.now) { Presence::Online } else { Presence::ConnectionLost };
    NodeView {
        id: node.id.clone(),
        presence,
        last_ping_at: node.last_seen_at,
        platform_version: node.information.platform_version.clone(),
        booted_at,
    }
}

/// The baseline that would apply now; `None` when the node's system has none or is not known yet.
pub async fn baseline(ctx: &Ctx, tx: &mut Tx, node: &Node) -> Result<Option<BaselineChoice>, ApiError> {
    if resolve::system_of(node).is_err() {
        return Ok(None);
    }
    Ok(Some(resolve::baseline_of_node(tx, ctx, node).await?.choice))
}

pub async fn items(ctx: &Ctx, tx: &mut Tx, report: &Report) -> Result<Vec<PatchItem>, ApiError> {
    Ok(report_items::load(tx, (&ctx.account, &ctx.region), &report.items_hash).await?)
}

/// The facts that the run of a report captured, from agents that send facts.
pub async fn scan(ctx: &Ctx, tx: &mut Tx, report: &Report) -> Result<Option<Scan>, ApiError> {
    let scope = (&ctx.account, &ctx.region);
    let Some(seen) = captured(ctx, tx, report).await? else { return Ok(None) };
    let facts = facts::load(tx, scope, &seen.facts_hash).await?;
    Ok(facts.map(|facts| Scan { facts, observation: seen.observation }))
}

async fn captured(ctx: &Ctx, tx: &mut Tx, report: &Report) -> Result<Option<NodeFacts>, ApiError> {
    let frame = &report.summary.frame;
    let until = Timestamp::from_millis(frame.ended_at.as_millis() + END_SLACK_MS);
    let seen = facts::find_observation(tx, (&ctx.account, &ctx.region), &report.node, until).await?;
    // An older scan's facts are not what this report was judged from.
    let since = frame.started_at.plus_seconds(-SLACK_SECONDS);
    Ok(seen.filter(|seen| seen.observation.captured_at >= since))
}

/// When the node was last seen to have other facts than those of the newest report.
pub async fn changed_at(ctx: &Ctx, tx: &mut Tx, newest: &Report) -> Result<Option<Timestamp>, ApiError> {
    let scope = (&ctx.account, &ctx.region);
    let Some(then) = captured(ctx, tx, newest).await? else { return Ok(None) };
    let now = facts::find_observation(tx, scope, &newest.node, Timestamp::from_millis(i64::MAX)).await?;
    Ok(now.filter(|now| now.facts_hash != then.facts_hash).map(|now| now.observation.captured_at))
}

/// What the baseline says of a scan's facts; `None` when it is for another system.
pub fn judge(ctx: &Ctx, choice: &BaselineChoice, scan: &Scan) -> Option<Evaluation> {
    let rules = &choice.baseline.rules;
    match evaluate(rules, &scan.facts, &scan.observation, &Conditions::at(ctx.now)) {
        Ok(evaluation) => Some(evaluation),
        Err(error) => {
            tracing::info!(%error, "facts were not judged");
            None
        }
    }
}

pub async fn custom_compliance(
    ctx: &Ctx,
    tx: &mut Tx,
    node: &Node,
) -> Result<Vec<CustomCompliance>, ApiError> {
    let condition = |field, comparison, value: &str| SummaryCondition {
        field,
        comparison,
        values: vec![value.to_owned()],
    };
    let conditions = [
        condition(SummaryField::ResourceId, Comparison::Equal, node.id.as_str()),
        condition(SummaryField::ComplianceType, Comparison::BeginWith, "Custom:"),
    ];
    let scope = (&ctx.account, &ctx.region);
    let summaries = compliance::list(tx, scope, &conditions, None, CUSTOM_TYPES).await?;
    let custom = |summary: compliance::Summary| CustomCompliance {
        non_compliant_items: match summary.status {
            ComplianceStatus::Compliant => 0,
            ComplianceStatus::NonCompliant => {
                u32::try_from(summary.non_compliant.total()).unwrap_or(u32::MAX)
            }
        },
        compliance_type: summary.compliance_type,
        executed_at: summary.execution_at,
    };
    Ok(summaries.into_iter().map(custom).collect())
}

/// The newest runs of patch documents on a node.
pub async fn runs(ctx: &Ctx, tx: &mut Tx, node: &Node) -> Result<Vec<PatchRun>, ApiError> {
    let scope = (&ctx.account, &ctx.region);
    let filter = InvocationFilter { node: Some(&node.id), ..InvocationFilter::default() };
    let mut invocations = invocations::list(tx, scope, &filter, None, COMMANDS).await?;
    invocations.retain(|invocation| PATCH_DOCUMENTS.contains(&invocation.document_name.as_str()));
    invocations.truncate(RUNS);
    let keys: Vec<CommandKey> = invocations.iter().map(|invocation| invocation.key.command.clone()).collect();
    let commands = commands::find_many(tx, &keys).await?;
    let run = |invocation: invocations::Invocation| {
        let command = commands.iter().find(|command| command.key == invocation.key.command);
        PatchRun {
            command_id: invocation.key.command.id,
            document_name: invocation.document_name,
            requested_at: invocation.requested_at,
            status: invocation.status,
            parameters: command.and_then(|command| command.request.parameters.clone()).unwrap_or_default(),
        }
    };
    Ok(invocations.into_iter().map(run).collect())
}
