//! Tells what commands come to, to the webhooks that their NotificationConfig names. A state that passes between two
//! looks is not told; the last one always is, or given up after some attempts.
//! Source: systems-manager.md 1.7.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::Timestamp;
use domain::notification::{Step, Told, Wish, message, step};
use domain::window::WebhookCall;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use store::command_notifications::{self, Notification};
use store::commands::{self, Command};

use crate::agents::retry;
use crate::app::App;
use crate::error::ApiError;
use crate::webhooks::{ANSWER_TIMEOUT, Answer};

/// Webhooks that are being told something by this server.
const AT_ONCE: usize = 32;
/// While some are slow, others become due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longer than a call takes: who holds a claim has an answer, or has died. Whoever did not take it is told again then.
const CLAIM_SECONDS: i64 = ANSWER_TIMEOUT.as_secs() as i64 + 60;
/// Then the receiver is taken to be gone.
const MOST_ATTEMPTS: i64 = 10;

/// Goes on while there is somebody to tell.
pub async fn run_once(app: Arc<App>, at: Timestamp) -> Result<u64, ApiError> {
    let began = Instant::now();
    let mut calls = FuturesUnordered::new();
    let mut told = 0;
    loop {
        let passed = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let now = at.plus_millis(passed);
        if !app.is_shutting_down() {
            let free = AT_ONCE.saturating_sub(calls.len());
            for (one, command) in due(&app, now, free).await? {
                // The row says who has it before anybody is called.
                if let Some(call) = claim(&app, one, &command, now).await? {
                    calls.push(tell(&app, call, now));
                }
            }
        }
        match tokio::time::timeout(LOOK_EVERY, calls.next()).await {
            Ok(Some(outcome)) => {
                outcome?;
                told += 1;
            }
            Ok(None) => return Ok(told),
            Err(_) => {}
        }
    }
}

async fn due(app: &App, now: Timestamp, at_most: usize) -> Result<Vec<(Notification, Command)>, ApiError> {
    let mut tx = app.store().read_each().await?;
    let limit = i64::try_from(at_most).unwrap_or_default();
    let due = command_notifications::list_due(&mut tx, now, limit).await?;
    let mut found = Vec::with_capacity(due.len());
    // So many at most, of as many accounts.
    for one in due {
        if let Some(command) = commands::find(&mut tx, &one.command).await? {
            found.push((one, command));
        }
    }
    Ok(found)
}

/// What this server is to tell now.
struct Claimed {
    one: Notification,
    /// Nothing can follow.
    is_last: bool,
    call: WebhookCall,
}

/// `None` when somebody else has it, or nobody wants to know: then that is settled.
async fn claim(
    app: &App,
    one: Notification,
    command: &Command,
    now: Timestamp,
) -> Result<Option<Claimed>, ApiError> {
    let wish = Wish::of(command.request.notification_config.as_ref()).ok().flatten();
    let step = wish.map_or(Step::Pass { last: true }, |wish| step(&wish, &one.status));
    let (status, is_last) = match step {
        Step::Pass { last } => {
            settle(app, &one, last, now).await?;
            return Ok(None);
        }
        Step::Tell { status, last } => (status, last),
    };
    let until = now.plus_seconds(CLAIM_SECONDS);
    let claimed = retry(app, || async {
        let mut tx = app.store().write().await?;
        let claimed = command_notifications::claim(&mut tx, &one, until).await?;
        tx.commit().await?;
        Ok(claimed)
    });
    if !claimed.await? {
        return Ok(None);
    }
    let told = Told {
        id: &command.key.id,
        request: &command.request,
        requested_at: command.requested_at,
        expires_at: command.expires_at,
    };
    let body = message(&told, one.node.as_ref(), &status, now).to_string();
    let call = WebhookCall {
        name: one.topic.clone(),
        shown: body.clone(),
        body: body.into_bytes(),
        headers: Vec::new(),
    };
    Ok(Some(Claimed { one, is_last, call }))
}

async fn tell(app: &App, claimed: Claimed, now: Timestamp) -> Result<(), ApiError> {
    let Claimed { one, is_last, call } = claimed;
    let node = one.node.as_ref().map_or("", |node| node.as_str());
    let key = format!("{}/{node}/{}", one.command.id, one.status);
    match app.webhooks.call(&call, &key).await {
        Answer::Accepted => settle(app, &one, is_last, now).await,
        Answer::Refused(reason) | Answer::Silent(reason) => {
            let is_given_up = one.attempts + 1 >= MOST_ATTEMPTS;
            tracing::warn!(
                command_id = one.command.id.as_str(),
                topic = one.topic,
                reason,
                is_given_up,
                "not told"
            );
            if is_given_up { settle(app, &one, is_last, now).await } else { Ok(()) }
        }
    }
}

/// This state is done with, and when it is the last all of it.
async fn settle(app: &App, one: &Notification, is_last: bool, now: Timestamp) -> Result<(), ApiError> {
    let settled = retry(app, || async {
        let mut tx = app.store().write().await?;
        match is_last {
            true => command_notifications::delete(&mut tx, one).await?,
            false => command_notifications::set_told(&mut tx, one, now).await?,
        }
        tx.commit().await?;
        Ok(())
    });
    settled.await
}
