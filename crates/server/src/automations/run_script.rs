//! A step's script while it runs: its claim is renewed, and it is killed as soon as nobody waits for it any more. A server
//! that dies leaves a claim that runs out soon; a script that can have changed nothing is then run again.
//! Source: systems-manager.md 7.2, aws:executeScript.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::Timestamp;
use domain::automation::{ApiCall, Ended, Outcome, ScriptCall, Source, Work, scripted};
use script::protocol::{self, Answer, Call, Limits, Request};
use serde_json::Value;
use store::automations::Automation;

use super::call::{Claimed, interrupted, operation};
use super::ctx_of;
use super::loaded::Loaded;
use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;
use crate::operations::documents::scripts::MOST_ATTACHED_BYTES;
use crate::operations::documents::{self, attachments};
use crate::scripts::{MEMORY_BYTES, ScriptError};

/// For how long a step is claimed without a word of who runs it.
pub const CLAIM_SECONDS: i64 = 30;
/// A claim with less left than this is renewed.
const RENEW_SECONDS: i64 = 20;
/// Whether somebody still waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// `None` where nobody waits for the outcome: the step was stopped, or goes to another server.
pub async fn run(
    app: &Arc<App>,
    claimed: &mut Claimed,
    call: &ScriptCall,
    now: Timestamp,
) -> Result<Option<Outcome>, ApiError> {
    let began = Instant::now();
    let at = move || now.plus_millis(i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX));
    let automation = claimed.automation.clone();
    let left = claimed.ends_at.map_or(0, |end| end.millis_since(now).max(0));
    let left = Duration::from_millis(u64::try_from(left).unwrap_or_default());
    let mut running = pin!(tokio::time::timeout(left, outcome(app, &automation, (call, left), now)));
    loop {
        let ended = tokio::time::timeout(LOOK_EVERY, &mut running).await;
        if let Ok(ended) = ended {
            return Ok(Some(ended.unwrap_or_else(|_| too_long())));
        }
        if !is_awaited(app, claimed, at()).await? {
            return Ok(None);
        }
    }
}

fn too_long() -> Outcome {
    scripted(Ended::TimedOut("the script took longer than its time and was ended".to_owned()), "")
}

/// Looks whether the step is still this server's, and keeps it so.
async fn is_awaited(app: &Arc<App>, claimed: &mut Claimed, now: Timestamp) -> Result<bool, ApiError> {
    let stops = app.is_shutting_down();
    if !stops {
        let mut tx = app.store().read_each().await?;
        let loaded = Loaded::find(&mut tx, &claimed.automation.key).await?;
        if !loaded.is_some_and(|loaded| claimed.is_ours(&loaded)) {
            return Ok(false);
        }
        if claimed.until.millis_since(now) > RENEW_SECONDS * 1000 {
            return Ok(true);
        }
    }
    let until = now.plus_seconds(CLAIM_SECONDS);
    let held: &Claimed = claimed;
    let is_ours = retry(app, || async {
        let mut tx = app.store().write_by_locks().await?;
        let Some(mut loaded) = Loaded::lock(&mut tx, &held.automation.key).await? else { return Ok(false) };
        if !held.is_ours(&loaded) {
            return Ok(false);
        }
        match (stops, held.invocation.is_repeatable()) {
            (true, false) => {
                loaded.settle(held.place, interrupted(), now);
                loaded.automation.due_at = Some(now);
            }
            (stops, _) => {
                let Work::Call { looks, .. } = loaded.steps[held.place].work else { return Ok(false) };
                let due_at = if stops { now } else { until };
                loaded.steps[held.place].work = Work::Call { due_at, is_claimed: !stops, looks };
            }
        }
        loaded.save(&mut tx).await?;
        tx.commit().await?;
        Ok(true)
    })
    .await?;
    claimed.until = until;
    Ok(is_ours && !stops)
}

async fn outcome(
    app: &Arc<App>,
    automation: &Automation,
    (call, left): (&ScriptCall, Duration),
    now: Timestamp,
) -> Outcome {
    let text = match &call.source {
        Source::Text(text) => text.clone(),
        Source::Attachment(name) => match attached(app, automation, name, now).await {
            Ok(text) => text,
            Err(reason) => return scripted(Ended::Failed(reason), ""),
        },
    };
    let request = Request {
        script: text,
        handler: Some(call.handler.clone()),
        events: call.events.clone(),
        context: context(automation, now),
        // The step's own time is over before that, and says so.
        limits: Limits { memory_bytes: MEMORY_BYTES, cpu_seconds: left.as_secs().saturating_add(2) },
    };
    let ask = |call: Call| answer(app, automation, call);
    match app.scripts.run(&request, ask).await {
        Ok(done) => {
            let ended = match done.outcome {
                protocol::Outcome::Returned(value) => Ended::Returned(value),
                protocol::Outcome::Failed(failure) => Ended::Failed(failure.message),
                protocol::Outcome::Read => Ended::Broken("the interpreter read the script only".to_owned()),
            };
            scripted(ended, &done.output)
        }
        Err(error @ (ScriptError::Memory | ScriptError::Time)) => {
            scripted(Ended::Failed(error.to_string()), "")
        }
        Err(error) => {
            tracing::warn!(%error, "a script could not be run");
            scripted(Ended::Broken(error.to_string()), "")
        }
    }
}

/// What a handler's second parameter is.
fn context(automation: &Automation, now: Timestamp) -> Value {
    let key = &automation.key;
    let names = domain::automation::Names {
        account: key.account.as_str(),
        region: key.region.as_str(),
        execution_id: key.id.as_str(),
    };
    Value::Object(names.all(now))
}

/// A file of the version of the runbook that is run. The reason, where it cannot be had.
async fn attached(
    app: &Arc<App>,
    automation: &Automation,
    name: &str,
    now: Timestamp,
) -> Result<String, String> {
    let ctx = ctx_of(app, automation, now);
    let (document, version) = (&automation.document, Some(automation.document_version.as_str()));
    let found = documents::find(&ctx, document, version, None).await.map_err(|error| error.to_string())?;
    attachments::text_of(&ctx, &found, name, MOST_ATTACHED_BYTES).await
}

/// With the rights of who started the execution, as of a step that calls.
async fn answer(app: &Arc<App>, automation: &Automation, call: Call) -> Answer {
    let call = match ApiCall::of(&call.service, &call.operation, call.arguments) {
        Ok(call) => call,
        Err(message) => return Answer::Refused { code: "UnknownOperation".to_owned(), message },
    };
    match operation(app, automation, &call, app.now()).await {
        Ok(value) => Answer::Answered(value),
        Err((code, message)) => Answer::Refused { code, message },
    }
}
