//! Going on with an execution: what its commands and executions came to is taken in, what is next is done, and how far it
//! came is written down. What is started and the note that it was are one transaction, so that nothing is done twice or
//! forgotten, whenever a server dies.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::Timestamp;
use api::ssm::CancelCommandRequest;
use domain::automation::{Act, Failure, Next, Outcome, Settled, Status, StepRun, StopKind, Work};
use domain::automation::{automation, command, commanded, executed};
use domain::ids::{AutomationExecutionId, CommandId};
use store::Tx;
use store::automations::{self, Automation, AutomationKey};
use store::commands::{CommandKey, find as find_command};
use store::node_messages::NodeKey;
use store::{invocations, step_results};

use super::loaded::Loaded;
use super::{begin, ctx_of};
use crate::agents::retry;
use crate::app::App;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::permission::authorise;
use crate::operations::{Service, commands};

/// Of one look: steps that need nobody follow one another without one.
const MAX_LOOKS: usize = 100;
/// Executions that start executions that start executions.
const MOST_LEVELS: usize = 10;
/// Of a command's output.
const MAX_OUTPUT: usize = 2500;

/// Read or done before anything is locked; by the place of the step.
type Prepared = BTreeMap<usize, Result<Ready, String>>;

#[derive(Clone)]
enum Ready {
    Command(Box<commands::Order>),
    Execution(Box<begin::Order>),
    /// Of an execution with targets: what it runs is known.
    ForTarget,
    Stopped,
}

/// Does all that is to be done now. Whether there was anything.
pub async fn carry_on(app: &Arc<App>, key: &AutomationKey, now: Timestamp) -> Result<bool, ApiError> {
    let mut changed = false;
    for _ in 0..MAX_LOOKS {
        let Some(prepared) = prepare(app, key, now).await? else { break };
        changed = true;
        if !retry(app, || step(app, key, &prepared, now)).await? {
            break;
        }
    }
    Ok(changed)
}

/// `None` when it is over.
async fn prepare(app: &Arc<App>, key: &AutomationKey, now: Timestamp) -> Result<Option<Prepared>, ApiError> {
    let mut tx = app.store().read().await?;
    let Some(mut loaded) = Loaded::find(&mut tx, key).await? else { return Ok(None) };
    if loaded.automation.finished_at.is_some() {
        return Ok(None);
    }
    let mut prepared = Prepared::new();
    take_in(&mut tx, &mut loaded, &prepared, now).await?;
    let Next::Do(acts) = loaded.next(now) else { return Ok(Some(prepared)) };
    let levels = levels(&mut tx, &loaded.automation).await?;
    drop(tx);
    let ctx = ctx_of(app, &loaded.automation, now);
    for act in acts {
        let (place, ready) = match act {
            Act::Stop(place) => (place, stop(&ctx, &loaded.steps[place]).await?.map(|()| Ready::Stopped)),
            Act::Start(place) if loaded.automation.progress.rollout.is_some() => {
                (place, Ok(Ready::ForTarget))
            }
            Act::Start(place) => (place, ready(&ctx, &loaded.steps[place], levels).await?),
        };
        prepared.insert(place, ready);
    }
    Ok(Some(prepared))
}

/// How many executions this one stands under, itself included.
async fn levels(tx: &mut Tx, automation: &Automation) -> Result<usize, ApiError> {
    let mut parent = automation.parent.clone();
    let mut levels = 1;
    while let Some(id) = parent.take().filter(|_| levels < MOST_LEVELS) {
        levels += 1;
        let key = AutomationKey { id, ..automation.key.clone() };
        parent = automations::find(tx, &key).await?.and_then(|above| above.parent);
    }
    Ok(levels)
}

/// A refusal of what a step asks for is its outcome; a fault of ours is not.
fn refused<T>(outcome: Result<T, ApiError>) -> Result<Result<T, String>, ApiError> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.code.status < 500 => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

