//! ListDocuments: the documents a caller can use, by name.
//! Source: API reference, ListDocuments; systems-manager.md 2.5.

use std::collections::BTreeMap;

use api::ssm::{DocumentIdentifier, ErrorCode, ListDocumentsRequest, ListDocumentsResult};
use store::tags::{self, Tagged};
use store::{Tx, documents};

use super::found::{Found, Owner, all_shipped};
use super::modify_document_permission::EVERYBODY;
use super::scope;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};
use crate::operations::tags::to_wire;

const DEFAULT_PAGE: i32 = 50;
/// Of documents that others share with everybody, or with this account.
const MAX_SHARED: i64 = 1_000;

/// What a filter compares; its values combine with OR, filters with AND.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    NamePrefix,
    Owner,
    PlatformTypes,
    DocumentType,
    TargetType,
    SearchKeyword,
    Tag(String),
}

struct Condition {
    field: Field,
    values: Vec<String>,
}

/// A document in a list.
struct Listed {
    found: Found,
    tags: BTreeMap<String, String>,
    sharing: Sharing,
}

/// How it comes into the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    Shipped,
    Own,
    Private,
    Public,
}

pub async fn list_documents(
    ctx: &Ctx,
    request: ListDocumentsRequest,
) -> Result<ListDocumentsResult, ApiError> {
    let binding = (&request.filters, &request.document_filter_list);
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "ListDocuments", &binding, request.next_token.as_deref(), size)?;
    let conditions = conditions(&request)?;
    let mut all = load(ctx, &conditions).await?;
    all.sort_by(|a, b| a.found.reference.cmp(&b.found.reference));
    let after = page.after.as_deref().unwrap_or_default();
    all.retain(|listed| {
        listed.found.reference.as_str() > after && conditions.iter().all(|condition| condition.holds(listed))
    });
    let cut = page.cut(ctx, all, |listed| listed.found.reference.clone());
    Ok(ListDocumentsResult {
        document_identifiers: Some(cut.rows.into_iter().map(identify).collect()),
        next_token: cut.next_token,
    })
}

/// The account's own and the shipped ones; others' only where a filter asks for them.
async fn load(ctx: &Ctx, conditions: &[Condition]) -> Result<Vec<Listed>, ApiError> {
    let asks_for = |owner: &str| {
        let owners = conditions.iter().filter(|condition| condition.field == Field::Owner);
        owners.flat_map(|condition| &condition.values).any(|value| value == owner || value == "All")
    };
    let listed = |found, sharing| Listed { found, tags: BTreeMap::new(), sharing };
    let mut all: Vec<Listed> = all_shipped().map(|found| listed(found.clone(), Sharing::Shipped)).collect();
    let mut tx = ctx.store.read().await?;
    let own = documents::list(&mut tx, scope(ctx)).await?;
    let mut tags = tags_of(ctx, &mut tx, !own.is_empty()).await?;
    for (document, version) in own {
        let tags = tags.remove(document.name.as_str()).unwrap_or_default();
        let found = Found::of_account(ctx.account.clone(), ctx, document, version);
        all.push(Listed { tags, ..listed(found, Sharing::Own) });
    }
    let others =
        [("Private", ctx.account.as_str(), Sharing::Private), ("Public", EVERYBODY, Sharing::Public)];
    for (owner, shared_with, sharing) in others {
        if !asks_for(owner) {
            continue;
        }
        let shared = documents::list_shared(&mut tx, &ctx.region, shared_with, MAX_SHARED).await?;
        let foreign = shared.into_iter().filter(|(account, ..)| *account != ctx.account);
        for (account, document, version) in foreign {
            all.push(listed(Found::of_account(account, ctx, document, version), sharing));
        }
    }
    Ok(all)
}

async fn tags_of(
    ctx: &Ctx,
    tx: &mut Tx,
    are_wanted: bool,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, ApiError> {
    if !are_wanted {
        return Ok(BTreeMap::new());
    }
    let of =
        Tagged { account: &ctx.account, region: &ctx.region, resource_type: "Document", resource_id: "" };
    Ok(tags::list_of_type(tx, of).await?)
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
        _ => match key.strip_prefix("tag:").filter(|tag| !tag.is_empty()) {
            Some(tag) => Field::Tag(tag.to_owned()),
            None => {
                let message = format!(
                    "`{key}` is not a filter key: expected Name, Owner, PlatformTypes, DocumentType, \
                     TargetType, SearchKeyword or tag:KEY"
                );
                return Err(ApiError::new(ErrorCode::InvalidFilterKey, message));
            }
        },
    })
}

impl Condition {
    fn holds(&self, listed: &Listed) -> bool {
        let any = |holds: &dyn Fn(&str) -> bool| self.values.iter().any(|value| holds(value));
        let found = &listed.found;
        match &self.field {
            Field::NamePrefix => any(&|value| found.reference.starts_with(value)),
            Field::Owner => any(&|value| listed.is_of(value)),
            Field::PlatformTypes => {
                any(&|value| found.version.detail.platforms.iter().any(|platform| platform == value))
            }
            Field::DocumentType => any(&|value| found.document.document_type == value),
            Field::TargetType => any(&|value| found.version.target_type.as_deref() == Some(value)),
            Field::Tag(key) => any(&|value| listed.tags.get(key).is_some_and(|tag| tag == value)),
            Field::SearchKeyword => {
                let text = format!("{} {}", found.reference, found.version.description).to_lowercase();
                any(&|value| text.contains(&value.to_lowercase()))
            }
        }
    }
}

impl Listed {
    fn is_of(&self, owner: &str) -> bool {
        match (self.sharing, owner) {
            (_, "All") => true,
            (Sharing::Shipped, owner) => owner == "Public" || owner == self.found.owner_name(),
            (Sharing::Own, owner) => owner == "Self",
            (Sharing::Private, owner) => owner == "Private",
            (Sharing::Public, owner) => owner == "Public",
        }
    }
}

fn identify(listed: Listed) -> DocumentIdentifier {
    let Listed { found, tags, .. } = listed;
    DocumentIdentifier {
        name: Some(found.reference.clone()),
        created_date: Some(found.document.created_at),
        display_name: found.version.display_name.clone(),
        owner: Some(found.owner_name().to_owned()),
        version_name: found.version.version_name.clone(),
        platform_types: Some(found.platform_types()),
        document_version: Some(found.version.version.to_string()),
        document_type: Some(found.document_type()),
        schema_version: Some(found.version.schema_version.clone()).filter(|version| !version.is_empty()),
        document_format: Some(found.format()),
        target_type: found.version.target_type.clone(),
        tags: Some(to_wire(tags)),
        requires: Some(found.version.detail.requires.clone()).filter(|list| !list.is_empty()),
        review_status: found.version.review_status.as_deref().map(Into::into),
        author: match &found.owner {
            Owner::Shipped => None,
            Owner::Account(_) => Some(found.version.author.clone()),
        },
    }
}
