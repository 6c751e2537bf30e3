//! The agent's memory of commands: recorded before anything runs, so that nothing runs twice and no result is lost.
//! What a command does belongs to `plugins`, sending replies to `transport`.
//!
//! One append-only file, one record a line, each line with its own checksum, synced before the caller goes on.
//! An append log was chosen over a folder of files because one order of events is what recovery needs, an append is one
//! write and one sync, and a torn write can only be at the end, where the checksum shows it. The file is rewritten
//! (aside, then renamed) at start and when it has grown, keeping what still matters; [`Limits`] bound that.

mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use api::Timestamp;
use api::agent::{MessageId, StepReply};
use serde::{Deserialize, Serialize};

use crate::{files, platform};
use record::Record;

/// In the agent's data folder.
pub const JOURNAL_FILE: &str = "journal";

/// What is kept of the past.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Finished commands and their unacknowledged replies are forgotten after this time.
    pub max_age_days: i64,
    /// Of finished commands, the newest stay.
    pub max_finished: usize,
    /// Appended since the last rewrite.
    pub max_appended_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_age_days: 30, max_finished: 2_000, max_appended_bytes: 4 << 20 }
    }
}

/// Where a command is. It moves down this list only, except that a suspended one starts again.
#[derive(Clone, Debug, PartialEq)]
enum State {
    Received,
    Started,
    Suspended(Suspension),
    Finished,
}

/// A command that waits for the restart one of its steps asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// The step to run again.
    pub next_step: usize,
    /// How often this command has been suspended, this time included.
    pub times: u32,
    /// Results of the steps before it, in document order.
    pub done: Vec<(String, StepReply)>,
    /// `None`: the restart was asked for at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<ScheduledRestart>,
}

/// A restart that is to happen at a time, and the boot that it is to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledRestart {
    /// By the node's clock.
    pub at: Timestamp,
    pub boot_id: String,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    received_at: Timestamp,
    state: State,
    /// The send-command payload; emptied when finished.
    payload: String,
}

/// A reply that the server has not acknowledged yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReply {
    pub message_id: MessageId,
    pub job_id: String,
    /// JSON text of the reply payload.
    pub content: String,
}

/// Whether the reply ends its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplyKind {
    Progress,
    Final,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    New,
    /// Received before, whatever became of it.
    Duplicate,
}

/// What a restarted agent has to see to.
#[derive(Clone, Debug, PartialEq)]
pub enum Leftover {
    /// Never started: run it.
    Run { job_id: String, payload: String },
    /// Waited for a restart: go on with it.
    Resume { job_id: String, payload: String, suspension: Suspension },
    /// Started, and nobody knows how far it came: report it, never run it.
    Interrupted { job_id: String, payload: String },
}

impl Leftover {
    /// The job that goes on where it was suspended.
    pub fn resumed(&self) -> Option<&str> {
        match self {
            Self::Resume { job_id, .. } => Some(job_id),
            Self::Run { .. } | Self::Interrupted { .. } => None,
        }
    }
}

#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    limits: Limits,
    entries: BTreeMap<String, Entry>,
    /// By order of writing.
    replies: BTreeMap<u64, StoredReply>,
    next_reply: u64,
    length: u64,
    appended: u64,
}

impl Journal {
    /// Reads what is there and rewrites it compactly. A damaged line is dropped with a warning.
    pub fn open(path: &Path, limits: Limits, now: Timestamp) -> io::Result<Self> {
        let mut text = Vec::new();
        let mut file = platform::open_private(path)?;
        file.read_to_end(&mut text)?;
        let mut journal = Self {
            path: path.to_owned(),
            file,
            limits,
            entries: BTreeMap::new(),
            replies: BTreeMap::new(),
            next_reply: 0,
            length: 0,
            appended: 0,
        };
        let (records, damaged) = record::read_all(&text);
        if damaged > 0 {
            tracing::warn!(damaged_lines = damaged, path = %path.display(), "journal has damaged lines; they are dropped");
        }
        for record in records {
            journal.apply(record);
        }
        journal.rewrite(now)?;
        Ok(journal)
    }

    /// Records that a command came, before it is acknowledged. Durable on return.
    pub fn receive(&mut self, job_id: &str, payload: &str, at: Timestamp) -> io::Result<Receipt> {
        if self.entries.contains_key(job_id) {
            return Ok(Receipt::Duplicate);
        }
        self.append(Record::Received { job_id: job_id.to_owned(), at, payload: payload.to_owned() })?;
        Ok(Receipt::New)
    }

    /// Whether [`Self::receive`] would call it a duplicate.
    pub fn knows(&self, job_id: &str) -> bool {
        self.entries.contains_key(job_id)
    }

    /// Records that the command runs from now on. Durable on return; only then may anything run.
    pub fn start(&mut self, job_id: &str) -> io::Result<()> {
        self.append(Record::Started { job_id: job_id.to_owned() })
    }

    /// Records that the command goes on after a restart of the machine. Durable on return.
    pub fn suspend(&mut self, job_id: &str, suspension: Suspension) -> io::Result<()> {
        self.append(Record::Suspended { job_id: job_id.to_owned(), suspension })
    }

    /// Keeps a reply until it is acknowledged; a final one ends its command. Durable on return.
    pub fn reply(&mut self, reply: StoredReply, kind: ReplyKind) -> io::Result<()> {
        self.append(Record::Reply {
            job_id: reply.job_id,
            message_id: reply.message_id,
            kind,
            content: reply.content,
        })
    }

