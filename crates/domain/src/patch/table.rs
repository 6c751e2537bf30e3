//! The decision table: from an item and what the baseline approves of it to its state, with the proof. The same for
//! every family; what differs between them stands in their items.
//! Source: spec patch-manager 1.5, 1.7, 1.9 and 3.1.

use crate::baseline::RejectedPatchesAction;
use crate::compliance::{ComplianceLevel, ComplianceStatus};
use crate::os::OperatingSystem;

use super::approve::{Approval, Refusals, approve, approve_by_rule};
use super::evaluate::{InstalledPackage, PendingScope};
use super::item::{Frame, Installed, Item, Place, Release, Terms, Version};
use super::{
    Candidate, Dated, Decision, HiddenFix, HiddenFixCause, NotApproved, PatchState, Restriction, Upcoming,
    Verdict, words,
};

/// `None`: nothing to report about it.
pub(super) fn judge<'f>(frame: &Frame<'f>, item: &Item<'f>) -> Option<Verdict> {
    let rejected = item.names.entry(&frame.rules.rejected_patches);
    let (row, reach) = match rejected {
        Some(entry) => (rejected_row(frame, item, entry)?, None),
        None => {
            let reach = Reach::of(frame, item);
            (reach.row(frame, item)?, Some(reach))
        }
    };
    let reach = reach.unwrap_or_default();
    let candidate = candidate(item, reach.fix.as_ref().map(|(at, _)| *at));
    let headline = row.terms.or_else(|| headline(item, candidate));
    let dated = |terms: &Terms<'_>| match terms.release {
        Release::Dated { by, at } => Some(Dated { by, at }),
        Release::Undated | Release::Unreadable => None,
    };
    Some(Verdict {
        name: item.name.to_owned(),
        arch: item.arch.to_owned(),
        title: item.title.to_owned(),
        installed_version: item.installed.map(|installed| installed.version).unwrap_or_default().to_owned(),
        installed_at: item.installed.and_then(|installed| installed.at),
        state: row.state,
        status: status(frame, row.state),
        compliance_level: row.level,
        classification: headline
            .map_or("", |t| words::classification(t.properties.classification))
            .to_owned(),
        severity: headline.map_or("", |t| words::severity(t.properties.severity)).to_owned(),
        advisory: headline.and_then(|terms| terms.advisory).map(str::to_owned),
        dated: headline.and_then(dated),
        approved_at: row.since,
        cve_ids: match (row.state, &reach.fix) {
            (PatchState::Missing, Some((at, _))) => cve_ids(&item.versions[*at..]),
            _ => Vec::new(),
        },
        candidate: candidate.filter(|_| item.obstacle != Some(NotApproved::NoCandidate)).map(Candidate::of),
        decision: row.decision,
        restrictions: item.restrictions.clone(),
        hidden_fix: match row.state {
            PatchState::Missing => reach.unavailable,
            _ => item.hidden_fix.clone().or(reach.unavailable),
        },
        upcoming: reach.upcoming,
    })
}

/// What one row of the table says.
struct Row<'v, 'f> {
    state: PatchState,
    level: ComplianceLevel,
    decision: Decision,
    terms: Option<&'v Terms<'f>>,
    since: Option<api::Timestamp>,
}

impl<'v, 'f> Row<'v, 'f> {
    fn approved(state: PatchState, approval: &Approval<'v, 'f>) -> Self {
        Self {
            state,
            level: approval.level,
            decision: approval.decision.clone(),
            terms: Some(approval.terms),
            since: approval.since,
        }
    }

    fn unapproved(state: PatchState, decision: Decision) -> Self {
        Self { state, level: ComplianceLevel::Unspecified, decision, terms: None, since: None }
    }
}

/// Rows 2 to 4.
fn rejected_row<'v, 'f>(frame: &Frame<'f>, item: &'v Item<'f>, entry: &str) -> Option<Row<'v, 'f>> {
    item.installed?;
    let also_approved_by = item.names.entry(&frame.rules.approved_patches).map(str::to_owned);
    let decision = Decision::RejectedByList { entry: entry.to_owned(), also_approved_by };
    let row = match frame.rules.rejected_patches_action {
        RejectedPatchesAction::AllowAsDependency => Row::unapproved(PatchState::InstalledOther, decision),
        RejectedPatchesAction::Block => {
            let approvals = item.obstacle.is_none().then_some(&item.versions).into_iter().flatten();
            let levels =
                approvals.filter_map(|version| approve_by_rule(frame, version).ok()).map(|a| a.level);
            let level = levels.max().unwrap_or_default();
            Row { level, ..Row::unapproved(PatchState::InstalledRejected, decision) }
        }
    };
    Some(row)
}

