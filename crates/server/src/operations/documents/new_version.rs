//! What CreateDocument and UpdateDocument have in common: a text that is checked and becomes a version.
//! Source: systems-manager.md 2.3.

use api::ssm::{AttachmentsSource, DocumentFormat, DocumentRequires, DocumentType, ErrorCode};
use domain::document::{DocumentError, MAX_BYTES, check};
use store::documents::{Detail, Version};

use super::hash;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};

/// A version as a request describes it.
pub struct NewVersion {
    pub document_type: DocumentType,
    pub content: String,
    pub format: DocumentFormat,
    pub version_name: Option<String>,
    pub display_name: Option<String>,
    pub target_type: Option<String>,
    pub requires: Vec<DocumentRequires>,
}

impl NewVersion {
    pub fn check(self, ctx: &Ctx, number: i64) -> Result<Version, ApiError> {
        if self.content.len() > MAX_BYTES {
            let message =
                format!("the content has {} bytes; at most {MAX_BYTES} are allowed", self.content.len());
            return Err(ApiError::new(ErrorCode::MaxDocumentSizeExceeded, message));
        }
        let checked = check(&self.document_type, &self.format, &self.content).map_err(refusal)?;
        Ok(Version {
            version: number,
            version_name: self.version_name,
            display_name: self.display_name,
            target_type: self.target_type,
            format: self.format.as_str().to_owned(),
            sha256: hash(&self.content),
            content: self.content,
            schema_version: checked.schema_version,
            description: checked.description,
            detail: Detail {
                platforms: checked.platforms.iter().map(|platform| platform.as_str().to_owned()).collect(),
                parameters: checked.parameters,
                requires: self.requires,
            },
            created_at: ctx.now,
            author: ctx.caller.arn().to_owned(),
            review_status: None,
        })
    }
}

fn refusal(error: DocumentError) -> ApiError {
    let code = match &error {
        DocumentError::SchemaVersion(_) | DocumentError::VersionOfType { .. } => {
            ErrorCode::InvalidDocumentSchemaVersion
        }
        _ => ErrorCode::InvalidDocumentContent,
    };
    ApiError::new(code, error.to_string())
}

/// What would be silently left out is refused instead.
pub fn refuse_attachments(attachments: Option<&[AttachmentsSource]>) -> Result<(), ApiError> {
    match attachments.is_some_and(|attachments| !attachments.is_empty()) {
        true => Err(error::validation("this server keeps no attachments: leave out Attachments")),
        false => Ok(()),
    }
}
