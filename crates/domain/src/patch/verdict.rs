//! What was decided about one package or update, with the proof of it.
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
    /// Empty where items have none: Windows, macOS.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub arch: String,
    /// Of updates; empty where name and version say it all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Empty when it is not installed. On Windows the update's GUID.
    pub installed_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_at: Option<Timestamp>,
    pub state: PatchState,
    /// `None` for what is not applicable.
    pub status: Option<ComplianceStatus>,
    pub compliance_level: ComplianceLevel,
    /// `Security`, `Bugfix`, `SecurityUpdates`; only `Security` or empty on the Debian family.
    pub classification: String,
    /// The publisher's word; the priority on the Debian family.
    pub severity: String,
    /// The advisory that gave classification and severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advisory: Option<String>,
    /// The date that delays were counted from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated: Option<Dated>,
    /// Since when the rule approves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<Timestamp>,
    /// What the missing version closes; empty for other states and where publishers name none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cve_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Candidate>,
    pub decision: Decision,
    /// Why an installation would not take the candidate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restrictions: Vec<Restriction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_fix: Option<HiddenFix>,
    /// The soonest approval of a version above the one that is missing or installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upcoming: Option<Upcoming>,
}

impl Verdict {
    /// `name.arch` or the KB number: the item's id in reports.
    pub fn id(&self) -> String {
        match self.arch.as_str() {
            "" => self.name.clone(),
            arch => format!("{}.{arch}", self.name),
        }
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

    pub fn is_non_compliant(&self) -> bool {
        self.status == Some(ComplianceStatus::NonCompliant)
    }

    /// Its publisher calls it a security fix.
    pub fn is_security(&self) -> bool {
        is_security_classification(&self.classification)
    }
}

/// As advisories and as Windows write it.
pub fn is_security_classification(text: &str) -> bool {
    text.eq_ignore_ascii_case("Security") || text.eq_ignore_ascii_case("SecurityUpdates")
}

/// A date that rules compared, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dated {
    pub by: DateSource,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateSource {
    /// The advisory was last updated.
    Updated,
    /// The advisory was issued.
    Issued,
    /// No advisory: the package was built.
    Built,
    /// The update service released it.
    Released,
}

/// What will be approved, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upcoming {
    pub version: String,
    pub rule: usize,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advisory: Option<String>,
    pub classification: String,
}

/// The version that the package manager would take; on rpm systems the highest approved one, which need not be the
/// newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub version: String,
    /// Index into the facts' repositories: the security suite that offers it, else the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<u32>,
    /// Rules reach it without EnableNonSecurity: a security suite offers it, or an advisory lists it.
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
    /// A rule matches, and its delay ends then.
    ApprovedLater {
        rule: usize,
        at: Timestamp,
    },
    /// A rule matches up to a day that was over when it was released.
    ReleasedTooLate {
        rule: usize,
        released_at: Timestamp,
    },
    /// A rule matches, but the advisory has no date that can be read.
    NoReadableDate {
        rule: usize,
    },
    /// The version that could be installed is rejected; what is installed is not.
    Rejected {
        entry: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Restriction {
    /// A hold, a version lock, a lock.
    Held,
    /// The running kernel has the same fixes by a live patch: the newer kernel need not be booted for them.
    LivePatched { package: String },
    /// An administrator hid the update: it is never offered.
    Hidden,
    /// The publisher's phasing keeps this node from the candidate for now.
    PhasedOut { percent: Option<u8> },
    /// dpkg did not finish with it.
    Unfinished { state: PackageState },
}

impl Restriction {
    /// Its own installation has failed or was broken off: it is no installed package.
    pub fn is_half_done(&self) -> bool {
        matches!(self, Self::Unfinished { state } if !state.is_whole())
    }
}

/// A fix, newer than the installed version, that an installation does not reach.
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
    /// An advisory announces the approved version, and no enabled repository has it.
    NotOffered,
}
