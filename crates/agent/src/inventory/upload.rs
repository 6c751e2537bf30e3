//! Sends inventory: types that did not change since the server took them go as their hash alone.
//! Source: spec agent-protocol 6.2.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use api::Timestamp;
use api::ssm::{InventoryItem, PutInventoryRequest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

use super::{Entry, Item};
use crate::files;
use crate::patch_run::Session;
use crate::patch_run::patience::patiently;
use crate::transport::call::{CALL_TIMEOUT, CallError, now};

/// The hashes of what the server took last, by type.
pub const TAKEN_FILE: &str = "inventory-taken.json";
/// Errors that mean: send everything.
const RESEND_CODES: [&str; 2] = ["ItemContentMismatchException", "InvalidItemContentException"];
/// Of one type, as servers count; a little is kept free.
const MOST_ITEM_BYTES: usize = 1_000_000;
const MOST_ENTRIES: usize = 10_000;
/// Left out first where a type is too large, the least useful before others.
const DISPENSABLE: [&str; 4] = ["Summary", "URL", "Publisher", "PackageId"];

/// A line for each type.
pub fn send(session: &Session, data_dir: &Path, items: Vec<Item>) -> anyhow::Result<Vec<String>> {
    let captured_at = now();
    let taken_file = data_dir.join(TAKEN_FILE);
    let taken = files::read_if_present(&taken_file).ok().flatten();
    let taken: BTreeMap<String, String> =
        taken.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let mut lines = Vec::new();
    let mut ready: Vec<(Item, String)> = Vec::with_capacity(items.len());
    for mut item in items {
        lines.extend(fit(&mut item));
        let hash = hash(&item.content)?;
        ready.push((item, hash));
    }
    let known = |item: &Item, hash: &String| taken.get(&item.type_name) == Some(hash);
    let answer = match put(session, captured_at, &ready, &known) {
        Err(error) if error.code().is_some_and(|code| RESEND_CODES.contains(&code)) => {
            put(session, captured_at, &ready, &|_, _| false)
        }
        answer => answer,
    };
    answer.context("the inventory was not stored; the last one stays")?;
    for (item, hash) in &ready {
        let news = if known(item, hash) { "as before" } else { "sent" };
        lines.push(format!("{}: {} entries, {news}", item.type_name, item.content.len()));
    }
    let mut hashes = taken;
    hashes.extend(ready.into_iter().map(|(item, hash)| (item.type_name, hash)));
    let text = serde_json::to_string(&hashes)?;
    // Without this file the next inventory is sent in full, which is right as well.
    if let Err(error) = files::write_atomically(&taken_file, text.as_bytes()) {
        tracing::warn!(%error, path = %taken_file.display(), "inventory not noted");
    }
    Ok(lines)
}

fn put(
    session: &Session,
    captured_at: Timestamp,
    ready: &[(Item, String)],
    is_known: &dyn Fn(&Item, &String) -> bool,
) -> Result<(), CallError> {
    let item = |(item, hash): &(Item, String)| InventoryItem {
        type_name: item.type_name.clone(),
        schema_version: item.schema_version.clone(),
        capture_time: captured_at.to_iso_seconds(),
        content_hash: Some(hash.clone()),
        content: (!is_known(item, hash)).then(|| item.content.clone()),
        context: None,
    };
    let request = PutInventoryRequest {
        instance_id: session.instance_id.clone(),
        items: ready.iter().map(item).collect(),
    };
    patiently(|| session.caller.call_blocking(&session.credentials, &request, CALL_TIMEOUT)).map(drop)
}

fn hash(content: &[Entry]) -> serde_json::Result<String> {
    Ok(STANDARD.encode(Md5::digest(serde_json::to_vec(content)?)))
}

fn size(content: &[Entry]) -> usize {
    content.iter().flatten().map(|(name, value)| name.len() + value.len() + 6).sum()
}

/// Makes it as small as servers take it; says what that cost.
fn fit(item: &mut Item) -> Vec<String> {
    let mut notes = Vec::new();
    let name = &item.type_name;
    if item.content.len() > MOST_ENTRIES {
        notes.push(format!("{name}: {} entries; the first {MOST_ENTRIES} are told", item.content.len()));
        item.content.truncate(MOST_ENTRIES);
    }
    for attribute in DISPENSABLE {
        if size(&item.content) > MOST_ITEM_BYTES {
            item.content.iter_mut().for_each(|entry| drop(entry.remove(attribute)));
            notes.push(format!("{name}: too large: told without {attribute}"));
        }
    }
    let before = item.content.len();
    while size(&item.content) > MOST_ITEM_BYTES {
        let kept = item.content.len() - item.content.len().div_ceil(10);
        item.content.truncate(kept);
    }
    if item.content.len() < before {
        notes.push(format!("{name}: too large: {} of {before} entries are told", item.content.len()));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::entry;

    fn item(count: usize, summary: usize) -> Item {
        let one = |number: usize| {
            entry([
                ("Name", format!("package-{number}")),
                ("Version", "1".to_owned()),
                ("Summary", "x".repeat(summary)),
            ])
        };
        Item::new("AWS:Application", (0..count).map(one).collect())
    }

    #[test]
    fn what_is_too_large_loses_what_matters_least() {
        let mut small = item(10, 10);
        assert!(fit(&mut small).is_empty() && small == item(10, 10));
        let mut wordy = item(1000, 4000);
        assert_eq!(fit(&mut wordy), ["AWS:Application: too large: told without Summary"]);
        assert_eq!((wordy.content.len(), wordy.content[0].contains_key("Summary")), (1000, false));
        let mut many = item(30_000, 0);
        let notes = fit(&mut many);
        assert!(many.content.len() == MOST_ENTRIES && notes.len() == 1, "{notes:?}");
        let mut huge = Item::new(
            "Custom:Text",
            (0..1000).map(|number| entry([("a", format!("{number}{}", "x".repeat(4000)))])).collect(),
        );
        let notes = fit(&mut huge);
        assert!(size(&huge.content) <= MOST_ITEM_BYTES && !huge.content.is_empty(), "{notes:?}");
        assert!(notes.last().unwrap().contains("of 1000 entries are told"), "{notes:?}");
    }

    #[test]
    fn the_hash_follows_the_content_alone() {
        let hash = |count| hash(&item(count, 1).content).unwrap();
        assert_eq!(hash(2), hash(2));
        assert_ne!(hash(2), hash(3));
        assert_eq!(hash(0), "11FxOYiYfpMxmANj4kGJzg==");
    }
}
