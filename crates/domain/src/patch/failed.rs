//! What an installation could not do, brought into the verdicts that were made after it, in its own report and in later ones.
//! Telling what failed is the agent's package managers' work.
//! Source: spec patch-manager 3.1, row 1.

use std::collections::BTreeMap;

use api::Timestamp;
use serde::{Deserialize, Serialize};

use crate::compliance::ComplianceStatus;
use crate::facts::{FactSet, PackageFact, PackageState};

use super::transaction::{Refusal, Wanted};
use super::{Evaluation, Failure, FailureCode, PatchState, Restriction, Verdict};

/// A package as a failed script of its own left it. Lasts until the package changes in any way: another version, the same
/// one installed anew, or a state that says that it was finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HalfDone {
    pub package: Wanted,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_at: Option<Timestamp>,
    pub state: PackageState,
    pub failure: Failure,
}

impl HalfDone {
    /// `None` when the node does not have this version of it.
    pub fn of(refusal: &Refusal, facts: &FactSet) -> Option<Self> {
        let package = find(facts, &refusal.wanted)?;
        Some(Self {
            package: refusal.wanted.clone(),
            installed_at: package.installed_at,
            state: package.state,
            failure: refusal.failure.clone(),
        })
    }

    pub fn lasts(&self, facts: &FactSet) -> bool {
        find(facts, &self.package)
            .is_some_and(|package| (package.installed_at, package.state) == (self.installed_at, self.state))
    }
}

fn find<'f>(facts: &'f FactSet, wanted: &Wanted) -> Option<&'f PackageFact> {
    let is_it = |package: &&PackageFact| {
        (&package.name, &package.arch, &package.version) == (&wanted.name, &wanted.arch, &wanted.version)
    };
    facts.packages.iter().find(is_it)
}

impl Evaluation {
    /// Makes FAILED of every item that is as a failed script left it, unless something newer is missing or it is rejected
    /// anyway. Returns the reasons of all FAILED items, by item id: those remembered, else what the package database says.
    pub fn mark_half_done(&mut self, half_done: &[HalfDone]) -> BTreeMap<String, Failure> {
        let mut reasons = BTreeMap::new();
        for verdict in &mut self.verdicts {
            let known = half_done.iter().find(|known| {
                (&known.package.name, &known.package.arch, &known.package.version)
                    == (&verdict.name, &verdict.arch, &verdict.installed_version)
            });
            use PatchState::{Failed, Installed, InstalledOther, InstalledPendingReboot};
            if known.is_some() && matches!(verdict.state, Installed | InstalledOther | InstalledPendingReboot)
            {
                self.counts = self.counts.without(verdict);
                verdict.state = Failed;
                verdict.status = Some(ComplianceStatus::NonCompliant);
                self.counts.add_verdict(verdict);
            }
            if verdict.state == Failed {
                let reason = known.map_or_else(|| unfinished(verdict), |known| known.failure.clone());
                reasons.insert(verdict.id(), reason);
            }
        }
        reasons
    }

    /// Makes FAILED of every item that was asked for and is still not at that version, or only half. What has been
    /// installed since counts as installed, whatever an earlier attempt said. Returns the failures that count, by item id.
    pub fn mark_failed(&mut self, failed: &[Refusal]) -> BTreeMap<String, Failure> {
        let mut marked = BTreeMap::new();
        for Refusal { wanted, failure } in failed {
            let found = self.verdicts.iter_mut().find(|verdict| {
                let is_unfinished = || verdict.restrictions.iter().any(Restriction::is_half_done);
                (&verdict.name, &verdict.arch) == (&wanted.name, &wanted.arch)
                    && (verdict.installed_version != wanted.version || is_unfinished())
            });
            let Some(verdict) = found else { continue };
            if verdict.state != PatchState::Failed {
                self.counts = self.counts.without(verdict);
                verdict.state = PatchState::Failed;
                verdict.status = Some(ComplianceStatus::NonCompliant);
                self.counts.add_verdict(verdict);
            }
            marked.insert(verdict.id(), failure.clone());
        }
        marked
    }
}

/// Nobody remembers why.
fn unfinished(verdict: &Verdict) -> Failure {
    let state = verdict.restrictions.iter().find_map(|kept| match kept {
        Restriction::Unfinished { state } => serde_json::to_value(state).ok(),
        _ => None,
    });
    let state = state.as_ref().and_then(|state| state.as_str()).unwrap_or("unfinished");
    let detail =
        format!("an earlier installation was broken off and left it {state}; the next one finishes it");
    Failure { code: FailureCode::ToolFailed, subject: String::new(), detail }
}

#[cfg(test)]
mod tests {
    use super::super::{Candidate, Decision, PatchCounts};
    use super::*;
    use crate::compliance::ComplianceLevel;
    use crate::os::OperatingSystem;

    fn verdict(name: &str, state: PatchState, classification: &str) -> Verdict {
        let candidate = Candidate {
            version: "2".to_owned(),
            repository: Some(0),
            from_security: true,
            is_upgrade: state == PatchState::Missing,
        };
        Verdict {
            name: name.to_owned(),
            arch: "amd64".to_owned(),
            title: String::new(),
            installed_version: "1".to_owned(),
            installed_at: None,
            state,
            status: state.is_non_compliant().then_some(ComplianceStatus::NonCompliant),
            compliance_level: ComplianceLevel::Critical,
            classification: classification.to_owned(),
            severity: String::new(),
            advisory: None,
            dated: None,
            approved_at: None,
            cve_ids: Vec::new(),
            candidate: Some(candidate),
            decision: Decision::ApprovedByRule { rule: 0 },
            restrictions: Vec::new(),
            hidden_fix: None,
            upcoming: None,
        }
    }