    /// Forgets a reply. Not synced: a lost acknowledgement makes the reply go out again, which is harmless.
    pub fn acknowledge(&mut self, message_id: MessageId, now: Timestamp) -> io::Result<()> {
        if !self.replies.values().any(|reply| reply.message_id == message_id) {
            return Ok(());
        }
        self.write(&Record::Acknowledged { message_id })?;
        self.apply(Record::Acknowledged { message_id });
        if self.appended > self.limits.max_appended_bytes {
            self.rewrite(now)?;
        }
        Ok(())
    }

    /// Replies to send again, oldest first.
    pub fn unacknowledged(&self) -> impl Iterator<Item = &StoredReply> {
        self.replies.values()
    }

    /// What the previous process left undone, oldest first.
    pub fn leftovers(&self) -> Vec<Leftover> {
        let mut open: Vec<(&String, &Entry)> =
            self.entries.iter().filter(|(_, entry)| entry.state != State::Finished).collect();
        open.sort_by_key(|(_, entry)| entry.received_at);
        open.into_iter().filter_map(|(job_id, entry)| leftover(job_id.clone(), entry)).collect()
    }

    fn append(&mut self, record: Record) -> io::Result<()> {
        self.write(&record)?;
        self.file.sync_data()?;
        self.apply(record);
        Ok(())
    }

    /// Leaves the file as it was when the write fails, so that no torn line gets into its middle.
    fn write(&mut self, record: &Record) -> io::Result<()> {
        let line = record.to_line();
        if let Err(error) = self.file.write_all(&line) {
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += line.len() as u64;
        self.appended += line.len() as u64;
        Ok(())
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::Received { job_id, at, payload } => {
                let entry = Entry { received_at: at, state: State::Received, payload };
                self.entries.entry(job_id).or_insert(entry);
            }
            Record::Started { job_id } => self.set_state(&job_id, State::Started),
            Record::Suspended { job_id, suspension } => self.set_state(&job_id, State::Suspended(suspension)),
            Record::Finished { job_id } => self.finish(&job_id),
            Record::Reply { job_id, message_id, kind, content } => {
                if kind == ReplyKind::Final {
                    self.finish(&job_id);
                }
                self.replies.insert(self.next_reply, StoredReply { message_id, job_id, content });
                self.next_reply += 1;
            }
            Record::Acknowledged { message_id } => {
                self.replies.retain(|_, reply| reply.message_id != message_id)
            }
        }
    }

    fn set_state(&mut self, job_id: &str, state: State) {
        if let Some(entry) = self.entries.get_mut(job_id).filter(|entry| entry.state != State::Finished) {
            entry.state = state;
        }
    }

    fn finish(&mut self, job_id: &str) {
        if let Some(entry) = self.entries.get_mut(job_id) {
            entry.state = State::Finished;
            entry.payload = String::new();
        }
    }

    /// Writes what still matters to a new file and puts it in the old one's place.
    fn rewrite(&mut self, now: Timestamp) -> io::Result<()> {
        self.forget_old(now);
        let mut text = Vec::new();
        for record in self.live_records() {
            text.extend(record.to_line());
        }
        files::write_atomically(&self.path, &text)?;
        self.file = platform::open_private(&self.path)?;
        self.length = text.len() as u64;
        self.appended = 0;
        Ok(())
    }

    fn forget_old(&mut self, now: Timestamp) {
        let oldest = now.plus_seconds(-self.limits.max_age_days.saturating_mul(86_400));
        self.entries.retain(|_, entry| entry.state != State::Finished || entry.received_at >= oldest);
        let mut finished: Vec<(Timestamp, String)> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.state == State::Finished)
            .map(|(job_id, entry)| (entry.received_at, job_id.clone()))
            .collect();
        finished.sort();
        let surplus = finished.len().saturating_sub(self.limits.max_finished);
        for (_, job_id) in &finished[..surplus] {
            self.entries.remove(job_id);
        }
        let entries = &self.entries;
        self.replies.retain(|_, reply| entries.contains_key(&reply.job_id));
    }

    fn live_records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for (job_id, entry) in &self.entries {
            let job_id = job_id.clone();
            let payload = entry.payload.clone();
            records.push(Record::Received { job_id: job_id.clone(), at: entry.received_at, payload });
            match &entry.state {
                State::Received => {}
                State::Started => records.push(Record::Started { job_id }),
                State::Suspended(suspension) => {
                    records.push(Record::Suspended { job_id, suspension: suspension.clone() });
                }
                State::Finished => records.push(Record::Finished { job_id }),
            }
        }
        // Each reply after its command's state: one that is not final must not finish it.
        records.extend(self.replies.values().map(|reply| Record::Reply {
            job_id: reply.job_id.clone(),
            message_id: reply.message_id,
            kind: ReplyKind::Progress,
            content: reply.content.clone(),
        }));
        records
    }
}

fn leftover(job_id: String, entry: &Entry) -> Option<Leftover> {
    let payload = entry.payload.clone();
    match &entry.state {
        State::Received => Some(Leftover::Run { job_id, payload }),
        State::Started => Some(Leftover::Interrupted { job_id, payload }),
        State::Suspended(suspension) => {
            Some(Leftover::Resume { job_id, payload, suspension: suspension.clone() })
        }
        State::Finished => None,
    }
}
