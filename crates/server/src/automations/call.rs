//! Calling what a step calls, an operation of this server, a webhook or a script: claimed as a row first, called then, and the answer
//! written down. A server that dies in between leaves a claim that runs out: what only reads, and what can be told from its
//! repetition, is called again; of anything else nobody knows whether it was done, and the step says so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::Timestamp;
use domain::automation::{
    Action, Failure, FailureType, Invocation, Outcome, Settled, Stage, Step, StepRun, Work, answered, called,
    invocation,
};
use serde_json::Value;
use store::automations::{Automation, AutomationKey};

use super::carry_on::carry_on;
use super::ctx_of;
use super::loaded::Loaded;
use super::run_script;
use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;
use crate::operations::{Service, dispatch};
use crate::webhooks::ANSWER_TIMEOUT;

/// Of one operation.
const CALL_TIMEOUT: Duration = Duration::from_secs(25);
/// Beyond the time that the calls of a step may take: who holds a claim then has an answer, or has died.
const SPARE: Duration = Duration::from_secs(10);

/// For how long a step is claimed.
fn claim_seconds(invocation: &Invocation) -> i64 {
    let longest = match invocation {
        Invocation::Calls(calls) => {
            CALL_TIMEOUT.saturating_mul(u32::try_from(calls.len()).unwrap_or(u32::MAX))
        }
        // For the beginning of the answer, and for the rest of it.
        Invocation::Webhook(_) => 2 * ANSWER_TIMEOUT,
        Invocation::Script(_) => return run_script::CLAIM_SECONDS,
    };
    i64::try_from((longest + SPARE).as_secs()).unwrap_or(i64::MAX)
}

/// What this server is to call now.
pub struct Claimed {
    pub(super) automation: Automation,
    pub(super) place: usize,
    step: StepRun,
    /// How the claim is told from a later one.
    pub(super) until: Timestamp,
    /// When the attempt has taken too long.
    pub(super) ends_at: Option<Timestamp>,
    pub(super) invocation: Invocation,
}

impl Claimed {
    /// Neither another claim nor the end of the step came in between.
    pub(super) fn is_ours(&self, loaded: &Loaded) -> bool {
        loaded.steps.get(self.place).is_some_and(|step| {
            matches!(step.work, Work::Call { due_at, is_claimed: true, .. } if due_at == self.until)
                && !step.status.is_terminal()
        })
    }
}

/// `None` when somebody else has it, or nothing is to be called any more.
pub async fn claim(
    app: &App,
    (key, place): (&AutomationKey, usize),
    now: Timestamp,
) -> Result<Option<Claimed>, ApiError> {
    retry(app, || async {
        let mut tx = app.store().write_by_locks().await?;
        let Some(mut loaded) = Loaded::lock(&mut tx, key).await? else { return Ok(None) };
        let Some(step) = loaded.steps.get(place).cloned() else { return Ok(None) };
        let Work::Call { due_at, is_claimed, looks } = step.work else { return Ok(None) };
        if due_at > now || step.call_at().is_none() {
            return Ok(None);
        }
        let action = Action::ALL.into_iter().find(|action| action.as_str() == step.action);
        let made = match action {
            Some(action) => invocation(action, &step.inputs),
            None => Err(format!("{} calls nothing", step.action)),
        };
        let claimed = match made {
            Ok(invocation) if !is_claimed || invocation.is_repeatable() => {
                let until = now.plus_seconds(claim_seconds(&invocation));
                loaded.steps[place].work = Work::Call { due_at: until, is_claimed: true, looks };
                Some((invocation, until))
            }
            Ok(_) => {
                loaded.settle(place, interrupted(), now);
                None
            }
            Err(reason) => {
                loaded.settle(place, Outcome::Failed(Failure::of_inputs(reason), Settled::default()), now);
                None
            }
        };
        if claimed.is_none() {
            loaded.automation.due_at = Some(now);
        }
        loaded.save(&mut tx).await?;
        tx.commit().await?;
        let seconds = loaded.runbook.step(&step.name).and_then(Step::timeout);
        let ends_at = step.attempt_at.zip(seconds).map(|(began, seconds)| began.plus_seconds(seconds));
        let automation = loaded.automation;
        Ok(claimed.map(|(invocation, until)| Claimed { automation, place, step, until, ends_at, invocation }))
    })
    .await
}

