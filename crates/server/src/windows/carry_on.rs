//! Carrying a run on: what its commands came to is taken in, what is next is started, cancelled or ended, what is over is closed.
//! A command and the note that it was sent are one transaction, so that nothing is sent twice or forgotten, whenever a server dies.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::Timestamp;
use api::ssm::CancelCommandRequest;
use domain::automation::{Status, StopKind};
use domain::ids::{AutomationExecutionId, CommandId, TaskInvocationId};
use domain::rollout::Limit;
use domain::window::{
    Act, ExecutionStatus, Piece, Run, RunNames, RunningTask, automation_request, command_request, next_acts,
    shown_parameters, webhook_call,
};
use store::Tx;
use store::automations::{self, AutomationKey, AutomationState};
use store::node_messages::NodeKey;
use store::window_executions::{
    self, CommandState, Execution, ExecutionKey, State, TaskExecution, TaskInvocation,
};

use super::ctx_of;
use crate::agents::retry;
use crate::app::App;
use crate::automations as runbooks;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::commands::{self, Order};

/// Of `StatusDetails`.
const MAX_DETAILS: usize = 250;
/// A run does no more steps at once than it has pieces of work: tasks that fail at once let the next ones start.
const MAX_STEPS: usize = 100;

/// What there is of a run.
#[derive(Clone, PartialEq)]
struct Loaded {
    execution: Execution,
    tasks: Vec<TaskExecution>,
    /// Per task, in their order.
    invocations: Vec<Vec<TaskInvocation>>,
}

/// Does all that is to be done now. Whether anything changed.
pub async fn carry_on(app: &Arc<App>, key: &ExecutionKey, now: Timestamp) -> Result<bool, ApiError> {
    let ctx = ctx_of(app, &key.account, &key.region, now);
    let mut changed = false;
    for _ in 0..MAX_STEPS {
        let Some(orders) = prepare(&ctx, key).await? else { break };
        if !retry(app, || step(&ctx, key, &orders)).await? {
            break;
        }
        changed = true;
    }
    for id in runbooks_to_stop(&ctx, key).await? {
        let key = AutomationKey { account: ctx.account.clone(), region: ctx.region.clone(), id };
        retry(app, || runbooks::ask_to_stop(&ctx, &key, StopKind::Cancel)).await?;
        changed = true;
    }
    for command in to_cancel(&ctx, key).await? {
        let request = CancelCommandRequest { command_id: command.to_string(), instance_ids: None };
        retry(app, || commands::cancel_command(&ctx, request.clone())).await?;
        changed = true;
    }
    Ok(changed)
}

/// The commands that are to be sent and the runbooks that are to be executed next, with their documents: read before
/// anything is locked.
type Orders = BTreeMap<TaskInvocationId, Result<Ready, String>>;

#[derive(Clone)]
enum Ready {
    Command(Box<Order>),
    Automation(Box<runbooks::Order>),
}

/// `None` when there is nothing to do: readers do not wait for the writer.
async fn prepare(ctx: &Ctx, key: &ExecutionKey) -> Result<Option<Orders>, ApiError> {
    let mut tx = ctx.store.read().await?;
    let Some(execution) = window_executions::find(&mut tx, key).await? else { return Ok(None) };
    if execution.state.finished_at.is_some() {
        return Ok(None);
    }
    let before = load(&mut tx, execution).await?;
    let mut loaded = before.clone();
    take_in(&mut loaded, &began(&mut tx, key).await?, ctx.now);
    drop(tx);
    let acts = next_acts(&loaded.run(), ctx.now);
    if acts.is_empty() {
        conclude(&mut loaded, ctx.now);
        return Ok((loaded != before).then(Orders::new));
    }
    let mut orders = Orders::new();
    for act in acts {
        let Act::Start { task, invocation } = act else { continue };
        let (task, invocation) = (&loaded.tasks[task], &loaded.invocations[task][invocation]);
        if invocation.plan.fault.is_none() && task.is_command() {
            let names = names(&loaded.execution, task, invocation);
            let request = command_request(&task.task, &invocation.plan, names);
            let order = refused(commands::prepare(ctx, request).await)?;
            let cutoff_at = loaded.execution.cutoff_at;
            let order = order.map(|order| Ready::Command(Box::new(order.begun_before(cutoff_at))));
            orders.insert(invocation.id.clone(), order);
        } else if invocation.plan.fault.is_none() && task.is_automation() {
            let names = names(&loaded.execution, task, invocation);
            let request = automation_request(&task.task, &invocation.plan, names);
            let order = refused(runbooks::prepare(ctx, request).await)?;
            orders.insert(invocation.id.clone(), order.map(|order| Ready::Automation(Box::new(order))));
        }
    }
    Ok(Some(orders))
}

