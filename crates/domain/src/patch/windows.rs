//! Items of Windows: one per KB number, as the update service sees it. The rules select among updates of the system
//! and of Microsoft's applications; the service alone knows what applies.
//! Source: spec patch-manager 1.4, 1.6, 1.9, 2.5 and 3.1.

use std::collections::{BTreeMap, BTreeSet};

use api::Timestamp;

use crate::catalogue::{self, PatchSet};
use crate::facts::{UpdateFact, UpdateStatus};

use super::Restriction;
use super::item::{DateSource, Frame, Installed, Item, Place, Properties, Release, Terms, Version};
use super::names::Names;

const SYSTEM: &str = "OS";
const APPLICATION: &str = "APPLICATION";

pub(super) fn items<'f>(frame: &Frame<'f>) -> Vec<Item<'f>> {
    let updates = &frame.facts.updates;
    let superseded: BTreeSet<&str> = updates
        .iter()
        .filter(|update| update.status != UpdateStatus::Hidden)
        .flat_map(|update| update.supersedes.iter().filter(|id| **id != update.id))
        .map(String::as_str)
        .collect();
    let mut by_item: BTreeMap<&str, Vec<&'f UpdateFact>> = BTreeMap::new();
    for update in updates {
        by_item.entry(item_id(update)).or_default().push(update);
    }
    by_item.values_mut().for_each(|updates| updates.sort_by(|a, b| a.id.cmp(&b.id)));
    let known = by_item.into_iter().map(|(id, updates)| item(frame, id, updates, &superseded));
    known.chain(unknown_to_the_service(frame)).collect()
}

/// The KB number; updates without one (drivers) are known by their GUID.
pub fn item_id(update: &UpdateFact) -> &str {
    update.kb_ids.first().unwrap_or(&update.id)
}

/// Explicitly approved, and the service says nothing of it: it does not apply to this node.
fn unknown_to_the_service<'f>(frame: &Frame<'f>) -> impl Iterator<Item = Item<'f>> {
    let approved = &frame.rules.approved_patches;
    let is_known = |entry: &String| {
        let entry = std::slice::from_ref(entry);
        frame.facts.updates.iter().any(|update| Names::Kb(update).entry(entry).is_some())
    };
    let mut seen = BTreeSet::new();
    let unknown = approved.iter().filter(move |entry| !is_known(entry) && seen.insert(entry.to_uppercase()));
    unknown.map(|entry| {
        let terms = Terms {
            properties: Properties::default(),
            is_outside_security: false,
            release: Release::Undated,
            advisory: None,
            cve_ids: &[],
        };
        Item {
            name: entry,
            arch: "",
            title: "",
            installed: None,
            names: Names::Exact(entry),
            versions: vec![Version {
                version: "",
                place: Place::Inapplicable,
                repository: None,
                names: Names::Exact(entry),
                terms: vec![terms],
            }],
            obstacle: None,
            restrictions: Vec::new(),
            hidden_fix: None,
        }
    })
}

fn item<'f>(
    frame: &Frame<'f>,
    id: &'f str,
    updates: Vec<&'f UpdateFact>,
    superseded: &BTreeSet<&str>,
) -> Item<'f> {
    let mut versions: Vec<Version<'f>> =
        updates.iter().map(|update| version(frame, update, superseded)).collect();
    // One KB number may stand for the installed revision of an update and for the next one.
    versions.sort_by_key(|version| (version.place == Place::Present, version.version));
    let installed = updates.iter().find(|update| update.status == UpdateStatus::Installed);
    let subject = updates.iter().find(|update| update.status == UpdateStatus::Applicable).or(updates.first());
    let is_hidden = updates.iter().all(|update| update.status == UpdateStatus::Hidden);
    Item {
        name: id,
        arch: "",
        title: subject.map_or("", |update| &update.title),
        installed: installed.map(|update| Installed {
            version: &update.id,
            at: update.installed_at,
            awaits_restart: update.awaits_restart,
        }),
        names: installed.or(subject).map_or(Names::Exact(id), |update| Names::Kb(update)),
        versions,
        obstacle: None,
        restrictions: if is_hidden { vec![Restriction::Hidden] } else { Vec::new() },
        hidden_fix: None,
    }
}

/// The update as the catalogue has it, whatever a node has.
pub(super) fn catalogued<'f>(frame: &Frame<'f>, update: &'f UpdateFact) -> Version<'f> {
    version(frame, update, &BTreeSet::new())
}

fn version<'f>(frame: &Frame<'f>, update: &'f UpdateFact, superseded: &BTreeSet<&str>) -> Version<'f> {
    let place = match update.status {
        UpdateStatus::Installed => Place::Present,
        // The service no longer offers what something newer replaces.
        UpdateStatus::Applicable if superseded.contains(update.id.as_str()) => Place::Inapplicable,
        UpdateStatus::Applicable => Place::Offered,
        UpdateStatus::Hidden => Place::Inapplicable,
    };
    let terms = Terms {
        properties: properties(frame, update),
        // EnableNonSecurity means nothing here.
        is_outside_security: false,
        // Some application updates carry no date; they count as older than any delay.
        release: Release::Dated {
            by: DateSource::Released,
            at: update.released_at.unwrap_or(Timestamp::EPOCH),
        },
        advisory: update.bulletin_ids.first().map(String::as_str),
        cve_ids: &update.cve_ids,
    };
    Version { version: &update.id, place, repository: None, names: Names::Kb(update), terms: vec![terms] }
}

fn properties<'f>(frame: &Frame<'f>, update: &'f UpdateFact) -> Properties<'f> {
    Properties {
        products: if update.products.is_empty() { frame.products } else { &update.products },
        product_families: &update.product_families,
        patch_set: patch_set(update),
        classification: &update.classification,
        severity: &update.severity,
        ..Properties::default()
    }
}

/// `OS` or `APPLICATION`: by the product where the catalogue knows it, else by the family; the system's when there is
/// neither.
pub fn patch_set(update: &UpdateFact) -> &'static str {
    let known = update.products.iter().find_map(|product| catalogue::windows_patch_set(product));
    let is_of_system = match known {
        Some(set) => set == PatchSet::Os,
        None => {
            let is_windows = |family: &String| family.eq_ignore_ascii_case("Windows");
            let nameless = update.products.is_empty() && update.product_families.is_empty();
            nameless || update.product_families.iter().any(is_windows)
        }
    };
    if is_of_system { SYSTEM } else { APPLICATION }
}
