//! What a command's NotificationConfig asks for: which states are told, to whom, in which words.
//! Source: spec systems-manager 1.2 no. 8 and 1.7.

use api::Timestamp;
use api::ssm::{NotificationConfig, NotificationEvent, NotificationType, SendCommandRequest};
use serde_json::{Value, json};

use crate::command::{CommandStatus, InvocationStatus};
use crate::ids::{Arn, CommandId, NodeId};

/// A request that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// The last part of the topic's ARN: the webhook's name.
    pub topic: String,
    pub subject: Subject,
    events: Vec<NotificationEvent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Command,
    EachNode,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNotification {
    #[error("`{0}` is not the ARN of a topic, such as arn:aws:sns:eu-central-1:123456789012:NAME")]
    Topic(String),
    #[error("`{0}` is not a kind of notification; expected Command or Invocation")]
    Kind(String),
    #[error("`{0}` is not an event; expected All, InProgress, Success, TimedOut, Cancelled or Failed")]
    Event(String),
}

impl Wish {
    /// `None`: nothing is to be told.
    pub fn of(config: Option<&NotificationConfig>) -> Result<Option<Self>, InvalidNotification> {
        let Some(config) = config else { return Ok(None) };
        let Some(arn) = config.notification_arn.as_deref().filter(|arn| !arn.is_empty()) else {
            return Ok(None);
        };
        let topic = Arn::parse(arn).filter(|arn| arn.service == "sns").map(|arn| arn.resource);
        let topic = topic.filter(|topic| !topic.is_empty() && !topic.contains(':'));
        let topic = topic.ok_or_else(|| InvalidNotification::Topic(arn.to_owned()))?.to_owned();
        let subject = match &config.notification_type {
            None | Some(NotificationType::Command) => Subject::Command,
            Some(NotificationType::Invocation) => Subject::EachNode,
            Some(other) => return Err(InvalidNotification::Kind(other.as_str().to_owned())),
        };
        let events = config.notification_events.clone().unwrap_or_default();
        if let Some(strange) = events.iter().find(|event| matches!(event, NotificationEvent::Unknown(_))) {
            return Err(InvalidNotification::Event(strange.as_str().to_owned()));
        }
        let events = if events.is_empty() { vec![NotificationEvent::All] } else { events };
        Ok(Some(Self { topic, subject, events }))
    }

    fn tells(&self, status: &str) -> bool {
        // Never told, whatever is asked for.
        !matches!(status, "Pending" | "Cancelling" | "Delayed")
            && self.events.iter().any(|event| *event == NotificationEvent::All || event.as_str() == status)
    }
}

/// What is to be done about a state that was not told yet.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// To be told, and whether anything may follow.
    Tell { status: String, last: bool },
    /// Nobody wants to know.
    Pass { last: bool },
}

/// `details` is a state of a command, or of an invocation, as `StatusDetails` has it.
pub fn step(wish: &Wish, details: &str) -> Step {
    let (status, last) = match wish.subject {
        Subject::Command => CommandStatus::ALL
            .into_iter()
            .find(|status| status.as_str() == details)
            .map_or((details, true), |status| (status.as_status_str(), status.is_terminal())),
        Subject::EachNode => InvocationStatus::ALL
            .into_iter()
            .find(|status| status.as_str() == details)
            .map_or((details, true), |status| (status.as_status_str(), status.is_terminal())),
    };
    match wish.tells(status) {
        true => Step::Tell { status: status.to_owned(), last },
        false => Step::Pass { last },
    }
}

/// A command as a message tells of it.
pub struct Told<'a> {
    pub id: &'a CommandId,
    pub request: &'a SendCommandRequest,
    pub requested_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The message, in the members that AWS's topics get.
pub fn message(told: &Told<'_>, node: Option<&NodeId>, status: &str, now: Timestamp) -> Value {
    let Told { id, request, requested_at, expires_at } = told;
    let mut message = json!({"commandId": id.as_str(), "documentName": request.document_name});
    if let Some(node) = node {
        message["instanceId"] = node.as_str().into();
    } else {
        if let Some(ids) = &request.instance_ids {
            message["instanceIds"] = json!(ids);
        }
        message["expiresAfter"] = expires_at.to_iso_millis().into();
        message["outputS3BucketName"] = request.output_s3_bucket_name.clone().unwrap_or_default().into();
        message["outputS3KeyPrefix"] = request.output_s3_key_prefix.clone().unwrap_or_default().into();
    }
    message["requestedDateTime"] = requested_at.to_iso_millis().into();
    message["status"] = status.into();
    message["eventTime"] = now.to_iso_millis().into();
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(arn: &str, kind: Option<&str>, events: &[&str]) -> NotificationConfig {
        NotificationConfig {
            notification_arn: Some(arn.to_owned()),
            notification_type: kind.map(Into::into),
            notification_events: Some(events.iter().map(|event| (*event).into()).collect()),
        }
    }

    const ARN: &str = "arn:aws:sns:eu-central-1:123456789012:ops";

    #[test]
    fn reads_what_is_asked_for() {
        assert_eq!(Wish::of(None), Ok(None));
        assert_eq!(Wish::of(Some(&config("", None, &[]))), Ok(None));
        let wish = Wish::of(Some(&config(ARN, Some("Invocation"), &["Failed"]))).unwrap().unwrap();
        assert_eq!((wish.topic.as_str(), wish.subject), ("ops", Subject::EachNode));
        let rows = [
            config("arn:aws:sqs:eu-central-1:123456789012:ops", None, &[]),
            config("ops", None, &[]),
            config(ARN, Some("Each"), &[]),
            config(ARN, None, &["Pending"]),
        ];
        for wrong in rows {
            assert!(Wish::of(Some(&wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn tells_states_that_are_wanted_until_the_last() {
        let wish =
            |kind: &str, events: &[&str]| Wish::of(Some(&config(ARN, Some(kind), events))).unwrap().unwrap();
        let tell = |status: &str, last| Step::Tell { status: status.to_owned(), last };
        let rows = [
            ("Command", &["All"][..], "Pending", Step::Pass { last: false }),
            ("Command", &["All"], "InProgress", tell("InProgress", false)),
            ("Command", &["All"], "Cancelling", Step::Pass { last: false }),
            ("Command", &["All"], "Incomplete", tell("Failed", true)),
            ("Command", &["Success"], "Failed", Step::Pass { last: true }),
            ("Command", &["Success", "TimedOut"], "DeliveryTimedOut", tell("TimedOut", true)),
            ("Invocation", &["Failed"], "Undeliverable", tell("Failed", true)),
            ("Invocation", &["Cancelled"], "Terminated", tell("Cancelled", true)),
            ("Invocation", &["All"], "Delayed", Step::Pass { last: false }),
            // A state of another release ends it rather than asking for ever.
            ("Invocation", &["All"], "Unheard", tell("Unheard", true)),
        ];
        for (kind, events, details, expected) in rows {
            assert_eq!(step(&wish(kind, events), details), expected, "{kind} {events:?} {details}");
        }
    }
}
