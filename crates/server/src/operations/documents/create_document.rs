//! CreateDocument: a document of the account, with its first version.
//! Source: API reference, CreateDocument; systems-manager.md 2.3 and 2.4.

use api::ssm::{
    CreateDocumentRequest, CreateDocumentResult, DocumentFormat, DocumentStatus, DocumentType, ErrorCode,
};
use domain::document::shipped;
use domain::ids::DocumentName;
use store::documents::{self, Document};
use store::tags;

use super::describe_document::describe;
use super::found::Found;
use super::new_version::{NewVersion, refuse_attachments};
use super::{scope, tagged};
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
    refuse_attachments(request.attachments.as_deref())?;
    let tags = checked_tags(request.tags.as_deref().unwrap_or_default())
        .map_err(|error| error::validation(error.message))?;
    let document_type = request.document_type.unwrap_or(DocumentType::Command);
    let new = NewVersion {
        document_type: document_type.clone(),
        content: request.content,
        format: request.document_format.unwrap_or(DocumentFormat::Json),
        version_name: request.version_name,
        display_name: request.display_name,
        target_type: request.target_type,
        requires: request.requires.unwrap_or_default(),
    };
    let version = new.check(ctx, 1)?;
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
    tags::put(&mut tx, tagged(ctx, &document.name), &tags).await?;
    tx.commit().await?;

    let found = Found::of_account(ctx.account.clone(), ctx, document, version);
    let mut description = describe(&found, tags);
    // As AWS answers; every later read says Active.
    description.status = Some(DocumentStatus::Creating);
    Ok(CreateDocumentResult { document_description: Some(description) })
}
