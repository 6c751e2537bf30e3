//! What nodes' package managers know: each distinct fact set once, in compact form, and per scan
//! what was the node's own. Judging facts belongs to `domain::patch`.

use std::sync::Arc;

use api::Timestamp;
use domain::facts::{
    AvailableVersion, FactSet, Observation, OsRelease, PackageFact, PackageState, Repository,
};
use domain::ids::NodeId;

use crate::compact::{Draft, Hash, Reader, hash_column, split};
use crate::{Result, Row, Scope, Store, StoreError, Tx, strings};

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
    let draft = draft(facts);
    let ids = strings::intern(store, scope, draft.texts()).await?;
    Ok(Prepared { hash, body: draft.seal(&ids) })
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

pub async fn exists(tx: &mut Tx, (account, region): Scope<'_>, hash: &Hash) -> Result<bool> {
    let sql = "SELECT 1 FROM fact_sets WHERE account = $1 AND region = $2 AND facts_hash = $3";
    let values = [account.as_str().into(), region.as_str().into(), (&hash[..]).into()];
    Ok(tx.query_opt(sql, &values).await?.is_some())
}

pub async fn load(tx: &mut Tx, scope: Scope<'_>, hash: &Hash) -> Result<Option<FactSet>> {
    let sql = "SELECT body FROM fact_sets WHERE account = $1 AND region = $2 AND facts_hash = $3";
    let values = [scope.0.as_str().into(), scope.1.as_str().into(), (&hash[..]).into()];
    let Some(row) = tx.query_opt(sql, &values).await? else { return Ok(None) };
    let body: Vec<u8> = row.get(0)?;
    let (ids, fields) = split(&body)?;
    let texts = strings::resolve(tx, scope, &ids).await?;
    read(fields, texts).map(Some)
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

fn read_observation(row: &Row) -> Result<NodeFacts> {
    Ok(NodeFacts {
        node: row.parse(0)?,
        received_at: row.get(1)?,
        facts_hash: hash_column(row.get(2)?)?,
        observation: row.json(3)?,
    })
}

/// The compact form, before its strings have numbers. The fields of each kind come in declaration
/// order; a change of the fact set needs a new [`FORM`].
fn draft(facts: &FactSet) -> Draft {
    let mut draft = Draft::default();
    draft.number(FORM);
    let OsRelease { id, version_id, codename, name, pretty_name, arch } = &facts.os;
    [id, version_id, codename, name, pretty_name, arch].into_iter().for_each(|text| draft.text(text));
    draft.number(facts.repositories.len() as u64);
    for repository in &facts.repositories {
        let Repository { uri, suite, codename, origin, label, component, arch, released_at, valid_until } =
            repository;
        for text in [uri, suite, codename, origin, label, component, arch] {
            draft.text(text);
        }
        put_time(&mut draft, *released_at);
        put_time(&mut draft, *valid_until);
    }
    draft.number(facts.packages.len() as u64);
    facts.packages.iter().for_each(|package| put_package(&mut draft, package));
    draft
}

const FORM: u64 = 1;

/// What a package has beyond name, architecture and version.
const HELD: u64 = 1;
const AUTOMATIC: u64 = 2;
const SOURCE: u64 = 4;
const SOURCE_VERSION: u64 = 8;
const CANDIDATE: u64 = 16;
const STATE_SHIFT: u32 = 5;

const STATES: [PackageState; 6] = [
    PackageState::Installed,
    PackageState::HalfInstalled,
    PackageState::Unpacked,
    PackageState::HalfConfigured,
    PackageState::TriggersAwaited,
    PackageState::TriggersPending,
];

fn put_package(draft: &mut Draft, package: &PackageFact) {
    let PackageFact {
        name,
        arch,
        version,
        state,
        section,
        priority,
        source,
        source_version,
        installed_at,
        held,
        automatic,
        candidate,
        available,
    } = package;
    let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
    let state = STATES.iter().position(|known| known == state).unwrap_or_default() as u64;
    draft.number(
        flag(*held, HELD)
            | flag(*automatic, AUTOMATIC)
            | flag(source.is_some(), SOURCE)
            | flag(source_version.is_some(), SOURCE_VERSION)
            | flag(candidate.is_some(), CANDIDATE)
            | state << STATE_SHIFT,
    );
    [name, arch, version, section, priority].into_iter().for_each(|text| draft.text(text));
    [source, source_version, candidate].into_iter().flatten().for_each(|text| draft.text(text));
    put_time(draft, *installed_at);
    draft.number(available.len() as u64);
    available.iter().for_each(|version| put_version(draft, version));
}

fn put_version(draft: &mut Draft, available: &AvailableVersion) {
    let AvailableVersion { version, section, priority, pin, repositories, phased_percent, phased_out } =
        available;
    [version, section, priority].into_iter().for_each(|text| draft.text(text));
    draft.signed((*pin).into());
    draft.number(repositories.len() as u64);
    repositories.iter().for_each(|repository| draft.number((*repository).into()));
    draft.number(u64::from(*phased_out));
    draft.number(phased_percent.map_or(0, |percent| u64::from(percent) + 1));
}

/// Zero is no time; most are whole seconds.
fn put_time(draft: &mut Draft, at: Option<Timestamp>) {
    let Some(at) = at.map(Timestamp::as_millis) else { return draft.number(0) };
    draft.number(if at % 1000 == 0 { 1 } else { 2 });
    draft.signed(if at % 1000 == 0 { at / 1000 } else { at });
}

fn read(fields: &[u8], texts: Vec<Arc<str>>) -> Result<FactSet> {
    let mut reader = Reader::new(fields, texts);
    let form = reader.number()?;
    if form != FORM {
        return Err(StoreError::Corrupt(format!("facts of form {form}, which a newer release wrote")));
    }
    let facts = FactSet {
        os: OsRelease {
            id: text(&mut reader)?,
            version_id: text(&mut reader)?,
            codename: text(&mut reader)?,
            name: text(&mut reader)?,
            pretty_name: text(&mut reader)?,
            arch: text(&mut reader)?,
        },
        repositories: list(&mut reader, read_repository)?,
        packages: list(&mut reader, read_package)?,
    };
    reader.end()?;
    Ok(facts)
}

fn text(reader: &mut Reader<'_>) -> Result<String> {
    Ok(reader.text()?.to_string())
}

fn list<T>(reader: &mut Reader<'_>, read: impl Fn(&mut Reader<'_>) -> Result<T>) -> Result<Vec<T>> {
    (0..reader.length()?).map(|_| read(reader)).collect()
}

