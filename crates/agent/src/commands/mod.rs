//! Commands from arrival to acknowledged result: journal first, then run, then report.
//! How messages travel belongs to `transport`, what a step does to `plugins`.

mod document;
mod ending;
mod on_probation;
pub(crate) mod plan;
mod replies;
mod resting;
mod suspending;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use api::agent::{
    CancelCommandPayload, DocumentStatus, JobId, MessageId, SendCommandPayload, StepStatus, TopicKind,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::journal::{Journal, Leftover, Receipt, ReplyKind, StoredReply, Suspension};
use crate::plugins::Surroundings;
use crate::plugins::engine::{DocumentEnd, StepDone};
use crate::plugins::kept_output::Destination;
use crate::transport::call::{new_id, now};
use crate::transport::link::{Arrival, LinkEvent, Outgoing, Verdict};
use crate::update::probation::Probation;
use document::Document;
use ending::INTERRUPTED;
use on_probation::HELD;
use replies::ReplyWriter;
use resting::Resting;

/// Commands that run at the same time.
const MAX_RUNNING: usize = 5;
/// Commands that wait for their turn.
const MAX_WAITING: usize = 5;
/// An unacknowledged reply is sent again after this time.
const RESEND_AFTER: Duration = Duration::from_secs(30);
/// What running commands get to end when the agent stops.
const STOP_WITHIN: Duration = Duration::from_secs(3);
/// Steps that ended and wait to be recorded.
const PROGRESS_QUEUE: usize = 16;

/// Restarts the machine; returns before it goes down.
pub type Restart = fn() -> std::process::Command;

pub struct Commands {
    journal: Journal,
    surroundings: Arc<Surroundings>,
    writer: ReplyWriter,
    restart: Restart,
    running: BTreeMap<String, Running>,
    waiting: VecDeque<Job>,
    tasks: JoinSet<(String, DocumentEnd)>,
    progress: mpsc::Sender<StepDone>,
    progressed: mpsc::Receiver<StepDone>,
    link: Option<mpsc::Sender<Outgoing>>,
    /// When each unacknowledged reply last went out.
    sent: BTreeMap<MessageId, Instant>,
    mode: Mode,
    /// Commands that wait for a restart at a time.
    resting: Resting,
    /// Of the machine, as it was when the agent started.
    boot_id: String,
    /// Of this program, which is another build of one that still has its place.
    probation: Option<Probation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Working,
    /// A command asked for a restart of the machine: nothing new is taken, what runs may end.
    Restarting,
    /// The same, for another build of this program that waits to be tried.
    Exchanging,
    Stopping,
}

/// What the process does when its commands are done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    End,
    /// It goes over to the build that an update brought.
    Exchange,
}

/// A command that was journaled and has not started.
#[derive(Debug)]
struct Job {
    job_id: String,
    payload: SendCommandPayload,
    resume: Option<Suspension>,
}

#[derive(Debug)]
struct Running {
    cancel: watch::Sender<bool>,
    counts: BTreeMap<String, u32>,
    steps: usize,
    suspensions: u32,
    /// What is said of it at the end, if nothing else is.
    trace: &'static str,
    task: tokio::task::Id,
}

impl Commands {
    pub fn new(journal: Journal, surroundings: Surroundings, restart: Restart, boot_id: String) -> Self {
        let (progress, progressed) = mpsc::channel(PROGRESS_QUEUE);
        Self {
            journal,
            writer: ReplyWriter::new(&surroundings),
            surroundings: Arc::new(surroundings),
            restart,
            running: BTreeMap::new(),
            waiting: VecDeque::new(),
            tasks: JoinSet::new(),
            progress,
            progressed,
            link: None,
            sent: BTreeMap::new(),
            mode: Mode::Working,
            resting: Resting::default(),
            boot_id,
            probation: None,
        }
    }

