//! What CreateDocument and UpdateDocument have in common: a text that is checked and becomes a version.
//! Source: systems-manager.md 2.3.

use api::ssm::{DocumentFormat, DocumentRequires, DocumentType, ErrorCode};
use domain::document::package::Manifest;
use domain::document::{DocumentError, MAX_BYTES, check, value_of};
use store::documents::{Detail, Version};

use super::hash;
use crate::ctx::Ctx;
use crate::error::ApiError;

/// A version as a request describes it.
pub struct NewVersion {
    pub document_type: DocumentType,
    pub content: String,
    pub format: DocumentFormat,
    pub version_name: Option<String>,
    pub display_name: Option<String>,
    pub target_type: Option<String>,
    pub requires: Vec<DocumentRequires>,
    /// Names of files.
    pub attachments: Vec<String>,
}

impl NewVersion {
    /// Of a package: what it says of itself.
    pub fn manifest(&self) -> Result<Option<Manifest>, ApiError> {
        if self.document_type != DocumentType::Package {
            return Ok(None);
        }
        check(&self.document_type, &self.format, &self.content).map_err(refusal)?;
        let value = value_of(&self.content, &self.format).map_err(refusal)?.unwrap_or_default();
        Manifest::from_json(&value).map(Some).map_err(refusal)
    }

    /// A version of a package is called as its manifest says, unless the request says otherwise.
    pub fn named_as(&mut self, manifest: &Manifest) {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        let version = &manifest.version;
        if self.version_name.is_none() && version.len() <= 128 && version.bytes().all(is_plain) {
            self.version_name = Some(version.clone());
        }
    }

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
                attachments: self.attachments,
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
