//! Calling the webhook of a piece of work: claimed as a row first, called then, and the answer written down.
//! A server that dies in between leaves a claim that runs out; another call follows, with the same idempotency key.

use std::sync::Arc;
use std::time::Instant;

use api::Timestamp;
use domain::ids::TaskInvocationId;
use domain::window::{ExecutionStatus, Reason, WebhookCall, webhook_call};
use store::Tx;
use store::window_executions::{self, Execution, ExecutionKey, TaskExecution, TaskInvocation};

use super::carry_on::{end, names};
use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;
use crate::webhooks::{ANSWER_TIMEOUT, Answer};

/// Longer than a call takes: who holds a claim has an answer, or has died.
const CLAIM_SECONDS: i64 = ANSWER_TIMEOUT.as_secs() as i64 + 30;

/// A webhook that this server is to call now.
pub struct Claimed {
    key: ExecutionKey,
    id: TaskInvocationId,
    /// How the claim is told from a later one.
    until: Timestamp,
    call: WebhookCall,
}

/// A piece of work with what it belongs to, which nobody else changes until the transaction ends.
struct Found {
    execution: Execution,
    task: TaskExecution,
    invocation: TaskInvocation,
}

async fn lock(tx: &mut Tx, key: &ExecutionKey, id: &TaskInvocationId) -> Result<Option<Found>, ApiError> {
    let Some(execution) = window_executions::lock(tx, key).await? else { return Ok(None) };
    let Some(invocation) = window_executions::find_invocation(tx, key, id).await? else { return Ok(None) };
    let tasks = window_executions::list_tasks(tx, key).await?;
    let task = tasks.into_iter().find(|task| task.id == invocation.task);
    Ok(task.map(|task| Found { execution, task, invocation }))
}

/// `None` when somebody else has it, or nothing is to be called any more.
pub async fn claim(
    app: &App,
    key: &ExecutionKey,
    id: &TaskInvocationId,
    now: Timestamp,
) -> Result<Option<Claimed>, ApiError> {
    retry(app, || async {
        let mut tx = app.store().write_by_locks().await?;
        let Some(Found { execution, task, mut invocation }) = lock(&mut tx, key, id).await? else {
            return Ok(None);
        };
        if invocation.call_at.is_none_or(|at| at > now) {
            return Ok(None);
        }
        let is_first = invocation.call_at == invocation.state.started_at;
        let call = webhook_call(&task.task, &invocation.plan, names(&execution, &task, &invocation));
        let until = now.plus_seconds(CLAIM_SECONDS);
        let claimed = match (invocation.state.status, call) {
            (ExecutionStatus::InProgress, Some(_)) if is_first && now >= execution.cutoff_at => {
                end(&mut invocation.state, ExecutionStatus::TimedOut, Reason::CutOff.text(), now);
                None
            }
            (ExecutionStatus::InProgress, Some(call)) => Some(call),
            (ExecutionStatus::InProgress, None) => {
                end(&mut invocation.state, ExecutionStatus::Failed, "The task names no webhook.", now);
                None
            }
            (ExecutionStatus::Cancelling, _) => {
                end(&mut invocation.state, ExecutionStatus::Cancelled, Reason::Cancelled.text(), now);
                None
            }
            // It has ended meanwhile.
            _ => None,
        };
        invocation.call_at = claimed.is_some().then_some(until);
        window_executions::update_invocation(&mut tx, key, &invocation).await?;
        tx.commit().await?;
        Ok(claimed.map(|call| Claimed { key: key.clone(), id: id.clone(), until, call }))
    })
    .await
}

/// Calls it and writes down what came of it. `now` is when it was claimed.
pub async fn carry_out(app: &Arc<App>, claimed: Claimed, now: Timestamp) -> Result<(), ApiError> {
    let began = Instant::now();
    let answer = app.webhooks.call(&claimed.call, claimed.id.as_str()).await;
    let passed = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let now = now.plus_millis(passed);
    retry(app, || settle(app, &claimed, &answer, now)).await
}

async fn settle(app: &App, claimed: &Claimed, answer: &Answer, now: Timestamp) -> Result<(), ApiError> {
    let mut tx = app.store().write_by_locks().await?;
    let Some(Found { mut invocation, .. }) = lock(&mut tx, &claimed.key, &claimed.id).await? else {
        return Ok(());
    };
    // Another claim, or the end of the window, came before.
    if invocation.call_at != Some(claimed.until) {
        return Ok(());
    }
    let (status, details) = match answer {
        Answer::Accepted => (ExecutionStatus::Success, ""),
        Answer::Refused(reason) => (ExecutionStatus::Failed, reason.as_str()),
        Answer::Silent(reason) => (ExecutionStatus::TimedOut, reason.as_str()),
    };
    end(&mut invocation.state, status, details, now);
    invocation.call_at = None;
    window_executions::update_invocation(&mut tx, &claimed.key, &invocation).await?;
    Ok(tx.commit().await?)
}
