//! `aws:downloadContent`: files from https, an object store, GitHub, git or the server's documents, put where a document
//! wants them. Where on this node that is, is `place`'s; each source has a file of its own.
//! Source: spec agent-protocol 7.5.

mod git;
mod github;
mod place;
mod store;
mod web;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use api::ssm::{DocumentFormat, GetDocumentRequest};
use domain::document::fetched::name_and_version;
use domain::parameter::references_in_text;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::timeout;

use super::engine::{PluginResult, Run};
use super::process::{Ending, cancelled};
use super::secrets::Secrets;
use crate::patch_run::Session;
use crate::patch_run::patience::patiently;
use crate::transport::call::CALL_TIMEOUT;
use place::Place;
pub use place::{Bounds, NewFile, within};
pub use web::save_from;

pub const ACTION: &str = "aws:downloadContent";

/// What a blocking transfer gets to notice that it is not wanted any more.
const NOTICE: Duration = Duration::from_secs(5);

/// Does one step, on a thread that may wait; git runs as a process of its own.
pub async fn run(run: &Run<'_>, inputs: &Value, cancel: &mut watch::Receiver<bool>) -> PluginResult {
    let (source, place, secrets) = match read(run, inputs).await {
        Ok(read) => read,
        Err(reason) => return refused(&reason),
    };
    let result = bring(run, source, place, cancel).await;
    // A server may say what it was told, and so may git.
    PluginResult {
        stdout: secrets.conceal(&result.stdout),
        stderr: secrets.conceal(&result.stderr),
        ..result
    }
}

async fn bring(
    run: &Run<'_>,
    source: Source,
    place: Place,
    cancel: &mut watch::Receiver<bool>,
) -> PluginResult {
    let data_dir = run.surroundings.data_dir.clone();
    let source = match source {
        Source::Git(source) => return git::run(run, &source, &place, cancel).await,
        source => source,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let bounds = Bounds::new(Arc::clone(&stop));
    let mut transfer = tokio::task::spawn_blocking(move || fetch(&data_dir, &source, &place, &bounds));
    let outcome = tokio::select! {
        outcome = &mut transfer => outcome,
        () = cancelled(cancel) => {
            stop.store(true, Ordering::Relaxed);
            // One that waits for an answer ends by its own time-out; nothing of it is taken any more.
            let _ = timeout(NOTICE, transfer).await;
            let reason = format!("{ACTION}: cancelled");
            return PluginResult { ending: Ending::Cancelled, code: 137, ..PluginResult::refused(reason) };
        }
    };
    match outcome {
        Ok(Ok(said)) => PluginResult { stdout: said, ..PluginResult::empty() },
        Ok(Err(error)) => refused(&format!("{error:#}")),
        Err(error) => refused(&error.to_string()),
    }
}

fn refused(reason: &str) -> PluginResult {
    PluginResult::refused(format!("{ACTION}: {reason}\n"))
}

/// Where it comes from, as a document says it; with its secrets, which is why nothing prints it.
enum Source {
    Http(web::Http),
    S3(store::S3),
    GitHub(github::GitHub),
    Git(git::Git),
    Document(Document),
}

#[derive(Deserialize)]
struct Document {
    name: String,
}

async fn read(run: &Run<'_>, inputs: &Value) -> Result<(Source, Place, Secrets), String> {
    let kind = text(inputs, "sourceType");
    let mut info = info(inputs.get("sourceInfo"))?;
    let secrets = secrets(&run.surroundings.data_dir, kind, &info).await?;
    secrets.fill_members(&mut info);
    let secrets = with_forms(secrets, &info);
    let info = Value::Object(info);
    let wrong = |error: serde_json::Error| format!("sourceInfo of {kind}: {error}");
    let source = match kind {
        "HTTP" => Source::Http(serde_json::from_value(info).map_err(wrong)?),
        "S3" => Source::S3(serde_json::from_value(info).map_err(wrong)?),
        "GitHub" => Source::GitHub(serde_json::from_value(info).map_err(wrong)?),
        "Git" => Source::Git(serde_json::from_value(info).map_err(wrong)?),
        "SSMDocument" => Source::Document(serde_json::from_value(info).map_err(wrong)?),
        other => {
            let known = "GitHub, Git, HTTP, S3 or SSMDocument";
            return Err(format!("sourceType `{other}` is not known; expected {known}"));
        }
    };
    Ok((source, Place::of(text(inputs, "destinationPath"), &run.downloads), secrets))
}

/// What proves to a source who asks; in none of its other members there are secrets.
async fn secrets(data_dir: &Path, kind: &str, info: &Map<String, Value>) -> Result<Secrets, String> {
    let given = |name: &str| info.get(name).and_then(Value::as_str).unwrap_or_default().trim();
    let takers: &[&str] = match kind {
        "GitHub" => &["tokenInfo"],
        "Git" | "HTTP" => &["username", "password"],
        _ => &[],
    };
    if kind == "Git" && !given("privateSSHKey").is_empty() {
        return Err("repositories are fetched over https; ssh and keys for it are not supported".to_owned());
    }
    let token = given("tokenInfo");
    if kind == "GitHub" && !token.is_empty() && !is_secret(token) {
        return Err("sourceInfo.tokenInfo: expected {{ssm-secure:NAME}}, the name of a parameter".to_owned());
    }
    Secrets::of_members(data_dir, ("sourceInfo", info), takers).await
}

/// One reference and nothing else.
fn is_secret(text: &str) -> bool {
    let mut found = BTreeSet::new();
    references_in_text(text, &mut found);
    let is_whole = text.starts_with("{{") && text.find("}}") == Some(text.len() - 2);
    is_whole && found.iter().any(|reference| reference.is_secure)
}

/// As they travel.
fn with_forms(mut secrets: Secrets, info: &Map<String, Value>) -> Secrets {
    let given = |name: &str| info.get(name).and_then(Value::as_str).unwrap_or_default();
    let (user, password) = (given("username"), given("password"));
    if !user.is_empty() || !password.is_empty() {
        secrets.add_form(web::basic(user, password).trim_start_matches("Basic "));
    }
    secrets
}

fn text<'a>(inputs: &'a Value, name: &str) -> &'a str {
    inputs.get(name).and_then(Value::as_str).unwrap_or_default().trim()
}

