//! The items of patch reports in their compact form, each distinct list stored once.
//! What a report is belongs to `domain::compliance`, its summary to `reports`.

use std::sync::Arc;

use domain::compact::{Draft, Reader};
use domain::compliance::{ComplianceLevel, ComplianceStatus, PatchItem};
use domain::patch::PatchState;

use crate::compact::{self, Hash, split};
use crate::{Result, Scope, Store, StoreError, Tx, dialect, strings};

/// What an item repeats from the one before, and so leaves out.
const SAME_CLASSIFICATION: u64 = 1;
const SAME_SEVERITY: u64 = 2;
const SAME_DOCUMENT: u64 = 4;
const SAME_TIME: u64 = 8;
const NO_TITLE: u64 = 16;
const NO_CVES: u64 = 32;
/// Absent from lists that were stored before items had a text.
const HAS_DETAIL: u64 = 64;

/// The compact form, before its strings have numbers.
fn draft(items: &[PatchItem]) -> Draft {
    let mut draft = Draft::default();
    draft.number(items.len() as u64);
    let mut last = &blank();
    for item in items {
        put(&mut draft, item, last);
        last = item;
    }
    draft
}

/// What the first item is compared with.
fn blank() -> PatchItem {
    PatchItem {
        id: String::new(),
        title: String::new(),
        state: PatchState::Installed,
        classification: String::new(),
        severity: String::new(),
        compliance_level: ComplianceLevel::Unspecified,
        status: None,
        installed_at: None,
        cve_ids: Vec::new(),
        detailed_text: String::new(),
        document_name: String::new(),
        document_version: String::new(),
    }
}

fn put(draft: &mut Draft, item: &PatchItem, last: &PatchItem) {
    let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
    let same_document =
        item.document_name == last.document_name && item.document_version == last.document_version;
    let flags = flag(item.classification == last.classification, SAME_CLASSIFICATION)
        | flag(item.severity == last.severity, SAME_SEVERITY)
        | flag(same_document, SAME_DOCUMENT)
        | flag(item.installed_at == last.installed_at, SAME_TIME)
        | flag(item.title.is_empty(), NO_TITLE)
        | flag(item.cve_ids.is_empty(), NO_CVES)
        | flag(!item.detailed_text.is_empty(), HAS_DETAIL);
    draft.number(judgement(item));
    draft.number(flags);
    draft.text(&item.id);
    if flags & NO_TITLE == 0 {
        draft.text(&item.title);
    }
    if flags & SAME_CLASSIFICATION == 0 {
        draft.text(&item.classification);
    }
    if flags & SAME_SEVERITY == 0 {
        draft.text(&item.severity);
    }
    if flags & SAME_DOCUMENT == 0 {
        draft.text(&item.document_name);
        draft.text(&item.document_version);
    }
    if flags & SAME_TIME == 0 {
        draft.time(item.installed_at);
    }
    if flags & NO_CVES == 0 {
        draft.number(item.cve_ids.len() as u64);
        item.cve_ids.iter().for_each(|id| draft.text(id));
    }
    if flags & HAS_DETAIL != 0 {
        draft.text(&item.detailed_text);
    }
}

/// State, level and status in one number; the places in these lists are never changed.
fn judgement(item: &PatchItem) -> u64 {
    let place = |found: Option<usize>| found.unwrap_or_default() as u64;
    let state = place(PatchState::ALL.iter().position(|state| *state == item.state));
    let level = place(ComplianceLevel::ALL.iter().position(|level| *level == item.compliance_level));
    let status = match item.status {
        None => 0,
        Some(ComplianceStatus::Compliant) => 1,
        Some(ComplianceStatus::NonCompliant) => 2,
    };
    (state * 6 + level) * 3 + status
}

