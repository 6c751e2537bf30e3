//! What clients, nodes and operators send: requests, frames, signatures, baselines, documents, override lists, and the words in
//! them; facts in the form in which they are kept.

use std::collections::BTreeMap;
use std::hint::black_box;

use agent::packages::windows_update::selection::{Level, Selection, Wishes};
use api::Timestamp;
use api::agent::channel::parse_token_value;
use api::agent::{
    AgentJob, AgentJobAck, AgentJobReply, AgentJobReplyAck, AgentMessage, CancelCommandPayload, JobId,
    ReplyPayload, SendCommandPayload,
};
use api::sigv4::chunked::{ChunkDecoder, ChunkSeed, Signatures};
use api::sigv4::{Presented, RequestParts, Scope, SigningKey, percent_decode, percent_encode};
use api::ssm::{DocumentFormat, DocumentType};
use domain::baseline::{BaselineRules, TagSelector};
use domain::document::{Document, RestartAt};
use domain::facts::{FactSet, form};
use domain::ids::{AccountId, BaselineId, CommandId, NodeId, Region};
use domain::inventory::SchemaVersion;
use domain::object::{BucketName, ObjectAddress, ObjectKey};
use domain::patch::override_list::OverrideList;
use domain::rollout::Limit;

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

/// As it is created, and as a node runs it.
pub fn document(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for format in [DocumentFormat::Json, DocumentFormat::Yaml] {
        for kind in [DocumentType::Command, DocumentType::Automation, DocumentType::Session] {
            let _ = domain::document::check(&kind, &format, &text);
        }
    }
    let Ok(document) = Document::parse(&text) else { return };
    let _ = document.check_placeholders();
    black_box((document.platforms(), document.to_described_parameters()));
    if let Ok(parameters) = document.resolve_parameters(&BTreeMap::new()) {
        black_box((document.execution_timeout_seconds(&parameters), parameters.environment()));
        for step in &document.steps {
            black_box((step.timeout_seconds(&parameters), step.resolved_inputs(&parameters)));
        }
    }
}

/// Facts in few bytes: what was read is written, and read again as it was.
fn compact(data: &[u8]) {
    let Ok((texts, fields)) = domain::compact::split_texts(data) else { return };
    let Ok(facts) = form::read(fields, texts) else { return };
    let bytes = form::draft(&facts).to_bytes();
    let (texts, fields) = domain::compact::split_texts(&bytes).expect("a body of our own");
    assert_eq!(form::read(fields, texts).expect("a body of our own"), facts);
}

/// Single words, each as everything that it may be; and a body in chunks.
pub fn words(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let now = Timestamp::from_seconds(1_700_000_000);
    let _ = (text.parse::<Limit>(), text.parse::<SchemaVersion>(), text.parse::<TagSelector>());
    let _ = (text.parse::<BucketName>(), text.parse::<ObjectKey>());
    if let Ok(address) = text.parse::<ObjectAddress>() {
        assert_eq!(address.to_string(), text);
    }
    if let Ok(at) = text.parse::<RestartAt>() {
        let _ = (at.most_seconds_from(now), at.within_reach(now));
    }
    let _ = (text.parse::<NodeId>(), text.parse::<BaselineId>(), text.parse::<CommandId>());
    let _ = (text.parse::<AccountId>(), text.parse::<Region>());
    let _ = (api::sigv4::parse_time(&text), Timestamp::parse(&text), text.parse::<Level>());
    assert_eq!(percent_decode(&percent_encode(&text)), text);
    let mut parts = text.split(';');
    let mut next = || parts.next().unwrap_or_default();
    let wishes = Wishes {
        include_kbs: next(),
        exclude_kbs: next(),
        categories: next(),
        severities: next(),
        published_days_old: next(),
        published_after: next(),
        published_before: next(),
    };
    let _ = Selection::parse(&wishes, Level::All, now);
    let kinds: [fn() -> Signatures; 3] = [|| Signatures::None, || Signatures::Unchecked, checked];
    for signatures in kinds {
        assert_eq!(chunks(signatures(), data, usize::MAX), chunks(signatures(), data, 3));
    }
}

/// What is read of a body that arrives in pieces; `None` for one that is refused.
fn chunks(signatures: Signatures, body: &[u8], piece: usize) -> Option<(Vec<u8>, Vec<(String, String)>)> {
    let (mut decoder, mut content) = (ChunkDecoder::new(signatures), Vec::new());
    for piece in body.chunks(piece) {
        decoder.decode(piece, &mut content).ok()?;
    }
    Some((content, decoder.finish().ok()?))
}

fn checked() -> Signatures {
    let signed_at = Timestamp::from_seconds(1_700_000_000);
    let scope = Scope::new(signed_at, "us-east-1", "s3");
    let key = SigningKey::derive("secret", &scope);
    Signatures::Checked(Box::new(ChunkSeed { key, signed_at, scope, signature: "00".to_owned() }))
}

/// Binary frames and what travels in them and beside them; facts as they are kept.
pub fn frame(data: &[u8]) {
    compact(data);
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
            if let Ok(facts) = serde_json::from_slice::<FactSet>(body) {
                let json = facts.to_canonical_json();
                let again: FactSet = serde_json::from_slice(&json).expect("facts of our own");
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
