//! How a node stands at a glance. Unknown is never compliant, and what is old is not called by what it once was.
//! The whole of why is `explain`'s.

use api::Timestamp;

use crate::compliance::ComplianceStatus;
use crate::explain::STALE_AFTER_SECONDS;
use crate::patch::PatchCounts;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    NonCompliant,
    /// Its newest report is older than a week.
    Stale,
    /// It has never reported, or could not look.
    Unknown,
    Compliant,
}

/// The worst that is with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorstState {
    Failed,
    Missing,
    InstalledRejected,
    InstalledPendingReboot,
    /// Not compliant for another reason: a security update that the baseline does not approve yet.
    AvailableSecurityUpdate,
    Stale,
    Unknown,
    Compliant,
}

impl Standing {
    pub const ALL: [Self; 4] = [Self::NonCompliant, Self::Stale, Self::Unknown, Self::Compliant];

    /// By a node's newest report: its numbers, and when it was captured.
    pub fn of(report: Option<(&PatchCounts, Timestamp)>, now: Timestamp) -> Self {
        match report {
            None => Self::Unknown,
            Some((counts, _)) if counts.installed < 0 => Self::Unknown,
            Some((_, captured_at)) if now.millis_since(captured_at) > STALE_AFTER_SECONDS * 1000 => {
                Self::Stale
            }
            Some((counts, _)) => match counts.status() {
                ComplianceStatus::Compliant => Self::Compliant,
                ComplianceStatus::NonCompliant => Self::NonCompliant,
            },
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::NonCompliant => "NON_COMPLIANT",
            Self::Stale => "STALE",
            Self::Unknown => "UNKNOWN",
            Self::Compliant => "COMPLIANT",
        }
    }
}

impl WorstState {
    pub fn of(report: Option<(&PatchCounts, Timestamp)>, now: Timestamp) -> Self {
        let counts = match (Standing::of(report, now), report) {
            (Standing::NonCompliant, Some((counts, _))) => counts,
            (Standing::NonCompliant | Standing::Unknown, _) => return Self::Unknown,
            (Standing::Stale, _) => return Self::Stale,
            (Standing::Compliant, _) => return Self::Compliant,
        };
        let by_state = [
            (counts.failed, Self::Failed),
            (counts.missing, Self::Missing),
            (counts.installed_rejected, Self::InstalledRejected),
            (counts.installed_pending_reboot, Self::InstalledPendingReboot),
        ];
        let found = by_state.into_iter().find(|(count, _)| *count > 0);
        found.map_or(Self::AvailableSecurityUpdate, |(_, state)| state)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "FAILED",
            Self::Missing => "MISSING",
            Self::InstalledRejected => "INSTALLED_REJECTED",
            Self::InstalledPendingReboot => "INSTALLED_PENDING_REBOOT",
            Self::AvailableSecurityUpdate => "AVAILABLE_SECURITY_UPDATE",
            Self::Stale => "STALE",
            Self::Unknown => "UNKNOWN",
            Self::Compliant => "COMPLIANT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standings() {
        let now = Timestamp::from_seconds(10_000_000);
        let check = |change: fn(&mut PatchCounts), age_seconds: i64, standing: &str, worst: &str| {
            let mut counts = PatchCounts { installed: 7, ..PatchCounts::default() };
            change(&mut counts);
            let report = Some((&counts, now.plus_seconds(-age_seconds)));
            let found = (Standing::of(report, now).as_str(), WorstState::of(report, now).as_str());
            assert_eq!(found, (standing, worst), "{counts:?} {age_seconds}");
        };
        check(|_| {}, 0, "COMPLIANT", "COMPLIANT");
        check(|_| {}, STALE_AFTER_SECONDS, "COMPLIANT", "COMPLIANT");
        check(|_| {}, STALE_AFTER_SECONDS + 1, "STALE", "STALE");
        check(|c| c.missing = 3, STALE_AFTER_SECONDS + 1, "STALE", "STALE");
        check(|c| c.missing = 3, 60, "NON_COMPLIANT", "MISSING");
        check(|c| (c.missing, c.failed) = (3, 1), 60, "NON_COMPLIANT", "FAILED");
        check(|c| c.installed_rejected = 1, 60, "NON_COMPLIANT", "INSTALLED_REJECTED");
        check(|c| c.installed_pending_reboot = 1, 60, "NON_COMPLIANT", "INSTALLED_PENDING_REBOOT");
        check(|c| c.security_non_compliant = 1, 60, "NON_COMPLIANT", "AVAILABLE_SECURITY_UPDATE");
        check(|c| *c = PatchCounts::unknown(), 60, "UNKNOWN", "UNKNOWN");
        assert_eq!(Standing::of(None, now), Standing::Unknown);
        assert_eq!(WorstState::of(None, now), WorstState::Unknown);
    }
}
