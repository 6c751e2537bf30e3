//! GetInventory: nodes with what they have of one type, or numbers of nodes.
//! Source: systems-manager.md 5.3.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::Timestamp;
use api::ssm::{
    ErrorCode, GetInventoryRequest, GetInventoryResult, InventoryResultEntity, InventoryResultItem,
};
use domain::inventory::{INSTANCE_INFORMATION, InventoryType};
use store::nodes::{self, Node};
use store::{Tx, inventory};

use super::aggregate::{self, Counted, Key};
use super::content::{self, TypeContent};
use super::put_inventory::is_custom;
use super::query::{self, Filter, NodeContents};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;
/// Nodes per read, and reads per page: a page that finds less than asked for goes on from there.
const BATCH: usize = 200;
const BATCHES: usize = 25;
/// For so long the pages of a count are of one look at the fleet.
const KEPT_MS: i64 = 300_000;

pub async fn get_inventory(ctx: &Ctx, request: GetInventoryRequest) -> Result<GetInventoryResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let binding = (&request.filters, &request.aggregators, &request.result_attributes);
    let page = Page::open(ctx, "GetInventory", &binding, request.next_token.as_deref(), size)?;
    let filters = request.filters.as_deref().unwrap_or_default();
    let filters = filters.iter().map(Filter::parse).collect::<Result<Vec<_>, _>>()?;
    if let Some(aggregators) = &request.aggregators {
        // Whoever does not ask for pages gets one.
        let size = request.max_results.map_or(usize::MAX, |_| size);
        let after = page.after.as_deref().and_then(|key| serde_json::from_str(key).ok());
        let asked = format!("{} {} {}", ctx.account, ctx.region, serde_json::json!(binding));
        let counted = counted(ctx, asked, after.is_some(), &filters, aggregators).await?;
        let (entities, last) = counted.page(after.as_ref(), size);
        let token = |key: Key| page.token(ctx, &serde_json::to_string(&key).unwrap_or_default());
        return Ok(GetInventoryResult { entities: Some(entities), next_token: last.map(token) });
    }
    let wanted = request.result_attributes.as_deref().unwrap_or_default().first();
    let wanted = wanted.map_or(INSTANCE_INFORMATION, |attribute| attribute.type_name.as_str());

    let mut tx = ctx.store.read().await?;
    let version = schema_version(ctx, &mut tx, wanted).await?;
    let mut after = page.after.clone();
    let mut found = Vec::new();
    for batch in 1.. {
        let nodes =
            next_nodes(ctx, &mut tx, after.as_deref(), if filters.is_empty() { size + 1 } else { BATCH })
                .await?;
        let Some(last) = nodes.last().map(|node| node.id.to_string()) else { break };
        let nodes = select(ctx, &mut tx, &filters, nodes).await?;
        let room = (size + 1).saturating_sub(found.len());
        let nodes: Vec<Node> = nodes.into_iter().take(room).collect();
        let mut contents = content::load(ctx, &mut tx, wanted, &nodes).await?;
        found.extend(nodes.into_iter().map(|node| {
            let id = node.id.to_string();
            let content = contents.remove(&id);
            (id, content)
        }));
        if found.len() > size {
            break;
        }
        if batch == BATCHES {
            let token = page.token(ctx, &last);
            return Ok(answer(wanted, &version, found, Some(token)));
        }
        after = Some(last);
    }
    let cut = page.cut(ctx, found, |(id, _)| id.clone());
    Ok(answer(wanted, &version, cut.rows, cut.next_token))
}

/// Of a type that can be asked for.
async fn schema_version(ctx: &Ctx, tx: &mut Tx, type_name: &str) -> Result<String, ApiError> {
    if let Some(known) = InventoryType::find(type_name) {
        return Ok(known.version.to_string());
    }
    let custom = match is_custom(type_name) {
        true => inventory::schemas(tx, (&ctx.account, &ctx.region)).await?,
        false => Vec::new(),
    };
    let known = custom.into_iter().find(|schema| schema.type_name == type_name);
    let known = known.ok_or_else(|| {
        ApiError::new(
            ErrorCode::InvalidTypeNameException,
            format!("there is no inventory type `{type_name}`"),
        )
    })?;
    Ok(known.schema_version)
}

async fn next_nodes(
    ctx: &Ctx,
    tx: &mut Tx,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Node>, ApiError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(nodes::list(tx, (&ctx.account, &ctx.region), &[], ctx.now, after, limit).await?)
}

