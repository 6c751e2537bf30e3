//! What is judged: an item of a node with the versions that a baseline may approve, and the properties that rules
//! compare. Each family makes its items of facts; `table` judges them all alike.
//! Source: spec patch-manager 1.3, 2 and 3.1.

use api::Timestamp;

use crate::baseline::{BaselineRules, Filter, FilterKey};
use crate::facts::{FactSet, Observation};
use crate::os::OperatingSystem;

use super::evaluate::Conditions;
use super::names::Names;
use super::{HiddenFix, NotApproved, Restriction, words};

/// What all items of one evaluation share.
pub(super) struct Frame<'f> {
    pub rules: &'f BaselineRules,
    pub facts: &'f FactSet,
    pub observation: &'f Observation,
    pub conditions: &'f Conditions<'f>,
    pub operating_system: OperatingSystem,
    /// The node's product, and the other ways to write it in a filter.
    pub products: &'f [String],
}

/// A package, or an update.
pub(super) struct Item<'f> {
    pub name: &'f str,
    pub arch: &'f str,
    /// Of updates; empty where name and version say it all.
    pub title: &'f str,
    pub installed: Option<Installed<'f>>,
    /// What rejects the item as it stands on the node.
    pub names: Names<'f>,
    /// Newest first.
    pub versions: Vec<Version<'f>>,
    /// Why there are no versions to judge.
    pub obstacle: Option<NotApproved>,
    /// What holds for the version that is to be installed.
    pub restrictions: Vec<Restriction>,
    /// A fix that the family's rules do not reach.
    pub hidden_fix: Option<HiddenFix>,
}

#[derive(Clone, Copy)]
pub(super) struct Installed<'f> {
    pub version: &'f str,
    pub at: Option<Timestamp>,
    /// In effect only after a restart, by the system's own word.
    pub awaits_restart: bool,
}

pub(super) struct Version<'f> {
    pub version: &'f str,
    pub place: Place,
    /// Index into the facts' repositories.
    pub repository: Option<u32>,
    pub names: Names<'f>,
    /// As often as it was published: by several advisories, or by none.
    pub terms: Vec<Terms<'f>>,
}

/// Where a version stands to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Installed, or contained in what is installed.
    Present,
    /// It can be installed and is newer.
    Offered,
    /// It was announced and no repository has it.
    Unavailable,
    /// Of no use to this node.
    Inapplicable,
}

/// One publication of a version: what rules compare.
#[derive(Clone)]
pub(super) struct Terms<'f> {
    pub properties: Properties<'f>,
    /// Only rules that reach beyond security content may approve it.
    pub is_outside_security: bool,
    pub release: Release,
    /// The advisory's id.
    pub advisory: Option<&'f str>,
    pub cve_ids: &'f [String],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Release {
    /// No date is known, or the family has none: approved at once.
    Undated,
    /// A date is missing where there should be one, or cannot be read: no rule with a date matches.
    Unreadable,
    Dated {
        by: DateSource,
        at: Timestamp,
    },
}

pub use super::verdict::DateSource;

/// Empty is what a family or publication does not have.
#[derive(Clone, Copy, Default)]
pub(super) struct Properties<'f> {
    pub products: &'f [String],
    pub product_families: &'f [String],
    pub patch_set: &'f str,
    pub classification: &'f str,
    /// SEVERITY, PRIORITY or MSRC_SEVERITY, whichever the family has.
    pub severity: &'f str,
    pub section: &'f str,
    /// The repository's own name: `core`, `community`.
    pub repository: &'f str,
    /// Neither classification nor severity: only `*` reaches them.
    pub is_unpublished: bool,
}

impl Properties<'_> {
    /// The first filter that does not accept it.
    pub(super) fn mismatch<'r>(&self, filters: &'r [Filter]) -> Option<&'r Filter> {
        filters.iter().find(|filter| !self.is_accepted_by(filter))
    }

    fn is_accepted_by(&self, filter: &Filter) -> bool {
        let any =
            |accepts: &dyn Fn(&str) -> bool| filter.values.iter().any(|value| value == "*" || accepts(value));
        let is_one_of = |list: &[String], value: &str| list.iter().any(|own| own.eq_ignore_ascii_case(value));
        match filter.key {
            FilterKey::Product => any(&|value| is_one_of(self.products, value)),
            FilterKey::ProductFamily => any(&|value| is_one_of(self.product_families, value)),
            FilterKey::PatchSet => any(&|value| value.eq_ignore_ascii_case(self.patch_set)),
            FilterKey::Section => any(&|value| value.eq_ignore_ascii_case(self.section)),
            FilterKey::Repository => any(&|value| value.eq_ignore_ascii_case(self.repository)),
            FilterKey::Priority => any(&|value| value.eq_ignore_ascii_case(self.severity)),
            FilterKey::Classification => any(&|value| {
                !self.is_unpublished && words::is_same_classification(value, self.classification)
            }),
            FilterKey::Severity | FilterKey::MsrcSeverity => {
                any(&|value| !self.is_unpublished && words::is_same_severity(value, self.severity))
            }
        }
    }

    /// For proofs: what the filter was compared with.
    pub(super) fn in_words(&self, key: FilterKey) -> String {
        match key {
            FilterKey::Product => self.products.first().cloned().unwrap_or_default(),
            FilterKey::ProductFamily => self.product_families.first().cloned().unwrap_or_default(),
            FilterKey::PatchSet => self.patch_set.to_owned(),
            FilterKey::Section => self.section.to_owned(),
            FilterKey::Repository => self.repository.to_owned(),
            FilterKey::Classification => self.classification.to_owned(),
            FilterKey::Severity | FilterKey::MsrcSeverity | FilterKey::Priority => self.severity.to_owned(),
        }
    }
}

impl Terms<'_> {
    pub(super) fn gravity(&self) -> (usize, usize) {
        words::gravity(self.properties.classification, self.properties.severity)
    }
}
