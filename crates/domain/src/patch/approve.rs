//! Whether a baseline approves one version: by which rule or entry, of what level, since when; or what stands
//! against it. Rejection is `table`'s.
//! Source: spec patch-manager 1.2, 1.5 and 2.1.

use api::Timestamp;

use crate::baseline::{ApprovalDate, FilterKey, Rule};
use crate::compliance::ComplianceLevel;
use crate::os::{Family, OperatingSystem};

use super::item::{Frame, Release, Terms, Version};
use super::{Decision, NotApproved};

pub(super) struct Approval<'v, 'f> {
    pub level: ComplianceLevel,
    pub decision: Decision,
    /// The gravest of the publications that are approved.
    pub terms: &'v Terms<'f>,
    /// When the rule approved it; `None` where no date counts.
    pub since: Option<Timestamp>,
}

/// By the approved list or a rule, whichever gives the higher level; by the rule where they are equal.
pub(super) fn approve<'v, 'f>(
    frame: &Frame<'_>,
    version: &'v Version<'f>,
) -> Result<Approval<'v, 'f>, NotApproved> {
    let by_rule = approve_by_rule(frame, version);
    let rules = frame.rules;
    let Some(entry) = version.names.entry(&rules.approved_patches) else { return by_rule };
    let is_linux = frame.operating_system.is_linux();
    let is_reached = |terms: &&Terms| {
        !is_linux || !is_outside_security(frame, terms) || rules.approved_patches_enable_non_security
    };
    let Some(terms) = gravest(version.terms.iter().filter(is_reached)) else {
        return by_rule.map_err(|_| NotApproved::OutsideSecurity { rule: None });
    };
    let level = rules.approved_patches_compliance_level;
    match by_rule {
        Ok(approval) if approval.level >= level => Ok(approval),
        _ => {
            let decision = Decision::ApprovedByList { entry: entry.to_owned() };
            Ok(Approval { level, decision, terms, since: None })
        }
    }
}

/// The matching rule of the highest level, the first one among equals.
pub(super) fn approve_by_rule<'v, 'f>(
    frame: &Frame<'_>,
    version: &'v Version<'f>,
) -> Result<Approval<'v, 'f>, NotApproved> {
    let mut best: Option<Approval> = None;
    let mut refusals = Refusals::default();
    for terms in &version.terms {
        match approve_terms(frame, terms) {
            Ok((level, rule, since)) => {
                let decision = Decision::ApprovedByRule { rule };
                best = Some(match best {
                    None => Approval { level, decision, terms, since },
                    Some(best) => best.or_graver(Approval { level, decision, terms, since }),
                });
            }
            Err(refusal) => refusals.add(refusal),
        }
    }
    best.ok_or_else(|| refusals.first.unwrap_or(NotApproved::NoRules))
}

impl Approval<'_, '_> {
    /// The higher level and the graver publication, which may come from two rules.
    pub(super) fn or_graver(self, other: Self) -> Self {
        let (high, low) = match other.level > self.level {
            true => (other, self),
            false => (self, other),
        };
        match low.terms.gravity() > high.terms.gravity() {
            true => Self { terms: low.terms, ..high },
            false => high,
        }
    }
}

fn gravest<'v, 'f: 'v>(terms: impl Iterator<Item = &'v Terms<'f>>) -> Option<&'v Terms<'f>> {
    terms.reduce(|best, next| if next.gravity() > best.gravity() { next } else { best })
}

/// Whether some rule approves a publication now.
pub(super) fn is_approved_by_rule(frame: &Frame<'_>, terms: &Terms<'_>) -> bool {
    approve_terms(frame, terms).is_ok()
}

type RuleApproval = (ComplianceLevel, usize, Option<Timestamp>);

fn approve_terms(frame: &Frame<'_>, terms: &Terms<'_>) -> Result<RuleApproval, NotApproved> {
    let properties = &terms.properties;
    if let Some(filter) = properties.mismatch(&frame.rules.global_filters.patch_filters) {
        return Err(NotApproved::GlobalFilter { key: filter.key, property: properties.in_words(filter.key) });
    }
    let mut best: Option<RuleApproval> = None;
    let mut refusals = Refusals::default();
    for (index, rule) in frame.rules.approval_rules.patch_rules.iter().enumerate() {
        match apply(frame, index, rule, terms) {
            Ok(since) if best.is_none_or(|(level, ..)| rule.compliance_level > level) => {
                best = Some((rule.compliance_level, index, since));
            }
            Ok(_) => {}
            Err(refusal) => refusals.add(refusal),
        }
    }
    best.ok_or_else(|| refusals.first.unwrap_or(NotApproved::NoRules))
}

