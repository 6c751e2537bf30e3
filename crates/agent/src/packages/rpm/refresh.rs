//! What fetching metadata anew came to, for every tool alike. Running the tool is `dnf`'s and `zypper`'s.

use api::Timestamp;
use domain::facts::{ListRefresh, Observation, RepositoryFailure};

use super::super::kept::Reading;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refresh {
    pub outcome: ListRefresh,
    pub failed: Vec<RepositoryFailure>,
}

impl Refresh {
    pub fn into_observation(self, now: Timestamp) -> Observation {
        Observation {
            captured_at: now,
            refresh: self.outcome,
            failed_repositories: self.failed,
            ..Observation::default()
        }
    }
}

impl Reading {
    /// Adds to an observation what only the reading knows.
    pub fn complete(self, mut observation: Observation) -> (domain::facts::FactSet, Observation) {
        observation.lists_updated_at = match observation.refresh {
            ListRefresh::Refreshed => Some(observation.captured_at),
            _ => self.lists_updated_at,
        };
        let failed = &mut observation.failed_repositories;
        failed.extend(self.missing_repositories);
        failed.sort_by(|left, right| left.suite.cmp(&right.suite));
        failed.dedup_by(|left, right| left.suite == right.suite);
        (self.facts, observation)
    }
}
