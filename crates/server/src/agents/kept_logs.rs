//! Log groups of commands on nodes whose agent writes no files here: what its replies carry becomes the files. Ours puts
//! them itself, whole. How they are called is `domain::object`'s, who deletes them `jobs::forget_logs`.
//! Source: agent-protocol.md 3.7, 8.3; docs/decisions, logs and updates.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::agent::ReplyPayload;
use domain::command::{Progress, StepResult};
use domain::object::{Stream, log_name};
use md5::{Digest, Md5};
use store::commands::{self, Step};
use store::invocations::{self, InvocationKey};
use store::objects::{self, Object, ObjectRef};
use store::step_results;

use super::retry;
use crate::app::App;
use crate::associations::fetched::OWN_AGENT;
use crate::error::{self, ApiError};
use crate::objects::{Pending, discard, keep as give, leave};
use crate::operations::commands::logs;

/// The files of the steps that have ended by this reply. A failure is logged: the reply counts all the same.
pub async fn keep(app: &Arc<App>, key: &InvocationKey, reply: &ReplyPayload) {
    let has_steps = reply.runtime_status.as_ref().is_some_and(|steps| !steps.is_empty());
    if !has_steps || reply.additional_info.agent.name == OWN_AGENT {
        return;
    }
    if let Err(error) = keep_ended(app, key, reply).await {
        let (command_id, node_id) = (key.command.id.as_str(), key.node.as_str());
        tracing::error!(command_id, node_id, cause = error.chain(), "the log group's files were not written");
    }
}

async fn keep_ended(app: &Arc<App>, key: &InvocationKey, reply: &ReplyPayload) -> Result<(), ApiError> {
    let mut tx = app.store().read_each().await?;
    let Some(command) = commands::find(&mut tx, &key.command).await? else { return Ok(()) };
    let Some(prefix) = logs::prefix(&command, &key.node) else { return Ok(()) };
    if invocations::find(&mut tx, key).await?.is_none() {
        return Ok(());
    }
    let known = step_results::list(&mut tx, key).await?;
    drop(tx);
    let mut merged = Progress { steps: known.clone(), ..Progress::new() };
    merged.merge(reply);
    for (step, result) in ended(&command.steps, &known, &merged.steps) {
        for (stream, text) in streams(result) {
            let name = format!("{prefix}{}", log_name(&step.plugin, &step.name, stream));
            put(app, key, &name, text.as_bytes()).await?;
        }
    }
    Ok(())
}

/// Steps of the command, in its order, that are told of as ended for the first time.
fn ended<'a>(
    steps: &'a [Step],
    known: &BTreeMap<String, StepResult>,
    told: &'a BTreeMap<String, StepResult>,
) -> Vec<(&'a Step, &'a StepResult)> {
    let result = |step: &'a Step| {
        let result = told.get(&step.name).filter(|result| result.status.is_terminal())?;
        (known.get(&step.name) != Some(result)).then_some((step, result))
    };
    steps.iter().filter_map(result).collect()
}

/// What there is of them; of a step that wrote nothing and failed, the agent's own words.
fn streams(result: &StepResult) -> Vec<(Stream, &str)> {
    let is_silent = result.standard_output.is_empty() && result.standard_error.is_empty();
    let error = if is_silent && result.code != 0 { &result.output } else { &result.standard_error };
    let streams = [(Stream::Output, result.standard_output.as_str()), (Stream::Error, error.as_str())];
    streams.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

async fn put(app: &Arc<App>, key: &InvocationKey, name: &str, bytes: &[u8]) -> Result<(), ApiError> {
    let key_of = name.parse().map_err(|error| crate::error::validation(format!("{name}: {error}")))?;
    let account = &key.command.account;
    let object = ObjectRef { account: account.clone(), bucket: logs::bucket(), key: key_of };
    let failed = |error: crate::objects::WriteError| error::validation(error.to_string());
    let mut pending = Pending::begin(app).await.map_err(failed)?;
    if let Err(error) = pending.write(bytes).await {
        pending.give_up().await;
        return Err(failed(error));
    }
    let content = pending.finish().await.map_err(failed)?;
    let new = Object {
        key: object.key.clone(),
        size_bytes: content.size_bytes,
        contents: vec![content.clone()],
        headers: BTreeMap::new(),
        etag: hex::encode(Md5::digest(bytes)),
        modified_at: app.now(),
    };
    let placed = retry(app, || async {
        let mut tx = app.store().write().await?;
        if let Some(old) = objects::find(&mut tx, &object).await? {
            leave(&mut tx, &old.contents, app.now()).await?;
        }
        if !give(app, &mut tx, &content).await? {
            return Err(error::validation("writing it took too long and was given up"));
        }
        objects::put(&mut tx, account, &object.bucket, &new).await?;
        Ok(tx.commit().await?)
    });
    let placed = placed.await;
    if placed.is_err() {
        discard(app, &content.id).await;
    }
    placed
}
