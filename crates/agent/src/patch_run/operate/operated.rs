//! What came of a run, before it is told to anybody.

use std::collections::BTreeMap;

use api::Timestamp;
use domain::patch::transaction::{Change, Refusal, Wanted};
use domain::patch::{Evaluation, Failure};

use crate::patch_run::Gathered;

#[derive(Debug)]
pub struct Operated {
    pub seen: Gathered,
    pub evaluation: Evaluation,
    /// By item id.
    pub failures: BTreeMap<String, Failure>,
    /// Failures of what the node does not report as an item.
    pub other_failures: Vec<Refusal>,
    pub changes: Vec<Change>,
    pub warnings: Vec<Failure>,
    pub next: Next,
    pub ended_at: Timestamp,
}

/// What the run ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Finish,
    /// Ask for a restart of the machine; this step then runs again.
    Restart,
    /// The restart that was asked for does not happen.
    RestartFailed,
}

impl Operated {
    pub fn has_failed(&self) -> bool {
        !self.failures.is_empty() || !self.other_failures.is_empty() || self.next == Next::RestartFailed
    }

    /// The failures of items, as they were told.
    pub(super) fn refusals(&self) -> impl Iterator<Item = Refusal> {
        let verdicts = self.evaluation.verdicts.iter();
        verdicts.filter_map(|verdict| {
            let failure = self.failures.get(&verdict.id())?.clone();
            let version = verdict.fix_version().unwrap_or_default().to_owned();
            let wanted = Wanted { name: verdict.name.clone(), arch: verdict.arch.clone(), version };
            Some(Refusal { wanted, failure })
        })
    }
}
