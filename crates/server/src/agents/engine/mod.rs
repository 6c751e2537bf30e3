//! The patch engine for nodes with a stock agent: what their documents' steps fetch, by an address that needs no
//! signature, and run after they have checked its SHA-256. The engine is a build of our agent.
//! Which builds there are is `builds`', what the engine does on such a node the agent's (`patch_run::borrowed`).
//! Source: docs/decisions, logs and updates; agent-protocol.md 7.5.

#[cfg(test)]
mod tests;

use api::Timestamp;
use domain::agent_build::{BUILD_BUCKET, Target};
use domain::ids::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::node_messages::NodeKey;
use store::nodes;
use store::objects::{self, Object, ObjectRef};

use super::builds;
use super::delivery::Job;
use crate::app::App;
use crate::associations::fetched::OWN_AGENT;
use crate::error::ApiError;
use crate::keyring::Keyring;

/// Lines of our documents, as they stand in JSON. In their place stock agents get a script that fetches the engine; our
/// agent carries it.
const SHELL_LINE: &str = "\"# fettle:engine\"";
const POWERSHELL_LINE: &str = "\"# fettle:engine.ps1\"";
const SHELL: &str = include_str!("fetch.sh");
const POWERSHELL: &str = include_str!("fetch.ps1");
const UNIX: [(&str, &str); 4] =
    [("linux", "x86_64"), ("linux", "aarch64"), ("macos", "x86_64"), ("macos", "aarch64")];
const WINDOWS: [(&str, &str); 2] = [("windows", "x86_64"), ("windows", "aarch64")];
/// As long as those of packages' files.
const ADDRESS_SECONDS: i64 = 24 * 3600;
const PURPOSE: &str = "engine";

/// What an address says, once unsealed.
#[derive(Serialize, Deserialize)]
struct Address {
    account: AccountId,
    key: String,
    expires_at: Timestamp,
}

/// Completes the documents in what a node is about to be sent. `endpoint` is the server as the node knows it.
pub async fn complete_jobs(
    app: &App,
    node: &NodeKey,
    endpoint: &str,
    jobs: &mut [Job],
) -> Result<(), ApiError> {
    for job in jobs.iter_mut().filter(|job| wants(&job.content)) {
        job.content = complete(app, node, endpoint, std::mem::take(&mut job.content)).await?;
    }
    Ok(())
}

/// The JSON of a document as `node` is to run it: unchanged for our agent.
pub async fn complete(app: &App, node: &NodeKey, endpoint: &str, text: String) -> Result<String, ApiError> {
    if !wants(&text) {
        return Ok(text);
    }
    if !is_plain(endpoint) {
        tracing::warn!(node_id = %node.node, endpoint, "no patch engine for a node that names the server so");
        return Ok(text);
    }
    let mut tx = app.store().read().await?;
    let known = nodes::find(&mut tx, &node.account, &node.region, &node.node).await?;
    if known.is_some_and(|known| known.information.agent_name.as_deref() == Some(OWN_AGENT)) {
        return Ok(text);
    }
    let listed = builds::list(&mut tx, &node.account).await?;
    drop(tx);
    // Sealed by this moment's clock, which the addresses are opened by.
    let maker = Maker { app, account: &node.account, endpoint, listed: &listed, now: app.now() };
    let mut text = text;
    if text.contains(SHELL_LINE) {
        text = text.replace(SHELL_LINE, &maker.script(SHELL, &UNIX).await?);
    }
    if text.contains(POWERSHELL_LINE) {
        text = text.replace(POWERSHELL_LINE, &maker.script(POWERSHELL, &WINDOWS).await?);
    }
    Ok(text)
}

fn wants(text: &str) -> bool {
    text.contains(SHELL_LINE) || text.contains(POWERSHELL_LINE)
}

/// The node's own word for the server becomes part of a script: nothing of it may mean something there.
fn is_plain(endpoint: &str) -> bool {
    endpoint.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:/[]".contains(&b))
}

struct Maker<'a> {
    app: &'a App,
    account: &'a AccountId,
    endpoint: &'a str,
    listed: &'a [Object],
    now: Timestamp,
}

impl Maker<'_> {
    /// The script as one JSON text.
    async fn script(&self, template: &str, targets: &[(&str, &str)]) -> Result<String, ApiError> {
        let mut words = Vec::new();
        for (platform, architecture) in targets {
            let target = Target::new(platform, architecture).expect("lower-case words");
            let Some((_, build)) = builds::newest(self.listed, &target, None) else { continue };
            let sha256 = builds::sha256(self.app, build).await?;
            words.extend([target.to_string(), sha256, self.address(build)]);
        }
        let script = template
            .replace("@BUILDS@", &words.join(" "))
            .replace("@BUCKET@", BUILD_BUCKET)
            .replace("@SERVER@", self.endpoint);
        Ok(json!(script).to_string())
    }

    fn address(&self, build: &Object) -> String {
        let address = Address {
            account: self.account.clone(),
            key: build.key.to_string(),
            expires_at: self.now.plus_seconds(ADDRESS_SECONDS),
        };
        let token = self.app.keyring.seal_text(PURPOSE, json!(address).to_string().as_bytes());
        format!("{}/_fettle/engines/{token}", self.endpoint)
    }
}

/// What a genuine address leads to that is not too old. `Ok(None)`: it was deleted since.
pub async fn open(
    app: &App,
    token: &str,
    now: Timestamp,
) -> Option<Result<Option<Object>, store::StoreError>> {
    let address = unsealed(&app.keyring, token, now)?;
    let bucket = BUILD_BUCKET.parse().expect("the name of a bucket");
    let build = ObjectRef { account: address.account, bucket, key: address.key.parse().ok()? };
    let found = async {
        let mut tx = app.store().read_each().await?;
        objects::find(&mut tx, &build).await
    };
    Some(found.await)
}

fn unsealed(keyring: &Keyring, token: &str, now: Timestamp) -> Option<Address> {
    let address: Address = serde_json::from_slice(&keyring.open_text(PURPOSE, token)?).ok()?;
    (now < address.expires_at).then_some(address)
}
