//! Brings a staged rollout on: looks, asks what follows, does it and writes down how far that brought it, in one transaction
//! each time. Who dies in between leaves what was committed; who comes second finds it done.

use std::sync::Arc;

use api::Timestamp;
use domain::command::InvocationStatus;
use domain::ids::NodeId;
use domain::rollout::{Act, Phase, Standing, admit, evidence, next};
use store::commands::{self, CommandKey};
use store::node_messages::NodeKey;
use store::rollouts::{self, Record, Rollout};
use store::{Tx, invocations};

use super::begin::request;
use super::look::{self, Look};
use crate::agents::retry;
use crate::app::App;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::commands::make::{self, Origin, Prepared};
use crate::progress;

/// Steps of one look: a rollout passes through several phases at once where nothing is to be waited for.
const STEPS: u32 = 20;
/// A node that is online takes the probe at once; one that is not is no evidence.
const PROBE_SECONDS: i32 = 1800;

/// Does what follows until nothing does. How much it did.
pub async fn drive(app: &Arc<App>, key: &CommandKey, now: Timestamp) -> Result<u64, ApiError> {
    let ctx = Ctx::of_job(app, (&key.account, &key.region), now);
    for done in 0..STEPS {
        // Readers do not wait for the writer.
        let mut tx = ctx.store.read().await?;
        let Some(look) = look::look(&mut tx, key, now).await? else { return Ok(done.into()) };
        let (act, _) = decide(&mut tx, &look).await?;
        drop(tx);
        let probe = match act {
            Act::Wait => return Ok(done.into()),
            Act::Probe => Some(prepare_probe(&ctx, &look).await?),
            _ => None,
        };
        let woken = retry(app, || step(&ctx, key, probe.as_ref())).await?;
        woken.iter().for_each(|node| app.agents.hub.wake(node));
        if matches!(act, Act::Stop(_)) {
            app.agents.touch(key.clone());
            app.agents.settle(app).await;
        }
    }
    Ok(STEPS.into())
}

/// What follows, and for whom of those that may start there is room.
async fn decide(tx: &mut Tx, look: &Look) -> Result<(Act, Vec<NodeId>), ApiError> {
    let act = next(&look.plan, &look.rollout.state, &look.seen, look.now);
    let Act::Start(most) = act else { return Ok((act, Vec::new())) };
    let budgets = look::budgets(tx, look).await?;
    let admitted = admit(&look.ready, most, budgets);
    match admitted.is_empty() {
        true => Ok((Act::Wait, admitted)),
        false => Ok((act, admitted)),
    }
}

/// A document that is gone, or takes these parameters no more, is a probe that did not succeed.
async fn prepare_probe(ctx: &Ctx, look: &Look) -> Result<Result<Prepared, String>, ApiError> {
    let Some(probe) = &look.plan.rings[look.rollout.state.ring].gates.probe else {
        return Ok(Err("there is no probe".to_owned()));
    };
    let origin = Origin::Request { begins_before: None };
    match make::prepare(ctx, &request(probe), &origin).await {
        Ok(prepared) => Ok(Ok(prepared)),
        Err(error) if error.code.status >= 500 || error.is_conflict() => Err(error),
        Err(error) => Ok(Err(error.message)),
    }
}

/// One step, as it is seen by now; nothing when somebody else did it meanwhile. Returns whom to wake after the commit.
async fn step(
    ctx: &Ctx,
    key: &CommandKey,
    probe: Option<&Result<Prepared, String>>,
) -> Result<Vec<NodeKey>, ApiError> {
    let mut tx = ctx.store.write().await?;
    let Some(look) = look::look(&mut tx, key, ctx.now).await? else { return Ok(Vec::new()) };
    let (act, admitted) = decide(&mut tx, &look).await?;
    let mut rollout = look.rollout.clone();
    let mut woken = Vec::new();
    match act {
        Act::Wait => return Ok(woken),
        Act::Start(_) => {
            if let Some(command) = &look.command {
                woken = progress::start_listed(&mut tx, command, &admitted, look.now).await?;
            }
        }
        Act::Enter(phase) => {
            if phase == Phase::AwaitingApproval {
                keep_evidence(&mut rollout, &look);
            }
            enter(&mut rollout, phase, look.now);
        }
        Act::Probe => match probe {
            // It was not wanted a moment ago: the next look prepares it.
            None => return Ok(woken),
            Some(Err(reason)) => {
                let ring = &look.plan.rings[rollout.state.ring].name;
                halt(
                    &mut rollout,
                    &look,
                    Standing::Paused,
                    format!("ring `{ring}`: the probe cannot run: {reason}"),
                );
            }
            Some(Ok(prepared)) => woken = begin_probe(ctx, &mut tx, &mut rollout, prepared).await?,
        },
        Act::Promote => promote(&mut tx, &mut rollout, &look).await?,
        Act::Pause(reason) => halt(&mut rollout, &look, Standing::Paused, reason),
        Act::Stop(reason) => {
            halt(&mut rollout, &look, Standing::Stopped, reason);
            woken = end_rest(&mut tx, key, look.now).await?;
        }
        Act::Succeed => halt(&mut rollout, &look, Standing::Succeeded, String::new()),
        Act::Settle => rollout.ended_at = Some(look.now),
    }
    let (standing, ring, phase) = (rollout.state.standing, rollout.state.ring, rollout.state.phase);
    if rollout != look.rollout {
        rollouts::update(&mut tx, &rollout).await?;
    }
    tx.commit().await?;
    let rollout_id = key.id.as_str();
    tracing::debug!(rollout_id, ?standing, ring, ?phase, started = admitted.len(), "the rollout went on");
    Ok(woken)
}

