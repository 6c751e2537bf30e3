//! Interned text: each string of an account's region has one small number for ever.
//! Numbers are handed out in a transaction of its own, so that a report's transaction neither waits
//! for other reports' new strings nor loses its own when it is run again.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use domain::ids::{AccountId, Region};

use crate::clause::placeholders;
use crate::{Result, Scope, Store, StoreError, Tx, Value, dialect};

/// So many strings are remembered per process; past it the memory starts anew.
const REMEMBERED: usize = 4_000_000;
/// Strings per statement.
const CHUNK: usize = 256;
/// Lost races for new numbers are tried again so often.
const ATTEMPTS: usize = 20;

/// What this process knows of the table. Committed rows only, which never change.
#[derive(Debug, Default)]
pub struct Strings {
    scopes: RwLock<HashMap<(AccountId, Region), Known>>,
}

#[derive(Debug, Default)]
struct Known {
    by_text: HashMap<Arc<str>, i64>,
    by_id: HashMap<i64, Arc<str>>,
}

impl Strings {
    /// The numbers of `texts`, and which of them are not known here.
    fn ids(&self, scope: Scope<'_>, texts: &[String]) -> (Vec<Option<i64>>, Vec<usize>) {
        let scopes = self.scopes.read().unwrap_or_else(PoisonError::into_inner);
        let known = scopes.get(&key(scope));
        let ids: Vec<_> = texts.iter().map(|text| known?.by_text.get(text.as_str()).copied()).collect();
        let unknown = ids.iter().enumerate().filter(|(_, id)| id.is_none()).map(|(i, _)| i).collect();
        (ids, unknown)
    }

    fn texts(&self, scope: Scope<'_>, ids: &[i64]) -> (Vec<Option<Arc<str>>>, Vec<i64>) {
        let scopes = self.scopes.read().unwrap_or_else(PoisonError::into_inner);
        let known = scopes.get(&key(scope));
        let texts: Vec<_> = ids.iter().map(|id| known?.by_id.get(id).cloned()).collect();
        let unknown = ids.iter().zip(&texts).filter(|(_, text)| text.is_none()).map(|(id, _)| *id).collect();
        (texts, unknown)
    }

    fn remember(&self, scope: Scope<'_>, rows: &[(i64, Arc<str>)]) {
        let mut scopes = self.scopes.write().unwrap_or_else(PoisonError::into_inner);
        if scopes.values().map(|known| known.by_id.len()).sum::<usize>() > REMEMBERED {
            scopes.clear();
        }
        let known = scopes.entry(key(scope)).or_default();
        for (id, text) in rows {
            known.by_text.insert(Arc::clone(text), *id);
            known.by_id.insert(*id, Arc::clone(text));
        }
    }
}

fn key((account, region): Scope<'_>) -> (AccountId, Region) {
    (account.clone(), region.clone())
}

/// The numbers of distinct `texts`, in their order; new ones are stored. Opens transactions of its
/// own: the caller holds none.
pub async fn intern(store: &Store, scope: Scope<'_>, texts: &[String]) -> Result<Vec<i64>> {
    let strings = store.strings();
    let (_, unknown) = strings.ids(scope, texts);
    if !unknown.is_empty() {
        let unknown: Vec<&str> = unknown.into_iter().map(|i| texts[i].as_str()).collect();
        let found = find_ids(&mut store.read().await?, scope, &unknown).await?;
        let new: Vec<&str> = unknown.iter().copied().filter(|text| !found.contains_key(text)).collect();
        let rows: Vec<_> = found.iter().map(|(text, id)| (*id, Arc::from(*text))).collect();
        strings.remember(scope, &rows);
        if !new.is_empty() {
            strings.remember(scope, &insert_new(store, scope, &new).await?);
        }
    }
    let (ids, _) = strings.ids(scope, texts);
    ids.into_iter()
        .map(|id| id.ok_or_else(|| StoreError::Corrupt("a string that was stored has no number".into())))
        .collect()
}

