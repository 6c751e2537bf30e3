//! What a run tells the server: the report as inventory, the facts by their hash, each in full only when needed.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use api::Timestamp;
use api::fettle::PutNodeFactsRequest;
use api::ssm::{InventoryItem, PutInventoryRequest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::compliance::report::{Attributes, PatchReport};
use domain::facts::content_hash;
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest, Md5};

use crate::files;
use crate::transport::call::CALL_TIMEOUT;

use super::{Gathered, Session};

/// The hash of the items that the server took last.
pub const UPLOADED_FILE: &str = "patch-items-uploaded";
/// Errors that mean: send everything.
const RESEND_CODES: [&str; 2] = ["ItemContentMismatchException", "InvalidItemContentException"];

/// Whether unchanged items may be sent as their hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    HashIfUnchanged,
    Full,
}

pub fn report(session: &Session, data_dir: &Path, report: &PatchReport) -> anyhow::Result<()> {
    let uploaded_file = data_dir.join(UPLOADED_FILE);
    let uploaded = files::read_if_present(&uploaded_file).ok().flatten().unwrap_or_default();
    let content = report.to_content();
    let items_hash = hash(&content.items)?;
    let summary_hash = hash(&content.summary)?;
    let captured_at = report.summary.frame.ended_at;
    let send = |detail: Detail| {
        let hash_only = detail == Detail::HashIfUnchanged && uploaded == items_hash;
        let request = PutInventoryRequest {
            instance_id: session.instance_id.clone(),
            items: vec![
                item(
                    "AWS:PatchSummary",
                    captured_at,
                    summary_hash.clone(),
                    Some(content.summary.clone()),
                    None,
                ),
                item(
                    "AWS:ComplianceItem",
                    captured_at,
                    items_hash.clone(),
                    (!hash_only).then(|| content.items.clone()),
                    Some(content.items_context.clone()),
                ),
            ],
        };
        session.caller.call_blocking(&session.credentials, &request, CALL_TIMEOUT)
    };
    let answer = match send(Detail::HashIfUnchanged) {
        Err(error) if error.code().is_some_and(|code| RESEND_CODES.contains(&code)) => send(Detail::Full),
        answer => answer,
    };
    answer.context("the report was not stored; the last good one stays")?;
    // Without this file the next report is sent in full, which is right as well.
    if let Err(error) = files::write_atomically(&uploaded_file, items_hash.as_bytes()) {
        tracing::warn!(%error, path = %uploaded_file.display(), "upload not noted");
    }
    Ok(())
}

fn item(
    type_name: &str,
    captured_at: Timestamp,
    content_hash: String,
    content: Option<Vec<Attributes>>,
    context: Option<Attributes>,
) -> InventoryItem {
    InventoryItem {
        type_name: type_name.to_owned(),
        schema_version: "1.0".to_owned(),
        capture_time: captured_at.to_iso_seconds(),
        content_hash: Some(content_hash),
        content,
        context,
    }
}

/// Base64 of the MD5 of the rows' JSON, in the stock agent's manner.
fn hash(rows: &[Attributes]) -> anyhow::Result<String> {
    Ok(STANDARD.encode(Md5::digest(serde_json::to_vec(rows)?)))
}

/// The hash first; the facts themselves only if the server does not have them from this or another node.
pub fn facts(session: &Session, gathered: &Gathered) -> anyhow::Result<()> {
    let canonical = gathered.facts.to_canonical_json();
    let mut request = PutNodeFactsRequest {
        instance_id: session.instance_id.clone(),
        facts_hash: content_hash(&canonical),
        observation: serde_json::to_string(&gathered.observation)?,
        facts: None,
    };
    let answer = session.caller.call_blocking(&session.credentials, &request, CALL_TIMEOUT)?;
    if answer.facts_needed {
        request.facts = Some(gzip(&canonical)?.into());
        session.caller.call_blocking(&session.credentials, &request, CALL_TIMEOUT)?;
    }
    Ok(())
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}
