//! The long poll: how commands arrive while there is no control channel, and how replies then leave.
//! When to poll belongs to `link`.

use std::time::Duration;

use api::mds::{
    AcknowledgeMessageRequest, FailMessageRequest, FailureType, GetMessagesRequest, Message, SendReplyRequest,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::call::{CALL_TIMEOUT, CallError, new_id};
use super::credentials::chain;
use super::link::{Link, LinkEvent, Outgoing, REPLY_QUEUE, Reachable, Verdict};
use crate::random_fraction;

/// The server answers an idle poll after 15 s.
const POLL_TIMEOUT: Duration = Duration::from_secs(20);
/// After this time the server offers an unacknowledged message again.
const VISIBILITY_SECONDS: i32 = 10;
/// A poll that came back sooner than this, without a message, is followed by a pause.
const QUICK: Duration = Duration::from_secs(1);
/// And up to a quarter more.
const PAUSE: Duration = Duration::from_secs(2);

/// How long to go on polling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    UntilTime,
    /// Shorter if the server, unreachable before, answers.
    UntilServerIsBack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollEnd {
    TimeIsUp,
    ServerIsBack,
    Stopped,
}

/// Polls until the time, the server's return or the end of the commands. A poll under way is waited for, so that the
/// control channel opened next is alone.
pub async fn run(link: &Link, until: Instant, stay: Stay) -> PollEnd {
    let (sender, replies) = mpsc::channel(REPLY_QUEUE);
    if link.events.send(LinkEvent::Up(sender)).await.is_err() {
        return PollEnd::Stopped;
    }
    tokio::select! {
        end = receive(link, until, stay) => end,
        () = send_replies(link, replies) => PollEnd::Stopped,
    }
}

async fn receive(link: &Link, until: Instant, stay: Stay) -> PollEnd {
    let mut failed_before = false;
    while Instant::now() < until {
        let began = Instant::now();
        let messages = match poll(link).await {
            Ok(messages) => {
                link.reachable.send_replace(Reachable::LongPoll);
                if failed_before && stay == Stay::UntilServerIsBack && messages.is_empty() {
                    return PollEnd::ServerIsBack;
                }
                messages
            }
            Err(error) => {
                link.note_failure(&error);
                tracing::debug!(error = %chain(&error), "poll failed");
                failed_before = true;
                Vec::new()
            }
        };
        let empty = messages.is_empty();
        for message in messages {
            if handle(link, message).await.is_err() {
                return PollEnd::Stopped;
            }
        }
        if empty && began.elapsed() < QUICK {
            sleep_until((Instant::now() + PAUSE.mul_f64(1.0 + random_fraction() / 4.0)).min(until)).await;
        }
    }
    PollEnd::TimeIsUp
}

async fn poll(link: &Link) -> Result<Vec<Message>, CallError> {
    let credentials = link.current_credentials().await.ok_or(CallError::Stopped)?;
    let request = GetMessagesRequest {
        destination: link.instance_id.clone(),
        messages_request_id: new_id().to_string(),
        visibility_timeout_in_seconds: VISIBILITY_SECONDS,
        next_token: None,
    };
    let answer = link.caller.call(credentials, request, POLL_TIMEOUT).await?;
    Ok(answer.messages.unwrap_or_default())
}

/// Ends when the commands have hung up.
struct HungUp;

async fn handle(link: &Link, message: Message) -> Result<(), HungUp> {
    let message_id = message.message_id.clone();
    let content = message.payload.unwrap_or_default();
    let verdict = link.arrive(message.message_id, message.topic, content).await.ok_or(HungUp)?;
    let credentials = link.current_credentials().await.ok_or(HungUp)?;
    let told = match verdict {
        Verdict::Accepted | Verdict::Duplicate => link
            .caller
            .call(credentials, AcknowledgeMessageRequest { message_id }, CALL_TIMEOUT)
            .await
            .map(drop),
        Verdict::UnknownTopic => {
            let request = FailMessageRequest { message_id, failure_type: FailureType::NoHandlerExists };
            link.caller.call(credentials, request, CALL_TIMEOUT).await.map(drop)
        }
        // Offered again later; an unusable one ends with its reply.
        Verdict::Full | Verdict::Closed | Verdict::Unusable => Ok(()),
    };
    if let Err(error) = told {
        link.note_failure(&error);
        tracing::warn!(error = %chain(&error), "message not acknowledged; the server will offer it again");
    }
    Ok(())
}

/// Sends what comes until the commands hang up. What fails is sent again by them later.
async fn send_replies(link: &Link, mut replies: mpsc::Receiver<Outgoing>) {
    while let Some(reply) = replies.recv().await {
        let Some(credentials) = link.current_credentials().await else { return };
        let request = SendReplyRequest {
            message_id: reply.job_id,
            reply_id: reply.message_id.to_string(),
            payload: reply.content,
            delivery_options: None,
        };
        match link.caller.call(credentials, request, CALL_TIMEOUT).await {
            Ok(_) => {
                let _ = link.events.send(LinkEvent::Acknowledged(reply.message_id)).await;
            }
            Err(error) => {
                link.note_failure(&error);
                tracing::warn!(error = %chain(&error), "reply not sent; it is kept");
            }
        }
    }
}
