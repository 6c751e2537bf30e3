//! UpdateDocument: a new version of a document. The default version stays what it was.
//! Source: API reference, UpdateDocument; systems-manager.md 2.4.

use api::ssm::{DocumentFormat, DocumentStatus, ErrorCode, UpdateDocumentRequest, UpdateDocumentResult};
use store::document_attachments::Attachment;
use store::documents::{self, Document, Which};
use store::tags;

use super::describe_document::describe;
use super::found::Found;
use super::new_version::NewVersion;
use super::{attachments, number_of, own, run_associations, scope, scripts, tagged, version_of};
use crate::ctx::Ctx;
use crate::error::ApiError;

/// Of one document.
const MAX_VERSIONS: i64 = 1_000;

pub async fn update_document(
    ctx: &Ctx,
    request: UpdateDocumentRequest,
) -> Result<UpdateDocumentResult, ApiError> {
    let files = files(ctx, &request).await?;
    let written = write(ctx, request, &files).await;
    if written.is_err() {
        attachments::discard_all(ctx, &files).await;
    }
    written
}

/// Copied before the transaction, which they would hold for too long; so would reading scripts.
async fn files(ctx: &Ctx, request: &UpdateDocumentRequest) -> Result<Vec<Attachment>, ApiError> {
    let mut tx = ctx.store.read().await?;
    let document = own(ctx, &mut tx, &request.name, ErrorCode::InvalidDocumentOperation).await?;
    drop(tx);
    let new = new_version(&document, request);
    let manifest = new.manifest()?;
    scripts::check(ctx, &new).await?;
    let files = attachments::gather(ctx, request.attachments.as_deref(), manifest.as_ref()).await?;
    match scripts::check_attached(ctx, &new, &files).await {
        Ok(()) => Ok(files),
        Err(error) => {
            attachments::discard_all(ctx, &files).await;
            Err(error)
        }
    }
}

fn new_version(document: &Document, request: &UpdateDocumentRequest) -> NewVersion {
    NewVersion {
        document_type: document.document_type.as_str().into(),
        content: request.content.clone(),
        format: request.document_format.clone().unwrap_or(DocumentFormat::Json),
        version_name: request.version_name.clone(),
        display_name: request.display_name.clone(),
        target_type: request.target_type.clone(),
        requires: Vec::new(),
        attachments: Vec::new(),
    }
}

async fn write(
    ctx: &Ctx,
    request: UpdateDocumentRequest,
    files: &[Attachment],
) -> Result<UpdateDocumentResult, ApiError> {
    let mut tx = ctx.store.write().await?;
    let mut document = own(ctx, &mut tx, &request.name, ErrorCode::InvalidDocumentOperation).await?;
    let asked = request.document_version.as_deref().unwrap_or("$LATEST");
    if number_of(&document, Some(asked))? != document.latest_version {
        let message = format!(
            "only the latest version of document `{}`, which is {}, can be updated: give $LATEST",
            document.name, document.latest_version
        );
        return Err(ApiError::new(ErrorCode::InvalidDocumentVersion, message));
    }
    let latest = version_of(&mut tx, scope(ctx), &document, Some("$LATEST"), None).await?;
    if latest.schema_version == "1.2" {
        let message = "documents of schema version 1.2 cannot be updated: create one of version 2.2";
        return Err(ApiError::new(ErrorCode::InvalidDocumentSchemaVersion, message));
    }
    let mut new = new_version(&document, &request);
    if let Some(manifest) = new.manifest()? {
        new.named_as(&manifest);
    }
    new.display_name = new.display_name.or_else(|| latest.display_name.clone());
    new.target_type = new.target_type.or_else(|| latest.target_type.clone());
    new.requires.clone_from(&latest.detail.requires);
    new.attachments = files.iter().map(|file| file.file_name.clone()).collect();
    let version = new.check(ctx, document.versions_made + 1)?;
    if version.sha256 == latest.sha256 {
        let message = format!("the content is that of version {}", latest.version);
        return Err(ApiError::new(ErrorCode::DuplicateDocumentContent, message));
    }
    if let Some(label) = &version.version_name
        && documents::find_version(&mut tx, scope(ctx), &document.name, Which::Named(label)).await?.is_some()
    {
        let message = format!("document `{}` has a version named `{label}`", document.name);
        return Err(ApiError::new(ErrorCode::DuplicateDocumentVersionName, message));
    }
    if documents::count_versions(&mut tx, scope(ctx), &document.name).await? >= MAX_VERSIONS {
        let message = format!("document `{}` has {MAX_VERSIONS} versions, which is the limit", document.name);
        return Err(ApiError::new(ErrorCode::DocumentVersionLimitExceeded, message));
    }
    documents::insert_version(&mut tx, scope(ctx), &document.name, &version).await?;
    attachments::keep_all(ctx, &mut tx, &document.name, version.version, files).await?;
    run_associations(ctx, &mut tx, &document.name, "$LATEST").await?;
    let tags = tags::list(&mut tx, tagged(ctx, &document.name)).await?;
    tx.commit().await?;

    (document.latest_version, document.versions_made) = (version.version, version.version);
    let found = Found::of_account(ctx.account.clone(), ctx, document, version);
    let mut description = describe(&found, tags);
    description.status = Some(DocumentStatus::Updating);
    Ok(UpdateDocumentResult { document_description: Some(description) })
}
