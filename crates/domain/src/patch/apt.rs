//! Candidates, properties and states on Debian, Ubuntu and Raspberry Pi OS: no advisories, no
//! dates, priority instead of severity. AWS's rule decides the state; what that rule cannot see
//! (a fix behind a newer candidate, a pin, a hold) is recorded beside it.
//! Source: spec patch-manager 2.3, 3.1 and 3.2.

use std::cmp::Ordering;

use crate::baseline::names::entry_for_package;
use crate::baseline::{BaselineRules, Filter, FilterKey, RejectedPatchesAction};
use crate::catalogue::{self, Property};
use crate::compliance::ComplianceLevel;
use crate::facts::{AvailableVersion, FactSet, Observation, PackageFact, PackageState};

use super::evaluate::{Conditions, InstalledPackage, PendingScope};
use super::{
    Candidate, Decision, HiddenFix, HiddenFixCause, NotApproved, PatchState, Restriction, Verdict, suite,
    version_deb,
};

pub(super) struct Judge<'a> {
    rules: &'a BaselineRules,
    product: &'a str,
    facts: &'a FactSet,
    observation: &'a Observation,
    conditions: &'a Conditions<'a>,
    /// By repository index.
    is_security: Vec<bool>,
}

/// What filters compare with.
struct Properties<'a> {
    product: &'a str,
    section: &'a str,
    priority: &'a str,
}

struct Approval {
    level: ComplianceLevel,
    decision: Decision,
}