/// The numbers of those of `texts` that have one.
pub async fn known<'t>(tx: &mut Tx, scope: Scope<'_>, texts: &[&'t str]) -> Result<HashMap<&'t str, i64>> {
    find_ids(tx, scope, texts).await
}

/// The texts of `ids`, in their order.
pub async fn resolve(tx: &mut Tx, scope: Scope<'_>, ids: &[i64]) -> Result<Vec<Arc<str>>> {
    let strings = tx.strings();
    let (texts, unknown) = strings.texts(scope, ids);
    let mut loaded = HashMap::new();
    for chunk in unknown.chunks(CHUNK) {
        for row in tx.query(&select("string_id", chunk.len()), &parameters(scope, chunk)).await? {
            loaded.insert(row.get::<i64>(0)?, Arc::<str>::from(row.get::<String>(1)?));
        }
    }
    let rows: Vec<_> = loaded.iter().map(|(id, text)| (*id, Arc::clone(text))).collect();
    if !rows.is_empty() {
        strings.remember(scope, &rows);
    }
    let all = ids.iter().zip(texts);
    all.map(|(id, text)| {
        text.or_else(|| loaded.get(id).cloned()).ok_or_else(|| StoreError::Corrupt(format!("no string {id}")))
    })
    .collect()
}

async fn find_ids<'t>(tx: &mut Tx, scope: Scope<'_>, texts: &[&'t str]) -> Result<HashMap<&'t str, i64>> {
    let mut ids: HashMap<String, i64> = HashMap::new();
    for chunk in texts.chunks(CHUNK) {
        for row in tx.query(&select("text", chunk.len()), &parameters(scope, chunk)).await? {
            ids.insert(row.get(1)?, row.get(0)?);
        }
    }
    Ok(texts.iter().filter_map(|text| Some((*text, *ids.get(*text)?))).collect())
}

/// Lists are padded to a power of two, so that a handful of prepared statements serves all lengths.
fn select(column: &str, count: usize) -> String {
    let list = placeholders(3, count.next_power_of_two());
    format!("SELECT string_id, text FROM strings WHERE account = $1 AND region = $2 AND {column} IN ({list})")
}

fn parameters<'a, T: Copy + Into<Value<'a>>>((account, region): Scope<'a>, list: &[T]) -> Vec<Value<'a>> {
    let mut values = vec![account.as_str().into(), region.as_str().into()];
    let padding = list.len().next_power_of_two() - list.len();
    let last = list.last().copied();
    values.extend(list.iter().copied().chain(last.into_iter().cycle().take(padding)).map(Into::into));
    values
}

async fn insert_new(store: &Store, scope: Scope<'_>, texts: &[&str]) -> Result<Vec<(i64, Arc<str>)>> {
    for _ in 1..ATTEMPTS {
        match try_insert(store, scope, texts).await {
            Err(StoreError::Conflict) => {}
            outcome => return outcome,
        }
    }
    try_insert(store, scope, texts).await
}

async fn try_insert(store: &Store, scope: Scope<'_>, texts: &[&str]) -> Result<Vec<(i64, Arc<str>)>> {
    let mut tx = store.write().await?;
    dialect::lock_strings(&mut tx).await?;
    let mut ids = find_ids(&mut tx, scope, texts).await?;
    let new: Vec<&str> = texts.iter().copied().filter(|text| !ids.contains_key(text)).collect();
    let mut next = reserve(&mut tx, scope, new.len()).await?;
    for chunk in new.chunks(CHUNK / 4) {
        let rows: Vec<String> =
            (0..chunk.len()).map(|i| format!("($1, $2, ${}, ${})", 3 + 2 * i, 4 + 2 * i)).collect();
        let sql =
            format!("INSERT INTO strings (account, region, string_id, text) VALUES {}", rows.join(", "));
        let mut values: Vec<Value<'_>> = vec![scope.0.as_str().into(), scope.1.as_str().into()];
        for text in chunk {
            values.extend([next.into(), (*text).into()]);
            ids.insert(text, next);
            next += 1;
        }
        tx.execute(&sql, &values).await?;
    }
    tx.commit().await?;
    Ok(ids.into_iter().map(|(text, id)| (id, Arc::from(text))).collect())
}

/// The first of `count` numbers that nobody else gets.
async fn reserve(tx: &mut Tx, (account, region): Scope<'_>, count: usize) -> Result<i64> {
    let sql = "INSERT INTO string_counters (account, region, last_id) VALUES ($1, $2, $3)
        ON CONFLICT (account, region) DO UPDATE SET last_id = string_counters.last_id + excluded.last_id
        RETURNING last_id";
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let values = [account.as_str().into(), region.as_str().into(), count.into()];
    let row = tx.query_opt(sql, &values).await?;
    let last: i64 = row.ok_or_else(|| StoreError::Corrupt("no counter of strings".into()))?.get(0)?;
    Ok(last - count + 1)
}
