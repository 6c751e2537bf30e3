//! Finds a package among the server's documents, and brings the file for this machine here, checked and unpacked.
//! Source: spec agent-protocol 9.2.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use api::ssm::{AttachmentContent, DocumentFormat, GetDocumentRequest, GetDocumentResult};
use domain::document::fetched::name_and_version;
use domain::document::package::Manifest;
use tokio::sync::watch;
use tokio::time::timeout;

use super::state::Installed;
use super::{Failure, Order, scripts, unpack};
use crate::patch_run::Session;
use crate::patch_run::patience::patiently;
use crate::plugins::download::{Bounds, NewFile, save_from};
use crate::plugins::engine::Run;
use crate::plugins::process::{Ending, cancelled};
use crate::transport::call::CALL_TIMEOUT;

const NOTICE: Duration = Duration::from_secs(5);

pub enum Fetched {
    AlreadyThere(String),
    /// Unpacked in its folder.
    New(Installed),
}

pub async fn fetch(
    run: &Run<'_>,
    order: &Order,
    folder: &Path,
    installed: Option<&Installed>,
    cancel: &mut watch::Receiver<bool>,
) -> Result<Fetched, Failure> {
    let machine = scripts::fetch_machine(run.surroundings);
    let (data_dir, folder) = (run.surroundings.data_dir.clone(), folder.to_owned());
    let (name, version, installed) = (order.name.clone(), order.version.clone(), installed.cloned());
    let stop = Arc::new(AtomicBool::new(false));
    let bounds = Bounds::new(Arc::clone(&stop));
    let mut transfer = tokio::task::spawn_blocking(move || {
        let session = Session::open(&data_dir)?;
        let found = ask(&session, &name, version.as_deref()).with_context(|| format!("package `{name}`"))?;
        let content = found.content.as_deref().unwrap_or_default();
        let value = serde_json::from_str(content).context("the manifest is not JSON")?;
        let manifest = Manifest::from_json(&value)?;
        let file = manifest.file_for(&machine).with_context(|| {
            format!(
                "the package has no file for this machine: {} {} {}",
                machine.platforms.first().unwrap_or(&"an unknown system"),
                machine.version,
                machine.architectures.first().unwrap_or(&"")
            )
        })?;
        let sum = manifest.files.get(file).context("the manifest names a file that it does not describe")?;
        let wanted = Installed {
            folder: format!("v-{}", &sum.sha256[..16]),
            version: manifest.version.clone(),
            document_version: found.document_version.clone().unwrap_or_default(),
            version_name: found.version_name.clone().unwrap_or_default(),
            sha256: sum.sha256.clone(),
        };
        if let Some(installed) =
            installed.filter(|known| known.sha256 == wanted.sha256 && known.version == wanted.version)
        {
            return Ok(Fetched::AlreadyThere(installed.version));
        }
        let attachment = found.attachments_content.iter().flatten();
        let attachment = attachment.clone().find(|one| one.name.as_deref() == Some(file));
        let attachment = attachment.with_context(|| format!("the document has no attachment `{file}`"))?;
        bring(&session, attachment, (&sum.sha256, sum.size_bytes), (&folder, &wanted.folder), &bounds)?;
        Ok(Fetched::New(wanted))
    });
    let outcome: Result<anyhow::Result<Fetched>, _> = tokio::select! {
        outcome = &mut transfer => outcome,
        () = cancelled(cancel) => {
            stop.store(true, Ordering::Relaxed);
            let _ = timeout(NOTICE, transfer).await;
            return Err(Failure::Ended(Ending::Cancelled));
        }
    };
    Ok(outcome.map_err(|error| Failure::Reason(error.to_string()))??)
}

/// A version is asked for by its name first: numbers are names, too.
fn ask(session: &Session, name: &str, version: Option<&str>) -> anyhow::Result<GetDocumentResult> {
    let (name, in_name) = name_and_version(name).context("no name")?;
    let call = |version_name: Option<&str>, number: Option<&str>| {
        let request = GetDocumentRequest {
            name: name.to_owned(),
            version_name: version_name.map(str::to_owned),
            document_version: number.map(str::to_owned),
            document_format: Some(DocumentFormat::Json),
        };
        patiently(|| session.caller.call_blocking(&session.credentials, &request, CALL_TIMEOUT))
    };
    let Some(version) = version.or(in_name) else { return Ok(call(None, None)?) };
    if version.starts_with('$') {
        return Ok(call(None, Some(version))?);
    }
    match call(Some(version), None) {
        Err(error)
            if error.code() == Some("InvalidDocumentVersion")
                && version.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Ok(call(None, Some(version))?)
        }
        answer => Ok(answer?),
    }
}

fn bring(
    session: &Session,
    attachment: &AttachmentContent,
    (sha256, size_bytes): (&str, Option<u64>),
    (folder, version): (&Path, &str),
    bounds: &Bounds,
) -> anyhow::Result<()> {
    let url = attachment.url.as_deref().context("the server tells no address for the file")?;
    let archive = folder.join("package.zip");
    let mut file = NewFile::create(archive.clone())?;
    save_from(session, url, &mut file, bounds)?;
    file.expect(Some(sha256))?;
    if size_bytes.is_some_and(|size| file.size_bytes() != size) {
        bail!("it has {} bytes, the manifest says otherwise", file.size_bytes());
    }
    file.keep()?;
    let into = folder.join(version);
    // What an earlier attempt left.
    crate::plugins::download::remove_dir(&into)?;
    let unpacked = unpack::unpack(&archive, &into);
    let _ = fs::remove_file(&archive);
    if unpacked.is_err() {
        let _ = fs::remove_dir_all(&into);
    }
    unpacked
}