pub(super) fn interrupted() -> Outcome {
    let message =
        "the server stopped before the step ended; whether what it calls was carried out is not known";
    Outcome::Failed(Failure::new(Stage::Invocation, FailureType::Internal, message), Settled::default())
}

/// Calls it, writes down what came of it, and goes on. `now` is when it was claimed.
pub async fn carry_out(app: &Arc<App>, mut claimed: Claimed, now: Timestamp) -> Result<(), ApiError> {
    let began = Instant::now();
    let outcome = match &claimed.invocation {
        Invocation::Script(script) => {
            let script = script.clone();
            match run_script::run(app, &mut claimed, &script, now).await? {
                Some(outcome) => Answer::Script(outcome),
                None => return Ok(()),
            }
        }
        Invocation::Calls(calls) => {
            let mut answer = Ok(Value::Null);
            for call in calls {
                answer = operation(app, &claimed.automation, call, now).await;
                if answer.is_err() {
                    break;
                }
            }
            Answer::Operation(answer)
        }
        Invocation::Webhook(call) => {
            // The same for every call of one attempt, so that its receiver can tell a repetition.
            let id = claimed.step.id.as_ref().map(|id| format!("{id}-{}", claimed.step.attempts));
            Answer::Webhook(app.webhooks.ask(call, &id.unwrap_or_default()).await)
        }
    };
    let passed = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let now = now.plus_millis(passed);
    let outcome = match outcome {
        Answer::Operation(answer) => answered(&claimed.step, answer, now),
        Answer::Webhook(answer) => called(&claimed.step, answer),
        Answer::Script(outcome) => outcome,
    };
    retry(app, || settle(app, &claimed, &outcome, now)).await?;
    carry_on(app, &claimed.automation.key, now).await.map(drop)
}

enum Answer {
    Operation(Result<Value, (String, String)>),
    Webhook(Result<(u16, String), String>),
    Script(Outcome),
}

/// As a client with the rights of who started the execution.
pub(super) async fn operation(
    app: &Arc<App>,
    automation: &Automation,
    call: &domain::automation::ApiCall,
    now: Timestamp,
) -> Result<Value, (String, String)> {
    let ctx = ctx_of(app, automation, now);
    let service = if call.service == "fettle" { Service::Fettle } else { Service::Ssm };
    let body = call.body.to_string().into_bytes();
    let answer = tokio::time::timeout(CALL_TIMEOUT, dispatch(&ctx, service, call.operation, &body)).await;
    match answer {
        Err(_) => {
            let seconds = CALL_TIMEOUT.as_secs();
            Err(("RequestTimeout".to_owned(), format!("it took longer than {seconds} seconds")))
        }
        Ok(Err(error)) => {
            if error.code.status >= 500 {
                tracing::error!(operation = call.operation, error = %error.chain(), "a step's call failed");
            }
            Err((error.code.name.to_owned(), error.message))
        }
        Ok(Ok(bytes)) => serde_json::from_slice(&bytes)
            .map_err(|error| ("InternalServerError".to_owned(), format!("the answer is not JSON: {error}"))),
    }
}

async fn settle(app: &App, claimed: &Claimed, outcome: &Outcome, now: Timestamp) -> Result<(), ApiError> {
    let mut tx = app.store().write_by_locks().await?;
    let Some(mut loaded) = Loaded::lock(&mut tx, &claimed.automation.key).await? else { return Ok(()) };
    if !claimed.is_ours(&loaded) {
        return Ok(());
    }
    loaded.settle(claimed.place, outcome.clone(), now);
    loaded.automation.due_at = Some(now);
    loaded.save(&mut tx).await?;
    Ok(tx.commit().await?)
}
