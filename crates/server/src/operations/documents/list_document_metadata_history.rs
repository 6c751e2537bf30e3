//! ListDocumentMetadataHistory: what was said of a version in its reviews, newest first.
//! Source: API reference, ListDocumentMetadataHistory.

use api::ssm::{
    DocumentMetadataResponseInfo, DocumentReviewCommentSource, DocumentReviewCommentType,
    DocumentReviewerResponseSource, ErrorCode, ListDocumentMetadataHistoryRequest,
    ListDocumentMetadataHistoryResponse,
};
use store::document_reviews::{self, Review};

use super::{own, scope, version_of};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

pub async fn list_document_metadata_history(
    ctx: &Ctx,
    request: ListDocumentMetadataHistoryRequest,
) -> Result<ListDocumentMetadataHistoryResponse, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let binding = (&request.name, &request.document_version);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "ListDocumentMetadataHistory", &binding, token, size)?;
    let mut tx = ctx.store.read().await?;
    let document = own(ctx, &mut tx, &request.name, ErrorCode::InvalidDocument).await?;
    let asked = request.document_version.as_deref().unwrap_or("$LATEST");
    let version = version_of(&mut tx, scope(ctx), &document, Some(asked), None).await?;
    let before = page.after.as_deref().and_then(|number| number.parse().ok());
    let of = (&document.name, version.version);
    let reviews = document_reviews::list(&mut tx, scope(ctx), of, before, page.fetch()).await?;
    let cut = page.cut(ctx, reviews, |review| review.review.to_string());
    let metadata =
        DocumentMetadataResponseInfo { reviewer_response: Some(cut.rows.into_iter().map(to_wire).collect()) };
    Ok(ListDocumentMetadataHistoryResponse {
        name: Some(document.name.to_string()),
        document_version: Some(version.version.to_string()),
        author: Some(version.author),
        metadata: Some(metadata),
        next_token: cut.next_token,
    })
}

fn to_wire(review: Review) -> DocumentReviewerResponseSource {
    let comment = review.comment.map(|content| DocumentReviewCommentSource {
        r#type: Some(DocumentReviewCommentType::Comment),
        content: Some(content),
    });
    DocumentReviewerResponseSource {
        create_time: Some(review.created_at),
        updated_time: Some(review.updated_at),
        review_status: Some(review.status.as_str().into()),
        comment: Some(comment.into_iter().collect()),
        reviewer: Some(review.reviewer),
    }
}
