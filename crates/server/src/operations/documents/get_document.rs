//! GetDocument: a document's text, in the form it was written or in another one.
//! Source: API reference, GetDocument; systems-manager.md 2.3.

use api::ssm::{DocumentFormat, DocumentStatus, ErrorCode, GetDocumentRequest, GetDocumentResult};
use domain::document::{to_yaml, value_of};
use store::node_messages::NodeKey;

use super::found::Found;
use super::{attachments, find};
use crate::agents::engine;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub async fn get_document(ctx: &Ctx, request: GetDocumentRequest) -> Result<GetDocumentResult, ApiError> {
    let GetDocumentRequest { name, version_name, document_version, document_format } = request;
    let found = find(ctx, &name, document_version.as_deref(), version_name.as_deref()).await?;
    let format = document_format.unwrap_or_else(|| default_format(ctx, &found));
    let mut content = converted(&found, &format)?;
    if let Some(node) = ctx.caller.node() {
        let key = NodeKey { account: ctx.account.clone(), region: ctx.region.clone(), node: node.clone() };
        content = engine::complete(&ctx.app, &key, &ctx.endpoint, content).await?;
    }
    let attachments_content = attachments::describe(ctx, &found).await?;
    let version = found.version;
    Ok(GetDocumentResult {
        name: Some(found.reference),
        created_date: Some(version.created_at),
        display_name: version.display_name,
        version_name: version.version_name,
        document_version: Some(version.version.to_string()),
        status: Some(DocumentStatus::Active),
        content: Some(content),
        document_type: Some(found.document.document_type.as_str().into()),
        document_format: Some(format),
        attachments_content,
        requires: Some(version.detail.requires).filter(|list| !list.is_empty()),
        review_status: version.review_status.as_deref().map(Into::into),
        ..Default::default()
    })
}

/// As it was written, but for agents: they read JSON only, and do not ask for it.
fn default_format(ctx: &Ctx, found: &Found) -> DocumentFormat {
    match (ctx.caller.node(), found.format()) {
        (Some(_), DocumentFormat::Yaml) => DocumentFormat::Json,
        (_, format) => format,
    }
}

/// Byte for byte what was sent, unless another form is asked for.
fn converted(found: &Found, format: &DocumentFormat) -> Result<String, ApiError> {
    let content = &found.version.content;
    if *format == found.format() {
        return Ok(content.clone());
    }
    let refusal = |reason: String| {
        let message = format!(
            "document `{}` is {} and cannot be had as {}: {reason}",
            found.reference,
            found.version.format,
            format.as_str()
        );
        ApiError::new(ErrorCode::InvalidDocument, message)
    };
    let value = value_of(content, &found.format()).map_err(|error| refusal(error.to_string()))?;
    let value = value.ok_or_else(|| refusal("it is plain text".to_owned()))?;
    match format {
        DocumentFormat::Json => Ok(format!("{value:#}")),
        DocumentFormat::Yaml => Ok(to_yaml(&value)),
        _ => Err(refusal("it is no plain text".to_owned())),
    }
}