/// An object, or the JSON text of one.
fn info(given: Option<&Value>) -> Result<Map<String, Value>, String> {
    let wrong = || "sourceInfo is neither an object nor the JSON text of one".to_owned();
    let value = match given {
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|_| wrong())?,
        Some(value) => value.clone(),
        None => return Err("sourceInfo is missing".to_owned()),
    };
    match value {
        Value::Object(info) => Ok(info),
        _ => Err(wrong()),
    }
}

/// What was fetched, in words. Blocking.
fn fetch(data_dir: &Path, source: &Source, place: &Place, bounds: &Bounds) -> anyhow::Result<String> {
    let session = Session::open(data_dir)?;
    match source {
        Source::Http(source) => web::fetch(&session, source, place, bounds)?,
        Source::S3(source) => store::fetch(&session, source, place, bounds)?,
        Source::GitHub(source) => github::fetch(&session, source, place, bounds)?,
        Source::Document(source) => document(&session, source, place, bounds)?,
        // A process, which needs no thread.
        Source::Git(_) => {}
    }
    Ok(format!("Content downloaded to {}\n", place.shown()))
}

/// A document of the server, as JSON.
fn document(session: &Session, source: &Document, place: &Place, bounds: &Bounds) -> anyhow::Result<()> {
    let (name, version) = name_and_version(&source.name)
        .ok_or_else(|| anyhow::anyhow!("sourceInfo of SSMDocument has no name"))?;
    let request = GetDocumentRequest {
        name: name.to_owned(),
        document_version: version.map(str::to_owned),
        document_format: Some(DocumentFormat::Json),
        ..GetDocumentRequest::default()
    };
    let answer = patiently(|| session.caller.call_blocking(&session.credentials, &request, CALL_TIMEOUT))?;
    let plain = name.rsplit(['/', ':']).next().unwrap_or(name);
    let mut file = place.file(&format!("{plain}.json"), bounds)?;
    std::io::Write::write_all(&mut file, answer.content.unwrap_or_default().as_bytes())?;
    file.keep()
}

/// With all that is in it; one that is not there is removed already.
pub fn remove_dir(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Booleans come as such or, through parameters, as text.
fn flag(given: Option<&Value>) -> bool {
    match given {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

#[cfg(all(test, unix))]
mod tests;
