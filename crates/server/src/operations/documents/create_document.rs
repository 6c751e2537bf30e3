//! CreateDocument: a document of the account, with its first version.
//! Source: API reference, CreateDocument; systems-manager.md 2.3 and 2.4.

use std::collections::BTreeMap;

use api::ssm::{
    CreateDocumentRequest, CreateDocumentResult, DocumentFormat, DocumentStatus, DocumentType, ErrorCode,
};
use domain::document::shipped;
use domain::ids::DocumentName;
use store::document_attachments::Attachment;
use store::documents::{self, Document, Version};
use store::tags;

use super::describe_document::describe;
use super::found::Found;
use super::new_version::NewVersion;
use super::{attachments, scope, scripts, tagged};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::tags::checked_tags;

/// Of one account in one region.
const MAX_DOCUMENTS: i64 = 500;

pub async fn create_document(
    ctx: &Ctx,
    request: CreateDocumentRequest,
) -> Result<CreateDocumentResult, ApiError> {
    let name: DocumentName = request.name.parse()?;
    if name.is_reserved() || shipped::find(name.as_str()).is_some() {
        let message = format!("Invalid document name: `{name}` begins with a prefix that is reserved");
        return Err(error::validation(message));
    }
    let tags = checked_tags(request.tags.as_deref().unwrap_or_default())
        .map_err(|error| error::validation(error.message))?;
    let document_type = request.document_type.unwrap_or(DocumentType::Command);
    let mut new = NewVersion {
        document_type: document_type.clone(),
        content: request.content,
        format: request.document_format.unwrap_or(DocumentFormat::Json),
        version_name: request.version_name,
        display_name: request.display_name,
        target_type: request.target_type,
        requires: request.requires.unwrap_or_default(),
        attachments: Vec::new(),
    };
    let manifest = new.manifest()?;
    if let Some(manifest) = &manifest {
        new.named_as(manifest);
    }
    scripts::check(ctx, &new).await?;
    let files = attachments::gather(ctx, request.attachments.as_deref(), manifest.as_ref()).await?;
    new.attachments = files.iter().map(|file| file.file_name.clone()).collect();
    let version = scripts::check_attached(ctx, &new, &files).await.and_then(|()| new.check(ctx, 1));
    let written = match version {
        Ok(version) => write(ctx, (name, document_type), version, &files, &tags).await,
        Err(error) => Err(error),
    };
    if written.is_err() {
        attachments::discard_all(ctx, &files).await;
    }
    let (document, version) = written?;
    let found = Found::of_account(ctx.account.clone(), ctx, document, version);
    let mut description = describe(&found, tags);
    // As AWS answers; every later read says Active.
    description.status = Some(DocumentStatus::Creating);
    Ok(CreateDocumentResult { document_description: Some(description) })
}

async fn write(
    ctx: &Ctx,
    (name, document_type): (DocumentName, DocumentType),
    version: Version,
    files: &[Attachment],
    tags: &BTreeMap<String, String>,
) -> Result<(Document, Version), ApiError> {
    let document = Document {
        name,
        document_type: document_type.as_str().to_owned(),
        created_at: ctx.now,
        default_version: 1,
        latest_version: 1,
        versions_made: 1,
    };

    let mut tx = ctx.store.write().await?;
    if documents::find(&mut tx, scope(ctx), &document.name).await?.is_some() {
        let message = format!("document `{}` exists already", document.name);
        return Err(ApiError::new(ErrorCode::DocumentAlreadyExists, message));
    }
    if documents::count(&mut tx, scope(ctx)).await? >= MAX_DOCUMENTS {
        let message = format!("there are {MAX_DOCUMENTS} documents, which is the limit");
        return Err(ApiError::new(ErrorCode::DocumentLimitExceeded, message));
    }
    documents::insert(&mut tx, scope(ctx), &document, &version).await?;
    attachments::keep_all(ctx, &mut tx, &document.name, 1, files).await?;
    tags::put(&mut tx, tagged(ctx, &document.name), tags).await?;
    tx.commit().await?;
    Ok((document, version))
}