    /// Works until `stop` turns true, or a command wants another build of this program; then ends what runs, records how,
    /// and hangs up.
    pub async fn run(
        mut self,
        mut events: mpsc::Receiver<LinkEvent>,
        mut stop: watch::Receiver<bool>,
    ) -> After {
        let mut after = After::End;
        self.take_up_leftovers();
        let mut resend = interval(RESEND_AFTER / 3);
        resend.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut clock = interval(resting::LOOK_EVERY);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.handle(event),
                    None => break,
                },
                Some(step) = self.progressed.recv() => self.step_done(step),
                Some(ended) = self.tasks.join_next() => self.document_ended(ended),
                _ = resend.tick() => {
                    self.send_stored(RESEND_AFTER);
                    self.start_waiting();
                }
                _ = clock.tick(), if !self.resting.is_empty() || self.probation.is_some() => {
                    self.restart_if_due();
                    self.end_of_probation();
                }
                _ = stop.wait_for(|stop| *stop) => break,
            }
            if self.mode == Mode::Restarting && self.running.is_empty() {
                self.restart_machine().await;
            }
            if self.mode == Mode::Exchanging && self.running.is_empty() {
                after = After::Exchange;
                break;
            }
        }
        self.stop(&mut events).await;
        after
    }

    fn handle(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Arrived(arrival) => self.arrived(arrival),
            LinkEvent::Acknowledged(message_id) => {
                self.sent.remove(&message_id);
                if let Some(probation) = &mut self.probation {
                    probation.heard();
                }
                if let Err(error) = self.journal.acknowledge(message_id, now()) {
                    tracing::error!(%error, "acknowledgement not recorded; the reply will be sent again");
                }
            }
            LinkEvent::Up(link) => {
                self.link = Some(link);
                self.send_stored(Duration::ZERO);
            }
        }
    }

    fn arrived(&mut self, arrival: Arrival) {
        let Arrival { job_id, topic, content, verdict } = arrival;
        let outcome = match TopicKind::parse(&topic) {
            None => Verdict::UnknownTopic,
            Some(TopicKind::SendCommand) => self.command_arrived(&job_id, &content),
            Some(TopicKind::CancelCommand) => self.cancel_arrived(&job_id, &content),
        };
        tracing::info!(%job_id, verdict = ?outcome, "message received");
        let accepted = outcome == Verdict::Accepted;
        // A link that is gone never told the server; the server then sends the message again and hears of a duplicate.
        let _ = verdict.send(outcome);
        if accepted {
            let topic = TopicKind::parse(&topic).unwrap_or(TopicKind::SendCommand);
            self.send(new_id(), &job_id, topic, self.writer.first());
            self.start_waiting();
        }
    }

    fn command_arrived(&mut self, job_id: &str, content: &str) -> Verdict {
        if self.mode != Mode::Working {
            return Verdict::Closed;
        }
        let is_known = self.journal.knows(job_id);
        if !is_known && self.running.len() + self.waiting.len() >= MAX_RUNNING + MAX_WAITING {
            return Verdict::Full;
        }
        match self.journal.receive(job_id, content, now()) {
            Ok(Receipt::New) => {}
            Ok(Receipt::Duplicate) => return Verdict::Duplicate,
            Err(error) => {
                tracing::error!(%error, "cannot write the journal: the command is not taken");
                return Verdict::Full;
            }
        }
        match self.read_job(job_id, content) {
            Ok(payload) => {
                self.waiting.push_back(Job { job_id: job_id.to_owned(), payload, resume: None });
                Verdict::Accepted
            }
            Err(reason) => {
                self.finish(job_id, DocumentStatus::Failed, &reason, &[], &BTreeMap::new());
                Verdict::Unusable
            }
        }
    }

    fn read_job(&self, job_id: &str, content: &str) -> Result<SendCommandPayload, String> {
        let id: JobId = job_id.parse().map_err(|error| format!("{error}"))?;
        if id.instance_id != self.surroundings.instance_id {
            return Err(format!(
                "this is {}, the command is for {}",
                self.surroundings.instance_id, id.instance_id
            ));
        }
        serde_json::from_str(content)
            .map_err(|error| format!("the command's payload cannot be read: {error}"))
    }

    /// Cancelling is repeatable, so it is not journaled. What is not there to cancel has ended before.
    fn cancel_arrived(&mut self, job_id: &str, content: &str) -> Verdict {
        let payload: CancelCommandPayload = match serde_json::from_str(content) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::warn!(%job_id, %error, "cancel message cannot be read");
                return Verdict::Unusable;
            }
        };
        let target = payload.cancel_message_id;
        if let Some(running) = self.running.get(&target) {
            running.cancel.send_replace(true);
        } else if let Some(at) = self.waiting.iter().position(|job| job.job_id == target) {
            self.waiting.remove(at);
            let reason = if self.holds(&target) { HELD } else { "cancelled before it started" };
            self.finish(&target, DocumentStatus::Cancelled, reason, &[], &BTreeMap::new());
        } else if let Some(rest) = self.resting.end(&target) {
            self.finish(&target, DocumentStatus::Cancelled, &rest.cancelled(), &[], &rest.counts);
        } else if self.holds(&target) {
            self.finish(&target, DocumentStatus::Cancelled, HELD, &[], &BTreeMap::new());
        }
        Verdict::Accepted
    }

    fn take_up_leftovers(&mut self) {
        for leftover in self.journal.leftovers() {
            match leftover {
                Leftover::Run { job_id, payload } => self.take_up(job_id, &payload, None),
                Leftover::Resume { job_id, payload, suspension } => match self.still_rests(&suspension) {
                    Some(rest) => self.resting.add(job_id, rest),
                    None => self.take_up(job_id, &payload, Some(suspension)),
                },
                Leftover::Interrupted { job_id, .. } => {
                    tracing::warn!(%job_id, "found interrupted; not run again");
                    self.finish(&job_id, DocumentStatus::Failed, INTERRUPTED, &[], &BTreeMap::new());
                }
            }
        }
        self.start_waiting();
    }

    fn take_up(&mut self, job_id: String, payload: &str, resume: Option<Suspension>) {
        match self.read_job(&job_id, payload) {
            Ok(payload) => self.waiting.push_back(Job { job_id, payload, resume }),
            Err(reason) => self.finish(&job_id, DocumentStatus::Failed, &reason, &[], &BTreeMap::new()),
        }
    }

    fn start_waiting(&mut self) {
        while self.mode == Mode::Working && self.running.len() < MAX_RUNNING {
            let Some(job) = self.waiting.pop_front() else { return };
            if !self.start(job) {
                return;
            }
        }
    }

    /// Journals the start; only then anything runs. False when the job must wait for a journal that can be written.
    fn start(&mut self, job: Job) -> bool {
        let planned = plan::plan(&job.payload, self.surroundings.platform_type);
        let planned = planned.and_then(|plan| {
            let destination = Destination::of(&job.payload, &self.surroundings.instance_id);
            Ok((plan, destination.map_err(|reason| format!("the output has no place: {reason}"))?))
        });
        let (plan, destination) = match planned {
            Ok(planned) => planned,
            Err(reason) => {
                self.finish(&job.job_id, DocumentStatus::Failed, &reason, &[], &BTreeMap::new());
                return true;
            }
        };
        // The command that brought a build on probation stays suspended: as often as the build starts, it is taken up again.
        let started = match self.holds(&job.job_id) {
            true => Ok(()),
            false => self.journal.start(&job.job_id),
        };
        if let Err(error) = started {
            tracing::error!(%error, job_id = %job.job_id, "cannot write the journal: the command waits");
            self.waiting.push_front(job);
            return false;
        }
        let fresh = Suspension { next_step: 0, times: 0, done: Vec::new(), restart: None };
        let resume = job.resume.unwrap_or(fresh);
        let (cancel, cancelled) = watch::channel(false);
        let counts = resting::counts(&resume.done);
        let (step_count, suspensions) = (plan.steps.len(), resume.times);
        let trace = if resume.restart.is_some() { resting::WENT_ON } else { "" };
        let job_id = job.job_id.clone();
        let document = Document {
            surroundings: Arc::clone(&self.surroundings),
            command_id: job.payload.command_id,
            job_id: job.job_id,
            plan,
            destination,
            resume,
            progress: self.progress.clone(),
        };
        let task = self.tasks.spawn(document.run(cancelled)).id();
        self.running.insert(job_id, Running { cancel, counts, steps: step_count, suspensions, trace, task });
        true
    }

    fn step_done(&mut self, step: StepDone) {
        if step.reply.status == StepStatus::Cancelled && self.goes_on_later(&step.job_id) {
            return;
        }
        let Some(running) = self.running.get_mut(&step.job_id) else { return };
        *running.counts.entry(step.reply.status.as_str().to_owned()).or_default() += 1;
        let status = match step.reply.status {
            StepStatus::SuccessAndReboot => DocumentStatus::SuccessAndReboot,
            _ => DocumentStatus::InProgress,
        };
        let counts = running.counts.clone();
        let content = self.writer.write(status, "", &[(step.key, step.reply)], &counts);
        self.report(&step.job_id, content, ReplyKind::Progress);
    }

    /// Cancels what runs, records how it ended, gives the link a moment to send that, hangs up.
    async fn stop(&mut self, events: &mut mpsc::Receiver<LinkEvent>) {
        self.mode = Mode::Stopping;
        for running in self.running.values() {
            running.cancel.send_replace(true);
        }
        let ending = async {
            while let Some(ended) = self.tasks.join_next().await {
                self.document_ended(ended);
            }
            while self.link.is_some() && self.journal.unacknowledged().next().is_some() {
                match events.recv().await {
                    Some(LinkEvent::Arrived(arrival)) => drop(arrival.verdict.send(Verdict::Closed)),
                    Some(event) => self.handle(event),
                    None => return,
                }
            }
        };
        if timeout(STOP_WITHIN, ending).await.is_err() {
            tracing::info!("replies that were not acknowledged are sent at the next start");
        }
    }

    /// Journals a reply, then sends it.
    fn report(&mut self, job_id: &str, content: String, kind: ReplyKind) {
        let message_id = new_id();
        let reply = StoredReply { message_id, job_id: job_id.to_owned(), content: content.clone() };
        if let Err(error) = self.journal.reply(reply, kind) {
            tracing::error!(%job_id, %error, "reply not recorded; it is sent once and not repeated");
        }
        self.send(message_id, job_id, TopicKind::SendCommand, content);
    }

    fn send(&mut self, message_id: MessageId, job_id: &str, topic: TopicKind, content: String) {
        let outgoing = Outgoing { message_id, job_id: job_id.to_owned(), topic: topic.as_str(), content };
        let taken = self.link.as_ref().is_some_and(|link| link.try_send(outgoing).is_ok());
        if taken {
            self.sent.insert(message_id, Instant::now());
        }
    }

    /// Sends stored replies that did not go out within `age`, oldest first, as far as the link takes them.
    fn send_stored(&mut self, age: Duration) {
        let stored: Vec<StoredReply> = self
            .journal
            .unacknowledged()
            .filter(|reply| self.sent.get(&reply.message_id).is_none_or(|sent| sent.elapsed() >= age))
            .cloned()
            .collect();
        let known: std::collections::BTreeSet<MessageId> =
            self.journal.unacknowledged().map(|reply| reply.message_id).collect();
        self.sent.retain(|message_id, _| known.contains(message_id));
        for reply in stored {
            self.send(reply.message_id, &reply.job_id, TopicKind::SendCommand, reply.content);
        }
    }
}
