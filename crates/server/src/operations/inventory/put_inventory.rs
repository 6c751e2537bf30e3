//! PutInventory: what a node has of each type, replaced type by type; with a patch summary among
//! the types it is a patch report.
//! Source: systems-manager.md 5.1; agent-protocol.md 6.2.

use std::collections::{BTreeMap, BTreeSet};

use api::Timestamp;
use api::ssm::{ErrorCode, InventoryItem, PutInventoryRequest, PutInventoryResult};
use domain::compliance::level::UnknownWord;
use domain::ids::NodeId;
use domain::inventory::{COMPLIANCE_ITEM, InventoryType, PATCH_SUMMARY, SchemaVersion};
use store::inventory::{self, Content, Entry, Item, Schema};
use store::{Tx, nodes, report_items};

use super::patch_report::{self, Upload};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::compliance::record;
use crate::operations::nodes::managed_node;

/// Custom types of an account.
const MAX_CUSTOM_TYPES: usize = 20;
/// Of one type, as JSON. Differs from AWS: the items of a patch report are bounded by their number
/// only, because a node with many packages would otherwise have no patch state at all.
const MAX_ITEM_BYTES: usize = 1 << 20;
/// How soon it is noted that a node still says what it said: far before it would be forgotten.
const RENEWED_AFTER_MS: i64 = 24 * 3600 * 1000;
/// Of all types of a node but patch reports.
const MAX_NODE_BYTES: i64 = 5 << 20;

pub async fn put_inventory(ctx: &Ctx, request: PutInventoryRequest) -> Result<PutInventoryResult, ApiError> {
    request.items.iter().try_for_each(check)?;
    let upload = Upload::read(&request.items)?;
    let scope = (&ctx.account, &ctx.region);
    let prepared = match &upload.items {
        Some(items) => Some(report_items::prepare(&ctx.store, scope, items).await?),
        None => None,
    };

    let mut tx = ctx.store.write_by_locks().await?;
    if let Ok(id) = request.instance_id.parse() {
        nodes::lock(&mut tx, &ctx.account, &ctx.region, &id).await?;
    }
    let node = managed_node(ctx, &mut tx, &request.instance_id).await?.id;
    let stored = inventory::list(&mut tx, scope, &node).await?;
    let mut schemas = Schemas::load(ctx, &mut tx, &request.items).await?;
    let mut size_bytes: BTreeMap<_, _> = stored.iter().map(|item| (key_of(item), item.size_bytes)).collect();
    let mut fresh = Vec::new();
    for item in &request.items {
        let old = stored
            .iter()
            .find(|old| old.type_name == item.type_name && old.context_type == context_type(item));
        if let Some(change) = Change::of((&node, ctx.now), item, old, &mut schemas)? {
            size_bytes.insert(key_of(&change.item), change.item.size_bytes);
            fresh.push(change);
        }
    }
    if size_bytes.values().sum::<i64>() > MAX_NODE_BYTES {
        let message = format!("the inventory of a node is limited to {MAX_NODE_BYTES} bytes");
        return Err(ApiError::new(ErrorCode::TotalSizeLimitExceededException, message));
    }
    if let Some(prepared) = &prepared {
        report_items::insert(&mut tx, scope, prepared).await?;
    }
    let items_hash = prepared.as_ref().map(|prepared| prepared.hash);
    patch_report::record(ctx, &mut tx, &node, upload, items_hash).await?;
    for change in fresh {
        apply(ctx, &mut tx, change, items_hash).await?;
    }
    schemas.save(ctx, &mut tx).await?;
    tx.commit().await?;
    Ok(PutInventoryResult::default())
}

/// The compliance type in an item's context; a patch report when a hash comes without one.
fn context_type(item: &InventoryItem) -> &str {
    if item.type_name != COMPLIANCE_ITEM {
        return "";
    }
    let named = item.context.as_ref().and_then(|context| context.get("ComplianceType"));
    named.map_or(patch_report::COMPLIANCE_TYPE, String::as_str)
}

/// Whether the item is (part of) a patch report.
pub(super) fn is_patch_items(type_name: &str, context_type: &str) -> bool {
    match type_name {
        COMPLIANCE_ITEM => context_type == patch_report::COMPLIANCE_TYPE,
        _ => type_name == domain::inventory::PATCH_COMPLIANCE,
    }
}

fn key_of(item: &Item) -> (String, String) {
    (item.type_name.clone(), item.context_type.clone())
}

