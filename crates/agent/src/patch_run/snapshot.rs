//! The baseline of a run: frozen by the server under a snapshot id, downloaded, read.

use anyhow::Context;
use api::agent::MessageId;
use api::ssm::{BaselineOverride, GetDeployablePatchSnapshotForInstanceRequest};
use domain::baseline::BaselineRules;
use serde::Deserialize;
use serde_json::Value;

use crate::transport::call::{CALL_TIMEOUT, new_id};
use crate::{heartbeat, platform};

use super::fetch::{bring, download};
use super::patience::patiently;
use super::{PatchRequest, Session};

const UNKNOWN_SYSTEM: &str = "UnsupportedOperatingSystem";

pub struct Snapshot {
    pub rules: BaselineRules,
    /// Empty for a baseline that was brought along.
    pub baseline_id: String,
    pub patch_group: String,
    pub snapshot_id: String,
}

pub fn fetch(session: &Session, request: &PatchRequest) -> anyhow::Result<Snapshot> {
    let snapshot_id = snapshot_id(request);
    let brought = match request.baseline_override.as_str() {
        "" => None,
        url => Some(brought_along(session, url)?),
    };
    let ask = GetDeployablePatchSnapshotForInstanceRequest {
        instance_id: session.instance_id.clone(),
        snapshot_id: snapshot_id.clone(),
        baseline_override: brought,
        ..GetDeployablePatchSnapshotForInstanceRequest::default()
    };
    let call = || patiently(|| session.caller.call_blocking(&session.credentials, &ask, CALL_TIMEOUT));
    let answer = match call() {
        // Also the answer to a node that has not said yet what it runs: ordered before its first report arrived.
        Err(error) if error.code() == Some(UNKNOWN_SYSTEM) => {
            introduce(session)?;
            call()
        }
        answer => answer,
    };
    let answer = answer.context("the server gives no baseline to this node; nothing was scanned")?;
    let url = answer.snapshot_download_url.unwrap_or_default();
    let text = download(session, &url)
        .context("the baseline's snapshot cannot be downloaded; nothing was scanned")?;
    read(&text, snapshot_id).context("the baseline's snapshot cannot be read; nothing was scanned")
}

fn introduce(session: &Session) -> anyhow::Result<()> {
    let about = heartbeat::about(&platform::machine(), &session.instance_id, &session.caller.endpoint);
    let told = patiently(|| session.caller.call_blocking(&session.credentials, &about, CALL_TIMEOUT));
    told.map(drop).context("the server does not take what this node runs; nothing was scanned")
}

/// The one given; else the command's own id, so that all nodes of one command work by the same baseline.
fn snapshot_id(request: &PatchRequest) -> String {
    if !request.snapshot_id.is_empty() {
        return request.snapshot_id.clone();
    }
    let derived = request.command_id.parse::<MessageId>().unwrap_or_else(|_| new_id());
    derived.to_string()
}

fn read(text: &[u8], snapshot_id: String) -> anyhow::Result<Snapshot> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Origin {
        #[serde(default)]
        baseline_id: String,
        #[serde(default)]
        patch_group: String,
    }
    let content: Value = serde_json::from_slice(text)?;
    let Origin { baseline_id, patch_group } = Origin::deserialize(&content)?;
    let rules = BaselineRules::try_from(BaselineOverride::deserialize(content)?)?;
    Ok(Snapshot { rules, baseline_id, patch_group, snapshot_id })
}

/// The entry for this node's system of a list of baselines, or the only one there is. The server decides whether an
/// entry is for this node; without a system of its own an entry is for every node.
fn brought_along(session: &Session, url: &str) -> anyhow::Result<BaselineOverride> {
    let text = bring(session, url).with_context(|| {
        format!("override-unreadable: BaselineOverride {url} cannot be downloaded; nothing was scanned")
    })?;
    let content: Value = serde_json::from_slice(&text).context("BaselineOverride is not JSON")?;
    let entries = match content {
        Value::Array(entries) => entries,
        one => vec![one],
    };
    let system = super::gather::operating_system();
    let is_for_us = |entry: &Value| {
        let named = entry.get("OperatingSystem").and_then(Value::as_str);
        named.is_none_or(|named| system.is_some_and(|system| system.as_str() == named))
    };
    let entry = entries
        .into_iter()
        .find(is_for_us)
        .context("BaselineOverride has no entry for this node's system")?;
    serde_json::from_value(entry).context("BaselineOverride cannot be read")
}

#[cfg(test)]
mod tests {
    use domain::compliance::report::Operation;

    use super::*;

    #[test]
    fn the_command_id_is_the_snapshot_id_unless_one_is_given() {
        let mut request = PatchRequest {
            command_id: "3F0C9F5E-2d53-4b8e-a2b1-0f4f7e8a9c10".into(),
            ..super::super::tests::request(Operation::Scan)
        };
        assert_eq!(snapshot_id(&request), "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10");
        request.snapshot_id = "6a1b0c3e-5a55-4c43-9d0a-2f6f0f1d2b11".into();
        assert_eq!(snapshot_id(&request), "6a1b0c3e-5a55-4c43-9d0a-2f6f0f1d2b11");
        request.snapshot_id.clear();
        request.command_id = "by hand".into();
        assert_ne!(snapshot_id(&request), snapshot_id(&request));
    }

    #[test]
    fn reads_what_the_server_freezes() {
        let text = br#"{"BaselineId":"pb-0123456789abcdef0","Name":"n","OperatingSystem":"DEBIAN","PatchGroup":"web",
            "ApprovedPatches":["curl"],"CreatedDate":1800000000,"SnapshotDate":1800000000.5}"#;
        let snapshot = read(text, "s".into()).unwrap();
        assert_eq!(
            (snapshot.baseline_id.as_str(), snapshot.patch_group.as_str()),
            ("pb-0123456789abcdef0", "web")
        );
        assert_eq!(snapshot.rules.approved_patches, ["curl"]);
        assert!(read(b"<html>", "s".into()).is_err());
        assert!(read(br#"{"OperatingSystem":"AMIGA"}"#, "s".into()).is_err());
    }
}