async fn ready(ctx: &Ctx, step: &StepRun, levels: usize) -> Result<Result<Ready, String>, ApiError> {
    if step.action == domain::automation::Action::RunCommand.as_str() {
        let request = match command(&step.inputs) {
            Ok(request) => request,
            Err(reason) => return Ok(Err(reason)),
        };
        let body = api::encode(&request);
        if let Err(reason) = refused(authorise(ctx, Service::Ssm, "SendCommand", &body).await)? {
            return Ok(Err(reason));
        }
        let order = refused(commands::prepare(ctx, request).await)?;
        return Ok(order.map(|order| Ready::Command(Box::new(order))));
    }
    if levels >= MOST_LEVELS {
        return Ok(Err(format!(
            "executions start one another {MOST_LEVELS} levels deep, which is the limit"
        )));
    }
    let request = match automation(&step.inputs) {
        Ok(request) => request,
        Err(reason) => return Ok(Err(reason)),
    };
    let body = api::encode(&request);
    if let Err(reason) = refused(authorise(ctx, Service::Ssm, "StartAutomationExecution", &body).await)? {
        return Ok(Err(reason));
    }
    let order = refused(begin::prepare(ctx, request).await)?;
    Ok(order.map(|order| Ready::Execution(Box::new(order))))
}

/// Tells what the step started to stop. Whoever is told twice hears nothing new; what is gone has stopped.
async fn stop(ctx: &Ctx, step: &StepRun) -> Result<Result<(), String>, ApiError> {
    let outcome = match &step.work {
        Work::Command(id) => {
            let request = CancelCommandRequest { command_id: id.to_string(), instance_ids: None };
            retry(&ctx.app, || commands::cancel_command(ctx, request.clone())).await.map(drop)
        }
        Work::Execution(id) => retry(&ctx.app, || stop_execution(ctx, id)).await,
        _ => Ok(()),
    };
    refused(outcome).map(|_| Ok(()))
}

async fn stop_execution(ctx: &Ctx, id: &AutomationExecutionId) -> Result<(), ApiError> {
    let key = AutomationKey { account: ctx.account.clone(), region: ctx.region.clone(), id: id.clone() };
    ask_to_stop(ctx, &key, StopKind::Cancel).await.map(drop)
}

/// `None` when there is no such execution; false when it had ended before.
pub async fn ask_to_stop(ctx: &Ctx, key: &AutomationKey, kind: StopKind) -> Result<Option<bool>, ApiError> {
    let mut tx = ctx.store.write_by_locks().await?;
    let Some(mut automation) = automations::lock(&mut tx, key).await? else { return Ok(None) };
    if !automation.progress.ask_to_stop(kind) {
        return Ok(Some(false));
    }
    automation.due_at = Some(ctx.now);
    automations::update(&mut tx, &automation).await?;
    tx.commit().await?;
    Ok(Some(true))
}

/// One look and what follows from it, in one transaction. Whether more may follow at once.
async fn step(
    app: &Arc<App>,
    key: &AutomationKey,
    prepared: &Prepared,
    now: Timestamp,
) -> Result<bool, ApiError> {
    let mut tx = app.store().write_by_locks().await?;
    let Some(mut loaded) = Loaded::lock(&mut tx, key).await? else { return Ok(false) };
    if loaded.automation.finished_at.is_some() {
        return Ok(false);
    }
    take_in(&mut tx, &mut loaded, prepared, now).await?;
    let ctx = ctx_of(app, &loaded.automation, now);
    let mut woken = Vec::new();
    let goes_on = match loaded.next(now) {
        Next::Wait(at) => {
            loaded.automation.due_at = at;
            false
        }
        Next::Over => {
            loaded.automation.due_at = None;
            loaded.automation.finished_at = Some(now);
            false
        }
        Next::Do(acts) => {
            for act in acts {
                let (Act::Start(place) | Act::Stop(place)) = act;
                // What was not prepared waits for the next look.
                let Some(ready) = prepared.get(&place) else { continue };
                woken.extend(perform(&ctx, &mut tx, &mut loaded, (act, ready)).await?);
            }
            loaded.automation.due_at = Some(now);
            true
        }
    };
    loaded.save(&mut tx).await?;
    tx.commit().await?;
    woken.iter().for_each(|node| app.agents.hub.wake(node));
    Ok(goes_on)
}