/// What needs neither node nor schema.
fn check(item: &InventoryItem) -> Result<(), ApiError> {
    let refuse =
        |code, message: String| Err(ApiError::new(code, message).with("TypeName", item.type_name.as_str()));
    let takes_context = item.type_name == COMPLIANCE_ITEM;
    match &item.context {
        Some(_) if !takes_context => {
            let message = format!("{} takes no context", item.type_name);
            return refuse(ErrorCode::UnsupportedInventoryItemContextException, message);
        }
        Some(context) if !context.contains_key("ComplianceType") => {
            let message = "the context names no ComplianceType".to_owned();
            return refuse(ErrorCode::InvalidInventoryItemContextException, message);
        }
        None if takes_context && item.content.is_some() => {
            let message = format!("{} needs a context with a ComplianceType", item.type_name);
            return refuse(ErrorCode::InvalidInventoryItemContextException, message);
        }
        _ => {}
    }
    if item.content.is_none() && item.content_hash.is_none() {
        let message = format!("{} has neither Content nor ContentHash", item.type_name);
        return refuse(ErrorCode::InvalidItemContentException, message);
    }
    let entries = item.content.iter().flatten().chain(&item.context);
    let mut texts = entries.flat_map(|entry| entry.iter().flat_map(|(name, value)| [name, value]));
    match texts.any(|text| text.contains('\0'))
        || item.content_hash.as_ref().is_some_and(|hash| hash.contains('\0'))
    {
        true => {
            refuse(ErrorCode::InvalidItemContentException, "text cannot hold the character U+0000".to_owned())
        }
        false => Ok(()),
    }
}

/// What is to be done with one item.
struct Change<'a> {
    item: Item,
    /// `None`: what is stored stays, only the moment is new.
    content: Option<&'a [Entry]>,
}

impl<'a> Change<'a> {
    /// `None` when there is nothing to do.
    fn of(
        (node, now): (&NodeId, Timestamp),
        item: &'a InventoryItem,
        old: Option<&Item>,
        schemas: &mut Schemas,
    ) -> Result<Option<Self>, ApiError> {
        let same_hash =
            item.content_hash.is_some() && old.is_some_and(|old| old.content_hash == item.content_hash);
        let mut new = Item {
            node: node.clone(),
            type_name: item.type_name.clone(),
            context_type: context_type(item).to_owned(),
            schema_version: item.schema_version.clone(),
            capture_time: item.capture_time.clone(),
            content_hash: item.content_hash.clone(),
            context: item.context.clone().unwrap_or_default(),
            size_bytes: 0,
            updated_at: now,
        };
        match (&item.content, old) {
            (None, Some(old)) if same_hash => {
                // Hash-only items may carry another item's schema version: what is stored stays.
                if item.context.is_none() {
                    new.context = old.context.clone();
                }
                new.size_bytes = old.size_bytes;
                Ok(Some(Self { item: new, content: None }))
            }
            (None, _) => {
                let message =
                    format!("the content of {} is not the stored one: send it again", item.type_name);
                let error = ApiError::new(ErrorCode::ItemContentMismatchException, message);
                Err(error.with("TypeName", item.type_name.as_str()))
            }
            (Some(_), Some(old)) if same_hash && item.type_name != PATCH_SUMMARY => {
                // Said again: nothing is new but that it is still so.
                let is_due = now.millis_since(old.updated_at) > RENEWED_AFTER_MS;
                let renewed = || Self { item: Item { updated_at: now, ..old.clone() }, content: None };
                Ok(is_due.then(renewed))
            }
            (Some(content), _) => {
                schemas.check(item, content)?;
                new.size_bytes = size_of(item, content)?;
                Ok(Some(Self { item: new, content: Some(content) }))
            }
        }
    }
}

/// What counts towards a node's limit: all but patch reports.
fn size_of(item: &InventoryItem, content: &[Entry]) -> Result<i64, ApiError> {
    if item.type_name == PATCH_SUMMARY || is_patch_items(&item.type_name, context_type(item)) {
        return Ok(0);
    }
    let size = content.iter().flatten().map(|(name, value)| name.len() + value.len() + 6).sum::<usize>();
    if size > MAX_ITEM_BYTES {
        let message = format!("{} has {size} bytes, the limit is {MAX_ITEM_BYTES}", item.type_name);
        let error = ApiError::new(ErrorCode::ItemSizeLimitExceededException, message);
        return Err(error.with("TypeName", item.type_name.as_str()));
    }
    Ok(i64::try_from(size).unwrap_or(i64::MAX))
}