fn read(reader: &mut Reader<'_, Arc<str>>, last: &PatchItem) -> Result<PatchItem> {
    let judgement = reader.number()?;
    let flags = reader.number()?;
    let choice = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let wrong = || StoreError::Corrupt(format!("no judgement {judgement}"));
    let mut item = PatchItem {
        state: *PatchState::ALL.get(choice(judgement / 18)).ok_or_else(wrong)?,
        compliance_level: *ComplianceLevel::ALL.get(choice(judgement / 3 % 6)).ok_or_else(wrong)?,
        status: match judgement % 3 {
            0 => None,
            1 => Some(ComplianceStatus::Compliant),
            _ => Some(ComplianceStatus::NonCompliant),
        },
        id: reader.text()?.to_string(),
        title: String::new(),
        cve_ids: Vec::new(),
        detailed_text: String::new(),
        ..last.clone()
    };
    if flags & NO_TITLE == 0 {
        item.title = reader.text()?.to_string();
    }
    if flags & SAME_CLASSIFICATION == 0 {
        item.classification = reader.text()?.to_string();
    }
    if flags & SAME_SEVERITY == 0 {
        item.severity = reader.text()?.to_string();
    }
    if flags & SAME_DOCUMENT == 0 {
        item.document_name = reader.text()?.to_string();
        item.document_version = reader.text()?.to_string();
    }
    if flags & SAME_TIME == 0 {
        item.installed_at = reader.time()?;
    }
    if flags & NO_CVES == 0 {
        let count = reader.length()?;
        item.cve_ids = (0..count).map(|_| Ok(reader.text()?.to_string())).collect::<Result<_>>()?;
    }
    if flags & HAS_DETAIL != 0 {
        item.detailed_text = reader.text()?.to_string();
    }
    Ok(item)
}

/// A list that is ready to be stored with the report that names it.
#[derive(Debug)]
pub struct Prepared {
    pub hash: Hash,
    /// `None` when the same list is stored already.
    body: Option<Vec<u8>>,
}

/// Numbers the strings of a list, unless it is known. Opens transactions of its own: the caller
/// holds none.
pub async fn prepare(store: &Store, scope: Scope<'_>, items: &[PatchItem]) -> Result<Prepared> {
    let draft = draft(items);
    let hash = compact::hash(&draft);
    if exists(&mut store.read().await?, scope, &hash).await? {
        return Ok(Prepared { hash, body: None });
    }
    let ids = strings::intern(store, scope, draft.texts()).await?;
    Ok(Prepared { hash, body: Some(compact::seal(&draft, &ids)) })
}

/// The list without items.
pub fn none() -> Prepared {
    let draft = draft(&[]);
    Prepared { hash: compact::hash(&draft), body: Some(compact::seal(&draft, &[])) }
}

pub async fn insert(tx: &mut Tx, (account, region): Scope<'_>, items: &Prepared) -> Result<()> {
    let Some(body) = &items.body else { return Ok(()) };
    let sql = "INSERT INTO report_items (account, region, items_hash, body) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account, region, items_hash) DO NOTHING";
    let values = [account.as_str().into(), region.as_str().into(), (&items.hash[..]).into(), body.into()];
    tx.execute(sql, &values).await.map(drop)
}

/// Keeps the items until the transaction, which is about to refer to them, ends. They may have gone with
/// the last report that had them since the caller looked: then the whole transaction is to run again.
pub(crate) async fn hold(tx: &mut Tx, (account, region): Scope<'_>, hash: &Hash) -> Result<()> {
    let sql = format!(
        "SELECT 1 FROM report_items WHERE account = $1 AND region = $2 AND items_hash = $3{}",
        dialect::hold(tx)
    );
    let values = [account.as_str().into(), region.as_str().into(), (&hash[..]).into()];
    tx.query_opt(&sql, &values).await?.map(drop).ok_or(StoreError::Conflict)
}

async fn exists(tx: &mut Tx, (account, region): Scope<'_>, hash: &Hash) -> Result<bool> {
    let sql = "SELECT 1 FROM report_items WHERE account = $1 AND region = $2 AND items_hash = $3";
    let values = [account.as_str().into(), region.as_str().into(), (&hash[..]).into()];
    Ok(tx.query_opt(sql, &values).await?.is_some())
}

/// The items stored under a hash that a report names.
pub async fn load(tx: &mut Tx, scope: Scope<'_>, hash: &Hash) -> Result<Vec<PatchItem>> {
    let sql = "SELECT body FROM report_items WHERE account = $1 AND region = $2 AND items_hash = $3";
    let (account, region) = scope;
    let values = [account.as_str().into(), region.as_str().into(), (&hash[..]).into()];
    let row = tx.query_opt(sql, &values).await?;
    let body: Vec<u8> =
        row.ok_or_else(|| StoreError::Corrupt(format!("no items {}", hex::encode(hash))))?.get(0)?;
    let (ids, fields) = split(&body)?;
    let texts = strings::resolve(tx, scope, &ids).await?;
    let mut reader = Reader::new(fields, texts);
    let count = reader.length()?;
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        let item = read(&mut reader, items.last().unwrap_or(&blank()))?;
        items.push(item);
    }
    reader.end()?;
    Ok(items)
}