/// A refusal of the request is the outcome of the work; a fault of ours is not.
fn refused<T>(outcome: Result<T, ApiError>) -> Result<Result<T, String>, ApiError> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.code.status < 500 => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// What the pseudo parameters stand for.
pub(super) fn names<'a>(
    execution: &'a Execution,
    task: &'a TaskExecution,
    invocation: &'a TaskInvocation,
) -> RunNames<'a> {
    RunNames {
        window_id: execution.window.as_str(),
        window_task_id: task.task.window_task_id.as_deref().unwrap_or_default(),
        execution_id: execution.key.id.as_str(),
        task_execution_id: task.id.as_str(),
        invocation_id: invocation.id.as_str(),
    }
}

/// One look and what follows from it, in one transaction.
async fn step(ctx: &Ctx, key: &ExecutionKey, orders: &Orders) -> Result<bool, ApiError> {
    let mut tx = ctx.store.write_by_locks().await?;
    let Some(execution) = window_executions::lock(&mut tx, key).await? else { return Ok(false) };
    if execution.state.finished_at.is_some() {
        return Ok(false);
    }
    let before = load(&mut tx, execution).await?;
    let mut loaded = before.clone();
    take_in(&mut loaded, &began(&mut tx, key).await?, ctx.now);
    let mut woken = Vec::new();
    for act in next_acts(&loaded.run(), ctx.now) {
        match act {
            Act::Start { task, invocation } => {
                let (task, invocation) = (&loaded.tasks[task], &mut loaded.invocations[task][invocation]);
                if task.is_command() || task.is_automation() || invocation.plan.fault.is_some() {
                    woken.extend(start(&mut tx, ctx, invocation, orders).await?);
                } else {
                    start_call(&loaded.execution, task, invocation, ctx.now);
                }
            }
            Act::Cancel { task, invocation } => {
                loaded.invocations[task][invocation].state.status = ExecutionStatus::Cancelling;
            }
            Act::End { task, invocation, status, reason } => {
                let invocation = &mut loaded.invocations[task][invocation];
                invocation.call_at = None;
                end(&mut invocation.state, status, reason.text(), ctx.now);
            }
        }
    }
    conclude(&mut loaded, ctx.now);
    if !write(&mut tx, &before, &loaded).await? {
        return Ok(false);
    }
    tx.commit().await?;
    woken.iter().for_each(|node| ctx.app.agents.hub.wake(node));
    Ok(true)
}

/// Sends the command; what cannot be sent has failed. Work that was not prepared waits for the next look.
async fn start(
    tx: &mut Tx,
    ctx: &Ctx,
    invocation: &mut TaskInvocation,
    orders: &Orders,
) -> Result<Vec<NodeKey>, ApiError> {
    let now = ctx.now;
    let order = match (&invocation.plan.fault, orders.get(&invocation.id)) {
        (Some(fault), _) => Err(fault.clone()),
        (None, Some(order)) => order.clone(),
        (None, None) => return Ok(Vec::new()),
    };
    invocation.state.started_at = Some(now);
    let placed = match order {
        Err(reason) => Err(reason),
        Ok(Ready::Command(order)) => {
            invocation.parameters = Some(shown_parameters(order.request()));
            let placed = refused(commands::place(ctx, tx, *order).await)?;
            placed.map(|placed| {
                invocation.command = Some(placed.id);
                placed.woken
            })
        }
        Ok(Ready::Automation(order)) => {
            invocation.parameters = Some(order.shown());
            let placed = refused(runbooks::place(ctx, tx, &order, None).await)?;
            placed.map(|id| {
                invocation.automation = Some(id);
                Vec::new()
            })
        }
    };
    match placed {
        Ok(woken) => {
            invocation.state.status = ExecutionStatus::InProgress;
            Ok(woken)
        }
        Err(reason) => {
            end(&mut invocation.state, ExecutionStatus::Failed, &reason, now);
            Ok(Vec::new())
        }
    }
}