/// What of an item the baseline reaches.
#[derive(Default)]
struct Reach<'v, 'f> {
    /// The highest approved version that can be installed, by its place in the list. Its level and publication are
    /// the gravest of all approved versions up to it, since it brings their fixes too.
    fix: Option<(usize, Approval<'v, 'f>)>,
    /// The highest approved version that is there.
    present: Option<Approval<'v, 'f>>,
    inapplicable: Option<Approval<'v, 'f>>,
    /// An approved version above the fix that no repository has.
    unavailable: Option<HiddenFix>,
    upcoming: Option<Upcoming>,
    refusal: Option<NotApproved>,
}

impl<'v, 'f> Reach<'v, 'f> {
    fn of(frame: &Frame<'f>, item: &'v Item<'f>) -> Self {
        let mut reach = Self::default();
        if item.obstacle.is_some() {
            reach.refusal = item.obstacle.clone();
            return reach;
        }
        let (mut of_offers, mut of_present) = (Refusals::default(), Refusals::default());
        for (at, version) in item.versions.iter().enumerate() {
            let refusals = match version.place {
                Place::Present | Place::Inapplicable => &mut of_present,
                Place::Offered | Place::Unavailable => &mut of_offers,
            };
            match unless_rejected(frame, version) {
                Ok(approval) => reach.take(at, version, approval),
                Err(refusal) => {
                    reach.note_upcoming(version, &refusal);
                    refusals.add(refusal);
                }
            }
        }
        reach.refusal = of_offers.first.or(of_present.first);
        reach
    }

    fn take(&mut self, at: usize, version: &Version<'_>, approval: Approval<'v, 'f>) {
        match version.place {
            Place::Offered => {
                self.fix = Some(match self.fix.take() {
                    None => (at, approval),
                    Some((highest, known)) => (highest, known.or_graver(approval)),
                });
            }
            Place::Present => {
                self.present.get_or_insert(approval);
            }
            Place::Inapplicable => {
                self.inapplicable.get_or_insert(approval);
            }
            Place::Unavailable if self.fix.is_none() && self.unavailable.is_none() => {
                self.unavailable = version.repository.map(|repository| HiddenFix {
                    version: version.version.to_owned(),
                    repository,
                    cause: HiddenFixCause::NotOffered,
                });
            }
            Place::Unavailable => {}
        }
    }

    /// The soonest approval of a version that can be installed and is above the fix.
    fn note_upcoming(&mut self, version: &Version<'_>, refusal: &NotApproved) {
        let NotApproved::ApprovedLater { rule, at } = refusal else { return };
        let is_sooner = self.upcoming.as_ref().is_none_or(|known| *at < known.at);
        if version.place == Place::Offered && self.fix.is_none() && is_sooner {
            let gravest = version.terms.iter().max_by_key(|terms| terms.gravity());
            self.upcoming = Some(Upcoming {
                version: version.version.to_owned(),
                rule: *rule,
                at: *at,
                advisory: gravest.and_then(|terms| terms.advisory).map(str::to_owned),
                classification: gravest
                    .map_or("", |terms| words::classification(terms.properties.classification))
                    .to_owned(),
            });
        }
    }

    /// Row 1, and rows 5 to 11.
    fn row(&self, frame: &Frame<'f>, item: &'v Item<'f>) -> Option<Row<'v, 'f>> {
        let refused = || {
            let because = self.refusal.clone().unwrap_or(NotApproved::NotOffered);
            Decision::NotApproved { because }
        };
        if let Some((_, approval)) = &self.fix {
            return Some(Row::approved(PatchState::Missing, approval));
        }
        if let Some(installed) = item.installed {
            let is_pending = is_in_effect_later(frame, &installed);
            let by_us = is_pending && is_installed_by_us(frame, item, &installed);
            let any = by_us || frame.conditions.pending_scope == PendingScope::Any;
            // Row 1, as far as the package database remembers it: an installation that was never finished.
            let is_half_done = item.restrictions.iter().any(Restriction::is_half_done);
            return Some(match &self.present {
                Some(approval) if is_half_done => Row::approved(PatchState::Failed, approval),
                None if is_half_done && by_us => Row::unapproved(PatchState::Failed, refused()),
                Some(approval) if is_pending && any => {
                    Row::approved(PatchState::InstalledPendingReboot, approval)
                }
                Some(approval) => Row::approved(PatchState::Installed, approval),
                None if by_us => Row::unapproved(PatchState::InstalledPendingReboot, refused()),
                None => Row::unapproved(PatchState::InstalledOther, refused()),
            });
        }
        if let Some(approval) = &self.inapplicable {
            return Some(Row::approved(PatchState::NotApplicable, approval));
        }
        let is_available_security = frame.operating_system == OperatingSystem::Windows
            && item.versions.iter().any(is_offered_security_update);
        is_available_security.then(|| Row::unapproved(PatchState::AvailableSecurityUpdate, refused()))
    }
}