fn enter(rollout: &mut Rollout, phase: Phase, now: Timestamp) {
    (rollout.state.phase, rollout.state.phase_at) = (phase, now);
    if phase == Phase::Judging {
        rollout.probe = None;
    }
}

/// What the ring shows is kept with it.
fn keep_evidence(rollout: &mut Rollout, look: &Look) {
    let shown = shown_evidence(look);
    rollout.records.entry(look.rollout.state.ring).or_default().evidence = Some(shown);
}

pub(super) fn shown_evidence(look: &Look) -> api::fettle::RolloutEvidence {
    let (ring, seen) = (&look.plan.rings[look.rollout.state.ring], &look.seen);
    let shown = evidence(&ring.gates, &seen.tally, &seen.asked);
    let probe_command_id = look.rollout.probe.as_ref().map(ToString::to_string);
    api::fettle::RolloutEvidence { probe_command_id, ..shown }
}

fn halt(rollout: &mut Rollout, look: &Look, standing: Standing, reason: String) {
    if look.rollout.state.phase == Phase::Judging {
        keep_evidence(rollout, look);
    }
    rollout.state.standing = standing;
    rollout.reason = reason;
}

/// The next ring begins, with those that this one has not reached.
pub async fn promote(tx: &mut Tx, rollout: &mut Rollout, look: &Look) -> Result<(), ApiError> {
    let ring = rollout.state.ring;
    if rollout.state.phase == Phase::Judging {
        keep_evidence(rollout, look);
    }
    rollouts::fall_back(tx, &rollout.key, ring).await?;
    let state = &mut rollout.state;
    (state.standing, state.ring, state.phase) = (Standing::InProgress, ring + 1, Phase::Running);
    (state.ring_at, state.phase_at) = (look.now, look.now);
    rollout.records.insert(ring + 1, Record { began_at: look.now, ..Record::default() });
    rollout.reason = String::new();
    rollout.probe = None;
    Ok(())
}

/// Nothing begins any more; what has begun ends by itself.
pub async fn stop(
    tx: &mut Tx,
    rollout: &mut Rollout,
    look: &Look,
    reason: String,
) -> Result<Vec<NodeKey>, ApiError> {
    halt(rollout, look, Standing::Stopped, reason);
    end_rest(tx, &rollout.key, look.now).await
}

async fn end_rest(tx: &mut Tx, key: &CommandKey, now: Timestamp) -> Result<Vec<NodeKey>, ApiError> {
    let Some(mut command) = commands::find(tx, key).await? else { return Ok(Vec::new()) };
    invocations::end_held(tx, key, InvocationStatus::Terminated, now).await?;
    let woken = progress::advance_in(tx, &mut command, now).await?;
    commands::update_progress(tx, &command).await?;
    Ok(woken)
}

/// The note of it and its command are one transaction.
async fn begin_probe(
    ctx: &Ctx,
    tx: &mut Tx,
    rollout: &mut Rollout,
    prepared: &Prepared,
) -> Result<Vec<NodeKey>, ApiError> {
    let nodes = look::probed(tx, rollout, ctx.now).await?;
    let mut request = api::ssm::SendCommandRequest {
        document_name: prepared.found.reference.clone(),
        comment: Some(format!("probe of rollout {}", rollout.key.id)),
        instance_ids: Some(nodes.iter().map(|node| node.id.to_string()).collect()),
        timeout_seconds: Some(PROBE_SECONDS),
        max_concurrency: Some("100%".to_owned()),
        max_errors: Some("100%".to_owned()),
        ..Default::default()
    };
    let plan = super::begin::read(rollout)?;
    if let Some(probe) = &plan.rings[rollout.state.ring].gates.probe {
        request.parameters = Some(probe.parameters.clone());
        request.document_version.clone_from(&probe.version);
    }
    let origin = Origin::Request { begins_before: None };
    let (command, woken) = make::make(ctx, tx, prepared, (request, &origin), &nodes).await?;
    rollout.probe = Some(command.key.id);
    Ok(woken)
}