fn apply(
    frame: &Frame<'_>,
    index: usize,
    rule: &Rule,
    terms: &Terms<'_>,
) -> Result<Option<Timestamp>, NotApproved> {
    let mismatch = terms.properties.mismatch(&rule.filters.patch_filters).map(|filter| filter.key);
    if let Some(key) = mismatch.or_else(|| unsaid_patch_set(frame.operating_system, rule, terms)) {
        return Err(NotApproved::NoRuleMatches {
            rule: index,
            key,
            property: terms.properties.in_words(key),
        });
    }
    if is_outside_security(frame, terms) && !rule.enable_non_security {
        return Err(NotApproved::OutsideSecurity { rule: Some(index) });
    }
    approved_since(frame, index, rule.approval.as_ref(), terms.release)
}

/// Where nothing is published as security content, nothing is outside of it either.
fn is_outside_security(frame: &Frame<'_>, terms: &Terms<'_>) -> bool {
    terms.is_outside_security && frame.operating_system.family().tells_security_apart()
}

/// A Windows rule that names no patch set is about the system's.
fn unsaid_patch_set(os: OperatingSystem, rule: &Rule, terms: &Terms<'_>) -> Option<FilterKey> {
    let says = rule.filters.patch_filters.iter().any(|filter| filter.key == FilterKey::PatchSet);
    let is_foreign = os == OperatingSystem::Windows && !says && terms.properties.patch_set != "OS";
    is_foreign.then_some(FilterKey::PatchSet)
}

/// The date condition of a rule whose filters match.
fn approved_since(
    frame: &Frame<'_>,
    rule: usize,
    approval: Option<&ApprovalDate>,
    release: Release,
) -> Result<Option<Timestamp>, NotApproved> {
    // The Debian family has no dates; what a rule says of them does not count.
    let Some(approval) = approval.filter(|_| frame.operating_system.family() != Family::Debian) else {
        return Ok(None);
    };
    match release {
        Release::Undated => Ok(None),
        Release::Unreadable => Err(NotApproved::NoReadableDate { rule }),
        Release::Dated { at, .. } => match approval.approved_at(at) {
            None => Err(NotApproved::ReleasedTooLate { rule, released_at: at }),
            Some(approved_at) if approved_at > frame.conditions.now => {
                Err(NotApproved::ApprovedLater { rule, at: approved_at })
            }
            Some(approved_at) => Ok(Some(approved_at)),
        },
    }
}

/// Keeps what says most: of equal kinds the first, of two dates the earlier.
#[derive(Default)]
pub(super) struct Refusals {
    pub first: Option<NotApproved>,
}

impl Refusals {
    pub(super) fn add(&mut self, refusal: NotApproved) {
        let is_better = match (&self.first, &refusal) {
            (None, _) => true,
            (Some(NotApproved::ApprovedLater { at: known, .. }), NotApproved::ApprovedLater { at, .. }) => {
                at < known
            }
            (Some(known), new) => says(new) > says(known),
        };
        if is_better {
            self.first = Some(refusal);
        }
    }
}

/// How near the patch came to being approved.
fn says(refusal: &NotApproved) -> u8 {
    match refusal {
        NotApproved::ApprovedLater { .. } => 7,
        NotApproved::ReleasedTooLate { .. } => 6,
        NotApproved::NoReadableDate { .. } => 5,
        NotApproved::OutsideSecurity { .. } => 4,
        NotApproved::Rejected { .. } => 3,
        NotApproved::NoRuleMatches { .. } => 2,
        NotApproved::GlobalFilter { .. } => 1,
        NotApproved::NoCandidate
        | NotApproved::NotOffered
        | NotApproved::Downgrade
        | NotApproved::NoRules => 0,
    }
}
