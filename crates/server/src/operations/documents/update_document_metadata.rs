//! UpdateDocumentMetadata: a version is sent for review, and what its reviewers say.
//! Source: API reference, UpdateDocumentMetadata; systems-manager.md 2.5.

use api::ssm::{
    DocumentReviewAction, ErrorCode, ReviewStatus, UpdateDocumentMetadataRequest,
    UpdateDocumentMetadataResponse,
};
use store::document_reviews::{self, Review};
use store::documents;

use super::{own, scope, version_of};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn update_document_metadata(
    ctx: &Ctx,
    request: UpdateDocumentMetadataRequest,
) -> Result<UpdateDocumentMetadataResponse, ApiError> {
    let refusal = |message: String| ApiError::new(ErrorCode::InvalidDocumentOperation, message);
    let comments = request.document_reviews.comment.unwrap_or_default();
    let comment = comments.into_iter().find_map(|comment| comment.content);
    let action = request.document_reviews.action;

    let mut tx = ctx.store.write().await?;
    let document = own(ctx, &mut tx, &request.name, ErrorCode::InvalidDocumentOperation).await?;
    let asked = request.document_version.as_deref().unwrap_or("$LATEST");
    let version = version_of(&mut tx, scope(ctx), &document, Some(asked), None).await?;
    let of = (&document.name, version.version);
    let newest = document_reviews::list(&mut tx, scope(ctx), of, None, 1).await?.pop();
    let is_pending = version.review_status.as_deref() == Some(ReviewStatus::Pending.as_str());
    let which = format!("version {} of document `{}`", version.version, document.name);
    let status = match action {
        DocumentReviewAction::SendForReview if is_pending => {
            return Err(refusal(format!("{which} waits for its review already")));
        }
        DocumentReviewAction::SendForReview => ReviewStatus::Pending,
        DocumentReviewAction::Approve if is_pending => ReviewStatus::Approved,
        DocumentReviewAction::Reject if is_pending => ReviewStatus::Rejected,
        DocumentReviewAction::UpdateReview if newest.is_some() => {
            version.review_status.as_deref().map_or(ReviewStatus::NotReviewed, Into::into)
        }
        _ => return Err(refusal(format!("{which} was not sent for review"))),
    };
    let status = status.as_str().to_owned();
    let reviewer = ctx.caller.arn().to_owned();
    let review = match (action, newest) {
        (DocumentReviewAction::UpdateReview, Some(newest)) => {
            Review { comment: comment.or(newest.comment.clone()), reviewer, updated_at: ctx.now, ..newest }
        }
        (_, newest) => Review {
            review: newest.map_or(1, |newest| newest.review + 1),
            status: status.clone(),
            comment,
            reviewer,
            created_at: ctx.now,
            updated_at: ctx.now,
        },
    };
    document_reviews::put(&mut tx, scope(ctx), of, &review).await?;
    documents::set_review_status(&mut tx, scope(ctx), &document.name, version.version, &status).await?;
    tx.commit().await?;
    Ok(UpdateDocumentMetadataResponse {})
}
