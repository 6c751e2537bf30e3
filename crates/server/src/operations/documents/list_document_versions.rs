//! ListDocumentVersions: the versions of a document, newest first.
//! Source: API reference, ListDocumentVersions; systems-manager.md 2.5.

use api::ssm::{
    DocumentStatus, DocumentVersionInfo, ErrorCode, ListDocumentVersionsRequest, ListDocumentVersionsResult,
};
use store::documents::{self, Version};

use super::find;
use super::found::{Found, Owner};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

pub async fn list_document_versions(
    ctx: &Ctx,
    request: ListDocumentVersionsRequest,
) -> Result<ListDocumentVersionsResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "ListDocumentVersions", &request.name, request.next_token.as_deref(), size)?;
    let found = find(ctx, &request.name, None, None).await?;
    let before = page.after.as_deref().and_then(|number| number.parse().ok());
    let versions = match &found.owner {
        Owner::Shipped => vec![found.version.clone()],
        Owner::Account(account) if *account != ctx.account => vec![found.version.clone()],
        Owner::Account(account) => {
            let mut tx = ctx.store.read().await?;
            let scope = (account, &ctx.region);
            documents::list_versions(&mut tx, scope, &found.document.name, before, page.fetch()).await?
        }
    };
    if versions.is_empty() && before.is_none() {
        return Err(ApiError::new(
            ErrorCode::InvalidDocument,
            format!("document `{}` is gone", request.name),
        ));
    }
    let cut = page.cut(ctx, versions, |version| version.version.to_string());
    let rows: Vec<_> = cut.rows.into_iter().map(|version| to_info(&found, version)).collect();
    Ok(ListDocumentVersionsResult {
        // The model has no empty list here.
        document_versions: Some(rows).filter(|rows| !rows.is_empty()),
        next_token: cut.next_token,
    })
}

fn to_info(found: &Found, version: Version) -> DocumentVersionInfo {
    DocumentVersionInfo {
        name: Some(found.document.name.to_string()),
        display_name: version.display_name,
        document_version: Some(version.version.to_string()),
        version_name: version.version_name,
        created_date: Some(version.created_at),
        is_default_version: Some(version.version == found.document.default_version),
        document_format: Some(version.format.as_str().into()),
        status: Some(DocumentStatus::Active),
        review_status: version.review_status.as_deref().map(Into::into),
        ..Default::default()
    }
}
