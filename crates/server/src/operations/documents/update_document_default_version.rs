//! UpdateDocumentDefaultVersion: the version that is meant where none is named.
//! Source: API reference, UpdateDocumentDefaultVersion; systems-manager.md 2.4.

use api::ssm::{
    DocumentDefaultVersionDescription, ErrorCode, UpdateDocumentDefaultVersionRequest,
    UpdateDocumentDefaultVersionResult,
};
use store::documents;

use super::{own, run_associations, scope, version_of};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn update_document_default_version(
    ctx: &Ctx,
    request: UpdateDocumentDefaultVersionRequest,
) -> Result<UpdateDocumentDefaultVersionResult, ApiError> {
    let mut tx = ctx.store.write().await?;
    let document = own(ctx, &mut tx, &request.name, ErrorCode::InvalidDocument).await?;
    let version = version_of(&mut tx, scope(ctx), &document, Some(&request.document_version), None).await?;
    documents::set_default(&mut tx, scope(ctx), &document.name, version.version).await?;
    if version.version != document.default_version {
        run_associations(ctx, &mut tx, &document.name, "$DEFAULT").await?;
    }
    tx.commit().await?;
    let description = DocumentDefaultVersionDescription {
        name: Some(document.name.to_string()),
        default_version: Some(version.version.to_string()),
        default_version_name: version.version_name,
    };
    Ok(UpdateDocumentDefaultVersionResult { description: Some(description) })
}
