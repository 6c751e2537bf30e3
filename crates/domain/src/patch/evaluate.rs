//! The heart: what a baseline says about a node's packages. One function for every system;
//! candidates and their properties come from the family's module (`apt`).
//! Source: spec patch-manager 1.5 and 3.

use std::collections::BTreeSet;

use api::Timestamp;
use serde::{Deserialize, Serialize};

use crate::baseline::BaselineRules;
use crate::compliance::{ComplianceLevel, ComplianceStatus};
use crate::facts::{FactSet, Observation};
use crate::os::{DetectedSystem, Family, OperatingSystem};

use super::{PatchState, Verdict, apt};

/// What is neither rule nor fact: the moment, and what patching did before.
#[derive(Clone, Copy, Debug)]
pub struct Conditions<'a> {
    pub now: Timestamp,
    /// What our own runs installed since the last boot.
    pub installed_by_us: &'a BTreeSet<InstalledPackage>,
    pub pending_scope: PendingScope,
}

static NOTHING: BTreeSet<InstalledPackage> = BTreeSet::new();

impl Conditions<'static> {
    /// Nothing installed by us, pending counted whoever installed it.
    pub fn at(now: Timestamp) -> Self {
        Self { now, installed_by_us: &NOTHING, pending_scope: PendingScope::Any }
    }
}

/// Whose installations wait for a reboot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PendingScope {
    #[default]
    Any,
    PatchManager,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InstalledPackage {
    pub name: String,
    pub arch: String,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    #[error("`{id} {version}` is not an operating system that baselines are written for")]
    UnknownSystem { id: String, version: String },
    #[error("the baseline is for {baseline}, the node runs {node}")]
    OtherSystem { baseline: OperatingSystem, node: OperatingSystem },
    #[error("facts of {0} cannot be evaluated by this version")]
    NotSupported(OperatingSystem),
}

/// One verdict per installed package, sorted by name and architecture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    pub operating_system: OperatingSystem,
    /// What filters on PRODUCT were compared with.
    pub product: String,
    pub counts: PatchCounts,
    pub verdicts: Vec<Verdict>,
    /// Entries of the approved list that name nothing installed.
    pub not_applicable: Vec<String>,
}

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
    /// Non-compliant items classified as security.
    pub security_non_compliant: i64,
    /// Non-compliant items that are neither.
    pub other_non_compliant: i64,
}

/// The same for every order of packages; `facts` and `observation` are one scan's.
pub fn evaluate(
    rules: &BaselineRules,
    facts: &FactSet,
    observation: &Observation,
    conditions: &Conditions<'_>,
) -> Result<Evaluation, EvaluateError> {
    let DetectedSystem { operating_system, product } =
        OperatingSystem::detect(&facts.os).ok_or_else(|| EvaluateError::UnknownSystem {
            id: facts.os.id.clone(),
            version: facts.os.version_id.clone(),
        })?;
    if rules.operating_system != operating_system {
        let baseline = rules.operating_system;
        return Err(EvaluateError::OtherSystem { baseline, node: operating_system });
    }
    let mut verdicts = match operating_system.family() {
        Family::Debian => apt::Judge::new(rules, &product, facts, observation, conditions).verdicts(),
        Family::Rpm | Family::Suse | Family::Windows | Family::MacOs => {
            return Err(EvaluateError::NotSupported(operating_system));
        }
    };
    verdicts.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
    let not_applicable = apt::not_applicable(rules, facts);
    let counts = PatchCounts::of(&verdicts, not_applicable.len());
    Ok(Evaluation { operating_system, product, counts, verdicts, not_applicable })
}

impl Evaluation {
    pub fn status(&self) -> ComplianceStatus {
        self.counts.status()
    }

    pub fn non_compliant(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.state.is_non_compliant())
    }

    /// The highest level among what is non-compliant; UNSPECIFIED when nothing is.
    pub fn non_compliant_severity(&self) -> ComplianceLevel {
        self.non_compliant().map(|verdict| verdict.compliance_level).max().unwrap_or_default()
    }
}

impl PatchCounts {
    fn of(verdicts: &[Verdict], not_applicable: usize) -> Self {
        let mut counts = Self::default();
        for verdict in verdicts {
            counts.add(verdict.state, verdict.compliance_level, &verdict.classification);
        }
        counts.not_applicable += i64::try_from(not_applicable).unwrap_or(i64::MAX);
        counts
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
        let count = match state {
            PatchState::Installed => &mut self.installed,
            PatchState::InstalledOther => &mut self.installed_other,
            PatchState::InstalledPendingReboot => &mut self.installed_pending_reboot,
            PatchState::InstalledRejected => &mut self.installed_rejected,
            PatchState::Missing => &mut self.missing,
            PatchState::NotApplicable => &mut self.not_applicable,
            PatchState::Failed => &mut self.failed,
            PatchState::AvailableSecurityUpdate => &mut self.available_security_update,
        };
        *count += 1;
        if !state.is_non_compliant() {
            return;
        }
        let is_critical = level == ComplianceLevel::Critical;
        let is_security = is_security_classification(classification);
        self.critical_non_compliant += i64::from(is_critical);
        self.security_non_compliant += i64::from(is_security);
        self.other_non_compliant += i64::from(!is_critical && !is_security);
    }

    /// Items that break compliance in every baseline.
    pub fn non_compliant(&self) -> i64 {
        self.missing + self.failed + self.installed_rejected + self.installed_pending_reboot
    }

    pub fn status(&self) -> ComplianceStatus {
        match self.non_compliant() > 0 {
            true => ComplianceStatus::NonCompliant,
            false => ComplianceStatus::Compliant,
        }
    }
}

fn is_security_classification(text: &str) -> bool {
    text.eq_ignore_ascii_case("Security") || text.eq_ignore_ascii_case("SecurityUpdates")
}
