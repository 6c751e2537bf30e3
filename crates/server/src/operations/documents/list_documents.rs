//! ListDocuments: the documents a caller can use, by name.
//! Source: API reference, ListDocuments; systems-manager.md 2.5.

use api::ssm::{
    DocumentFormat, DocumentIdentifier, DocumentType, ErrorCode, ListDocumentsRequest, ListDocumentsResult,
};
use domain::document::shipped::{self, Shipped};

use super::{SHIPPED_AT, SHIPPED_VERSION, platform_types};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;

/// What a filter compares; its values combine with OR, filters with AND.
enum Field {
    NamePrefix,
    Owner,
    PlatformTypes,
    DocumentType,
    TargetType,
    SearchKeyword,
    /// Shipped documents carry no tags.
    Tag,
}

struct Condition {
    field: Field,
    values: Vec<String>,
}

pub async fn list_documents(
    ctx: &Ctx,
    request: ListDocumentsRequest,
) -> Result<ListDocumentsResult, ApiError> {
    let scope = (&request.filters, &request.document_filter_list);
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "ListDocuments", &scope, request.next_token.as_deref(), size)?;
    let conditions = conditions(&request)?;
    let after = page.after.as_deref().unwrap_or_default();
    let found = shipped::all()
        .iter()
        .filter(|document| document.name > after)
        .filter(|document| conditions.iter().all(|condition| condition.holds(document)));
    let cut = page.cut(ctx, found.collect(), |document| document.name.to_owned());
    Ok(ListDocumentsResult {
        document_identifiers: Some(cut.rows.into_iter().map(identify).collect()),
        next_token: cut.next_token,
    })
}

fn conditions(request: &ListDocumentsRequest) -> Result<Vec<Condition>, ApiError> {
    let new = request.filters.iter().flatten().map(|filter| {
        let values = filter.values.clone().unwrap_or_default();
        (filter.key.clone().unwrap_or_default(), values)
    });
    let old = request
        .document_filter_list
        .iter()
        .flatten()
        .map(|filter| (filter.key.to_string(), vec![filter.value.clone()]));
    new.chain(old).map(|(key, values)| Ok(Condition { field: field(&key)?, values })).collect()
}

fn field(key: &str) -> Result<Field, ApiError> {
    Ok(match key {
        "Name" => Field::NamePrefix,
        "Owner" => Field::Owner,
        "PlatformTypes" => Field::PlatformTypes,
        "DocumentType" => Field::DocumentType,
        "TargetType" => Field::TargetType,
        "SearchKeyword" => Field::SearchKeyword,
        _ if key.starts_with("tag:") => Field::Tag,
        _ => {
            let message = format!(
                "`{key}` is not a filter key: expected Name, Owner, PlatformTypes, DocumentType, \
                 TargetType, SearchKeyword or tag:KEY"
            );
            return Err(ApiError::new(ErrorCode::InvalidFilterKey, message));
        }
    })
}

impl Condition {
    fn holds(&self, shipped: &Shipped) -> bool {
        let any = |holds: &dyn Fn(&str) -> bool| self.values.iter().any(|value| holds(value));
        match self.field {
            Field::NamePrefix => any(&|value| shipped.name.starts_with(value)),
            Field::Owner => any(&|value| value == shipped.owner() || matches!(value, "Public" | "All")),
            Field::PlatformTypes => {
                let platforms = shipped.document().platforms();
                any(&|value| platforms.iter().any(|platform| platform.as_str() == value))
            }
            Field::DocumentType => any(&|value| value == "Command"),
            Field::TargetType | Field::Tag => false,
            Field::SearchKeyword => {
                let text = format!("{} {}", shipped.name, shipped.document().description).to_lowercase();
                any(&|value| text.contains(&value.to_lowercase()))
            }
        }
    }
}

fn identify(shipped: &Shipped) -> DocumentIdentifier {
    let document = shipped.document();
    DocumentIdentifier {
        name: Some(shipped.name.to_owned()),
        created_date: Some(SHIPPED_AT),
        owner: Some(shipped.owner().to_owned()),
        platform_types: Some(platform_types(&document)),
        document_version: Some(SHIPPED_VERSION.to_owned()),
        document_type: Some(DocumentType::Command),
        schema_version: Some(document.schema_version.to_string()),
        document_format: Some(DocumentFormat::Json),
        tags: Some(Vec::new()),
        ..Default::default()
    }
}
