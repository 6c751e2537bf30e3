//! Keeps the node reachable: a control channel whenever one can be had, the long poll in between.
//! One at a time; handling what arrives belongs to `commands`.

use std::time::Duration;

use api::agent::MessageId;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use super::call::{CallError, Caller};
use super::control_channel::{self, OpenError};
use super::credentials::{Credentials, chain};
use super::http::Trust;
use super::long_poll::{self, PollEnd};
use crate::random_fraction;

/// Replies that wait to be sent; the journal keeps what does not fit.
pub const REPLY_QUEUE: usize = 64;

/// A message from the server, by either way.
#[derive(Debug)]
pub struct Arrival {
    pub job_id: String,
    pub topic: String,
    pub content: String,
    /// What was made of it; sent before anything runs.
    pub verdict: oneshot::Sender<Verdict>,
}

/// What the commands made of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    Duplicate,
    /// Enough runs and waits: send it again later.
    Full,
    /// The agent stops, or the machine restarts: send it again later.
    Closed,
    /// It will never run; a reply says why.
    Unusable,
    /// Nothing known by this topic.
    UnknownTopic,
}

/// A reply on its way out.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub message_id: MessageId,
    pub job_id: String,
    pub topic: &'static str,
    pub content: String,
}

/// What the transport tells the commands.
#[derive(Debug)]
pub enum LinkEvent {
    Arrived(Arrival),
    Acknowledged(MessageId),
    /// Replies may be sent here from now on, the stored ones first.
    Up(mpsc::Sender<Outgoing>),
}

/// How the node is reachable, in the heartbeat's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reachable {
    #[default]
    Undecided,
    ControlChannel,
    LongPoll,
}

impl Reachable {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Undecided => "",
            Self::ControlChannel => "ssmmessages",
            Self::LongPoll => "ec2messages",
        }
    }
}

pub struct Link {
    pub caller: Caller,
    pub trust: Trust,
    pub instance_id: String,
    pub platform_type: &'static str,
    pub credentials: watch::Receiver<Option<Credentials>>,
    /// Told when the server does not take the credentials.
    pub refused: std::sync::Arc<Notify>,
    pub events: mpsc::Sender<LinkEvent>,
    pub reachable: watch::Sender<Reachable>,
}

impl Link {
    /// Runs until the commands hang up.
    pub async fn run(self) {
        let mut failures = 0;
        while !self.events.is_closed() {
            let Some(credentials) = self.current_credentials().await else { return };
            match control_channel::open(&self, &credentials).await {
                Ok(channel) => {
                    failures = 0;
                    self.reachable.send_replace(Reachable::ControlChannel);
                    tracing::info!(endpoint = %self.caller.endpoint, "control channel open");
                    let ended = control_channel::serve(&self, channel).await;
                    tracing::info!(reason = %ended, "control channel closed");
                    self.pause(Duration::from_millis(2_500).mul_f64(random_fraction())).await;
                }
                Err(error) => {
                    let wait = retry_after(failures, random_fraction());
                    failures += 1;
                    tracing::warn!(error = %chain(&error), retry_in_s = wait.as_secs(), "no control channel; polling meanwhile");
                    if self.poll(&error, wait).await == PollEnd::ServerIsBack {
                        failures = 0;
                    }
                }
            }
        }
    }

    async fn poll(&self, error: &OpenError, wait: Duration) -> PollEnd {
        let until = Instant::now() + wait;
        // When the server could not be reached at all, its first answer is the time to try again.
        let stay = match error {
            OpenError::Denied => long_poll::Stay::UntilTime,
            _ => long_poll::Stay::UntilServerIsBack,
        };
        long_poll::run(self, until, stay).await
    }

    /// Waits for credentials; `None` when none will come.
    pub(super) async fn current_credentials(&self) -> Option<Credentials> {
        let mut credentials = self.credentials.clone();
        tokio::select! {
            known = credentials.wait_for(Option::is_some) => known.ok().and_then(|known| known.clone()),
            () = self.events.closed() => None,
        }
    }

    /// Asks for new credentials when the failure says that these are not taken.
    pub(super) fn note_failure(&self, error: &CallError) {
        if error.is_about_credentials() {
            self.refused.notify_one();
        }
    }

    pub(super) async fn pause(&self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            () = self.events.closed() => {}
        }
    }

    /// Hands a message over; `None` when the commands have hung up.
    pub(super) async fn arrive(&self, job_id: String, topic: String, content: String) -> Option<Verdict> {
        let (verdict, answer) = oneshot::channel();
        let arrival = Arrival { job_id, topic, content, verdict };
        self.events.send(LinkEvent::Arrived(arrival)).await.ok()?;
        answer.await.ok()
    }
}

const MAX_RETRY: Duration = Duration::from_secs(40 * 60);

/// 5 to 10 s, doubling, plus up to half of it, at most 40 minutes.
fn retry_after(failures: u32, random: f64) -> Duration {
    let base = Duration::from_secs(5 << failures.min(10)).mul_f64(1.0 + random);
    base.mul_f64(1.0 + random / 2.0).min(MAX_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_more_and_more_rarely() {
        assert_eq!(retry_after(0, 0.0).as_secs(), 5);
        assert_eq!(retry_after(0, 0.999).as_secs(), 14);
        assert_eq!(retry_after(3, 0.0).as_secs(), 40);
        assert_eq!(retry_after(60, 0.5), MAX_RETRY);
    }
}