fn unless_rejected<'v, 'f>(
    frame: &Frame<'_>,
    version: &'v Version<'f>,
) -> Result<Approval<'v, 'f>, NotApproved> {
    match version.names.entry(&frame.rules.rejected_patches) {
        Some(entry) => Err(NotApproved::Rejected { entry: entry.to_owned() }),
        None => approve(frame, version),
    }
}

fn is_offered_security_update(version: &Version<'_>) -> bool {
    let is_security =
        |terms: &Terms<'_>| terms.properties.classification.eq_ignore_ascii_case("SecurityUpdates");
    version.place == Place::Offered && version.terms.iter().any(is_security)
}

/// Installed since the last boot, or waiting for a restart by its own word.
fn is_in_effect_later(frame: &Frame<'_>, installed: &Installed<'_>) -> bool {
    let is_since_boot = match (installed.at, frame.observation.booted_at) {
        (Some(installed_at), Some(booted_at)) => installed_at > booted_at,
        _ => false,
    };
    is_since_boot || installed.awaits_restart
}

fn is_installed_by_us(frame: &Frame<'_>, item: &Item<'_>, installed: &Installed<'_>) -> bool {
    if frame.conditions.installed_by_us.is_empty() {
        return false;
    }
    frame.conditions.installed_by_us.contains(&InstalledPackage {
        name: item.name.to_owned(),
        arch: item.arch.to_owned(),
        version: installed.version.to_owned(),
    })
}

/// An available security update breaks compliance unless the baseline says that it does not.
fn status(frame: &Frame<'_>, state: PatchState) -> Option<ComplianceStatus> {
    match state {
        PatchState::NotApplicable => None,
        PatchState::AvailableSecurityUpdate => Some(
            frame
                .rules
                .available_security_updates_compliance_status
                .unwrap_or(ComplianceStatus::NonCompliant),
        ),
        _ if state.is_non_compliant() => Some(ComplianceStatus::NonCompliant),
        _ => Some(ComplianceStatus::Compliant),
    }
}

/// The version that the verdict is about: the fix, else the newest that could be one, else the installed one.
fn candidate<'v, 'f>(item: &'v Item<'f>, fix: Option<usize>) -> Option<&'v Version<'f>> {
    let installed = item.installed.map(|installed| installed.version);
    let is_it = |version: &&Version<'_>| match version.place {
        Place::Offered | Place::Inapplicable => true,
        Place::Present => installed == Some(version.version),
        Place::Unavailable => false,
    };
    match fix {
        Some(at) => item.versions.get(at),
        None => item.versions.iter().find(is_it),
    }
}

/// The publication that an unapproved item is known by: the candidate's, else that of what is installed.
fn headline<'v, 'f>(item: &'v Item<'f>, candidate: Option<&'v Version<'f>>) -> Option<&'v Terms<'f>> {
    let version =
        candidate.or_else(|| item.versions.iter().find(|version| version.place == Place::Present))?;
    version.terms.iter().max_by_key(|terms| terms.gravity())
}

/// Of everything that the first of these versions brings.
fn cve_ids(versions: &[Version<'_>]) -> Vec<String> {
    let is_new = |version: &&Version<'_>| matches!(version.place, Place::Offered | Place::Unavailable);
    let terms = versions.iter().filter(is_new).flat_map(|version| &version.terms);
    let mut ids: Vec<String> = terms.flat_map(|terms| terms.cve_ids).cloned().collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

impl Candidate {
    fn of(version: &Version<'_>) -> Self {
        Self {
            version: version.version.to_owned(),
            repository: version.repository,
            from_security: version.terms.iter().any(|terms| !terms.is_outside_security),
            is_upgrade: version.place == Place::Offered,
        }
    }
}
