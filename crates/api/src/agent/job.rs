//! The four JSON payloads that carry commands over a control channel: job, acknowledgement, reply, its acknowledgement.
//! What stands in `content` is in `command` and `reply`.
//!
//! The server's keys begin with a capital, the agent's with a small letter.

use serde::{Deserialize, Serialize};

use super::MessageId;

/// Server to agent: run or cancel a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AgentJob {
    pub schema_version: u32,
    /// See [`super::JobId`].
    pub job_id: String,
    /// See [`super::TopicKind`].
    pub topic: String,
    /// JSON text of a [`super::SendCommandPayload`] or [`super::CancelCommandPayload`].
    pub content: String,
}

/// Agent to server: whether the job was taken. No answer is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentJobAck {
    pub job_id: String,
    /// Of the `agent_job` frame.
    pub acknowledged_message_id: MessageId,
    /// ISO 8601 with milliseconds.
    #[serde(default)]
    pub created_date: String,
    pub status_code: AckCode,
    #[serde(default)]
    pub error_message: String,
}

/// Agent to server: progress or end of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentJobReply {
    pub schema_version: u32,
    pub job_id: String,
    /// JSON text of a [`super::ReplyPayload`].
    pub content: String,
    #[serde(default)]
    pub topic: String,
}

/// Server to agent: the reply is stored. Without it the agent sends the reply again, under the same message id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentJobReplyAck {
    pub job_id: String,
    /// Of the `agent_job_reply` frame.
    pub acknowledged_message_id: MessageId,
}

/// What became of a job on arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AckCode {
    #[serde(rename = "200")]
    Successful,
    /// The agent is stopping: send the job again later.
    #[serde(rename = "51401")]
    ClosedProcessor,
    /// Enough commands run and wait: send the job again later.
    #[serde(rename = "51402")]
    ProcessorBufferFull,
    #[serde(rename = "51403")]
    UnexpectedDocumentType,
    #[serde(rename = "51404")]
    ProcessorErrorCodeTranslationFailed,
    /// Received before; no replies follow this acknowledgement.
    #[serde(rename = "51405")]
    DuplicateCommand,
    #[serde(rename = "51406")]
    InvalidDocument,
    #[serde(rename = "51407")]
    ContainerNotSupported,
    #[serde(rename = "51408")]
    AgentJobMessageParseError,
    #[serde(rename = "51499")]
    UnexpectedError,
    #[serde(untagged)]
    Other(String),
}

impl AckCode {
    /// The text that goes with the code as `errorMessage`.
    pub fn message(&self) -> &str {
        match self {
            Self::Successful => "Successful",
            Self::ClosedProcessor => "ClosedProcessor",
            Self::ProcessorBufferFull => "ProcessorBufferFull",
            Self::UnexpectedDocumentType => "UnexpectedDocumentType",
            Self::ProcessorErrorCodeTranslationFailed => "ProcessorErrorCodeTranslationFailed",
            Self::DuplicateCommand => "DuplicateCommand",
            Self::InvalidDocument => "InvalidDocument",
            Self::ContainerNotSupported => "ContainerNotSupported",
            Self::AgentJobMessageParseError => "AgentJobMessageParseError",
            Self::UnexpectedError => "UnexpectedError",
            Self::Other(code) => code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_keys_of_each_side() {
        let job = AgentJob {
            schema_version: 1,
            job_id: "aws.ssm.c.mi-1".into(),
            topic: "aws.ssm.sendCommand".into(),
            content: "{}".into(),
        };
        assert_eq!(
            serde_json::to_string(&job).unwrap(),
            r#"{"SchemaVersion":1,"JobId":"aws.ssm.c.mi-1","Topic":"aws.ssm.sendCommand","Content":"{}"}"#
        );
        let ack = r#"{"jobId":"aws.ssm.c.mi-1","acknowledgedMessageId":"00112233-4455-6677-8899-aabbccddeeff","createdDate":"2026-01-31T12:00:02.736Z","statusCode":"51402","errorMessage":"ProcessorBufferFull"}"#;
        let parsed: AgentJobAck = serde_json::from_str(ack).unwrap();
        assert_eq!(parsed.status_code, AckCode::ProcessorBufferFull);
        assert_eq!(parsed.status_code.message(), "ProcessorBufferFull");
        assert_eq!(serde_json::to_string(&parsed).unwrap(), ack);
    }

    #[test]
    fn keeps_unknown_codes() {
        let code: AckCode = serde_json::from_str("\"51500\"").unwrap();
        assert_eq!(code, AckCode::Other("51500".into()));
        assert_eq!(serde_json::to_string(&code).unwrap(), "\"51500\"");
    }
}
