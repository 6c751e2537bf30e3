//! Items of macOS: what `softwareupdate` offers, and packages of Homebrew and of the installer. Only name and version
//! are known of most; there are no dates.
//! Source: spec patch-manager 2.6 and 3.1.

use crate::facts::{UpdateFact, UpdateStatus};

use super::Restriction;
use super::item::{Frame, Installed, Item, Place, Properties, Release, Terms, Version};
use super::names::Names;

pub(super) fn items<'f>(frame: &Frame<'f>) -> Vec<Item<'f>> {
    frame.facts.updates.iter().map(|update| item(frame, update)).collect()
}

fn item<'f>(frame: &Frame<'f>, update: &'f UpdateFact) -> Item<'f> {
    let terms = Terms {
        properties: Properties {
            products: frame.products,
            classification: &update.classification,
            ..Properties::default()
        },
        is_outside_security: !update.classification.eq_ignore_ascii_case("Security"),
        release: Release::Undated,
        advisory: None,
        cve_ids: &update.cve_ids,
    };
    let installed = match (update.status, &update.installed_version) {
        (_, Some(version)) => Some(version),
        (UpdateStatus::Installed, None) => Some(&update.version),
        _ => None,
    };
    let version = |version, place| Version {
        version,
        place,
        repository: None,
        names: Names::Exact(&update.id),
        terms: vec![terms.clone()],
    };
    let offered = match update.status {
        UpdateStatus::Applicable => Some(version(&update.version, Place::Offered)),
        UpdateStatus::Hidden => Some(version(&update.version, Place::Inapplicable)),
        UpdateStatus::Installed => None,
    };
    let present = installed.map(|installed| version(installed, Place::Present));
    Item {
        name: &update.id,
        arch: "",
        title: &update.title,
        installed: installed.map(|installed| Installed {
            version: installed,
            at: update.installed_at,
            awaits_restart: update.awaits_restart,
        }),
        names: Names::Exact(&update.id),
        versions: offered.into_iter().chain(present).collect(),
        obstacle: None,
        restrictions: match update.status {
            UpdateStatus::Hidden => vec![Restriction::Hidden],
            _ => Vec::new(),
        },
        hidden_fix: None,
    }
}
