//! Scripts within runbooks that are to be stored: whether each can be read by the interpreter that will run it.
//! Differs from AWS: there a script that is no Python is stored, and fails in the night in which it is run.

use api::ssm::{DocumentType, ErrorCode};
use domain::automation::{Action, Runbook, Step, script_of};
use domain::document::value_of;

use super::new_version::NewVersion;
use crate::ctx::Ctx;
use crate::error::ApiError;

/// A runbook that cannot be read for another reason is passed over: that is told by who reads it.
pub async fn check(ctx: &Ctx, new: &NewVersion) -> Result<(), ApiError> {
    if !matches!(new.document_type, DocumentType::Automation | DocumentType::AutomationChangeTemplate) {
        return Ok(());
    }
    for (path, text) in texts(new) {
        match ctx.app.scripts.check(&text).await {
            Ok(None) => {}
            Ok(Some(reason)) => {
                return Err(ApiError::new(ErrorCode::InvalidDocumentContent, format!("{path}: {reason}")));
            }
            Err(error) => {
                tracing::error!(%error, "a script could not be read");
                let message = format!("{path}: the script could not be checked");
                return Err(ApiError::new(ErrorCode::InternalServerError, message));
            }
        }
    }
    Ok(())
}

/// With their places.
fn texts(new: &NewVersion) -> Vec<(String, String)> {
    let Ok(Some(value)) = value_of(&new.content, &new.format) else { return Vec::new() };
    let Some(Ok(book)) = value.as_object().map(Runbook::read) else { return Vec::new() };
    let mut found = Vec::new();
    for (index, step) in book.steps.iter().enumerate() {
        let path = format!("mainSteps[{index}].inputs");
        found.extend(text_of(step).map(|text| (format!("{path}.Script"), text)));
        for (inner, step) in step.steps.iter().enumerate() {
            let path = format!("{path}.Steps[{inner}].inputs.Script");
            found.extend(text_of(step).map(|text| (path, text)));
        }
    }
    found
}

/// One with placeholders is read when they are filled.
fn text_of(step: &Step) -> Option<String> {
    let script = step.inputs.get("Script").filter(|_| step.action == Action::ExecuteScript)?;
    script_of(script).filter(|text| !text.contains("{{"))
}
