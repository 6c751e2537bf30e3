//! A node's agent: the real journal, and around it what the agent does with jobs, acknowledgements and replies. Documents
//! are not run but take their time; a crash may come at every moment at which the agent waits for something.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use agent::journal::{JOURNAL_FILE, Journal, Leftover, Limits, Receipt, ReplyKind, StoredReply};
use api::agent::reply::AdditionalInfo;
use api::agent::{
    AckCode, AgentJob, AgentJobAck, AgentJobReply, AgentJobReplyAck, AgentMessage, CancelCommandPayload,
    DocumentStatus, MessageId, MessageType, ReplyPayload, StepReply, StepStatus, TopicKind,
};
use server::testing::simulation::Word;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, interval, sleep_until};

use crate::report;
use crate::wire::{Wire, connect};
use crate::world::World;

/// As the agent has it.
const MAX_RUNNING: usize = 5;
const MAX_WAITING: usize = 5;
const RESEND_AFTER: Duration = Duration::from_secs(30);
/// More often than the agent, as a run is short.
const PING_EVERY: Duration = Duration::from_secs(11);

/// Runs until it is aborted, which is its crash.
pub async fn live(world: Arc<World>, number: usize) {
    Node::start(&world, number).run().await;
}

struct Node {
    world: Arc<World>,
    number: usize,
    journal: Journal,
    waiting: VecDeque<String>,
    running: BTreeMap<String, AbortHandle>,
    tasks: JoinSet<(String, DocumentStatus)>,
    wire: Option<Wire>,
    sent: BTreeMap<MessageId, Instant>,
    /// What a reply that was sent says, to know what its acknowledgement acknowledges.
    said: BTreeMap<MessageId, (String, ReplyPayload)>,
    connect_at: Instant,
}

impl Node {
    fn start(world: &Arc<World>, number: usize) -> Self {
        let folder = world.folder.join(format!("node-{number}"));
        std::fs::create_dir_all(&folder).unwrap();
        let journal = Journal::open(&folder.join(JOURNAL_FILE), Limits::default(), world.now()).unwrap();
        Self {
            world: Arc::clone(world),
            number,
            journal,
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            tasks: JoinSet::new(),
            wire: None,
            sent: BTreeMap::new(),
            said: BTreeMap::new(),
            connect_at: Instant::now() + Duration::from_millis(world.roll(2_500)),
        }
    }