/// The contents of `nodes` of each of `types`.
async fn load_types(
    ctx: &Ctx,
    tx: &mut Tx,
    types: &BTreeSet<String>,
    nodes: &[Node],
) -> Result<BTreeMap<String, BTreeMap<String, TypeContent>>, ApiError> {
    let mut by_type = BTreeMap::new();
    // A request names a handful of types at most.
    for type_name in types {
        by_type.insert(type_name.clone(), content::load(ctx, tx, type_name, nodes).await?);
    }
    Ok(by_type)
}

fn of_node<'a>(
    by_type: &'a BTreeMap<String, BTreeMap<String, TypeContent>>,
    node: &Node,
) -> NodeContents<'a> {
    let content = |(name, nodes): (&'a String, &'a BTreeMap<String, TypeContent>)| {
        Some((name.as_str(), nodes.get(node.id.as_str())?))
    };
    by_type.iter().filter_map(content).collect()
}

async fn select(ctx: &Ctx, tx: &mut Tx, filters: &[Filter], nodes: Vec<Node>) -> Result<Vec<Node>, ApiError> {
    if filters.is_empty() {
        return Ok(nodes);
    }
    let types = filters.iter().map(|filter| filter.type_name.clone()).collect();
    let by_type = load_types(ctx, tx, &types, &nodes).await?;
    Ok(nodes.into_iter().filter(|node| query::passes(filters, &of_node(&by_type, node))).collect())
}

fn answer(
    type_name: &str,
    version: &str,
    rows: Vec<(String, Option<TypeContent>)>,
    next_token: Option<String>,
) -> GetInventoryResult {
    let entity = |(id, content): (String, Option<TypeContent>)| {
        // A node without data of the type shows it as empty.
        let content = content
            .unwrap_or_else(|| TypeContent { schema_version: version.to_owned(), ..Default::default() });
        let item = InventoryResultItem {
            type_name: type_name.to_owned(),
            schema_version: content.schema_version,
            capture_time: Some(content.capture_time).filter(|time| !time.is_empty()),
            content_hash: content.content_hash,
            content: content.entries,
        };
        InventoryResultEntity { id: Some(id), data: Some(BTreeMap::from([(type_name.to_owned(), item)])) }
    };
    GetInventoryResult { entities: Some(rows.into_iter().map(entity).collect()), next_token }
}

/// What was counted last, for the pages that follow the first.
#[derive(Debug)]
pub struct LastCount {
    asked: String,
    at: Timestamp,
    counted: Arc<Counted>,
}

/// Later pages show what the first was cut of; where another question came in between, or much time passed, it is counted
/// anew, and the page goes on behind the last row that was shown. One at a time on each server.
async fn counted(
    ctx: &Ctx,
    asked: String,
    is_later_page: bool,
    filters: &[Filter],
    aggregators: &[api::ssm::InventoryAggregator],
) -> Result<Arc<Counted>, ApiError> {
    let mut last = ctx.app.aggregation.lock().await;
    let is_fresh = |last: &&LastCount| last.asked == asked && ctx.now.millis_since(last.at) < KEPT_MS;
    if let Some(known) = last.as_ref().filter(|_| is_later_page).filter(is_fresh) {
        return Ok(Arc::clone(&known.counted));
    }
    let counted = Arc::new(count(ctx, filters, aggregators).await?);
    *last = Some(LastCount { asked, at: ctx.now, counted: Arc::clone(&counted) });
    Ok(counted)
}

/// Aggregation goes through every node once: contents are kept whole and compressed, and any attribute
/// can be asked for. Each batch of nodes in a transaction of its own: a long one would keep the database from
/// cleaning up behind the nodes that report meanwhile.
async fn count(
    ctx: &Ctx,
    filters: &[Filter],
    aggregators: &[api::ssm::InventoryAggregator],
) -> Result<Counted, ApiError> {
    let mut counts = aggregate::Counts::parse(aggregators)?;
    let mut types = counts.types();
    types.extend(filters.iter().map(|filter| filter.type_name.clone()));
    let mut after: Option<String> = None;
    loop {
        let mut tx = ctx.store.read().await?;
        let nodes = next_nodes(ctx, &mut tx, after.as_deref(), BATCH).await?;
        let Some(last) = nodes.last() else { break };
        after = Some(last.id.to_string());
        let by_type = load_types(ctx, &mut tx, &types, &nodes).await?;
        drop(tx);
        for node in &nodes {
            let contents = of_node(&by_type, node);
            if query::passes(filters, &contents) {
                counts.add(&contents);
            }
        }
        // The embedded engine answers without waiting: let others have the thread.
        tokio::task::yield_now().await;
    }
    Ok(counts.into_counted())
}
