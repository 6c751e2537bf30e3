//! The baseline of a run: frozen by the server under a snapshot id, downloaded, read.

use anyhow::{Context, bail};
use api::agent::MessageId;
use api::fettle::ResolvePatchSnapshotRequest;
use api::ssm::{BaselineOverride, GetDeployablePatchSnapshotForInstanceRequest};
use domain::baseline::BaselineRules;
use domain::os::OperatingSystem;
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
    /// Of a baseline that was brought along, the one that it says it is a copy of.
    pub baseline_id: String,
    pub patch_group: String,
    pub snapshot_id: String,
    pub origin: Origin,
}

/// Where a run's baseline comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Server,
    Brought,
}

pub fn fetch(session: &Session, request: &PatchRequest) -> anyhow::Result<Snapshot> {
    let snapshot_id = snapshot_id(request);
    let brought = match request.baseline_override.as_str() {
        "" => None,
        url => brought_along(session, url)?,
    };
    let (brought, named) = match brought {
        Some(Brought { entry, id }) => (Some(entry), id),
        None => (None, String::new()),
    };
    let ask = GetDeployablePatchSnapshotForInstanceRequest {
        instance_id: session.instance_id.clone(),
        snapshot_id: snapshot_id.clone(),
        baseline_override: brought,
        ..GetDeployablePatchSnapshotForInstanceRequest::default()
    };
    let by_tag = ResolvePatchSnapshotRequest {
        instance_id: session.instance_id.clone(),
        snapshot_id: snapshot_id.clone(),
        baseline_tags: request.baseline_tags.clone(),
        command_id: Some(request.command_id.clone()).filter(|id| !id.is_empty()),
    };
    let (caller, credentials) = (&session.caller, &session.credentials);
    let call = || match by_tag.baseline_tags.is_empty() {
        true => patiently(|| caller.call_blocking(credentials, &ask, CALL_TIMEOUT))
            .map(|answer| answer.snapshot_download_url.unwrap_or_default()),
        false => patiently(|| caller.call_blocking(credentials, &by_tag, CALL_TIMEOUT))
            .map(|answer| answer.snapshot_download_url),
    };
    let answer = match call() {
        // Also the answer to a node that has not said yet what it runs: ordered before its first report arrived.
        Err(error) if error.code() == Some(UNKNOWN_SYSTEM) => {
            introduce(session)?;
            call()
        }
        answer => answer,
    };
    let url = answer.context("the server gives no baseline to this node; nothing was scanned")?;
    let text = download(session, &url)
        .context("the baseline's snapshot cannot be downloaded; nothing was scanned")?;
    let is_brought = ask.baseline_override.is_some();
    let snapshot = read(&text, snapshot_id);
    let mut snapshot = snapshot.context("the baseline's snapshot cannot be read; nothing was scanned")?;
    // A baseline of the server's has an id: it found the one that was brought along to be for another system.
    if is_brought && snapshot.baseline_id.is_empty() {
        (snapshot.baseline_id, snapshot.origin) = (named, Origin::Brought);
    }
    Ok(snapshot)
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
    struct Named {
        #[serde(default)]
        baseline_id: String,
        #[serde(default)]
        patch_group: String,
    }
    let content: Value = serde_json::from_slice(text)?;
    let Named { baseline_id, patch_group } = Named::deserialize(&content)?;
    let rules = BaselineRules::try_from(BaselineOverride::deserialize(content)?)?;
    Ok(Snapshot { rules, baseline_id, patch_group, snapshot_id, origin: Origin::Server })
}

/// Under which a baseline that names none is reported: reports have to name one.
const NO_ID: &str = "baseline-override-without-id";

/// An entry of the file, and the baseline that it is a copy of.
#[derive(Debug)]
struct Brought {
    entry: BaselineOverride,
    id: String,
}

/// The entry for this node's system; none: the node's own baseline counts. The server looks again whether an entry is
/// for this node.
fn brought_along(session: &Session, url: &str) -> anyhow::Result<Option<Brought>> {
    let text = bring(session, url).with_context(|| {
        format!("override-unreadable: BaselineOverride {url} cannot be downloaded; nothing was scanned")
    })?;
    let system = super::gather::operating_system();
    let failed = || format!("override-unreadable: BaselineOverride {url}; nothing was scanned");
    entry_for(system, &text).with_context(failed)
}

/// A list of baselines, one a system, or one baseline; an entry without a system is for every node.
fn entry_for(system: Option<OperatingSystem>, text: &[u8]) -> anyhow::Result<Option<Brought>> {
    let content: Value = serde_json::from_slice(text).context("it is not JSON")?;
    let entries = match content {
        Value::Array(entries) => entries,
        one => vec![one],
    };
    let mut for_us = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let members = entry.as_object().with_context(|| format!("entry {} is no baseline", index + 1))?;
        let named = members.get("OperatingSystem").and_then(Value::as_str);
        if named.is_none_or(|named| system.is_some_and(|system| system.as_str() == named)) {
            for_us.push(entry);
        }
    }
    match for_us.len() {
        0 => Ok(None),
        1 => {
            let entry = for_us.remove(0);
            let id =
                entry.get("BaselineId").and_then(Value::as_str).filter(|id| (1..=128).contains(&id.len()));
            let id = id.unwrap_or(NO_ID).to_owned();
            let entry = serde_json::from_value(entry)?;
            // Checked here as well, so that the reason names the file.
            BaselineRules::try_from(filled(&entry, system))?;
            Ok(Some(Brought { entry, id }))
        }
        count => bail!("it has {count} entries for this node's system; one is allowed"),
    }
}

fn filled(entry: &BaselineOverride, system: Option<OperatingSystem>) -> BaselineOverride {
    let mut entry = entry.clone();
    if let Some(system) = system {
        entry.operating_system.get_or_insert_with(|| system.as_str().into());
    }
    entry
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
    fn takes_the_one_entry_for_the_nodes_system() {
        let debian = Some(OperatingSystem::Debian);
        let patches = |text: &str| {
            let entry = entry_for(debian, text.as_bytes()).map_err(|error| format!("{error:#}"))?;
            Ok::<_, String>(entry.map(|found| (found.entry.approved_patches.unwrap_or_default(), found.id)))
        };
        let curl = |id: &str| Ok(Some((vec!["curl".to_owned()], id.to_owned())));
        let two = r#"[{"OperatingSystem":"UBUNTU"},{"OperatingSystem":"DEBIAN","ApprovedPatches":["curl"],
            "BaselineId":"pb-0123456789abcdef0","CreatedDate":1800000000}]"#;
        assert_eq!(patches(two), curl("pb-0123456789abcdef0"));
        assert_eq!(patches(r#"{"ApprovedPatches":["curl"]}"#), curl(NO_ID));
        assert_eq!(patches(r#"[{"OperatingSystem":"WINDOWS"}]"#), Ok(None));
        assert_eq!(patches("[]"), Ok(None));
        for (text, expected) in [
            ("{", "not JSON"),
            ("[1]", "entry 1 is no baseline"),
            (r#"[{"OperatingSystem":"DEBIAN"},{"OperatingSystem":"DEBIAN"}]"#, "2 entries"),
            (r#"{"ApprovedPatches":"curl"}"#, "at 'ApprovedPatches'"),
        ] {
            let error = patches(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
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