async fn apply(
    ctx: &Ctx,
    tx: &mut Tx,
    change: Change<'_>,
    items_hash: Option<store::Hash>,
) -> Result<(), ApiError> {
    let scope = (&ctx.account, &ctx.region);
    let Change { item, content } = change;
    let Some(entries) = content else {
        return Ok(inventory::refresh(tx, scope, &item).await?);
    };
    let is_patch = is_patch_items(&item.type_name, &item.context_type);
    let content = match (items_hash, item.type_name.as_str()) {
        (Some(hash), _) if is_patch => Content::OfReport(hash),
        (_, PATCH_SUMMARY) => Content::Elsewhere,
        _ => {
            if item.type_name == COMPLIANCE_ITEM {
                record::from_inventory(ctx, tx, &item, entries).await?;
            }
            Content::Own(entries.to_vec())
        }
    };
    Ok(inventory::put(tx, scope, &item, &content).await?)
}

/// Custom types, those known and those that this request defines. Two first uploads of one type at
/// the same moment may both define it: the later one stays.
struct Schemas {
    known: BTreeMap<String, Schema>,
    changed: BTreeSet<String>,
}

impl Schemas {
    async fn load(ctx: &Ctx, tx: &mut Tx, items: &[InventoryItem]) -> Result<Self, ApiError> {
        let mut known = BTreeMap::new();
        if items.iter().any(|item| is_custom(&item.type_name)) {
            let all = inventory::schemas(tx, (&ctx.account, &ctx.region)).await?;
            known = all.into_iter().map(|schema| (schema.type_name.clone(), schema)).collect();
        }
        Ok(Self { known, changed: BTreeSet::new() })
    }

    fn check(&mut self, item: &InventoryItem, content: &[Entry]) -> Result<(), ApiError> {
        let name = item.type_name.as_str();
        let refuse = |code, message: String| ApiError::new(code, message).with("TypeName", name);
        let version: SchemaVersion = item.schema_version.parse().map_err(|error| {
            refuse(ErrorCode::UnsupportedInventorySchemaVersionException, format!("{error}"))
        })?;
        let too_old = |stored: &dyn std::fmt::Display| {
            let message = format!("version {version} of {name} is older than {stored}");
            refuse(ErrorCode::UnsupportedInventorySchemaVersionException, message)
        };
        if is_custom(name) {
            return self.check_custom(item, content, version, too_old);
        }
        let Some(known) = InventoryType::find(name) else {
            return Err(refuse(
                ErrorCode::InvalidTypeNameException,
                format!("there is no inventory type `{name}`"),
            ));
        };
        if version < known.version {
            return Err(too_old(&known.version));
        }
        let checked = known.check_all(content);
        checked.map_err(|error| refuse(ErrorCode::InvalidItemContentException, error.to_string()))
    }

    /// The first upload defines the type, a higher version defines it anew.
    fn check_custom(
        &mut self,
        item: &InventoryItem,
        content: &[Entry],
        version: SchemaVersion,
        too_old: impl Fn(&dyn std::fmt::Display) -> ApiError,
    ) -> Result<(), ApiError> {
        let name = item.type_name.as_str();
        let used: BTreeSet<String> = content.iter().flat_map(|entry| entry.keys().cloned()).collect();
        let refuse = |code, message: String| Err(ApiError::new(code, message).with("TypeName", name));
        if let Some(known) = self.known.get(name) {
            let stored = known.schema_version.parse().unwrap_or(version);
            if version < stored {
                return Err(too_old(&stored));
            }
            if version == stored {
                return match used.difference(&known.attributes).next() {
                    None => Ok(()),
                    Some(new) => {
                        let message = format!("version {version} of {name} has no attribute `{new}`");
                        refuse(ErrorCode::InvalidItemContentException, message)
                    }
                };
            }
        } else if self.known.len() >= MAX_CUSTOM_TYPES {
            let message = format!("an account has at most {MAX_CUSTOM_TYPES} custom inventory types");
            return Err(ApiError::new(ErrorCode::CustomSchemaCountLimitExceededException, message));
        }
        if used.len() > 50 {
            let message = format!("{name} has {} attributes, the limit is 50", used.len());
            return refuse(ErrorCode::InvalidItemContentException, message);
        }
        if !used.is_empty() {
            let (type_name, schema_version) = (name.to_owned(), item.schema_version.clone());
            self.known.insert(name.to_owned(), Schema { type_name, schema_version, attributes: used });
            self.changed.insert(name.to_owned());
        }
        Ok(())
    }

    async fn save(self, ctx: &Ctx, tx: &mut Tx) -> Result<(), ApiError> {
        for schema in self.changed.iter().filter_map(|name| self.known.get(name)) {
            inventory::put_schema(tx, (&ctx.account, &ctx.region), schema).await?;
        }
        Ok(())
    }
}

pub(super) fn is_custom(type_name: &str) -> bool {
    type_name.starts_with("Custom:")
}

/// A word of an uploaded item that is none of the known ones.
pub(crate) fn unknown_word(error: &UnknownWord) -> ApiError {
    ApiError::new(ErrorCode::InvalidItemContentException, error.to_string())
}