    fn evaluation(verdicts: Vec<Verdict>) -> Evaluation {
        let mut counts = PatchCounts::default();
        for verdict in &verdicts {
            counts.add(verdict.state, verdict.compliance_level, &verdict.classification);
        }
        Evaluation {
            operating_system: OperatingSystem::Debian,
            product: "Debian12".to_owned(),
            counts,
            verdicts,
            not_applicable: Vec::new(),
        }
    }

    fn refusal(name: &str, version: &str) -> Refusal {
        Refusal {
            wanted: Wanted { name: name.into(), arch: "amd64".into(), version: version.into() },
            failure: Failure {
                code: FailureCode::ScriptFailed,
                subject: "postinst".into(),
                detail: "exit code 1".into(),
            },
        }
    }

    #[test]
    fn what_is_still_not_there_is_failed() {
        let half = Restriction::Unfinished { state: crate::facts::PackageState::HalfConfigured };
        let unfinished = Verdict { restrictions: vec![half], ..verdict("u", PatchState::Installed, "") };
        let verdicts = vec![
            verdict("a", PatchState::Missing, "Security"),
            verdict("b", PatchState::Installed, ""),
            verdict("c", PatchState::InstalledOther, ""),
            unfinished,
        ];
        let mut judged = evaluation(verdicts);
        // `b` is at the version that was asked for; `c` came with an override list; `d` is not on the node.
        let failed =
            [refusal("a", "2"), refusal("b", "1"), refusal("c", "2"), refusal("d", "2"), refusal("u", "1")];
        let marked = judged.mark_failed(&failed);
        assert_eq!(marked.keys().collect::<Vec<_>>(), ["a.amd64", "c.amd64", "u.amd64"]);
        let states: Vec<_> = judged.verdicts.iter().map(|verdict| verdict.state).collect();
        assert_eq!(
            states,
            [PatchState::Failed, PatchState::Installed, PatchState::Failed, PatchState::Failed]
        );
        assert_eq!(judged.counts, evaluation(judged.verdicts.clone()).counts);
        let again = judged.mark_failed(&failed);
        assert_eq!((again.len(), judged.counts.failed, judged.counts.critical_non_compliant), (3, 3, 3));
    }

    #[test]
    fn what_a_failed_script_left_lasts_until_the_package_changes() {
        let at = |seconds| Some(Timestamp::from_seconds(seconds));
        let package = |name: &str, version: &str, installed_at| PackageFact {
            name: name.into(),
            arch: "amd64".into(),
            version: version.into(),
            installed_at,
            ..PackageFact::default()
        };
        let facts = |packages| FactSet { packages, ..FactSet::default() };
        let before = facts(vec![package("a", "1", at(5))]);
        assert_eq!(HalfDone::of(&refusal("a", "2"), &before), None);
        let left = HalfDone::of(&refusal("a", "1"), &before).unwrap();
        assert!(left.lasts(&before));
        for changed in [package("a", "2", at(5)), package("a", "1", at(6)), package("b", "1", at(5))] {
            assert!(!left.lasts(&facts(vec![changed])));
        }
        let half = PackageFact { state: PackageState::HalfConfigured, ..package("a", "1", at(5)) };
        let configured = HalfDone::of(&refusal("a", "1"), &facts(vec![half])).unwrap();
        assert!(!configured.lasts(&before), "dpkg has finished it since");

        let other = |name| HalfDone { package: refusal(name, "1").wanted, ..left.clone() };
        let unknown = Restriction::Unfinished { state: PackageState::Unpacked };
        let states = [
            ("a", PatchState::Installed),
            ("m", PatchState::Missing),
            ("o", PatchState::InstalledOther),
            ("u", PatchState::Failed),
        ];
        let mut judged = evaluation(states.map(|(name, state)| verdict(name, state, "")).to_vec());
        judged.verdicts[3].restrictions.push(unknown);
        let reasons = judged.mark_half_done(&[other("a"), other("m"), other("o")]);
        let told: Vec<_> = reasons.iter().map(|(id, failure)| (id.as_str(), failure.code)).collect();
        let (script, tool) = (FailureCode::ScriptFailed, FailureCode::ToolFailed);
        assert_eq!(told, [("a.amd64", script), ("o.amd64", script), ("u.amd64", tool)]);
        assert!(reasons["u.amd64"].detail.contains("left it unpacked"), "{reasons:?}");
        assert_eq!((judged.counts.failed, judged.counts.missing), (3, 1));
        assert_eq!(judged.counts, evaluation(judged.verdicts.clone()).counts);
    }

    #[test]
    fn only_what_is_missing_or_half_done_is_wanted() {
        let states = [("a", PatchState::Missing), ("b", PatchState::Installed), ("c", PatchState::Failed)];
        let verdicts = states.map(|(name, state)| verdict(name, state, "")).to_vec();
        let asked = super::super::wanted::wanted(&evaluation(verdicts));
        assert_eq!(asked, [refusal("a", "2").wanted, refusal("c", "2").wanted]);
    }
}
