//! DeleteDocument: one version of a document, or all of it.
//! Source: API reference, DeleteDocument; systems-manager.md 2.4.

use api::ssm::{DeleteDocumentRequest, DeleteDocumentResult, DocumentType, ErrorCode};
use store::{associations, documents, tags};

use super::{attachments, own, scope, tagged, version_of};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn delete_document(
    ctx: &Ctx,
    request: DeleteDocumentRequest,
) -> Result<DeleteDocumentResult, ApiError> {
    let refusal = |message: String| ApiError::new(ErrorCode::InvalidDocumentOperation, message);
    let (version, label) = (request.document_version.as_deref(), request.version_name.as_deref());
    let mut tx = ctx.store.write().await?;
    let document = own(ctx, &mut tx, &request.name, ErrorCode::InvalidDocumentOperation).await?;
    let name = &document.name;
    let needs_force = document.document_type == DocumentType::ApplicationConfigurationSchema.as_str();
    if needs_force && !request.force.unwrap_or_default() {
        return Err(refusal(format!("document `{name}` is a schema: it is deleted only with Force")));
    }
    let others = documents::count_versions(&mut tx, scope(ctx), name).await? > 1;
    if version.is_some() || label.is_some() {
        // The operation declares no code of its own for a version that is not there.
        let found = version_of(&mut tx, scope(ctx), &document, version, label).await.map_err(|error| {
            match error.code == ErrorCode::InvalidDocumentVersion.into() {
                true => ApiError::new(ErrorCode::InvalidDocument, error.message),
                false => error,
            }
        })?;
        if others && found.version == document.default_version {
            return Err(refusal(format!(
                "version {} is the default of document `{name}`: make another one the default first",
                found.version
            )));
        }
        if others {
            attachments::remove(ctx, &mut tx, name, Some(found.version)).await?;
            documents::delete_version(&mut tx, scope(ctx), name, found.version).await?;
            tx.commit().await?;
            return Ok(DeleteDocumentResult {});
        }
    }
    let shares = documents::count_shares(&mut tx, scope(ctx), name).await?;
    if shares > 0 {
        return Err(refusal(format!(
            "document `{name}` is shared with {shares} accounts: stop sharing it first"
        )));
    }
    let using = associations::list_of_document(&mut tx, scope(ctx), name.as_str()).await?;
    if let Some(first) = using.first() {
        let message = format!(
            "document `{name}` is used by {} associations, of which `{}` is one: delete them first",
            using.len(),
            first.key.id
        );
        return Err(ApiError::new(ErrorCode::AssociatedInstances, message));
    }
    attachments::remove(ctx, &mut tx, name, None).await?;
    documents::delete(&mut tx, scope(ctx), name).await?;
    tags::remove_all(&mut tx, tagged(ctx, name)).await?;
    tx.commit().await?;
    Ok(DeleteDocumentResult {})
}
