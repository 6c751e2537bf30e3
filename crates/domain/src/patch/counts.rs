//! A node's numbers: items per state, and non-compliant ones by what they are.
//! Source: spec patch-manager 1.9 and 3.3.

use serde::{Deserialize, Serialize};

use crate::compliance::{ComplianceLevel, ComplianceStatus};

use super::{PatchState, Verdict, is_security_classification};

/// Signed, because agents report -1 for what they could not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchCounts {
    pub installed: i64,
    pub installed_other: i64,
    pub installed_pending_reboot: i64,
    pub installed_rejected: i64,
    pub missing: i64,
    pub failed: i64,
    pub not_applicable: i64,
    pub unreported_not_applicable: i64,
    pub available_security_update: i64,
    /// Non-compliant items of compliance level CRITICAL; may overlap with the security ones.
    pub critical_non_compliant: i64,
    /// Non-compliant items classified as security, available ones included where the baseline wants that.
    pub security_non_compliant: i64,
    /// Non-compliant items that are neither.
    pub other_non_compliant: i64,
}

impl PatchCounts {
    pub(super) fn of(verdicts: &[Verdict]) -> Self {
        let mut counts = Self::default();
        verdicts.iter().for_each(|verdict| counts.add_verdict(verdict));
        counts
    }

    pub(super) fn add_verdict(&mut self, verdict: &Verdict) {
        let Verdict { state, status, compliance_level, classification, .. } = verdict;
        self.add_judged(*state, *status, *compliance_level, classification);
    }

    /// Of a run that could not look.
    pub fn unknown() -> Self {
        Self {
            installed: -1,
            installed_other: -1,
            installed_pending_reboot: -1,
            installed_rejected: -1,
            missing: -1,
            failed: -1,
            not_applicable: -1,
            unreported_not_applicable: -1,
            available_security_update: -1,
            critical_non_compliant: -1,
            security_non_compliant: -1,
            other_non_compliant: -1,
        }
    }

    /// Counts one item. An available security update counts as available only.
    pub fn add(&mut self, state: PatchState, level: ComplianceLevel, classification: &str) {
        let status = state.is_non_compliant().then_some(ComplianceStatus::NonCompliant);
        self.add_judged(state, status, level, classification);
    }

    /// Counts one item whose status is known, which says how an available security update is judged.
    pub fn add_judged(
        &mut self,
        state: PatchState,
        status: Option<ComplianceStatus>,
        level: ComplianceLevel,
        classification: &str,
    ) {
        *self.of_state_mut(state) += 1;
        if status != Some(ComplianceStatus::NonCompliant) {
            return;
        }
        let is_critical = level == ComplianceLevel::Critical;
        let is_security = is_security_classification(classification);
        self.critical_non_compliant += i64::from(is_critical);
        self.security_non_compliant += i64::from(is_security);
        self.other_non_compliant += i64::from(!is_critical && !is_security);
    }

    /// Without one item that was counted.
    pub(super) fn without(self, verdict: &Verdict) -> Self {
        let mut one = Self::default();
        one.add_verdict(verdict);
        Self {
            installed: self.installed - one.installed,
            installed_other: self.installed_other - one.installed_other,
            installed_pending_reboot: self.installed_pending_reboot - one.installed_pending_reboot,
            installed_rejected: self.installed_rejected - one.installed_rejected,
            missing: self.missing - one.missing,
            failed: self.failed - one.failed,
            not_applicable: self.not_applicable - one.not_applicable,
            unreported_not_applicable: self.unreported_not_applicable,
            available_security_update: self.available_security_update - one.available_security_update,
            critical_non_compliant: self.critical_non_compliant - one.critical_non_compliant,
            security_non_compliant: self.security_non_compliant - one.security_non_compliant,
            other_non_compliant: self.other_non_compliant - one.other_non_compliant,
        }
    }

    /// Items that break compliance in every baseline.
    pub fn non_compliant(&self) -> i64 {
        self.missing + self.failed + self.installed_rejected + self.installed_pending_reboot
    }

    /// An available security update that breaks compliance shows in the security count alone.
    pub fn status(&self) -> ComplianceStatus {
        let by_kind = [self.critical_non_compliant, self.security_non_compliant, self.other_non_compliant];
        match self.non_compliant() > 0 || by_kind.into_iter().any(|count| count > 0) {
            true => ComplianceStatus::NonCompliant,
            false => ComplianceStatus::Compliant,
        }
    }

    fn of_state_mut(&mut self, state: PatchState) -> &mut i64 {
        match state {
            PatchState::Installed => &mut self.installed,
            PatchState::InstalledOther => &mut self.installed_other,
            PatchState::InstalledPendingReboot => &mut self.installed_pending_reboot,
            PatchState::InstalledRejected => &mut self.installed_rejected,
            PatchState::Missing => &mut self.missing,
            PatchState::NotApplicable => &mut self.not_applicable,
            PatchState::Failed => &mut self.failed,
            PatchState::AvailableSecurityUpdate => &mut self.available_security_update,
        }
    }
}
