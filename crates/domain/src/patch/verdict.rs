//! What was decided about one installed package, with the proof of it.
//! Making the decision is each family's module; telling it in words is `explain`'s.

use api::Timestamp;
use serde::{Deserialize, Serialize};

use crate::baseline::FilterKey;
use crate::compliance::{ComplianceLevel, ComplianceStatus};
use crate::facts::PackageState;

use super::PatchState;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub name: String,
    pub arch: String,
    pub installed_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_at: Option<Timestamp>,
    pub state: PatchState,
    pub compliance_level: ComplianceLevel,
    /// `Security`, or empty.
    pub classification: String,
    /// The publisher's word; the priority on the Debian family.
    pub severity: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Candidate>,
    pub decision: Decision,
    /// Why an installation would not take the candidate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restrictions: Vec<Restriction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_fix: Option<HiddenFix>,
}

impl Verdict {
    /// `name.arch`, the item's id in reports.
    pub fn id(&self) -> String {
        format!("{}.{}", self.name, self.arch)
    }

    /// The version whose absence makes this item missing.
    pub fn fix_version(&self) -> Option<&str> {
        match (self.state, &self.candidate) {
            (PatchState::Missing | PatchState::Failed, Some(candidate)) => Some(&candidate.version),
            _ => None,
        }
    }

    /// The version that the item is about: the missing one, else the installed one.
    pub fn version(&self) -> &str {
        self.fix_version().unwrap_or(&self.installed_version)
    }

    pub fn status(&self) -> ComplianceStatus {
        match self.state.is_non_compliant() {
            true => ComplianceStatus::NonCompliant,
            false => ComplianceStatus::Compliant,
        }
    }
}

/// The version that the package manager would take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub version: String,
    /// Index into the facts' repositories: the security suite that offers it, else the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<u32>,
    pub from_security: bool,
    /// Newer than what is installed.
    pub is_upgrade: bool,
}

/// What made the state. Rules count from zero, as in the API's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Decision {
    ApprovedByRule {
        rule: usize,
    },
    ApprovedByList {
        entry: String,
    },
    RejectedByList {
        entry: String,
        /// The entry of the approved list that names it too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        also_approved_by: Option<String>,
    },
    NotApproved {
        because: NotApproved,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum NotApproved {
    /// Pins forbid every version.
    NoCandidate,
    /// No repository offers the installed version or a newer one.
    NotOffered,
    /// The candidate is older than what is installed.
    Downgrade,
    /// A rule or the approved list wants it, but only from a security suite.
    OutsideSecurity {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<usize>,
    },
    GlobalFilter {
        key: FilterKey,
        property: String,
    },
    /// No rule matches; the filter of the first rule that does not.
    NoRuleMatches {
        rule: usize,
        key: FilterKey,
        property: String,
    },
    NoRules,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Restriction {
    Held,
    /// The publisher's phasing keeps this node from the candidate for now.
    PhasedOut {
        percent: Option<u8>,
    },
    /// dpkg did not finish with it.
    Unfinished {
        state: PackageState,
    },
}

/// A version from a security suite, newer than the installed one, that the baseline does not
/// reach because it is not the candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiddenFix {
    pub version: String,
    /// Index into the facts' repositories.
    pub repository: u32,
    pub cause: HiddenFixCause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HiddenFixCause {
    /// A still newer version outside the security suites is the candidate.
    NewerOutsideSecurity,
    /// A pin prefers an older version.
    Pinned,
}
