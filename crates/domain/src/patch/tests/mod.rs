//! The decision tables, family by family, and what must hold for all input.

mod apt;
mod laws;
mod macos;
mod plain;
mod preview;
mod rpm;
mod windows;

use api::Timestamp;

use super::*;
use crate::baseline::{ApprovalDate, BaselineRules, Filter, FilterGroup, FilterKey, Rule};
use crate::compliance::ComplianceLevel;
use crate::os::OperatingSystem;

type Filters<'a> = &'a [(FilterKey, &'a [&'a str])];

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Approved at once.
fn rule(filters: Filters) -> Rule {
    let patch_filters = filters.iter().map(|(key, values)| Filter::new(*key, values)).collect();
    Rule {
        filters: FilterGroup { patch_filters },
        compliance_level: ComplianceLevel::High,
        approval: Some(ApprovalDate::AfterDays(0)),
        enable_non_security: false,
    }
}

fn after_days(days: u32, filters: Filters) -> Rule {
    Rule { approval: Some(ApprovalDate::AfterDays(days)), ..rule(filters) }
}

fn baseline(os: OperatingSystem, patch_rules: Vec<Rule>) -> BaselineRules {
    let mut rules = BaselineRules::empty(os);
    rules.approval_rules.patch_rules = patch_rules;
    rules
}
