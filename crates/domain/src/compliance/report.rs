//! A patch report: the summary and items of one run, as inventory carries them between agent and
//! server. Any agent's reports are read; how they are kept is the store's.
//! Source: spec patch-manager 3.3 and 4.12.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use api::Timestamp;
use serde::{Deserialize, Serialize};

use crate::os::Family;
use crate::patch::version_rpm::Evr;
use crate::patch::{Evaluation, Failure, PatchCounts, PatchState, Verdict};

use super::level::UnknownWord;
use super::{ComplianceLevel, ComplianceStatus, SeverityCounts};

mod attributes;

pub use attributes::{InvalidReport, PatchReportContent};

/// Of a failure's text in a report.
const MAX_DETAIL_CHARS: usize = 1000;

/// One row of an inventory type: attribute names to text.
pub type Attributes = BTreeMap<String, String>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchReport {
    pub summary: PatchSummary,
    /// Sorted as the agent sent them; not applicable ones are usually only counted.
    pub items: Vec<PatchItem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operation {
    Scan,
    Install,
}

impl Operation {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "Scan",
            Self::Install => "Install",
        }
    }
}

impl FromStr for Operation {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "Scan" => Ok(Self::Scan),
            "Install" => Ok(Self::Install),
            _ => Err(UnknownWord { kind: "patch operation", text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a run was asked to do and in which frame it did so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFrame {
    pub operation: Operation,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// As resolved by the server: an id, or the ARN of a provided baseline.
    pub baseline_id: String,
    /// Empty when the node is in none.
    pub patch_group: String,
    pub snapshot_id: String,
    pub reboot_option: String,
    pub install_override_list: String,
    pub last_no_reboot_install_at: Option<Timestamp>,
    pub execution: Execution,
}

/// What caused the run: a command, an association, a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    pub id: String,
    /// `Command`, `PatchPolicy`; free text.
    pub kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchSummary {
    pub frame: RunFrame,
    pub counts: PatchCounts,
    pub non_compliant_severity: ComplianceLevel,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchItem {
    /// `KBId`: `name.arch`, or a KB number.
    pub id: String,
    /// `name.arch:version`, or the update's title; empty where left out.
    pub title: String,
    pub state: PatchState,
    pub classification: String,
    /// The publisher's severity.
    pub severity: String,
    pub compliance_level: ComplianceLevel,
    /// `None` for items that are neither, as not applicable ones on Windows.
    pub status: Option<ComplianceStatus>,
    pub installed_at: Option<Timestamp>,
    pub cve_ids: Vec<String>,
    /// Why it failed; empty for what did not.
    pub detailed_text: String,
    pub document_name: String,
    pub document_version: String,
}

impl PatchReport {
    /// What a run that saw this reports.
    pub fn from_evaluation(evaluation: &Evaluation, frame: RunFrame) -> Self {
        let family = evaluation.operating_system.family();
        let items =
            evaluation.verdicts.iter().map(|verdict| PatchItem::from_verdict(verdict, family)).collect();
        let summary = PatchSummary {
            frame,
            counts: evaluation.counts,
            non_compliant_severity: evaluation.non_compliant_severity(),
        };
        Self { summary, items }
    }

    /// Of a run that could not look: counts of -1 and no times, as agents print them. Never uploaded, so that the last
    /// good report stays.
    pub fn not_searched(frame: RunFrame) -> Self {
        let unknown = Timestamp::from_seconds(0);
        let frame = RunFrame { started_at: unknown, ended_at: unknown, ..frame };
        let counts = PatchCounts::unknown();
        let non_compliant_severity = ComplianceLevel::Unspecified;
        Self { summary: PatchSummary { frame, counts, non_compliant_severity }, items: Vec::new() }
    }

    /// Puts the reasons of failures to their items. They are cut, so that one tool's words do not fill a report.
    pub fn explain_failures(&mut self, failures: &BTreeMap<String, Failure>) {
        for item in &mut self.items {
            if let Some(failure) = failures.get(&item.id) {
                item.detailed_text = failure.to_string().chars().take(MAX_DETAIL_CHARS).collect();
            }
        }
    }

    pub fn status(&self) -> ComplianceStatus {
        let by_items = self.items.iter().any(|item| item.status == Some(ComplianceStatus::NonCompliant));
        match by_items {
            true => ComplianceStatus::NonCompliant,
            false => self.summary.counts.status(),
        }
    }

    /// Compliant and non-compliant items per level.
    pub fn severity_counts(&self) -> (SeverityCounts, SeverityCounts) {
        let mut counts = (SeverityCounts::default(), SeverityCounts::default());
        for item in &self.items {
            match item.status {
                Some(ComplianceStatus::Compliant) => counts.0.add(item.compliance_level),
                Some(ComplianceStatus::NonCompliant) => counts.1.add(item.compliance_level),
                None => {}
            }
        }
        counts
    }
}

impl PatchItem {
    pub const DOCUMENT_NAME: &str = "AWS-RunPatchBaseline";

    fn from_verdict(verdict: &Verdict, family: Family) -> Self {
        let full = |text: String| match verdict.state.is_reported_briefly() {
            true => String::new(),
            false => text,
        };
        Self {
            id: verdict.id(),
            title: full(title(verdict, family)),
            state: verdict.state,
            classification: full(verdict.classification.clone()),
            severity: full(verdict.severity.clone()),
            compliance_level: verdict.compliance_level,
            status: verdict.status,
            installed_at: match verdict.state {
                PatchState::Missing | PatchState::Failed => None,
                _ => verdict.installed_at,
            },
            cve_ids: match verdict.state {
                PatchState::Missing | PatchState::Failed => verdict.cve_ids.clone(),
                _ => Vec::new(),
            },
            detailed_text: String::new(),
            document_name: Self::DOCUMENT_NAME.to_owned(),
            document_version: "1".to_owned(),
        }
    }
}

/// `name.arch:version`, on rpm systems always with the epoch; an update's own title where it has one.
fn title(verdict: &Verdict, family: Family) -> String {
    let version = verdict.version();
    match (verdict.title.as_str(), family) {
        ("", Family::Rpm | Family::Suse) => {
            let evr = Evr::parse(version);
            format!("{}:{}:{}-{}", verdict.id(), evr.epoch_or_zero(), evr.version, evr.release)
        }
        ("", _) => format!("{}:{version}", verdict.id()),
        (title, _) => title.to_owned(),
    }
}