/// The row says that a webhook is to be called; `call` does it.
fn start_call(execution: &Execution, task: &TaskExecution, invocation: &mut TaskInvocation, now: Timestamp) {
    let call = webhook_call(&task.task, &invocation.plan, names(execution, task, invocation));
    invocation.parameters = call.map(|call| call.shown);
    invocation.state.started_at = Some(now);
    invocation.state.status = ExecutionStatus::InProgress;
    invocation.call_at = Some(now);
}

pub(super) fn end(state: &mut State, status: ExecutionStatus, details: &str, now: Timestamp) {
    state.status = status;
    state.details = details.chars().take(MAX_DETAILS).collect();
    state.finished_at = Some(now);
}

/// The commands and the executions that the run began.
async fn began(
    tx: &mut Tx,
    key: &ExecutionKey,
) -> Result<(Vec<CommandState>, Vec<AutomationState>), ApiError> {
    let commands = window_executions::list_commands(tx, key).await?;
    let ids = window_executions::list_automations(tx, key).await?;
    let automations = automations::list_states(tx, (&key.account, &key.region), &ids).await?;
    Ok((commands, automations))
}

/// What an execution's state is for a run; its end, at least.
fn of_automation(status: Status) -> ExecutionStatus {
    match status {
        Status::Success => ExecutionStatus::Success,
        Status::Failed => ExecutionStatus::Failed,
        Status::TimedOut => ExecutionStatus::TimedOut,
        Status::Cancelled => ExecutionStatus::Cancelled,
        _ => ExecutionStatus::InProgress,
    }
}

/// What the commands and executions came to since the last look.
fn take_in(
    loaded: &mut Loaded,
    (commands, automations): &(Vec<CommandState>, Vec<AutomationState>),
    now: Timestamp,
) {
    for invocation in loaded.invocations.iter_mut().flatten().filter(|of| !of.state.status.is_terminal()) {
        if let Some(id) = &invocation.automation {
            let found = automations.iter().find(|automation| automation.id == *id);
            let status = found.map_or(ExecutionStatus::Failed, |found| of_automation(found.status));
            let unknown = "The execution is not known any more.".to_owned();
            let details = found.map_or(Some(unknown), |found| found.failure.clone());
            if status.is_terminal() {
                end(&mut invocation.state, status, &details.unwrap_or_default(), now);
            }
            continue;
        }
        let Some(id) = &invocation.command else { continue };
        let Some(command) = commands.iter().find(|command| command.id == *id) else {
            end(&mut invocation.state, ExecutionStatus::Failed, "The command is not known any more.", now);
            continue;
        };
        let status = ExecutionStatus::of_command(command.status);
        if status.is_terminal() {
            end(&mut invocation.state, status, command.status.as_str(), now);
        }
    }
}

/// Tasks and the run as a whole, by what is in them.
fn conclude(loaded: &mut Loaded, now: Timestamp) {
    let run = loaded.run();
    for ((task, running), invocations) in loaded.tasks.iter_mut().zip(&run.tasks).zip(&loaded.invocations) {
        if task.state.finished_at.is_some() {
            continue;
        }
        task.state.status = run.status_of(running, now);
        task.state.started_at = invocations.iter().filter_map(|of| of.state.started_at).min();
        if running.is_over() {
            task.state.finished_at = Some(now);
            task.state.details = reason(invocations.iter().map(|of| &of.state), task.state.status);
        }
    }
    let state = &mut loaded.execution.state;
    let statuses: Vec<ExecutionStatus> = loaded.tasks.iter().map(|task| task.state.status).collect();
    state.status = ExecutionStatus::of_parts(&statuses);
    if run.is_over() {
        state.finished_at = Some(now);
        state.details = reason(loaded.tasks.iter().map(|task| &task.state), state.status);
    }
}

/// Of the first part that made the whole what it is; a success needs none.
fn reason<'a>(mut parts: impl Iterator<Item = &'a State>, whole: ExecutionStatus) -> String {
    if whole == ExecutionStatus::Success {
        return String::new();
    }
    let part = parts.find(|part| part.status == whole && !part.details.is_empty());
    part.map(|part| part.details.clone()).unwrap_or_default()
}

