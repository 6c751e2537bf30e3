//! GetDocument: a document's text.
//! Source: API reference, GetDocument; systems-manager.md 2.3.

use api::ssm::{DocumentFormat, DocumentStatus, DocumentType, GetDocumentRequest, GetDocumentResult};

use super::{SHIPPED_AT, SHIPPED_VERSION, find_labelled};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_document(ctx: &Ctx, request: GetDocumentRequest) -> Result<GetDocumentResult, ApiError> {
    let GetDocumentRequest { name, version_name, document_version, document_format } = request;
    let document = find_labelled(ctx, &name, document_version.as_deref(), version_name.as_deref())?;
    // Every JSON text is YAML as well: asked for as YAML, it is served as it is.
    let format = document_format.unwrap_or(DocumentFormat::Json);
    Ok(GetDocumentResult {
        name: Some(document.name.to_owned()),
        created_date: Some(SHIPPED_AT),
        document_version: Some(SHIPPED_VERSION.to_owned()),
        status: Some(DocumentStatus::Active),
        content: Some(document.content.to_owned()),
        document_type: Some(DocumentType::Command),
        document_format: Some(format),
        ..Default::default()
    })
}
