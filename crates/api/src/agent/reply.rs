//! The reply payload: what an agent reports about a command, in progress and at its end.
//! Merging replies that overtake each other belongs to the server; making them to the agent.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::Timestamp;

/// Longest `standardOutput` and `standardError`, in characters, marker included.
pub const MAX_STREAM_CHARS: usize = 24_000;
/// Longest `output`, in characters.
pub const MAX_OUTPUT_CHARS: usize = 2_500;
/// Ends a stream that was cut.
pub const TRUNCATED: &str = "--output truncated--";
/// Stands between standard output and standard error in `output`, on a line of its own.
pub const ERROR_SEPARATOR: &str = "----------ERROR-------";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplyPayload {
    #[serde(default)]
    pub additional_info: AdditionalInfo,
    pub document_status: DocumentStatus,
    /// Why the document could not run; empty when it did.
    #[serde(default, deserialize_with = "null_is_default")]
    pub document_trace_output: String,
    /// Keyed by step name, or by plugin name in schema 1.2. `None` in the first reply; one step in a reply about it.
    #[serde(default)]
    pub runtime_status: Option<BTreeMap<String, StepReply>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AdditionalInfo {
    pub agent: AgentInfo,
    /// ISO 8601 with milliseconds.
    pub date_time: String,
    pub run_id: String,
    /// How many steps are in which status, over all known so far; `None` in the first reply.
    pub runtime_status_counts: Option<BTreeMap<String, u32>>,
    /// Only in replies over the long poll.
    #[serde(rename = "ableToOpenMGSConnection", skip_serializing_if = "Option::is_none")]
    pub able_to_open_mgs_connection: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentInfo {
    pub lang: String,
    pub name: String,
    pub os: String,
    pub osver: String,
    pub ver: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReply {
    pub status: StepStatus,
    /// Exit code; 137 when killed by cancel or time-out.
    #[serde(default)]
    pub code: i64,
    /// The plugin: `aws:runShellScript`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// Both streams, at most [`MAX_OUTPUT_CHARS`]; the reason when the step failed or was skipped.
    #[serde(default, deserialize_with = "null_is_default")]
    pub output: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub start_date_time: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub end_date_time: String,
    #[serde(default, deserialize_with = "null_is_default", rename = "outputS3BucketName")]
    pub output_s3_bucket_name: String,
    #[serde(default, deserialize_with = "null_is_default", rename = "outputS3KeyPrefix")]
    pub output_s3_key_prefix: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub step_name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub standard_output: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub standard_error: String,
}

impl StepReply {
    /// `None` before the step started.
    pub fn started_at(&self) -> Option<Timestamp> {
        after_epoch(&self.start_date_time)
    }

    /// `None` before the step ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        after_epoch(&self.end_date_time)
    }
}

/// Stock agents write the year 1 for a time that is not known.
fn after_epoch(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).filter(|at| *at > Timestamp::EPOCH)
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentStatus {
    InProgress,
    Success,
    Failed,
    TimedOut,
    Cancelled,
    /// The node restarts and goes on afterwards: the command is still in progress.
    SuccessAndReboot,
    #[serde(untagged)]
    Other(String),
}

impl DocumentStatus {
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::TimedOut | Self::Cancelled)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepStatus {
    NotStarted,
    InProgress,
    Success,
    SuccessAndReboot,
    PassedAndReboot,
    Failed,
    Cancelled,
    TimedOut,
    Skipped,
    TestFailure,
    TestPass,
    #[serde(untagged)]
    Other(String),
}

impl StepStatus {
    pub fn as_str(&self) -> &str {
        match self {
            Self::NotStarted => "NotStarted",
            Self::InProgress => "InProgress",
            Self::Success => "Success",
            Self::SuccessAndReboot => "SuccessAndReboot",
            Self::PassedAndReboot => "PassedAndReboot",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::TimedOut => "TimedOut",
            Self::Skipped => "Skipped",
            Self::TestFailure => "TestFailure",
            Self::TestPass => "TestPass",
            Self::Other(text) => text,
        }
    }
}

/// One status out of those of all steps: SuccessAndReboot before Failed before TimedOut before Cancelled before Success.
/// Skipped counts as Success; a step that has not ended makes it InProgress unless a reboot is due.
pub fn document_status<'a>(steps: impl IntoIterator<Item = &'a StepStatus>) -> DocumentStatus {
    steps
        .into_iter()
        .map(rank)
        .max_by_key(|(rank, _)| *rank)
        .map_or(DocumentStatus::Success, |(_, status)| status)
}

fn rank(step: &StepStatus) -> (u8, DocumentStatus) {
    match step {
        StepStatus::SuccessAndReboot => (5, DocumentStatus::SuccessAndReboot),
        StepStatus::NotStarted | StepStatus::InProgress => (4, DocumentStatus::InProgress),
        StepStatus::Failed | StepStatus::TestFailure | StepStatus::Other(_) => (3, DocumentStatus::Failed),
        StepStatus::TimedOut => (2, DocumentStatus::TimedOut),
        StepStatus::Cancelled => (1, DocumentStatus::Cancelled),
        StepStatus::Success | StepStatus::PassedAndReboot | StepStatus::Skipped | StepStatus::TestPass => {
            (0, DocumentStatus::Success)
        }
    }
}

fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: &str = r#"{"additionalInfo":{"agent":{"lang":"en-US","name":"amazon-ssm-agent","os":"linux","osver":"1","ver":"3.3.0.0"},"dateTime":"2026-01-31T12:00:03.027Z","runId":"","runtimeStatusCounts":{"Success":1},"ableToOpenMGSConnection":false},"documentStatus":"InProgress","documentTraceOutput":"","runtimeStatus":{"stepA":{"status":"Success","code":0,"name":"aws:runShellScript","output":"hello\n\n----------ERROR-------\nwarn\n","startDateTime":"2026-01-31T12:00:02.946Z","endDateTime":"2026-01-31T12:00:03.023Z","outputS3BucketName":"","outputS3KeyPrefix":"","stepName":"","standardOutput":"hello\n","standardError":"warn\n"}}}"#;

    #[test]
    fn reads_and_writes_what_a_stock_agent_sends() {
        let reply: ReplyPayload = serde_json::from_str(STEP).unwrap();
        let step = &reply.runtime_status.as_ref().unwrap()["stepA"];
        assert_eq!(step.status, StepStatus::Success);
        assert_eq!(step.ended_at().unwrap().millis_since(step.started_at().unwrap()), 77);
        assert_eq!(serde_json::to_string(&reply).unwrap(), STEP);
    }

    #[test]
    fn reads_the_first_reply_and_unknown_statuses() {
        let first = r#"{"additionalInfo":{"runtimeStatusCounts":null},"documentStatus":"InProgress","runtimeStatus":null}"#;
        let reply: ReplyPayload = serde_json::from_str(first).unwrap();
        assert_eq!((reply.document_status, reply.runtime_status), (DocumentStatus::InProgress, None));
        let odd = r#"{"documentStatus":"Paused","runtimeStatus":{"s":{"status":"Odd","startDateTime":"0001-01-01T00:00:00.000Z"}}}"#;
        let reply: ReplyPayload = serde_json::from_str(odd).unwrap();
        assert_eq!(reply.document_status, DocumentStatus::Other("Paused".into()));
        let step = &reply.runtime_status.unwrap()["s"];
        assert_eq!((step.status.as_str(), step.started_at()), ("Odd", None));
    }

    #[test]
    fn the_worst_step_decides() {
        use StepStatus::*;
        let check =
            |steps: &[StepStatus], expected: DocumentStatus| assert_eq!(document_status(steps), expected);
        check(&[], DocumentStatus::Success);
        check(&[Success, Skipped], DocumentStatus::Success);
        check(&[Cancelled, Success], DocumentStatus::Cancelled);
        check(&[Cancelled, TimedOut], DocumentStatus::TimedOut);
        check(&[Failed, TimedOut, Success], DocumentStatus::Failed);
        check(&[Failed, NotStarted], DocumentStatus::InProgress);
        check(&[Failed, SuccessAndReboot, NotStarted], DocumentStatus::SuccessAndReboot);
    }
}