async fn perform(
    ctx: &Ctx,
    tx: &mut Tx,
    loaded: &mut Loaded,
    (act, ready): (Act, &Result<Ready, String>),
) -> Result<Vec<NodeKey>, ApiError> {
    let now = ctx.now;
    let mut woken = Vec::new();
    let begun = match (act, ready) {
        (Act::Stop(place), Ok(Ready::Stopped)) => {
            loaded.settle(place, Outcome::Stopped, now);
            return Ok(woken);
        }
        (_, Ok(Ready::Stopped)) | (Act::Stop(_), _) => return Ok(woken),
        (_, Err(reason)) => Err(reason.clone()),
        (_, Ok(Ready::Command(order))) => {
            let placed = refused(commands::place(ctx, tx, order.as_ref().clone()).await)?;
            placed.map(|placed| {
                woken = placed.woken;
                Work::Command(placed.id)
            })
        }
        (_, Ok(Ready::Execution(order))) => {
            let parent = loaded.automation.key.id.clone();
            refused(begin::place(ctx, tx, order, Some(&parent)).await)?.map(Work::Execution)
        }
        (Act::Start(place), Ok(Ready::ForTarget)) => {
            let automation = loaded.automation.clone();
            let child = begin::place_for_target(ctx, tx, &automation, (&loaded.runbook, place)).await;
            refused(child)?.map(Work::Execution)
        }
    };
    let Act::Start(place) = act else { return Ok(woken) };
    match begun {
        Ok(work) => loaded.started(place, work, now),
        Err(reason) => {
            let outcome = Outcome::Failed(Failure::of_action(reason), Settled::default());
            loaded.settle(place, outcome, now);
        }
    }
    Ok(woken)
}

/// What the commands and the executions that were started came to, but for those that were told to stop.
async fn take_in(
    tx: &mut Tx,
    loaded: &mut Loaded,
    prepared: &Prepared,
    now: Timestamp,
) -> Result<(), ApiError> {
    loaded.heed(now);
    let open = |step: &StepRun| !step.status.is_terminal() && step.status != Status::Cancelling;
    let is_stopped = |place: &usize| matches!(prepared.get(place), Some(Ok(Ready::Stopped)));
    let mut executions: Vec<(usize, AutomationExecutionId)> = Vec::new();
    let mut outcomes: Vec<(usize, Outcome)> = Vec::new();
    for (place, step) in loaded.steps.iter().enumerate() {
        if !open(step) || is_stopped(&place) {
            continue;
        }
        match &step.work {
            Work::Execution(id) => executions.push((place, id.clone())),
            Work::Command(id) => {
                let key = CommandKey {
                    account: loaded.automation.key.account.clone(),
                    region: loaded.automation.key.region.clone(),
                    id: id.clone(),
                };
                outcomes.extend(outcome_of_command(tx, &key).await?.map(|outcome| (place, outcome)));
            }
            _ => {}
        }
    }
    let scope = (&loaded.automation.key.account, &loaded.automation.key.region);
    let ids: Vec<AutomationExecutionId> = executions.iter().map(|(_, id)| id.clone()).collect();
    let states = automations::list_states(tx, scope, &ids).await?;
    for (place, id) in executions {
        let outcome = match states.iter().find(|state| state.id == id) {
            Some(state) if !state.status.is_terminal() => continue,
            Some(state) => executed(&id, state.status, &state.outputs),
            None => lost("execution"),
        };
        outcomes.push((place, outcome));
    }
    for (place, outcome) in outcomes {
        loaded.settle(place, outcome, now);
    }
    Ok(())
}

fn lost(what: &str) -> Outcome {
    Outcome::Failed(Failure::of_action(format!("the {what} is not known any more")), Settled::default())
}

/// `None` while it goes on.
async fn outcome_of_command(tx: &mut Tx, key: &CommandKey) -> Result<Option<Outcome>, ApiError> {
    let Some(command) = find_command(tx, key).await? else { return Ok(Some(lost("command"))) };
    if !command.status.is_terminal() {
        return Ok(None);
    }
    let id: &CommandId = &key.id;
    let ([step], 1) = (command.steps.as_slice(), command.counters.targets) else {
        return Ok(Some(commanded(id, command.status, (None, None))));
    };
    let found = invocations::list_of_command(tx, key, (None, None), None, 1).await?;
    let Some(invocation) = found.into_iter().next() else {
        return Ok(Some(commanded(id, command.status, (None, None))));
    };
    let results = step_results::list(tx, &invocation.key).await?;
    let result = results.get(&step.name);
    let output = result.map(|result| result.output.chars().take(MAX_OUTPUT).collect::<String>());
    Ok(Some(commanded(id, command.status, (result.map(|result| result.code), output.as_deref()))))
}
