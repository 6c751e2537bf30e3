//! Why a node is not compliant, or why its status misleads: causes with proof and remedy, found
//! from what the server already knows. Gathering that is the server's; judging it `patch`'s.
//! Source: spec patch-manager 8; the letters and numbers of causes are that section's.

use std::collections::BTreeMap;

use api::Timestamp;

use crate::baseline::BaselineChoice;
use crate::command::InvocationStatus;
use crate::compliance::report::Operation;
use crate::compliance::{ComplianceStatus, PatchItem, PatchSummary};
use crate::facts::{FactSet, Observation};
use crate::ids::{CommandId, NodeId};
use crate::patch::Evaluation;

mod advisories;
mod cause;
mod items;
mod misleading;
mod proof;
mod trust;
mod wire;

#[cfg(test)]
mod tests;

pub use cause::{Cause, CauseItem, CauseSeverity, Evidence, Remedy, RemedyAction};
pub use proof::proof_of;

/// A report older than this is not trusted, unless a shorter scan interval is known.
pub const STALE_AFTER_SECONDS: i64 = 7 * 86_400;

/// Everything that is known about one node; absent parts leave their causes out.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    pub node: &'a NodeView,
    pub now: Timestamp,
    /// How often the node is meant to be scanned, where that is known.
    pub scan_interval_seconds: Option<i64>,
    /// The baseline that would apply now.
    pub baseline: Option<&'a BaselineChoice>,
    /// Newest first.
    pub reports: &'a [PatchSummary],
    /// Of the newest report.
    pub items: &'a [PatchItem],
    /// Of the newest report, from agents that send facts.
    pub scan: Option<ScanView<'a>>,
    /// When the node was last seen to have other facts than those of the newest report.
    pub changed_at: Option<Timestamp>,
    /// Runs of patch documents on this node, newest first.
    pub runs: &'a [PatchRun],
    pub custom_compliance: &'a [CustomCompliance],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeView {
    pub id: NodeId,
    pub presence: Presence,
    pub last_ping_at: Option<Timestamp>,
    /// `PlatformVersion` as last reported.
    pub platform_version: Option<String>,
    /// The last boot that anybody reported.
    pub booted_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Online,
    ConnectionLost,
    Inactive,
    NotRegistered,
}

/// What the newest report was judged from.
#[derive(Clone, Copy, Debug)]
pub struct ScanView<'a> {
    pub facts: &'a FactSet,
    pub observation: &'a Observation,
    /// Of these facts, by [`Situation::baseline`].
    pub evaluation: &'a Evaluation,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchRun {
    pub command_id: CommandId,
    pub document_name: String,
    pub requested_at: Timestamp,
    pub status: InvocationStatus,
    pub parameters: BTreeMap<String, Vec<String>>,
}

impl PatchRun {
    pub fn operation(&self) -> Option<Operation> {
        self.parameter("Operation").parse().ok()
    }

    /// The one value of a parameter; empty when it was not given.
    fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).and_then(|values| values.first()).map(String::as_str).unwrap_or_default()
    }
}

/// One custom compliance type of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomCompliance {
    /// `Custom:Backup`.
    pub compliance_type: String,
    pub non_compliant_items: u32,
    pub executed_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// `None`: nothing is known.
    pub status: Option<ComplianceStatus>,
    pub captured_at: Option<Timestamp>,
    pub age_seconds: Option<i64>,
    pub staleness: Staleness,
    /// The first one is the headline.
    pub causes: Vec<Cause>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staleness {
    Fresh,
    Stale,
}

/// Finds every cause; those about trust come first, then those of non-compliance, then what is
/// compliant only by name.
pub fn explain(situation: &Situation<'_>) -> Explanation {
    let newest = situation.reports.first();
    let causes = [
        trust::causes(situation),
        items::causes(situation),
        advisories::real_causes(situation),
        misleading::causes(situation),
        advisories::hidden_causes(situation),
    ];
    Explanation {
        status: newest.map(|report| report.counts.status()),
        captured_at: newest.map(|report| report.frame.ended_at),
        age_seconds: situation.age_seconds(),
        staleness: situation.staleness(),
        causes: causes.into_iter().flatten().collect(),
    }
}

impl Situation<'_> {
    fn newest(&self) -> Option<&PatchSummary> {
        self.reports.first()
    }

    fn age_seconds(&self) -> Option<i64> {
        self.newest().map(|report| (self.now.millis_since(report.frame.ended_at) / 1000).max(0))
    }

    fn staleness(&self) -> Staleness {
        let limit = match self.scan_interval_seconds {
            Some(interval) => interval.saturating_mul(2).min(STALE_AFTER_SECONDS),
            None => STALE_AFTER_SECONDS,
        };
        match self.age_seconds() {
            Some(age) if age > limit => Staleness::Stale,
            _ => Staleness::Fresh,
        }
    }

    fn scan_command(&self) -> String {
        self.patch_command("Scan")
    }

    fn install_command(&self) -> String {
        self.patch_command("Install")
    }

    /// The document waits until the node is back.
    fn restart_command(&self) -> String {
        format!("aws ssm send-command --document-name Fettle-RestartNode --instance-ids {}", self.node.id)
    }

    fn patch_command(&self, operation: &str) -> String {
        let id = &self.node.id;
        format!(
            "aws ssm send-command --document-name AWS-RunPatchBaseline --instance-ids {id} --parameters Operation={operation}"
        )
    }
}
