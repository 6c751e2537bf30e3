//! A staged rollout begins with its command: what it asks for is checked before, and its nodes have their rings before any of
//! them could start.

use std::collections::BTreeMap;

use api::fettle::RolloutPlan;
use api::ssm::SendCommandRequest;
use domain::ids::{CommandId, NodeId};
use domain::patch_now;
use domain::rollout::{FailureRate, Members, Phase, Plan, Probe, Standing, State, nodes_needed, upper_bound};
use store::associations::Association;
use store::commands::CommandKey;
use store::nodes::Node;
use store::rollouts::{self, Record, Rollout};
use store::tags::{self, Tagged};
use store::{StoreError, Tx};

use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::groups;
use crate::operations::commands::make::{self, Origin};
use crate::operations::permission;

/// As it was asked for, and as it was read.
#[derive(Clone, Debug)]
pub struct Staged {
    pub given: RolloutPlan,
    pub plan: Plan,
}

/// What can be said of a plan before its nodes are known.
pub async fn check(ctx: &Ctx, given: &RolloutPlan) -> Result<Staged, ApiError> {
    let plan = Plan::read(given).map_err(|error| error::validation(error.to_string()))?;
    for ring in &plan.rings {
        if let Some(probe) = &ring.gates.probe {
            check_probe(ctx, &ring.name, probe).await?;
        }
    }
    Ok(Staged { given: given.clone(), plan })
}

async fn check_probe(ctx: &Ctx, ring: &str, probe: &Probe) -> Result<(), ApiError> {
    permission::require_document(ctx, &probe.document).await?;
    let refusal = |reason: &str| error::validation(format!("Rings: `{ring}`: Probe: {reason}"));
    if patch_now::is_patching(&probe.document) {
        return Err(refusal(&format!(
            "`{}` patches, so that it cannot show how patching went",
            probe.document
        )));
    }
    let origin = Origin::Request { begins_before: None };
    match make::prepare(ctx, &request(probe), &origin).await {
        Ok(_) => Ok(()),
        Err(error) if error.code.status >= 500 || error.is_conflict() => Err(error),
        Err(error) => {
            Err(refusal(&format!("the document `{}` cannot run: {}", probe.document, error.message)))
        }
    }
}

/// What is sent to find out how nodes do.
pub(super) fn request(probe: &Probe) -> SendCommandRequest {
    SendCommandRequest {
        document_name: probe.document.clone(),
        document_version: probe.version.clone(),
        parameters: Some(probe.parameters.clone()),
        ..SendCommandRequest::default()
    }
}

/// A ring that nobody is in, or that is too small to ever show what it must, is said now and not at its end.
pub async fn refuse_hopeless(
    ctx: &Ctx,
    tx: &mut Tx,
    staged: &Staged,
    nodes: &[Node],
) -> Result<(), ApiError> {
    let rings = assign(ctx, tx, staged, nodes).await?;
    for (i, ring) in staged.plan.rings.iter().enumerate() {
        let count = u32::try_from(rings.values().filter(|of| **of == i).count()).unwrap_or(u32::MAX);
        if count == 0 && !staged.plan.is_last(i) {
            let message = format!("Rings: `{}` has none of the {} nodes", ring.name, nodes.len());
            return Err(error::validation(message));
        }
        if let Some(FailureRate { max_percent, confidence_percent }) = ring.gates.failure_rate
            && count > 0
            && upper_bound(0, count, confidence_percent) > u32::from(max_percent) * 100
        {
            return Err(error::validation(format!(
                "Rings: `{}` has {count} nodes, which cannot show a failure rate of {max_percent} % or less with \
                 {confidence_percent} % confidence: that takes {} nodes without a failure. Make the ring larger, give \
                 another MaxFailurePercent or ConfidencePercent, or count with MaxFailures",
                ring.name,
                nodes_needed(max_percent, confidence_percent)
            )));
        }
    }
    Ok(())
}

async fn assign(
    ctx: &Ctx,
    tx: &mut Tx,
    staged: &Staged,
    nodes: &[Node],
) -> Result<BTreeMap<NodeId, usize>, ApiError> {
    let all = Tagged {
        account: &ctx.account,
        region: &ctx.region,
        resource_type: "ManagedInstance",
        resource_id: "",
    };
    let mut tags = tags::list_of_type(tx, all).await?;
    let with_tags = |node: &Node| (node.id.clone(), tags.remove(node.id.as_str()).unwrap_or_default());
    let nodes: Vec<_> = nodes.iter().map(with_tags).collect();
    let mut plan = staged.plan.clone();
    for ring in &mut plan.rings {
        if let Members::Targets(targets) = &mut ring.members {
            *targets = groups::resolve(tx, (&ctx.account, &ctx.region), targets).await?;
        }
    }
    Ok(plan.assign(&nodes))
}

/// Written before the command, which would otherwise let its first nodes start.
pub async fn begin(
    ctx: &Ctx,
    tx: &mut Tx,
    (association, run): (&Association, &CommandId),
    staged: &Staged,
    nodes: &[Node],
) -> Result<(), ApiError> {
    let rings = assign(ctx, tx, staged, nodes).await?;
    let rollout = Rollout {
        key: CommandKey { account: ctx.account.clone(), region: ctx.region.clone(), id: run.clone() },
        association: association.key.id.clone(),
        plan: staged.given.clone(),
        reason: String::new(),
        state: State {
            standing: Standing::InProgress,
            ring: 0,
            phase: Phase::Running,
            phase_at: ctx.now,
            ring_at: ctx.now,
            ends_at: ctx.now.plus_seconds(staged.plan.ends_after_seconds),
        },
        probe: None,
        records: [(0, Record { began_at: ctx.now, ..Record::default() })].into(),
        created_at: ctx.now,
        ended_at: None,
    };
    Ok(rollouts::insert(tx, &rollout, &rings).await?)
}

/// What was stored was checked when it came.
pub(super) fn read(rollout: &Rollout) -> Result<Plan, ApiError> {
    let plan = Plan::read(&rollout.plan).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    match rollout.state.ring < plan.rings.len() {
        true => Ok(plan),
        false => Err(StoreError::Corrupt("a rollout is in a ring that it does not have".to_owned()).into()),
    }
}
