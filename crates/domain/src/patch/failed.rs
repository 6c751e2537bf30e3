//! What an installation could not do, brought into the verdicts that were made after it.
//! Telling what failed is the agent's package managers' work.
//! Source: spec patch-manager 3.1, row 1.

use std::collections::BTreeMap;

use crate::compliance::ComplianceStatus;

use super::transaction::Refusal;
use super::{Evaluation, Failure, PatchState, Restriction};

impl Evaluation {
    /// Makes FAILED of every item that was asked for and is still not at that version, or only half. What has been
    /// installed since counts as installed, whatever an earlier attempt said. Returns the failures that count, by item id.
    pub fn mark_failed(&mut self, failed: &[Refusal]) -> BTreeMap<String, Failure> {
        let mut marked = BTreeMap::new();
        for Refusal { wanted, failure } in failed {
            let found = self.verdicts.iter_mut().find(|verdict| {
                let is_unfinished =
                    || verdict.restrictions.iter().any(|kept| matches!(kept, Restriction::Unfinished { .. }));
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

#[cfg(test)]
mod tests {
    use super::super::transaction::Wanted;
    use super::super::{Candidate, Decision, FailureCode, PatchCounts, Verdict};
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
    fn only_what_is_missing_is_wanted() {
        let verdicts = vec![verdict("a", PatchState::Missing, ""), verdict("b", PatchState::Installed, "")];
        let asked = super::super::wanted::wanted(&evaluation(verdicts));
        assert_eq!(asked, [refusal("a", "2").wanted]);
    }
}
