//! What rules would decide of a fleet: each distinct patch once, however many fact sets speak of it, with how many nodes lack it
//! and how many have it. Deciding is `evaluate`'s; which fact sets are looked at is the caller's choice.

use std::collections::{BTreeMap, BTreeSet};

use api::Timestamp;

use crate::baseline::BaselineRules;
use crate::compliance::ComplianceLevel;
use crate::facts::{FactSet, Observation};
use crate::os::Family;

use super::approve::approve;
use super::evaluate::product_names;
use super::item::{Frame, Item, Place};
use super::{
    Conditions, Decision, EvaluateError, Evaluation, NotApproved, PatchState, Verdict, evaluate, macos,
    windows, words,
};

/// In the order in which one patch's outcomes on several fact sets count: a pin or a hold of one node hides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Approved,
    ApprovedLater,
    Rejected,
    NotMatched,
}

/// One version of one package, or one update, for one product.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PatchKey {
    pub name: String,
    /// Empty where items have none: Windows, macOS.
    pub arch: String,
    /// On Windows the update's GUID.
    pub version: String,
    pub product: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previewed {
    pub outcome: Outcome,
    pub title: String,
    pub classification: String,
    pub severity: String,
    pub compliance_level: ComplianceLevel,
    pub advisory: Option<String>,
    /// The rule or entry that does it, or what stands against it; `None` where only another version was decided about.
    pub decision: Option<Decision>,
    /// Since when it is approved, or from when on.
    pub approved_at: Option<Timestamp>,
    pub nodes_lacking: u64,
    pub nodes_present: u64,
}

/// Whether the nodes of a fact set have the patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Lacking,
    Present,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    pub patches: BTreeMap<PatchKey, Previewed>,
}

impl Preview {
    /// Adds what these rules decide of a fact set that so many nodes share, and returns it.
    pub fn add(
        &mut self,
        rules: &BaselineRules,
        facts: &FactSet,
        now: Timestamp,
        nodes: u64,
    ) -> Result<Evaluation, EvaluateError> {
        let evaluation = evaluate(rules, facts, &Observation::default(), &Conditions::at(now))?;
        for verdict in &evaluation.verdicts {
            self.add_verdict(&evaluation.product, verdict, nodes);
        }
        for (key, previewed) in untold(rules, facts, &evaluation, now) {
            self.count(key, Standing::Lacking, nodes, || previewed.clone());
        }
        Ok(evaluation)
    }

    fn add_verdict(&mut self, product: &str, verdict: &Verdict, nodes: u64) {
        let Some((version, standing, previewed)) = headline(verdict) else { return };
        let of = |version: &str| key(product, &verdict.name, &verdict.arch, version);
        self.count(of(version), standing, nodes, || previewed.clone());
        if let Some(upcoming) = verdict.upcoming.as_ref().filter(|upcoming| upcoming.version != version) {
            let because = NotApproved::ApprovedLater { rule: upcoming.rule, at: upcoming.at };
            let later = || Previewed {
                classification: upcoming.classification.clone(),
                advisory: upcoming.advisory.clone(),
                approved_at: Some(upcoming.at),
                ..described(
                    verdict,
                    Outcome::ApprovedLater,
                    Some(Decision::NotApproved { because: because.clone() }),
                )
            };
            self.count(of(&upcoming.version), Standing::Lacking, nodes, later);
        } else if let Some(newer) = newer_than(verdict, version) {
            // Of a version above the one that was decided about nothing is known but that no rule approves it.
            self.count(of(newer), Standing::Lacking, nodes, || described(verdict, Outcome::NotMatched, None));
        }
    }

    fn count(&mut self, key: PatchKey, standing: Standing, nodes: u64, found: impl Fn() -> Previewed) {
        let known = self.patches.entry(key).or_insert_with(&found);
        let (lacking, present) = match standing {
            Standing::Lacking => (nodes, 0),
            Standing::Present => (0, nodes),
        };
        let counted = (known.nodes_lacking + lacking, known.nodes_present + present);
        let found = found();
        if found.outcome < known.outcome {
            *known = found;
        }
        (known.nodes_lacking, known.nodes_present) = counted;
    }

    pub fn is_approved(&self, key: &PatchKey) -> bool {
        self.patches.get(key).is_some_and(|patch| patch.outcome == Outcome::Approved)
    }

    /// Approved here, and not by `before`.
    pub fn newly_approved<'p>(
        &'p self,
        before: &'p Self,
    ) -> impl Iterator<Item = (&'p PatchKey, &'p Previewed)> {
        let is_new = |(key, patch): &(&PatchKey, &Previewed)| {
            patch.outcome == Outcome::Approved && !before.is_approved(key)
        };
        self.patches.iter().filter(is_new)
    }

    /// Approved by `before`, and not here: told as it stands here. A version that a newer approved one takes the place of is
    /// not among them.
    pub fn no_longer_approved<'p>(
        &'p self,
        before: &'p Self,
    ) -> impl Iterator<Item = (&'p PatchKey, &'p Previewed)> {
        let is_gone = |(key, patch): &(&PatchKey, &Previewed)| {
            patch.outcome != Outcome::Approved && before.is_approved(key)
        };
        self.patches.iter().filter(is_gone)
    }
}

/// Whether a node with these facts would be asked for something else, or be judged otherwise; both are of one fact set.
pub fn differs(one: &Evaluation, other: &Evaluation) -> bool {
    let told = |evaluation: &Evaluation| -> Vec<_> {
        let of = |verdict: &Verdict| {
            let fix = verdict.fix_version().map(str::to_owned);
            (verdict.id(), verdict.state, verdict.status, verdict.compliance_level, fix)
        };
        evaluation.verdicts.iter().map(of).collect()
    };
    told(one) != told(other)
}

