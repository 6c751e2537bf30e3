//! DescribeDocument: everything about a document but its text.
//! Source: API reference, DescribeDocument; systems-manager.md 2.4.

use api::ssm::{
    DescribeDocumentRequest, DescribeDocumentResult, DocumentDescription, DocumentFormat, DocumentHashType,
    DocumentStatus, DocumentType,
};
use domain::document::shipped;

use super::{SHIPPED_AT, SHIPPED_VERSION, find_labelled, hash, platform_types};
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn describe_document(
    ctx: &Ctx,
    request: DescribeDocumentRequest,
) -> Result<DescribeDocumentResult, ApiError> {
    let DescribeDocumentRequest { name, document_version, version_name } = request;
    let document = find_labelled(ctx, &name, document_version.as_deref(), version_name.as_deref())?;
    Ok(DescribeDocumentResult { document: Some(describe(document)) })
}

fn describe(shipped: &shipped::Shipped) -> DocumentDescription {
    let document = shipped.document();
    let version = || Some(SHIPPED_VERSION.to_owned());
    DocumentDescription {
        hash: Some(hash(shipped.content)),
        hash_type: Some(DocumentHashType::Sha256),
        name: Some(shipped.name.to_owned()),
        owner: Some(shipped.owner().to_owned()),
        created_date: Some(SHIPPED_AT),
        status: Some(DocumentStatus::Active),
        document_version: version(),
        description: Some(document.description.clone()),
        parameters: Some(document.to_described_parameters()),
        platform_types: Some(platform_types(&document)),
        document_type: Some(DocumentType::Command),
        schema_version: Some(document.schema_version.to_string()),
        latest_version: version(),
        default_version: version(),
        document_format: Some(DocumentFormat::Json),
        tags: Some(Vec::new()),
        ..Default::default()
    }
}
