//! One journal record as a line: sixteen hex digits of SHA-256, a blank, JSON, a line feed.

use api::Timestamp;
use api::agent::MessageId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ReplyKind, Suspension};

const CHECKSUM_DIGITS: usize = 16;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum Record {
    Received {
        job_id: String,
        at: Timestamp,
        payload: String,
    },
    Started {
        job_id: String,
    },
    Suspended {
        job_id: String,
        suspension: Suspension,
    },
    /// Written by a rewrite only; otherwise the final reply says it.
    Finished {
        job_id: String,
    },
    Reply {
        job_id: String,
        message_id: MessageId,
        kind: ReplyKind,
        content: String,
    },
    Acknowledged {
        message_id: MessageId,
    },
}

impl Record {
    pub(super) fn to_line(&self) -> Vec<u8> {
        let json = serde_json::to_vec(self).expect("a record holds only strings, numbers and lists");
        let mut line = checksum(&json).into_bytes();
        line.push(b' ');
        line.extend(json);
        line.push(b'\n');
        line
    }

    fn from_line(line: &[u8]) -> Option<Self> {
        let (sum, rest) = line.split_at_checked(CHECKSUM_DIGITS)?;
        let json = rest.strip_prefix(b" ")?;
        (checksum(json).as_bytes() == sum).then(|| serde_json::from_slice(json).ok())?
    }
}

/// All sound records, and how many lines were not. A line without its line feed is not sound.
pub(super) fn read_all(text: &[u8]) -> (Vec<Record>, usize) {
    let mut records = Vec::new();
    let mut damaged = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n").and_then(Record::from_line) {
            Some(record) => records.push(record),
            None => damaged += 1,
        }
    }
    (records, damaged)
}

fn checksum(json: &[u8]) -> String {
    let mut digits = hex::encode(Sha256::digest(json));
    digits.truncate(CHECKSUM_DIGITS);
    digits
}