/// Writes what is different; whether anything is.
async fn write(tx: &mut Tx, before: &Loaded, after: &Loaded) -> Result<bool, ApiError> {
    let key = &after.execution.key;
    let mut changed = false;
    for (before, after) in before.invocations.iter().flatten().zip(after.invocations.iter().flatten()) {
        if before != after {
            window_executions::update_invocation(tx, key, after).await?;
            changed = true;
        }
    }
    for (before, after) in before.tasks.iter().zip(&after.tasks) {
        if before != after {
            window_executions::update_task(tx, key, after).await?;
            changed = true;
        }
    }
    if before.execution != after.execution {
        window_executions::update(tx, &after.execution).await?;
        changed = true;
    }
    Ok(changed)
}

async fn load(tx: &mut Tx, execution: Execution) -> Result<Loaded, ApiError> {
    let tasks = window_executions::list_tasks(tx, &execution.key).await?;
    let all = window_executions::list_invocations(tx, &execution.key).await?;
    let of = |task: &TaskExecution| all.iter().filter(|of| of.task == task.id).cloned().collect();
    let invocations = tasks.iter().map(of).collect();
    Ok(Loaded { execution, tasks, invocations })
}

impl Loaded {
    /// As `domain` decides about it.
    fn run(&self) -> Run {
        let tasks = self.tasks.iter().zip(&self.invocations).map(|(task, invocations)| RunningTask {
            priority: task.task.priority.unwrap_or_default(),
            // A webhook that is being called cannot be told to stop.
            cancels_at_cutoff: (task.is_command() || task.is_automation())
                && task.task.cutoff_behavior
                    == Some(api::ssm::MaintenanceWindowTaskCutoffBehavior::CancelTask),
            // A command has the limit for itself, and there is one after the other.
            max_concurrency: if task.is_command() {
                Limit::Count(1)
            } else {
                limit(task.task.max_concurrency.as_deref(), 1)
            },
            max_errors: limit(task.task.max_errors.as_deref(), 0),
            invocations: invocations
                .iter()
                .map(|of| Piece { batch: of.plan.batch, status: of.state.status })
                .collect(),
        });
        Run {
            tasks: tasks.collect(),
            cutoff_at: self.execution.cutoff_at,
            ends_at: self.execution.ends_at,
            is_cancelled: self.execution.cancelled_at.is_some(),
        }
    }
}

/// As registered, which the model checked; a task without targets has none, and one piece of work.
fn limit(registered: Option<&str>, otherwise: u32) -> Limit {
    registered.and_then(|limit| limit.parse().ok()).unwrap_or(Limit::Count(otherwise))
}

/// Executions that are to stop; one that was told before hears nothing new.
async fn runbooks_to_stop(ctx: &Ctx, key: &ExecutionKey) -> Result<Vec<AutomationExecutionId>, ApiError> {
    let mut tx = ctx.store.read().await?;
    let invocations = window_executions::list_invocations(&mut tx, key).await?;
    let (_, states) = began(&mut tx, key).await?;
    let is_to_stop = |of: &&TaskInvocation| of.state.status == ExecutionStatus::Cancelling;
    let ids = invocations.iter().filter(is_to_stop).filter_map(|of| of.automation.clone());
    let is_going_on = |id: &AutomationExecutionId| {
        let found = states.iter().find(|state| state.id == *id);
        found.is_some_and(|state| !state.status.is_terminal() && state.status != Status::Cancelling)
    };
    Ok(ids.filter(is_going_on).collect())
}

/// Commands that are to stop and have not been told: those of the run whose row says so.
async fn to_cancel(ctx: &Ctx, key: &ExecutionKey) -> Result<Vec<CommandId>, ApiError> {
    let mut tx = ctx.store.read().await?;
    let invocations = window_executions::list_invocations(&mut tx, key).await?;
    let commands = window_executions::list_commands(&mut tx, key).await?;
    let open = commands.into_iter().filter(|command| !command.is_cancelled && !command.status.is_terminal());
    let is_to_stop = |command: &CommandState| {
        invocations.iter().any(|of| {
            of.state.status == ExecutionStatus::Cancelling && of.command.as_ref() == Some(&command.id)
        })
    };
    Ok(open.filter(is_to_stop).map(|command| command.id).collect())
}
