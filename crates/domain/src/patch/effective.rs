//! What a baseline says of an update of Microsoft's catalogue, with no node in sight: approved, approved later, named
//! by a list, or nothing.
//! Source: spec patch-manager 6.3 (EffectivePatch).

use api::Timestamp;

use crate::baseline::BaselineRules;
use crate::compliance::ComplianceLevel;
use crate::facts::{FactSet, Observation, UpdateFact};

use super::approve::approve_by_rule;
use super::item::Frame;
use super::names::Names;
use super::{Conditions, NotApproved, windows};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeploymentStatus {
    Approved,
    PendingApproval,
    ExplicitApproved,
    ExplicitRejected,
}

impl DeploymentStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::PendingApproval => "PENDING_APPROVAL",
            Self::ExplicitApproved => "EXPLICIT_APPROVED",
            Self::ExplicitRejected => "EXPLICIT_REJECTED",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    pub status: DeploymentStatus,
    pub compliance_level: ComplianceLevel,
    /// When a rule approved it, or will.
    pub approved_at: Option<Timestamp>,
}

/// `None`: the baseline says nothing of it.
pub fn effect(rules: &BaselineRules, update: &UpdateFact, now: Timestamp) -> Option<Effect> {
    let names = Names::Kb(update);
    if names.entry(&rules.rejected_patches).is_some() {
        let compliance_level = ComplianceLevel::Unspecified;
        return Some(Effect {
            status: DeploymentStatus::ExplicitRejected,
            compliance_level,
            approved_at: None,
        });
    }
    if names.entry(&rules.approved_patches).is_some() {
        let compliance_level = rules.approved_patches_compliance_level;
        return Some(Effect {
            status: DeploymentStatus::ExplicitApproved,
            compliance_level,
            approved_at: None,
        });
    }
    let (facts, observation, conditions) = (FactSet::default(), Observation::default(), Conditions::at(now));
    let frame = Frame {
        rules,
        facts: &facts,
        observation: &observation,
        conditions: &conditions,
        operating_system: rules.operating_system,
        products: &[],
    };
    match approve_by_rule(&frame, &windows::catalogued(&frame, update)) {
        Ok(approval) => Some(Effect {
            status: DeploymentStatus::Approved,
            compliance_level: approval.level,
            approved_at: approval.since,
        }),
        Err(NotApproved::ApprovedLater { rule, at }) => Some(Effect {
            status: DeploymentStatus::PendingApproval,
            compliance_level: rules
                .approval_rules
                .patch_rules
                .get(rule)
                .map(|rule| rule.compliance_level)
                .unwrap_or_default(),
            approved_at: Some(at),
        }),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::predefined;
    use crate::os::OperatingSystem;

    #[test]
    fn each_status_has_its_case() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let mut rules =
            predefined::default_for(OperatingSystem::Windows, &"eu-west-1".parse().unwrap()).rules;
        rules.approved_patches = vec!["KB3".to_owned(), "KB4".to_owned()];
        rules.approved_patches_compliance_level = ComplianceLevel::High;
        rules.rejected_patches = vec!["KB4".to_owned()];
        let update = |kb: &str, severity: &str, released: &str| UpdateFact {
            kb_ids: vec![kb.to_owned()],
            classification: "SecurityUpdates".to_owned(),
            severity: severity.to_owned(),
            released_at: Some(at(released)),
            products: vec!["WindowsServer2019".to_owned()],
            ..UpdateFact::default()
        };
        let told = |update: UpdateFact| effect(&rules, &update, at("2026-03-01T00:00:00Z"));
        let old = "2026-01-01T00:00:00Z";
        let cases = [
            (
                told(update("KB1", "Critical", old)),
                Some((DeploymentStatus::Approved, Some("2026-01-08T00:00:00Z"))),
            ),
            (
                told(update("KB1", "Critical", "2026-02-28T00:00:00Z")),
                Some((DeploymentStatus::PendingApproval, Some("2026-03-07T00:00:00Z"))),
            ),
            (told(update("KB3", "Low", old)), Some((DeploymentStatus::ExplicitApproved, None))),
            (told(update("KB4", "Critical", old)), Some((DeploymentStatus::ExplicitRejected, None))),
            (told(update("KB1", "Low", old)), None),
        ];
        for (index, (told, expected)) in cases.into_iter().enumerate() {
            let expected = expected.map(|(status, approved): (_, Option<&str>)| (status, approved.map(at)));
            assert_eq!(told.map(|effect| (effect.status, effect.approved_at)), expected, "case {index}");
        }
    }
}