/// Entries of the approved list that name no installed package.
pub(super) fn not_applicable(rules: &BaselineRules, facts: &FactSet) -> Vec<String> {
    let is_absent = |entry: &&String| {
        let entry = std::slice::from_ref(*entry);
        !facts.packages.iter().any(|package| entry_for_package(entry, &package.name).is_some())
    };
    rules.approved_patches.iter().filter(is_absent).cloned().collect()
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        rules: &'a BaselineRules,
        product: &'a str,
        facts: &'a FactSet,
        observation: &'a Observation,
        conditions: &'a Conditions<'a>,
    ) -> Self {
        let is_security = facts.repositories.iter().map(suite::is_security).collect();
        Self { rules, product, facts, observation, conditions, is_security }
    }

    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        self.facts.packages.iter().map(|package| self.verdict(package)).collect()
    }

    fn verdict(&self, package: &PackageFact) -> Verdict {
        let offer = package.candidate.as_deref().and_then(|version| offer_of(package, version));
        let candidate = package.candidate.as_deref().map(|version| self.candidate(package, version, offer));
        let properties = Properties {
            product: self.product,
            section: pick(offer.map(|offer| offer.section.as_str()), &package.section),
            priority: pick(offer.map(|offer| offer.priority.as_str()), &package.priority),
        };
        let approval = self.approve(package, candidate.as_ref(), &properties);
        let is_upgrade = candidate.as_ref().is_some_and(|candidate| candidate.is_upgrade);
        let (state, compliance_level, decision) = self.decide(package, approval, is_upgrade);
        let from_security = candidate.as_ref().is_some_and(|candidate| candidate.from_security);
        let hidden_fix = match state {
            PatchState::Missing => None,
            _ => self.hidden_fix(package, candidate.as_ref()),
        };
        Verdict {
            name: package.name.clone(),
            arch: package.arch.clone(),
            installed_version: package.version.clone(),
            installed_at: package.installed_at,
            state,
            compliance_level,
            classification: if from_security { "Security".to_owned() } else { String::new() },
            severity: self.severity(properties.priority),
            candidate,
            decision,
            restrictions: restrictions(package, offer),
            hidden_fix,
        }
    }

    fn candidate(&self, package: &PackageFact, version: &str, offer: Option<&AvailableVersion>) -> Candidate {
        let repositories = offer.map_or(&[][..], |offer| &offer.repositories);
        let security = repositories.iter().find(|&&index| self.is_security_repository(index));
        Candidate {
            version: version.to_owned(),
            repository: security.or(repositories.first()).copied(),
            from_security: security.is_some(),
            is_upgrade: version_deb::is_newer(version, &package.version),
        }
    }

    fn is_security_repository(&self, index: u32) -> bool {
        usize::try_from(index).ok().and_then(|index| self.is_security.get(index)).copied().unwrap_or(false)
    }

    /// State, level and proof: the rows of the decision table, top to bottom.
    fn decide(
        &self,
        package: &PackageFact,
        approval: Result<Approval, NotApproved>,
        is_upgrade: bool,
    ) -> (PatchState, ComplianceLevel, Decision) {
        if let Some(entry) = entry_for_package(&self.rules.rejected_patches, &package.name) {
            let also_approved_by = entry_for_package(&self.rules.approved_patches, &package.name);
            let decision = Decision::RejectedByList {
                entry: entry.to_owned(),
                also_approved_by: also_approved_by.map(str::to_owned),
            };
            return match self.rules.rejected_patches_action {
                RejectedPatchesAction::Block => {
                    let level = approval.map(|approval| approval.level).unwrap_or_default();
                    (PatchState::InstalledRejected, level, decision)
                }
                RejectedPatchesAction::AllowAsDependency => {
                    (PatchState::InstalledOther, ComplianceLevel::Unspecified, decision)
                }
            };
        }
        let by_us = self.is_installed_by_us(package);
        match approval {
            Ok(Approval { level, decision }) if is_upgrade => (PatchState::Missing, level, decision),
            Ok(Approval { level, decision }) => {
                let counts = by_us || self.conditions.pending_scope == PendingScope::Any;
                match counts && self.is_since_boot(package) {
                    true => (PatchState::InstalledPendingReboot, level, decision),
                    false => (PatchState::Installed, level, decision),
                }
            }
            Err(because) => {
                let state = match by_us && self.is_since_boot(package) {
                    true => PatchState::InstalledPendingReboot,
                    false => PatchState::InstalledOther,
                };
                (state, ComplianceLevel::Unspecified, Decision::NotApproved { because })
            }
        }
    }

    fn is_since_boot(&self, package: &PackageFact) -> bool {
        match (package.installed_at, self.observation.booted_at) {
            (Some(installed_at), Some(booted_at)) => installed_at > booted_at,
            _ => false,
        }
    }

    fn is_installed_by_us(&self, package: &PackageFact) -> bool {
        if self.conditions.installed_by_us.is_empty() {
            return false;
        }
        self.conditions.installed_by_us.contains(&InstalledPackage {
            name: package.name.clone(),
            arch: package.arch.clone(),
            version: package.version.clone(),
        })
    }

    /// Whether the baseline wants the candidate; lists of rejected patches not considered.
    fn approve(
        &self,
        package: &PackageFact,
        candidate: Option<&Candidate>,
        properties: &Properties<'_>,
    ) -> Result<Approval, NotApproved> {
        let candidate = candidate.ok_or(NotApproved::NoCandidate)?;
        if candidate.repository.is_none() {
            return Err(NotApproved::NotOffered);
        }
        if version_deb::compare(&candidate.version, &package.version) == Ordering::Less {
            return Err(NotApproved::Downgrade);
        }
        let by_rule = self.approve_by_rule(candidate, properties);
        let Some(entry) = entry_for_package(&self.rules.approved_patches, &package.name) else {
            return by_rule;
        };
        if !candidate.from_security && !self.rules.approved_patches_enable_non_security {
            return by_rule.map_err(|_| NotApproved::OutsideSecurity { rule: None });
        }
        let level = self.rules.approved_patches_compliance_level;
        match by_rule {
            Ok(approval) if approval.level >= level => Ok(approval),
            _ => Ok(Approval { level, decision: Decision::ApprovedByList { entry: entry.to_owned() } }),
        }
    }

    /// The matching rule of the highest level, the first one among equals.
    fn approve_by_rule(
        &self,
        candidate: &Candidate,
        properties: &Properties<'_>,
    ) -> Result<Approval, NotApproved> {
        if let Some(filter) = properties.mismatch(&self.rules.global_filters.patch_filters) {
            let property = properties.get(filter.key).to_owned();
            return Err(NotApproved::GlobalFilter { key: filter.key, property });
        }
        let mut best: Option<Approval> = None;
        let mut refusal = None;
        for (rule, terms) in self.rules.approval_rules.patch_rules.iter().enumerate() {
            if let Some(filter) = properties.mismatch(&terms.filters.patch_filters) {
                let property = properties.get(filter.key).to_owned();
                refusal.get_or_insert(NotApproved::NoRuleMatches { rule, key: filter.key, property });
            } else if !candidate.from_security && !terms.enable_non_security {
                if !matches!(refusal, Some(NotApproved::OutsideSecurity { .. })) {
                    refusal = Some(NotApproved::OutsideSecurity { rule: Some(rule) });
                }
            } else if best.as_ref().is_none_or(|best| terms.compliance_level > best.level) {
                let decision = Decision::ApprovedByRule { rule };
                best = Some(Approval { level: terms.compliance_level, decision });
            }
        }
        best.ok_or(refusal.unwrap_or(NotApproved::NoRules))
    }

    fn hidden_fix(&self, package: &PackageFact, candidate: Option<&Candidate>) -> Option<HiddenFix> {
        let candidate_version = candidate.map(|candidate| candidate.version.as_str());
        let (fix, repository) = package
            .available
            .iter()
            .filter(|offer| version_deb::is_newer(&offer.version, &package.version))
            .filter(|offer| Some(offer.version.as_str()) != candidate_version)
            .filter_map(|offer| {
                let from = offer.repositories.iter().find(|&&index| self.is_security_repository(index));
                from.map(|index| (offer, *index))
            })
            .max_by(|(a, _), (b, _)| version_deb::compare(&a.version, &b.version))?;
        let is_behind = candidate_version.is_some_and(|version| version_deb::is_newer(version, &fix.version));
        // A newer security candidate brings the fix with it: then nothing is hidden.
        if is_behind && candidate.is_some_and(|candidate| candidate.from_security) {
            return None;
        }
        let cause = match is_behind {
            true => HiddenFixCause::NewerOutsideSecurity,
            false => HiddenFixCause::Pinned,
        };
        Some(HiddenFix { version: fix.version.clone(), repository, cause })
    }

    /// `optional` in control files, `Optional` in baselines and reports.
    fn severity(&self, priority: &str) -> String {
        let known = catalogue::property_values(self.rules.operating_system, Property::Priority, None);
        let spelled = known.into_iter().flatten().find(|known| known.eq_ignore_ascii_case(priority));
        spelled.unwrap_or(priority).to_owned()
    }
}

