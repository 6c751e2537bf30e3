//! Counting by level: items of a node, or nodes of a fleet.
//! Source: spec patch-manager 3.3 and 6.2.

use api::ssm;
use serde::{Deserialize, Serialize};

use super::ComplianceLevel;

/// How many per compliance level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeverityCounts {
    pub critical: i64,
    pub high: i64,
    pub medium: i64,
    pub low: i64,
    pub informational: i64,
    pub unspecified: i64,
}

impl SeverityCounts {
    pub fn add(&mut self, level: ComplianceLevel) {
        *self.of_mut(level) += 1;
    }

    pub fn of(&self, level: ComplianceLevel) -> i64 {
        match level {
            ComplianceLevel::Critical => self.critical,
            ComplianceLevel::High => self.high,
            ComplianceLevel::Medium => self.medium,
            ComplianceLevel::Low => self.low,
            ComplianceLevel::Informational => self.informational,
            ComplianceLevel::Unspecified => self.unspecified,
        }
    }

    pub fn total(&self) -> i64 {
        ComplianceLevel::ALL.into_iter().map(|level| self.of(level)).sum()
    }

    /// The highest level counted; UNSPECIFIED when nothing is.
    pub fn worst(&self) -> ComplianceLevel {
        ComplianceLevel::ALL.into_iter().find(|level| self.of(*level) > 0).unwrap_or_default()
    }

    /// All counters, zeros included.
    pub fn to_summary(&self) -> ssm::SeveritySummary {
        let count = |count: i64| Some(i32::try_from(count).unwrap_or(i32::MAX));
        ssm::SeveritySummary {
            critical_count: count(self.critical),
            high_count: count(self.high),
            medium_count: count(self.medium),
            low_count: count(self.low),
            informational_count: count(self.informational),
            unspecified_count: count(self.unspecified),
        }
    }

    pub fn to_compliant_summary(&self) -> ssm::CompliantSummary {
        ssm::CompliantSummary {
            compliant_count: Some(i32::try_from(self.total()).unwrap_or(i32::MAX)),
            severity_summary: Some(self.to_summary()),
        }
    }

    pub fn to_non_compliant_summary(&self) -> ssm::NonCompliantSummary {
        ssm::NonCompliantSummary {
            non_compliant_count: Some(i32::try_from(self.total()).unwrap_or(i32::MAX)),
            severity_summary: Some(self.to_summary()),
        }
    }

    fn of_mut(&mut self, level: ComplianceLevel) -> &mut i64 {
        match level {
            ComplianceLevel::Critical => &mut self.critical,
            ComplianceLevel::High => &mut self.high,
            ComplianceLevel::Medium => &mut self.medium,
            ComplianceLevel::Low => &mut self.low,
            ComplianceLevel::Informational => &mut self.informational,
            ComplianceLevel::Unspecified => &mut self.unspecified,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_finds_the_worst() {
        let mut counts = SeverityCounts::default();
        assert_eq!((counts.worst(), counts.total()), (ComplianceLevel::Unspecified, 0));
        for level in ComplianceLevel::ALL {
            counts.add(level);
        }
        counts.add(ComplianceLevel::Low);
        assert_eq!((counts.worst(), counts.total(), counts.low), (ComplianceLevel::Critical, 7, 2));
        let wire = serde_json::to_string(&SeverityCounts::default().to_non_compliant_summary()).unwrap();
        assert!(wire.contains("\"NonCompliantCount\":0") && wire.contains("\"HighCount\":0"), "{wire}");
    }
}
