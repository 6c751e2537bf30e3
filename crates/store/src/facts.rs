//! What nodes' package managers know: each distinct fact set once, in compact form, and per scan
//! what was the node's own. The compact form is `domain::facts::form`; judging facts belongs to `domain::patch`.

mod newest;

use std::collections::{BTreeMap, HashMap, HashSet};

use api::Timestamp;
use domain::facts::form::{self, Outline};
use domain::facts::{FactSet, Observation};
use domain::ids::NodeId;

use crate::clause::{Clause, placeholders};
use crate::compact::{self, Hash, hash_column, split};
use crate::{Result, Row, Scope, Store, Tx, Value, strings};

/// Fact sets per question.
const CHUNK: usize = 64;

pub use newest::{
    Change, Newest, Revision, changed, delete_newest, newest_hashes, nodes, put_newest, revisions,
};

/// One scan of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFacts {
    pub node: NodeId,
    pub facts_hash: Hash,
    pub received_at: Timestamp,
    pub observation: Observation,
}

/// A fact set that is ready to be stored.
#[derive(Debug)]
pub struct Prepared {
    hash: Hash,
    body: Vec<u8>,
}

/// Numbers the strings of a fact set; `hash` is that of its canonical JSON. Opens transactions of its
/// own: the caller holds none.
pub async fn prepare(store: &Store, scope: Scope<'_>, hash: Hash, facts: &FactSet) -> Result<Prepared> {
    let draft = form::draft(facts);
    let ids = strings::intern(store, scope, draft.texts()).await?;
    Ok(Prepared { hash, body: compact::seal(&draft, &ids) })
}

/// Whether it was new.
pub async fn insert(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    facts: &Prepared,
    now: Timestamp,
) -> Result<bool> {
    let sql = "INSERT INTO fact_sets (account, region, facts_hash, received_at, body)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account, region, facts_hash) DO NOTHING";
    let (account, region) = (account.as_str(), region.as_str());
    let values = [account.into(), region.into(), (&facts.hash[..]).into(), now.into(), (&facts.body).into()];
    Ok(tx.execute(sql, &values).await? == 1)
}

/// When a fact set arrived, or was last renewed.
pub async fn received_at(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    hash: &Hash,
) -> Result<Option<Timestamp>> {
    let sql = "SELECT received_at FROM fact_sets WHERE account = $1 AND region = $2 AND facts_hash = $3";
    let values = [account.as_str().into(), region.as_str().into(), (&hash[..]).into()];
    tx.query_opt(sql, &values).await?.map(|row| row.get(0)).transpose()
}

/// Keeps an old fact set from being forgotten before an observation refers to it; false when it was.
pub async fn renew(tx: &mut Tx, (account, region): Scope<'_>, hash: &Hash, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE fact_sets SET received_at = $4 WHERE account = $1 AND region = $2 AND facts_hash = $3";
    let values = [account.as_str().into(), region.as_str().into(), (&hash[..]).into(), now.into()];
    Ok(tx.execute(sql, &values).await? == 1)
}

pub async fn load(tx: &mut Tx, scope: Scope<'_>, hash: &Hash) -> Result<Option<FactSet>> {
    let sql = "SELECT body FROM fact_sets WHERE account = $1 AND region = $2 AND facts_hash = $3";
    let values = [scope.0.as_str().into(), scope.1.as_str().into(), (&hash[..]).into()];
    let Some(row) = tx.query_opt(sql, &values).await? else { return Ok(None) };
    let body: Vec<u8> = row.get(0)?;
    let (ids, fields) = split(&body)?;
    let texts = strings::resolve(tx, scope, &ids).await?;
    Ok(Some(form::read(fields, texts)?))
}

/// Whole sets, each once; those that are gone are left out. Their texts are looked up together, since sets of one fleet share
/// most of them.
pub async fn load_many(tx: &mut Tx, scope: Scope<'_>, hashes: &[Hash]) -> Result<Vec<(Hash, FactSet)>> {
    let mut found = Vec::with_capacity(hashes.len());
    for chunk in hashes.chunks(CHUNK) {
        let rows = bodies(tx, scope, chunk).await?;
        let mut wanted = HashSet::new();
        for (_, body) in &rows {
            wanted.extend(split(body)?.0);
        }
        let wanted: Vec<i64> = wanted.into_iter().collect();
        let texts = strings::resolve(tx, scope, &wanted).await?;
        let texts: HashMap<i64, _> = wanted.into_iter().zip(texts).collect();
        for (hash, body) in rows {
            let (ids, fields) = split(&body)?;
            let texts = ids.iter().filter_map(|id| texts.get(id).cloned()).collect();
            found.push((hash, form::read(fields, texts)?));
        }
    }
    Ok(found)
}