impl<'a> Properties<'a> {
    fn get(&self, key: FilterKey) -> &'a str {
        match key {
            FilterKey::Product => self.product,
            FilterKey::Section => self.section,
            FilterKey::Priority => self.priority,
            // Keys of other families never pass validation here; nothing has such a property.
            FilterKey::PatchSet
            | FilterKey::ProductFamily
            | FilterKey::Classification
            | FilterKey::MsrcSeverity
            | FilterKey::Severity => "",
        }
    }

    fn mismatch<'f>(&self, filters: &'f [Filter]) -> Option<&'f Filter> {
        filters.iter().find(|filter| !filter.accepts(self.get(filter.key)))
    }
}

fn offer_of<'p>(package: &'p PackageFact, version: &str) -> Option<&'p AvailableVersion> {
    package.available.iter().find(|offer| offer.version == version)
}

fn pick<'t>(first: Option<&'t str>, second: &'t str) -> &'t str {
    first.filter(|text| !text.is_empty()).unwrap_or(second)
}

fn restrictions(package: &PackageFact, offer: Option<&AvailableVersion>) -> Vec<Restriction> {
    let mut found = Vec::new();
    if package.held {
        found.push(Restriction::Held);
    }
    if let Some(offer) = offer.filter(|offer| offer.phased_out) {
        found.push(Restriction::PhasedOut { percent: offer.phased_percent });
    }
    if package.state != PackageState::Installed {
        found.push(Restriction::Unfinished { state: package.state });
    }
    found
}