fn key(product: &str, name: &str, arch: &str, version: &str) -> PatchKey {
    let [name, arch, version, product] = [name, arch, version, product].map(str::to_owned);
    PatchKey { name, arch, version, product }
}

fn described(verdict: &Verdict, outcome: Outcome, decision: Option<Decision>) -> Previewed {
    Previewed {
        outcome,
        title: verdict.title.clone(),
        classification: verdict.classification.clone(),
        severity: verdict.severity.clone(),
        compliance_level: verdict.compliance_level,
        advisory: verdict.advisory.clone(),
        decision,
        approved_at: verdict.approved_at,
        nodes_lacking: 0,
        nodes_present: 0,
    }
}

/// The version that a verdict decides about. `None`: no repository offers it, so that there is no patch to decide about.
fn headline(verdict: &Verdict) -> Option<(&str, Standing, Previewed)> {
    let offered = verdict.candidate.as_ref().filter(|candidate| candidate.is_upgrade);
    let offered = offered.map(|candidate| (candidate.version.as_str(), Standing::Lacking));
    let installed = (verdict.installed_version.as_str(), Standing::Present);
    let newest = offered.unwrap_or(installed);
    let decision = verdict.decision.clone();
    let (at, outcome) = match &decision {
        Decision::ApprovedByRule { .. } | Decision::ApprovedByList { .. } => match verdict.state {
            PatchState::NotApplicable => return None,
            PatchState::Missing => (newest, Outcome::Approved),
            _ => (installed, Outcome::Approved),
        },
        Decision::RejectedByList { .. } => (newest, Outcome::Rejected),
        Decision::NotApproved { because } => (newest, refused(because)?),
    };
    let mut found = described(verdict, outcome, Some(decision));
    found.approved_at = found.decision.as_ref().and_then(later_at).or(found.approved_at);
    Some((at.0, at.1, found))
}

fn refused(because: &NotApproved) -> Option<Outcome> {
    match because {
        NotApproved::NoCandidate | NotApproved::NotOffered | NotApproved::Downgrade => None,
        NotApproved::ApprovedLater { .. } => Some(Outcome::ApprovedLater),
        NotApproved::Rejected { .. } => Some(Outcome::Rejected),
        NotApproved::OutsideSecurity { .. }
        | NotApproved::GlobalFilter { .. }
        | NotApproved::NoRuleMatches { .. }
        | NotApproved::NoRules
        | NotApproved::ReleasedTooLate { .. }
        | NotApproved::NoReadableDate { .. } => Some(Outcome::NotMatched),
    }
}

fn newer_than<'v>(verdict: &'v Verdict, version: &str) -> Option<&'v str> {
    let candidate = verdict.candidate.as_ref().filter(|candidate| candidate.is_upgrade)?;
    let is_other = candidate.version != version && verdict.upcoming.is_none();
    is_other.then_some(&candidate.version)
}

/// Updates that a node lacks and that nothing is to be done about: `evaluate` tells of none of these on Windows and macOS.
fn untold(
    rules: &BaselineRules,
    facts: &FactSet,
    evaluation: &Evaluation,
    now: Timestamp,
) -> Vec<(PatchKey, Previewed)> {
    let products = product_names(evaluation.operating_system, &evaluation.product);
    let (observation, conditions) = (Observation::default(), Conditions::at(now));
    let frame = Frame {
        rules,
        facts,
        observation: &observation,
        conditions: &conditions,
        operating_system: evaluation.operating_system,
        products: &products,
    };
    let items = match evaluation.operating_system.family() {
        Family::Windows => windows::items(&frame),
        Family::MacOs => macos::items(&frame),
        _ => return Vec::new(),
    };
    let told: BTreeSet<&str> = evaluation.verdicts.iter().map(|verdict| verdict.name.as_str()).collect();
    let lacking = items.iter().filter(|item| item.installed.is_none() && !told.contains(item.name));
    lacking.filter_map(|item| refusal_of(&frame, item, &evaluation.product)).collect()
}

fn refusal_of(frame: &Frame<'_>, item: &Item<'_>, product: &str) -> Option<(PatchKey, Previewed)> {
    let version = item.versions.iter().find(|version| version.place == Place::Offered)?;
    let (outcome, decision) = match item.names.entry(&frame.rules.rejected_patches) {
        Some(entry) => {
            let also_approved_by = item.names.entry(&frame.rules.approved_patches).map(str::to_owned);
            let entry = entry.to_owned();
            (Outcome::Rejected, Decision::RejectedByList { entry, also_approved_by })
        }
        None => {
            let because = approve(frame, version).err()?;
            (refused(&because)?, Decision::NotApproved { because })
        }
    };
    let terms = version.terms.iter().max_by_key(|terms| terms.gravity());
    let previewed = Previewed {
        outcome,
        title: item.title.to_owned(),
        classification: terms
            .map_or("", |terms| words::classification(terms.properties.classification))
            .to_owned(),
        severity: terms.map_or("", |terms| words::severity(terms.properties.severity)).to_owned(),
        compliance_level: ComplianceLevel::Unspecified,
        advisory: None,
        approved_at: later_at(&decision),
        decision: Some(decision),
        nodes_lacking: 0,
        nodes_present: 0,
    };
    Some((key(product, item.name, item.arch, version.version), previewed))
}

fn later_at(decision: &Decision) -> Option<Timestamp> {
    match decision {
        Decision::NotApproved { because: NotApproved::ApprovedLater { at, .. } } => Some(*at),
        _ => None,
    }
}