/// As they are stored. Index: primary key.
async fn bodies(tx: &mut Tx, (account, region): Scope<'_>, hashes: &[Hash]) -> Result<Vec<(Hash, Vec<u8>)>> {
    let sql = format!(
        "SELECT facts_hash, body FROM fact_sets WHERE account = $1 AND region = $2 AND facts_hash IN ({})",
        placeholders(3, hashes.len())
    );
    let mut values: Vec<Value<'_>> = vec![account.as_str().into(), region.as_str().into()];
    values.extend(hashes.iter().map(|hash| Value::from(&hash[..])));
    tx.query(&sql, &values).await?.iter().map(|row| Ok((hash_column(row.get(0)?)?, row.get(1)?))).collect()
}

/// What these sets say of what is installed, texts as their numbers; those that are gone are left out.
pub async fn outlines(tx: &mut Tx, scope: Scope<'_>, hashes: &[Hash]) -> Result<Vec<(Hash, Outline<i64>)>> {
    let mut found = Vec::with_capacity(hashes.len());
    for chunk in hashes.chunks(CHUNK) {
        for (hash, body) in bodies(tx, scope, chunk).await? {
            let (ids, fields) = split(&body)?;
            found.push((hash, form::outline(fields, ids)?));
        }
    }
    Ok(found)
}

/// Of these sets what is said of packages with these names, their own or their source's, and of a CVE. Whole sets are long, and
/// whoever asks about few packages asks it of many sets.
pub async fn excerpts(
    tx: &mut Tx,
    scope: Scope<'_>,
    hashes: &[Hash],
    names: &[&str],
    cve_id: Option<&str>,
) -> Result<BTreeMap<Hash, FactSet>> {
    let asked: Vec<&str> = names.iter().copied().chain(cve_id).collect();
    let known = strings::known(tx, scope, &asked).await?;
    let names: HashSet<i64> = names.iter().filter_map(|name| known.get(name).copied()).collect();
    let cve_id = cve_id.and_then(|cve_id| known.get(cve_id).copied());
    let mut outlines = outlines(tx, scope, hashes).await?;
    let mut wanted = HashSet::new();
    for (_, outline) in &mut outlines {
        outline.keep(&names, cve_id);
        wanted.extend(outline.texts());
    }
    let wanted: Vec<i64> = wanted.into_iter().collect();
    let texts = strings::resolve(tx, scope, &wanted).await?;
    let texts: HashMap<i64, _> = wanted.into_iter().zip(texts).collect();
    let text = |id: i64| texts.get(&id).expect("each text of an outline was looked up").to_string();
    Ok(outlines.into_iter().map(|(hash, outline)| (hash, outline.to_facts(text))).collect())
}

/// Keeps what one scan saw; the same moment again replaces it.
pub async fn put_observation(tx: &mut Tx, (account, region): Scope<'_>, facts: &NodeFacts) -> Result<()> {
    let sql = "INSERT INTO node_observations
        (account, region, node_id, captured_at, received_at, facts_hash, observation)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (account, region, node_id, captured_at) DO UPDATE SET
        received_at = excluded.received_at, facts_hash = excluded.facts_hash,
        observation = excluded.observation";
    let observation = serde_json::to_string(&facts.observation).expect("an observation has a JSON form");
    let values = [
        account.as_str().into(),
        region.as_str().into(),
        facts.node.as_str().into(),
        facts.observation.captured_at.into(),
        facts.received_at.into(),
        (&facts.facts_hash[..]).into(),
        observation.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// The newest scan of a node that was captured at `until` or before. Primary key order.
pub async fn find_observation(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    node: &NodeId,
    until: Timestamp,
) -> Result<Option<NodeFacts>> {
    let sql = "SELECT node_id, received_at, facts_hash, observation FROM node_observations
        WHERE account = $1 AND region = $2 AND node_id = $3 AND captured_at <= $4
        ORDER BY captured_at DESC LIMIT 1";
    let values = [account.as_str().into(), region.as_str().into(), node.as_str().into(), until.into()];
    tx.query_opt(sql, &values).await?.as_ref().map(read_observation).transpose()
}

/// The newest of each of these nodes. Primary key order.
pub async fn list_observations(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    nodes: &[NodeId],
) -> Result<Vec<NodeFacts>> {
    let mut clause = Clause::after(vec![account.as_str().into(), region.as_str().into()]);
    clause.one_of("o.node_id", nodes.iter().map(NodeId::as_str));
    let sql = format!(
        "SELECT o.node_id, o.received_at, o.facts_hash, o.observation FROM node_observations o
        WHERE o.account = $1 AND o.region = $2{} AND o.captured_at = (SELECT MAX(m.captured_at)
            FROM node_observations m WHERE m.account = o.account AND m.region = o.region AND m.node_id = o.node_id)
        ORDER BY o.node_id",
        clause.sql()
    );
    tx.query(&sql, clause.values()).await?.iter().map(read_observation).collect()
}

fn read_observation(row: &Row) -> Result<NodeFacts> {
    Ok(NodeFacts {
        node: row.parse(0)?,
        received_at: row.get(1)?,
        facts_hash: hash_column(row.get(2)?)?,
        observation: row.json(3)?,
    })
}
