//! Scripts of runbooks that are to be stored, in their text or attached: whether each is there, is what the runbook says of
//! it, and can be read by the interpreter that will run it.
//! Differs from AWS: there a script that is no Python is stored, and fails in the night in which it is run.
//! Source: systems-manager.md 7.1, 7.2.

use std::collections::BTreeSet;

use api::ssm::{DocumentType, ErrorCode};
use domain::automation::{Action, Runbook, Step, script_of};
use domain::document::value_of;
use serde_json::{Map, Value};
use store::document_attachments::Attachment;

use super::attachments;
use super::new_version::NewVersion;
use crate::ctx::Ctx;
use crate::error::ApiError;

/// Of an attached script.
pub const MOST_ATTACHED_BYTES: u64 = 1 << 20;

/// Of those in the runbook's text. One that cannot be read for another reason is passed over: that is told by who reads it.
pub async fn check(ctx: &Ctx, new: &NewVersion) -> Result<(), ApiError> {
    let Some((_, book)) = read(new) else { return Ok(()) };
    for (path, inputs) in scripts(&book) {
        let text = inputs.get("Script").and_then(script_of);
        // One with placeholders is read when they are filled.
        if let Some(text) = text.filter(|text| !text.contains("{{")) {
            check_text(ctx, &format!("{path}.Script"), &text).await?;
        }
    }
    Ok(())
}

/// Of those that are attached to it.
pub async fn check_attached(ctx: &Ctx, new: &NewVersion, files: &[Attachment]) -> Result<(), ApiError> {
    let Some((content, book)) = read(new) else { return Ok(()) };
    check_sums(&content, files)?;
    let mut known = BTreeSet::new();
    for (path, inputs) in scripts(&book) {
        let name = inputs.get("Attachment").and_then(Value::as_str).filter(|name| !name.contains("{{"));
        let Some(name) = name.filter(|name| known.insert(*name)) else { continue };
        let path = format!("{path}.Attachment");
        let file = files.iter().find(|file| file.file_name == name);
        let file = file.ok_or_else(|| {
            invalid(format!("{path}: `{name}` is not among the attachments: give it in Attachments"))
        })?;
        let text = attachments::text(ctx, file, MOST_ATTACHED_BYTES).await;
        check_text(ctx, &path, &text.map_err(|reason| invalid(format!("{path}: {reason}")))?).await?;
    }
    Ok(())
}

fn invalid(message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidDocumentContent, message)
}

async fn check_text(ctx: &Ctx, path: &str, text: &str) -> Result<(), ApiError> {
    match ctx.app.scripts.check(text).await {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => Err(invalid(format!("{path}: {reason}"))),
        Err(error) => {
            tracing::error!(%error, "a script could not be read");
            let message = format!("{path}: the script could not be checked");
            Err(ApiError::new(ErrorCode::InternalServerError, message))
        }
    }
}

/// What `files` says of those that are attached. Of others nothing is wanted.
fn check_sums(content: &Map<String, Value>, files: &[Attachment]) -> Result<(), ApiError> {
    for Attachment { file_name, sha256, .. } in files {
        let said =
            content.get("files").and_then(|files| files.get(file_name)?.get("checksums")?.get("sha256"));
        if let Some(said) =
            said.filter(|said| !said.as_str().is_some_and(|said| said.eq_ignore_ascii_case(sha256)))
        {
            return Err(invalid(format!(
                "files.{file_name}.checksums.sha256: the attached file has {sha256}, the runbook says {said}"
            )));
        }
    }
    Ok(())
}

fn read(new: &NewVersion) -> Option<(Map<String, Value>, Runbook)> {
    let is_book =
        matches!(new.document_type, DocumentType::Automation | DocumentType::AutomationChangeTemplate);
    let Ok(Some(Value::Object(content))) = value_of(&new.content, &new.format) else { return None };
    let book = Runbook::read(&content).ok().filter(|_| is_book)?;
    Some((content, book))
}

/// Their inputs, with their places.
fn scripts(book: &Runbook) -> Vec<(String, &Map<String, Value>)> {
    let mut found = Vec::new();
    for (index, step) in book.steps.iter().enumerate() {
        let path = format!("mainSteps[{index}].inputs");
        for (inner, step) in step.steps.iter().enumerate() {
            found.push((format!("{path}.Steps[{inner}].inputs"), step));
        }
        found.push((path, step));
    }
    let is_script = |(_, step): &(String, &Step)| step.action == Action::ExecuteScript;
    found.into_iter().filter(is_script).map(|(path, step)| (path, &step.inputs)).collect()
}
