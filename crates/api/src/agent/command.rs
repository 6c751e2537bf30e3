//! What a job asks for: the send-command and cancel-command payloads, job ids and topics.
//! The same over the websocket and the long poll. Reading the document itself belongs to `domain::document`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Names one command on one node: `aws.ssm.<CommandId>.<InstanceId>`. MessageId of the long poll, JobId of the websocket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobId {
    pub command_id: String,
    pub instance_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not of the form aws.ssm.<command id>.<instance id>")]
pub struct NotAJobId(pub String);

impl FromStr for JobId {
    type Err = NotAJobId;

    /// The last two dot parts count, whatever stands before them, as the stock agent reads it.
    fn from_str(text: &str) -> Result<Self, NotAJobId> {
        let mut parts = text.rsplit('.');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(instance_id), Some(command_id), Some(_))
                if !instance_id.is_empty() && !command_id.is_empty() =>
            {
                Ok(Self { command_id: command_id.to_owned(), instance_id: instance_id.to_owned() })
            }
            _ => Err(NotAJobId(text.to_owned())),
        }
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "aws.ssm.{}.{}", self.command_id, self.instance_id)
    }
}

/// What a topic asks for. Only the beginning of a topic counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicKind {
    SendCommand,
    CancelCommand,
}

impl TopicKind {
    pub fn parse(topic: &str) -> Option<Self> {
        [Self::SendCommand, Self::CancelCommand].into_iter().find(|kind| topic.starts_with(kind.as_str()))
    }

    /// As replies carry it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendCommand => "aws.ssm.sendCommand",
            Self::CancelCommand => "aws.ssm.cancelCommand",
        }
    }

    /// As jobs carry it: `aws.ssm.sendCommand.us-east-1.AWS-RunShellScript`.
    pub fn topic(self, region: &str, document_name: &str) -> String {
        format!("{}.{region}.{document_name}", self.as_str())
    }
}

/// A command for one node, complete: the agent asks for nothing else before it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendCommandPayload {
    pub command_id: String,
    pub document_name: String,
    /// The whole document as JSON.
    pub document_content: Value,
    /// Typed by the document's declarations, defaults filled in.
    #[serde(default, deserialize_with = "null_is_default")]
    pub parameters: Map<String, Value>,
    #[serde(default, deserialize_with = "null_is_default", rename = "OutputS3BucketName")]
    pub output_s3_bucket_name: String,
    #[serde(default, deserialize_with = "null_is_default", rename = "OutputS3KeyPrefix")]
    pub output_s3_key_prefix: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub cloud_watch_log_group_name: String,
    /// `true` or `false`, as text. `true` makes a stock agent look for CloudWatch, by a host name that a server of
    /// its own cannot serve.
    #[serde(default, deserialize_with = "null_is_default")]
    pub cloud_watch_output_enabled: String,
    /// Ours: the log group whose files are to hold the output. Stock agents pass over it.
    #[serde(default, skip_serializing_if = "String::is_empty", rename = "FettleLogGroupName")]
    pub fettle_log_group_name: String,
}

/// Asks for the end of a command that is waiting or running. Sent under a job id of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CancelCommandPayload {
    /// The [`JobId`] of the command to cancel.
    pub cancel_message_id: String,
}

fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_ids_round_trip() {
        let text = "aws.ssm.3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10.mi-0123456789abcdef0";
        let id: JobId = text.parse().unwrap();
        assert_eq!(id.command_id, "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10");
        assert_eq!(id.instance_id, "mi-0123456789abcdef0");
        assert_eq!(id.to_string(), text);
        for wrong in ["", "a.b", "aws.ssm..mi-1", "aws.ssm.c."] {
            assert_eq!(wrong.parse::<JobId>(), Err(NotAJobId(wrong.into())));
        }
    }

    #[test]
    fn topics_are_known_by_their_beginning() {
        let topic = TopicKind::SendCommand.topic("us-east-1", "AWS-RunShellScript");
        assert_eq!(topic, "aws.ssm.sendCommand.us-east-1.AWS-RunShellScript");
        assert_eq!(TopicKind::parse(&topic), Some(TopicKind::SendCommand));
        assert_eq!(TopicKind::parse("aws.ssm.cancelCommand.x"), Some(TopicKind::CancelCommand));
        assert_eq!(TopicKind::parse("aws.ssm.refresh"), None);
    }

    #[test]
    fn send_command_has_the_wire_names() {
        let text = r#"{"CommandId":"c","DocumentName":"d","DocumentContent":{"schemaVersion":"2.2"},"Parameters":{"z":["1"],"a":"2"},"OutputS3BucketName":"","OutputS3KeyPrefix":"","CloudWatchLogGroupName":"","CloudWatchOutputEnabled":"false"}"#;
        let payload: SendCommandPayload = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&payload).unwrap(), text);
        let short = r#"{"CommandId":"c","DocumentName":"d","DocumentContent":{},"Parameters":null}"#;
        let payload: SendCommandPayload = serde_json::from_str(short).unwrap();
        assert!(payload.parameters.is_empty() && payload.cloud_watch_output_enabled.is_empty());
    }
}
