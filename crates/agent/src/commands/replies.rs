//! Reply payloads as this agent writes them. What is reported when belongs to the file above.

use std::collections::BTreeMap;

use api::agent::reply::{AdditionalInfo, AgentInfo};
use api::agent::{DocumentStatus, ReplyPayload, StepReply};

use crate::plugins::Surroundings;
use crate::transport::call::now;

#[derive(Debug)]
pub struct ReplyWriter {
    agent: AgentInfo,
}

impl ReplyWriter {
    pub fn new(surroundings: &Surroundings) -> Self {
        Self {
            agent: AgentInfo {
                lang: "en-US".to_owned(),
                name: crate::AGENT_NAME.to_owned(),
                os: surroundings.platform_name.clone(),
                osver: surroundings.platform_version.clone(),
                ver: crate::VERSION.to_owned(),
            },
        }
    }

    /// Says that the command was taken.
    pub fn first(&self) -> String {
        let payload = ReplyPayload {
            additional_info: self.info(None),
            document_status: DocumentStatus::InProgress,
            document_trace_output: String::new(),
            runtime_status: None,
        };
        to_json(&payload)
    }

    pub fn write(
        &self,
        status: DocumentStatus,
        trace: &str,
        steps: &[(String, StepReply)],
        counts: &BTreeMap<String, u32>,
    ) -> String {
        // A reply holds one step at most, and a step two streams of limited length: it fits a frame, see the test.
        let payload = ReplyPayload {
            additional_info: self.info(Some(counts.clone())),
            document_status: status,
            document_trace_output: trace.to_owned(),
            runtime_status: Some(steps.iter().cloned().collect()),
        };
        to_json(&payload)
    }

    fn info(&self, counts: Option<BTreeMap<String, u32>>) -> AdditionalInfo {
        AdditionalInfo {
            agent: self.agent.clone(),
            date_time: now().to_iso_millis(),
            run_id: String::new(),
            runtime_status_counts: counts,
            able_to_open_mgs_connection: None,
        }
    }
}

fn to_json(payload: &ReplyPayload) -> String {
    serde_json::to_string(payload).expect("a reply holds only strings and numbers")
}

#[cfg(test)]
mod tests {
    use api::agent::StepStatus;

    use super::*;

    fn writer() -> ReplyWriter {
        ReplyWriter { agent: AgentInfo::default() }
    }

    #[test]
    fn replies_fit_a_frame_whatever_the_output() {
        // A control character takes six bytes of JSON, and its backslash another one within JSON text.
        let wild = "\u{1}".repeat(24_000);
        let step = StepReply {
            status: StepStatus::Success,
            code: 0,
            name: "aws:runShellScript".into(),
            output: "\u{1}".repeat(2_500),
            start_date_time: String::new(),
            end_date_time: String::new(),
            output_s3_bucket_name: String::new(),
            output_s3_key_prefix: String::new(),
            step_name: String::new(),
            standard_output: wild.clone(),
            standard_error: wild,
        };
        let text = writer().write(DocumentStatus::Success, "", &[("s".into(), step)], &BTreeMap::new());
        let frame = serde_json::to_vec(&serde_json::json!({ "content": text })).unwrap();
        assert!(frame.len() < api::agent::frame::MAX_FRAME_BYTES / 2, "{}", frame.len());
    }

    #[test]
    fn the_first_reply_knows_nothing_yet() {
        let payload: ReplyPayload = serde_json::from_str(&writer().first()).unwrap();
        assert_eq!(payload.document_status, DocumentStatus::InProgress);
        assert_eq!((payload.runtime_status, payload.additional_info.runtime_status_counts), (None, None));
    }
}
