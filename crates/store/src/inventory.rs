//! Inventory: what each node uploaded of each type, and the schemas of custom types.
//! Content that makes a patch report is kept as that report's items; here stays its upload state.

use std::collections::{BTreeMap, BTreeSet};

use api::Timestamp;
use domain::ids::NodeId;

use crate::clause::placeholders;
use crate::compact::{Hash, hash_column};
use crate::{Result, Row, Scope, Tx, Value, compressed};

/// One row of a type: attribute names to text.
pub type Entry = BTreeMap<String, String>;

/// One type of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub node: NodeId,
    pub type_name: String,
    /// The compliance type in the context of `AWS:ComplianceItem`; empty otherwise.
    pub context_type: String,
    pub schema_version: String,
    /// As uploaded: `2026-01-31T12:00:00Z`.
    pub capture_time: String,
    pub content_hash: Option<String>,
    pub context: Entry,
    /// Of the content as JSON.
    pub size_bytes: i64,
    /// When the server last heard of it.
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The items of a patch report, in `report_items`.
    OfReport(Hash),
    Own(Vec<Entry>),
    /// Kept elsewhere whole, as the summary of a patch report is.
    Elsewhere,
}

/// A custom type as its first upload defined it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    pub type_name: String,
    pub schema_version: String,
    pub attributes: BTreeSet<String>,
}

const COLUMNS: &str =
    "node_id, type_name, context_type, schema_version, capture_time, content_hash, context, size_bytes,
    updated_at";

fn read(row: &Row) -> Result<Item> {
    Ok(Item {
        node: row.parse(0)?,
        type_name: row.get(1)?,
        context_type: row.get(2)?,
        schema_version: row.get(3)?,
        capture_time: row.get(4)?,
        content_hash: row.get(5)?,
        context: row.json(6)?,
        size_bytes: row.get(7)?,
        updated_at: row.get(8)?,
    })
}

fn read_content(row: &Row, first: usize) -> Result<Content> {
    let (hash, own): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(first)?, row.get(first + 1)?);
    match (hash, own) {
        (Some(hash), _) => Ok(Content::OfReport(hash_column(hash)?)),
        (None, Some(own)) => Ok(Content::Own(compressed::expand(&own)?)),
        (None, None) => Ok(Content::Elsewhere),
    }
}

/// Every type of a node, without content.
pub async fn list(tx: &mut Tx, (account, region): Scope<'_>, node: &NodeId) -> Result<Vec<Item>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM inventory_items WHERE account = $1 AND region = $2 AND node_id = $3
        ORDER BY type_name, context_type"
    );
    let values = [account.as_str().into(), region.as_str().into(), node.as_str().into()];
    tx.query(&sql, &values).await?.iter().map(read).collect()
}

/// One type of several nodes, with content, by node and context.
pub async fn list_contents(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    type_name: &str,
    nodes: &[String],
) -> Result<Vec<(Item, Content)>> {
    if nodes.is_empty() {
        return Ok(Vec::new());
    }
    let list = placeholders(4, nodes.len());
    let sql = format!(
        "SELECT {COLUMNS}, items_hash, content FROM inventory_items
        WHERE account = $1 AND region = $2 AND type_name = $3 AND node_id IN ({list})
        ORDER BY node_id, context_type"
    );
    let mut values: Vec<Value<'_>> = vec![account.as_str().into(), region.as_str().into(), type_name.into()];
    values.extend(nodes.iter().map(Value::from));
    tx.query(&sql, &values).await?.iter().map(|row| Ok((read(row)?, read_content(row, 9)?))).collect()
}

/// Replaces what is there of this node, type and context.
pub async fn put(tx: &mut Tx, (account, region): Scope<'_>, item: &Item, content: &Content) -> Result<()> {
    let sql = format!(
        "INSERT INTO inventory_items (account, region, {COLUMNS}, items_hash, content)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (account, region, node_id, type_name, context_type) DO UPDATE SET
        schema_version = excluded.schema_version, capture_time = excluded.capture_time,
        content_hash = excluded.content_hash, context = excluded.context, size_bytes = excluded.size_bytes,
        updated_at = excluded.updated_at, items_hash = excluded.items_hash, content = excluded.content"
    );
    let own = match content {
        Content::Own(entries) => Some(compressed::compress(entries)?),
        Content::OfReport(_) | Content::Elsewhere => None,
    };
    let hash = match content {
        Content::OfReport(hash) => Value::from(&hash[..]),
        Content::Own(_) | Content::Elsewhere => Value::Null,
    };
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        item.node.as_str().into(),
        (&item.type_name).into(),
        (&item.context_type).into(),
        (&item.schema_version).into(),
        (&item.capture_time).into(),
        item.content_hash.as_ref().into(),
        json(&item.context).into(),
        item.size_bytes.into(),
        item.updated_at.into(),
        hash,
        own.as_ref().into(),
    ];
    tx.execute(&sql, &values).await.map(drop)
}

/// The content is what it was: only the moment is new, and the context.
pub async fn refresh(tx: &mut Tx, (account, region): Scope<'_>, item: &Item) -> Result<()> {
    let sql = "UPDATE inventory_items SET capture_time = $6, context = $7, updated_at = $8
        WHERE account = $1 AND region = $2
        AND node_id = $3 AND type_name = $4 AND context_type = $5";
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        item.node.as_str().into(),
        (&item.type_name).into(),
        (&item.context_type).into(),
        (&item.capture_time).into(),
        json(&item.context).into(),
        item.updated_at.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// The hash of the report items that an upload brought, where it did.
pub async fn find_items_hash(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    (node, type_name, context_type): (&NodeId, &str, &str),
) -> Result<Option<Hash>> {
    let sql = "SELECT items_hash FROM inventory_items WHERE account = $1 AND region = $2
        AND node_id = $3 AND type_name = $4 AND context_type = $5";
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        node.as_str().into(),
        type_name.into(),
        context_type.into(),
    ];
    let row = tx.query_opt(sql, &values).await?;
    row.and_then(|row| row.get::<Option<Vec<u8>>>(0).transpose()).transpose()?.map(hash_column).transpose()
}

/// For a node that is no longer managed.
pub async fn delete_node(tx: &mut Tx, (account, region): Scope<'_>, node: &NodeId) -> Result<()> {
    let sql = "DELETE FROM inventory_items WHERE account = $1 AND region = $2 AND node_id = $3";
    let values = [account.as_str().into(), region.as_str().into(), node.as_str().into()];
    tx.execute(sql, &values).await.map(drop)
}

/// Custom types, by name.
pub async fn schemas(tx: &mut Tx, (account, region): Scope<'_>) -> Result<Vec<Schema>> {
    let sql = "SELECT type_name, schema_version, attributes FROM inventory_schemas
        WHERE account = $1 AND region = $2 ORDER BY type_name";
    let rows = tx.query(sql, &[account.as_str().into(), region.as_str().into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Schema { type_name: row.get(0)?, schema_version: row.get(1)?, attributes: row.json(2)? })
        })
        .collect()
}

pub async fn put_schema(tx: &mut Tx, (account, region): Scope<'_>, schema: &Schema) -> Result<()> {
    let sql = "INSERT INTO inventory_schemas (account, region, type_name, schema_version, attributes)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (account, region, type_name) DO UPDATE SET
        schema_version = excluded.schema_version, attributes = excluded.attributes";
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        (&schema.type_name).into(),
        (&schema.schema_version).into(),
        json(&schema.attributes).into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

fn json(document: &impl serde::Serialize) -> String {
    serde_json::to_string(document).expect("maps and sets of text have a JSON form")
}
