//! DescribeDocument: everything about a document but its text.
//! Source: API reference, DescribeDocument; systems-manager.md 2.4.

use std::collections::BTreeMap;

use api::ssm::{
    AttachmentInformation, DescribeDocumentRequest, DescribeDocumentResult, DocumentDescription,
    DocumentHashType, DocumentStatus, ReviewInformation, ReviewStatus,
};
use store::documents::{self, Version};
use store::{document_reviews, tags};

use super::found::{Found, Owner};
use super::{find, tagged};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::tags::to_wire;

const MAX_REVIEWS: i64 = 50;
/// More versions than a document may have.
const ALL_VERSIONS: i64 = 2_000;

pub async fn describe_document(
    ctx: &Ctx,
    request: DescribeDocumentRequest,
) -> Result<DescribeDocumentResult, ApiError> {
    let DescribeDocumentRequest { name, document_version, version_name } = request;
    let found = find(ctx, &name, document_version.as_deref(), version_name.as_deref()).await?;
    let is_own = found.owner == Owner::Account(ctx.account.clone());
    if !is_own {
        return Ok(DescribeDocumentResult { document: Some(describe(&found, BTreeMap::new())) });
    }
    let mut tx = ctx.store.read().await?;
    let tags = tags::list(&mut tx, tagged(ctx, &found.document.name)).await?;
    let mut description = describe(&found, tags);
    if found.version.review_status.is_some() {
        let scope = (&ctx.account, &ctx.region);
        let name = &found.document.name;
        let of = (name, found.version.version);
        let reviews = document_reviews::list(&mut tx, scope, of, None, MAX_REVIEWS).await?;
        let versions = documents::list_versions(&mut tx, scope, name, None, ALL_VERSIONS).await?;
        let newest = |status: &str| {
            let found = versions.iter().find(|version| version.review_status.as_deref() == Some(status));
            found.map(|version: &Version| version.version.to_string())
        };
        let information = reviews.into_iter().map(|review| ReviewInformation {
            reviewed_time: Some(review.updated_at),
            status: Some(review.status.as_str().into()),
            reviewer: Some(review.reviewer),
        });
        description.review_information = Some(information.collect());
        description.approved_version = newest(ReviewStatus::Approved.as_str());
        description.pending_review_version = newest(ReviewStatus::Pending.as_str());
    }
    Ok(DescribeDocumentResult { document: Some(description) })
}

pub fn describe(found: &Found, tags: BTreeMap<String, String>) -> DocumentDescription {
    let (document, version) = (&found.document, &found.version);
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    DocumentDescription {
        hash: Some(version.sha256.clone()),
        hash_type: Some(DocumentHashType::Sha256),
        name: Some(found.reference.clone()),
        display_name: version.display_name.clone(),
        version_name: version.version_name.clone(),
        owner: Some(found.owner_name().to_owned()),
        created_date: Some(version.created_at),
        status: Some(DocumentStatus::Active),
        document_version: Some(version.version.to_string()),
        description: given(&version.description),
        parameters: Some(version.detail.parameters.clone()).filter(|list| !list.is_empty()),
        platform_types: Some(found.platform_types()),
        document_type: Some(found.document_type()),
        schema_version: given(&version.schema_version),
        latest_version: Some(document.latest_version.to_string()),
        default_version: Some(document.default_version.to_string()),
        document_format: Some(found.format()),
        target_type: version.target_type.clone(),
        tags: Some(to_wire(tags)),
        attachments_information: Some(&version.detail.attachments).filter(|names| !names.is_empty()).map(
            |names| {
                let information = |name: &String| AttachmentInformation { name: Some(name.clone()) };
                names.iter().map(information).collect()
            },
        ),
        requires: Some(version.detail.requires.clone()).filter(|list| !list.is_empty()),
        review_status: version.review_status.as_deref().map(Into::into),
        ..Default::default()
    }
}
