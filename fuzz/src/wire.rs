//! What clients, nodes and operators send: requests, frames, signatures, baselines, documents, override lists.

use std::hint::black_box;

use api::agent::channel::parse_token_value;
use api::agent::{
    AgentJob, AgentJobAck, AgentJobReply, AgentJobReplyAck, AgentMessage, CancelCommandPayload, JobId,
    ReplyPayload, SendCommandPayload,
};
use api::sigv4::{Presented, RequestParts};
use domain::baseline::BaselineRules;
use domain::document::Document;
use domain::patch::override_list::OverrideList;

use crate::node::choose;

pub fn baseline(data: &[u8]) {
    if let Ok(wire) = api::decode::decode::<api::ssm::BaselineOverride>(data)
        && let Ok(rules) = BaselineRules::try_from(wire)
    {
        // What was understood can be written down and understood again.
        let text = serde_json::to_string(&rules).expect("rules have a JSON form");
        let again: BaselineRules = serde_json::from_str(&text).expect("and are read from it");
        assert_eq!(again, rules);
    }
}

pub fn document(data: &[u8]) {
    let _ = Document::parse(&String::from_utf8_lossy(data));
}

/// Binary frames and what travels in them and beside them.
pub fn frame(data: &[u8]) {
    if let Ok(message) = AgentMessage::decode(data) {
        payloads(&message.payload);
        // What was read is written as it was.
        let again = AgentMessage::decode(&message.encode()).expect("a frame of our own");
        assert_eq!(again.payload, message.payload);
    }
    payloads(data);
    let text = String::from_utf8_lossy(data);
    let _ = text.parse::<JobId>();
    let _ = parse_token_value(&text);
}

fn payloads(data: &[u8]) {
    let _ = serde_json::from_slice::<AgentJob>(data);
    let _ = serde_json::from_slice::<AgentJobAck>(data);
    let _ = serde_json::from_slice::<AgentJobReply>(data);
    let _ = serde_json::from_slice::<AgentJobReplyAck>(data);
    if let Ok(reply) = serde_json::from_slice::<ReplyPayload>(data) {
        let steps = reply.runtime_status.iter().flat_map(|steps| steps.values());
        steps.for_each(|step| {
            black_box((step.started_at(), step.ended_at()));
        });
    }
    let _ = serde_json::from_slice::<SendCommandPayload>(data);
    let _ = serde_json::from_slice::<CancelCommandPayload>(data);
}

pub fn override_list(data: &[u8]) {
    let _ = OverrideList::parse(&String::from_utf8_lossy(data));
}

/// Requests whose bodies nodes and clients send, and the facts in one of them.
pub fn request(data: &[u8]) {
    use api::decode::decode;
    let Some((chosen, body)) = choose(data, 7) else { return };
    match chosen {
        0 => drop(decode::<api::ssm::PutInventoryRequest>(body)),
        1 => drop(decode::<api::ssm::SendCommandRequest>(body)),
        2 => drop(decode::<api::ssm::CreatePatchBaselineRequest>(body)),
        3 => drop(decode::<api::mds::SendReplyRequest>(body)),
        4 => drop(decode::<api::fettle::ImportAdvisoriesRequest>(body)),
        5 => drop(decode::<api::ssm::GetInventoryRequest>(body)),
        _ => {
            if let Ok(facts) = serde_json::from_slice::<domain::facts::FactSet>(body) {
                let json = facts.to_canonical_json();
                let again: domain::facts::FactSet = serde_json::from_slice(&json).expect("facts of our own");
                assert_eq!(again, facts);
                domain::patch::offered::offered(&facts);
            }
            let _ = serde_json::from_slice::<domain::facts::Observation>(body);
        }
    }
}

/// A line each: authorization, date, query.
pub fn signature(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let headers = [("authorization", next()), ("x-amz-date", next()), ("host", "h")];
    let query = next();
    for headers in [&headers[..], &headers[1..]] {
        let parts = RequestParts { method: "POST", path: "/", query, headers };
        if let Ok(presented) = Presented::from_request(&parts) {
            let _ = presented.check_service("ssm");
            let _ = presented.rsa_signature();
        }
    }
}