fn read_repository(reader: &mut Reader<'_>) -> Result<Repository> {
    Ok(Repository {
        uri: text(reader)?,
        suite: text(reader)?,
        codename: text(reader)?,
        origin: text(reader)?,
        label: text(reader)?,
        component: text(reader)?,
        arch: text(reader)?,
        released_at: read_time(reader)?,
        valid_until: read_time(reader)?,
    })
}

fn read_package(reader: &mut Reader<'_>) -> Result<PackageFact> {
    let flags = reader.number()?;
    let state = usize::try_from(flags >> STATE_SHIFT).ok().and_then(|place| STATES.get(place));
    let state = *state.ok_or_else(|| StoreError::Corrupt(format!("no package state in {flags}")))?;
    let optional = |reader: &mut Reader<'_>, flag| (flags & flag != 0).then(|| text(reader)).transpose();
    Ok(PackageFact {
        name: text(reader)?,
        arch: text(reader)?,
        version: text(reader)?,
        state,
        section: text(reader)?,
        priority: text(reader)?,
        source: optional(reader, SOURCE)?,
        source_version: optional(reader, SOURCE_VERSION)?,
        candidate: optional(reader, CANDIDATE)?,
        installed_at: read_time(reader)?,
        held: flags & HELD != 0,
        automatic: flags & AUTOMATIC != 0,
        available: list(reader, read_version)?,
    })
}

fn read_version(reader: &mut Reader<'_>) -> Result<AvailableVersion> {
    let wrong = |what: u64| StoreError::Corrupt(format!("a number out of range: {what}"));
    Ok(AvailableVersion {
        version: text(reader)?,
        section: text(reader)?,
        priority: text(reader)?,
        pin: reader.signed()?.try_into().map_err(|_| StoreError::Corrupt("a pin out of range".into()))?,
        repositories: list(reader, |reader| {
            let number = reader.number()?;
            number.try_into().map_err(|_| wrong(number))
        })?,
        phased_out: reader.number()? != 0,
        phased_percent: match reader.number()? {
            0 => None,
            number => Some((number - 1).try_into().map_err(|_| wrong(number))?),
        },
    })
}

fn read_time(reader: &mut Reader<'_>) -> Result<Option<Timestamp>> {
    match reader.number()? {
        0 => Ok(None),
        1 => Ok(Some(Timestamp::from_seconds(reader.signed()?))),
        _ => Ok(Some(Timestamp::from_millis(reader.signed()?))),
    }
}