    async fn run(mut self) {
        self.take_up_leftovers();
        let mut resend = interval(RESEND_AFTER / 3);
        let mut ping = interval(PING_EVERY);
        let world = Arc::clone(&self.world);
        let place = &world.nodes[self.number];
        loop {
            tokio::select! {
                biased;
                () = place.hang_up.notified() => self.disconnected(),
                frame = next(&mut self.wire), if self.wire.is_some() => match frame {
                    Some(frame) => self.frame(&frame).await,
                    None => self.disconnected(),
                },
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    // One that was cancelled has been reported.
                    if let Ok((job, status)) = ended {
                        self.ended(&job, status).await;
                    }
                }
                () = sleep_until(self.connect_at), if self.wire.is_none() => self.connect(),
                _ = resend.tick() => {
                    self.send_stored(RESEND_AFTER);
                    self.start_waiting();
                }
                // No pong came: the channel is given up.
                _ = ping.tick() => match place.silence.reigns() {
                    true => self.disconnected(),
                    false => self.say(Word::Ping),
                },
            }
        }
    }

    fn connect(&mut self) {
        let at = usize::try_from(self.world.roll(self.world.hosts.len() as u64)).unwrap();
        self.wire = connect(&self.world, self.number, at);
        if self.wire.is_some() {
            self.sent.clear();
            self.send_stored(Duration::ZERO);
        } else {
            self.connect_at = Instant::now() + Duration::from_millis(1 + self.world.roll(3_000));
        }
    }

    fn disconnected(&mut self) {
        if self.wire.take().is_some() {
            self.world.note(&format!("node {} is disconnected", self.number));
        }
        self.connect_at = Instant::now() + Duration::from_millis(1 + self.world.roll(2_500));
    }

    fn take_up_leftovers(&mut self) {
        for leftover in self.journal.leftovers() {
            match leftover {
                Leftover::Run { job_id, .. } => self.waiting.push_back(job_id),
                Leftover::Interrupted { job_id, .. } => self.finish(&job_id, DocumentStatus::Failed),
                Leftover::Resume { job_id, .. } => {
                    self.world.broken(format!("{job_id} waits for a restart that nobody asked for"));
                }
            }
        }
        self.start_waiting();
    }

    async fn frame(&mut self, frame: &[u8]) {
        let message = AgentMessage::decode(frame).unwrap();
        match message.message_type {
            MessageType::AgentJob => {
                let job: AgentJob = serde_json::from_slice(&message.payload).unwrap();
                self.job(job, message.message_id).await;
            }
            MessageType::AgentJobReplyAck => {
                let ack: AgentJobReplyAck = serde_json::from_slice(&message.payload).unwrap();
                self.acknowledged(ack.acknowledged_message_id);
            }
            _ => {}
        }
    }

    async fn job(&mut self, job: AgentJob, frame: MessageId) {
        let code = match TopicKind::parse(&job.topic) {
            Some(TopicKind::SendCommand) => self.arrived(&job),
            _ => {
                let cancel: CancelCommandPayload = serde_json::from_str(&job.content).unwrap();
                self.cancel(&cancel.cancel_message_id);
                AckCode::Successful
            }
        };
        // Journaled, and not acknowledged yet.
        self.world.pause(Duration::from_millis(3)).await;
        let is_new = code == AckCode::Successful;
        let ack = AgentJobAck {
            job_id: job.job_id.clone(),
            acknowledged_message_id: frame,
            created_date: self.world.now().to_iso_millis(),
            error_message: code.message().to_owned(),
            status_code: code,
        };
        self.put(MessageType::AgentJobAck, self.id(), &ack);
        if is_new && TopicKind::parse(&job.topic) == Some(TopicKind::SendCommand) {
            self.reply(self.id(), &job.job_id, &payload(DocumentStatus::InProgress, None));
            self.start_waiting();
        }
    }

    fn arrived(&mut self, job: &AgentJob) -> AckCode {
        let is_known = self.journal.knows(&job.job_id);
        if !is_known && self.running.len() + self.waiting.len() >= MAX_RUNNING + MAX_WAITING {
            return AckCode::ProcessorBufferFull;
        }
        match self.journal.receive(&job.job_id, &job.content, self.world.now()).unwrap() {
            Receipt::Duplicate => AckCode::DuplicateCommand,
            Receipt::New => {
                self.waiting.push_back(job.job_id.clone());
                AckCode::Successful
            }
        }
    }

    fn cancel(&mut self, job_id: &str) {
        if let Some(running) = self.running.remove(job_id) {
            running.abort();
            self.finish(job_id, DocumentStatus::Cancelled);
            self.start_waiting();
        } else if let Some(at) = self.waiting.iter().position(|waiting| waiting == job_id) {
            self.waiting.remove(at);
            self.finish(job_id, DocumentStatus::Cancelled);
        }
    }

    fn start_waiting(&mut self) {
        while self.running.len() < MAX_RUNNING
            && let Some(job_id) = self.waiting.pop_front()
        {
            self.journal.start(&job_id).unwrap();
            let times = {
                let mut truth = self.world.truth();
                let times = truth.begun.entry(job_id.clone()).or_default();
                *times += 1;
                *times
            };
            self.world.note(&format!("node {} begins {job_id}", self.number));
            if times > 1 {
                self.world.broken(format!("{job_id} began {times} times"));
            }
            let document = run(Arc::clone(&self.world), self.number, job_id.clone());
            let handle = self.tasks.spawn(document);
            self.running.insert(job_id, handle);
        }
    }

    async fn ended(&mut self, job_id: &str, status: DocumentStatus) {
        if self.running.remove(job_id).is_none() {
            return;
        }
        let step = StepReply {
            status: if status == DocumentStatus::Success { StepStatus::Success } else { StepStatus::Failed },
            code: 0,
            name: "aws:runShellScript".to_owned(),
            output: "done".to_owned(),
            start_date_time: String::new(),
            end_date_time: String::new(),
            output_s3_bucket_name: String::new(),
            output_s3_key_prefix: String::new(),
            step_name: String::new(),
            standard_output: String::new(),
            standard_error: String::new(),
        };
        let steps = BTreeMap::from([("runShellScript".to_owned(), step)]);
        self.keep(job_id, payload(DocumentStatus::InProgress, Some(steps)), ReplyKind::Progress);
        // The step is journaled, the end is not yet.
        self.world.pause(Duration::from_millis(3)).await;
        self.finish(job_id, status);
        self.start_waiting();
    }

    fn finish(&mut self, job_id: &str, status: DocumentStatus) {
        self.world.note(&format!("node {} ends {job_id}: {status:?}", self.number));
        self.keep(job_id, payload(status, Some(BTreeMap::new())), ReplyKind::Final);
    }

    /// Journals a reply, then sends it.
    fn keep(&mut self, job_id: &str, reply: ReplyPayload, kind: ReplyKind) {
        let content = serde_json::to_string(&reply).unwrap();
        let stored = StoredReply { message_id: self.id(), job_id: job_id.to_owned(), content };
        self.journal.reply(stored.clone(), kind).unwrap();
        self.reply(stored.message_id, job_id, &reply);
    }

    fn send_stored(&mut self, age: Duration) {
        let is_due = |id: &MessageId| self.sent.get(id).is_none_or(|sent| sent.elapsed() >= age);
        let due: Vec<StoredReply> =
            self.journal.unacknowledged().filter(|reply| is_due(&reply.message_id)).cloned().collect();
        for stored in due {
            let reply: ReplyPayload = serde_json::from_str(&stored.content).unwrap();
            self.reply(stored.message_id, &stored.job_id, &reply);
        }
    }

    fn reply(&mut self, id: MessageId, job_id: &str, reply: &ReplyPayload) {
        let frame = AgentJobReply {
            schema_version: 1,
            job_id: job_id.to_owned(),
            content: serde_json::to_string(reply).unwrap(),
            topic: TopicKind::SendCommand.as_str().to_owned(),
        };
        if self.wire.is_some() {
            self.sent.insert(id, Instant::now());
            self.said.insert(id, (job_id.to_owned(), reply.clone()));
            self.put(MessageType::AgentJobReply, id, &frame);
        }
    }

    fn acknowledged(&mut self, id: MessageId) {
        self.sent.remove(&id);
        if let Some((job_id, reply)) = self.said.remove(&id) {
            let mut truth = self.world.truth();
            if reply.document_status.is_final() {
                truth.acknowledged.insert(job_id, reply.document_status);
            } else if reply.runtime_status.is_some() {
                truth.steps.insert(job_id);
            }
        }
        self.journal.acknowledge(id, self.world.now()).unwrap();
    }

    fn put(&self, kind: MessageType, id: MessageId, payload: &impl serde::Serialize) {
        let payload = serde_json::to_vec(payload).unwrap();
        self.say(Word::Frame(AgentMessage::new(kind, id, self.world.now(), payload).encode()));
    }

    fn say(&self, word: Word) {
        if let Some(wire) = &self.wire {
            // A wire that was cut says so where it is read.
            let _ = wire.to_server.send(word);
        }
    }

    fn id(&self) -> MessageId {
        let half = || u128::from(self.world.roll(u64::MAX));
        MessageId::from_bytes(((half() << 64) | half()).to_be_bytes())
    }
}

async fn next(wire: &mut Option<Wire>) -> Option<Vec<u8>> {
    wire.as_mut()?.from_server.recv().await
}

fn payload(status: DocumentStatus, steps: Option<BTreeMap<String, StepReply>>) -> ReplyPayload {
    ReplyPayload {
        additional_info: AdditionalInfo::default(),
        document_status: status,
        document_trace_output: String::new(),
        runtime_status: steps,
    }
}

/// A document at work; some upload a patch report, again and again until it is answered.
async fn run(world: Arc<World>, node: usize, job_id: String) -> (String, DocumentStatus) {
    let seconds = if world.one_in(12) { 40 } else { 6 };
    world.pause(Duration::from_secs(seconds)).await;
    if world.one_in(3) {
        report::upload(&world, node, &job_id).await;
    }
    let status = match world.roll(10) {
        0 => DocumentStatus::TimedOut,
        1 | 2 => DocumentStatus::Failed,
        _ => DocumentStatus::Success,
    };
    (job_id, status)
}
