//! The heart: what a baseline says about a node's packages. One function for every system: each family's module
//! (`apt`, `rpm`, `plain`, `windows`, `macos`) makes items of facts, `table` judges them.
//! Source: spec patch-manager 1.5 and 3.

use std::collections::BTreeSet;

use api::Timestamp;
use serde::{Deserialize, Serialize};

use crate::baseline::BaselineRules;
use crate::compliance::{ComplianceLevel, ComplianceStatus};
use crate::facts::{FactSet, Observation};
use crate::os::{DetectedSystem, Family, OperatingSystem};

use super::item::{Frame, Item};
use super::{PatchCounts, Verdict, apt, macos, plain, rpm, table, version_apk, version_pacman, windows};

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
}

/// One verdict per installed package or reported update, sorted by name and architecture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    pub operating_system: OperatingSystem,
    /// What filters on PRODUCT were compared with.
    pub product: String,
    pub counts: PatchCounts,
    pub verdicts: Vec<Verdict>,
    /// Entries of the approved list that name nothing installed; on Windows they are verdicts.
    pub not_applicable: Vec<String>,
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
    let products = product_names(operating_system, &product);
    let products = products.as_slice();
    let frame = Frame { rules, facts, observation, conditions, operating_system, products };
    let (mut verdicts, not_applicable) = judge_all(&frame);
    verdicts.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
    let mut counts = PatchCounts::of(&verdicts);
    counts.not_applicable += i64::try_from(not_applicable.len()).unwrap_or(i64::MAX);
    if matches!(operating_system.family(), Family::Rpm | Family::Suse) {
        counts.not_applicable += rpm::absent_count(&frame);
    }
    Ok(Evaluation { operating_system, product, counts, verdicts, not_applicable })
}

/// The verdicts, and the approved entries that name nothing here.
fn judge_all(frame: &Frame<'_>) -> (Vec<Verdict>, Vec<String>) {
    let packages = || frame.facts.packages.iter();
    match frame.operating_system.family() {
        Family::Debian => {
            let reader = apt::Reader::new(frame);
            let verdicts = packages().filter_map(|package| table::judge(frame, &reader.item(package)));
            (verdicts.collect(), apt::not_applicable(frame.rules, frame.facts))
        }
        Family::Rpm | Family::Suse => {
            let verdicts = packages().filter_map(|package| table::judge(frame, &rpm::item(frame, package)));
            let verdicts = verdicts.map(|verdict| rpm::with_live_patches(frame, verdict));
            (verdicts.collect(), rpm::not_applicable(frame))
        }
        Family::Windows => (judge_items(frame, &windows::items(frame)), Vec::new()),
        Family::MacOs => (judge_items(frame, &macos::items(frame)), Vec::new()),
        Family::Alpine => judge_plain(frame, version_apk::is_newer),
        Family::Arch => judge_plain(frame, version_pacman::is_newer),
    }
}

fn judge_plain(frame: &Frame<'_>, is_newer: fn(&str, &str) -> bool) -> (Vec<Verdict>, Vec<String>) {
    let items = frame.facts.packages.iter().map(|package| plain::item(frame, package, is_newer));
    let verdicts = items.filter_map(|item| table::judge(frame, &item));
    (verdicts.collect(), plain::not_applicable(frame))
}

fn judge_items<'f>(frame: &Frame<'f>, items: &[Item<'f>]) -> Vec<Verdict> {
    items.iter().filter_map(|item| table::judge(frame, item)).collect()
}

/// The product, and how filters may write it besides: its major version alone on yum and dnf systems, `.x` for any
/// minor one on macOS.
pub(super) fn product_names(os: OperatingSystem, product: &str) -> Vec<String> {
    let mut names = vec![product.to_owned()];
    match (os.family(), product.rsplit_once('.')) {
        (Family::Rpm, Some((major, _))) => names.push(major.to_owned()),
        (Family::Rpm, None) => names.push(format!("{product}.0")),
        (Family::MacOs, _) => {
            // MacOS14.5.1 is one of MacOS14.x, MacOS10.15.7 one of MacOS10.15.x.
            let parts: Vec<&str> = product.split('.').collect();
            let kept = if parts[0].ends_with("OS10") { 2 } else { 1 };
            names.push(format!("{}.x", parts[..kept.min(parts.len())].join(".")));
        }
        _ => {}
    }
    names
}

impl Evaluation {
    pub fn status(&self) -> ComplianceStatus {
        self.counts.status()
    }

    pub fn non_compliant(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.is_non_compliant())
    }

    /// The highest level among what is non-compliant; UNSPECIFIED when nothing is.
    pub fn non_compliant_severity(&self) -> ComplianceLevel {
        self.non_compliant().map(|verdict| verdict.compliance_level).max().unwrap_or_default()
    }
}
