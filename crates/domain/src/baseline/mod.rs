//! Patch baselines: what may be installed and what its absence means.
//! Applying them to a node is `patch::evaluate`'s work.
//! Source: spec patch-manager 1.

use api::Timestamp;
use serde::{Deserialize, Serialize};

use crate::compliance::{ComplianceLevel, ComplianceStatus};
use crate::ids::BaselineId;
use crate::os::OperatingSystem;

mod choice;
pub mod names;
pub mod predefined;
mod rule;
mod tags;
mod update;
mod validate;
mod wire;

pub use choice::{AmbiguousTag, BaselineChoice, BaselineSource, PATCH_GROUP_TAGS, patch_group_of};
pub use rule::{ApprovalDate, ApprovalRules, Day, Filter, FilterGroup, FilterKey, InvalidDay, Rule};
pub use tags::{InvalidTagSelector, TagSelector};
pub use update::{BaselineUpdate, UpdateMode};
pub use validate::BaselineError;
pub use wire::NewBaseline;

/// A stored or provided baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    pub id: BaselineId,
    pub name: String,
    pub description: Option<String>,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    pub rules: BaselineRules,
}

/// The part of a baseline that decides. Its JSON is the API's `BaselineOverride`, and is what is
/// stored, put into snapshots and read from override files; unknown members are ignored, so that
/// a dump of GetPatchBaseline is accepted as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BaselineRules {
    pub operating_system: OperatingSystem,
    /// Keeps only what matches, before the rules are asked.
    #[serde(default)]
    pub global_filters: FilterGroup,
    #[serde(default)]
    pub approval_rules: ApprovalRules,
    #[serde(default)]
    pub approved_patches: Vec<String>,
    #[serde(default)]
    pub approved_patches_compliance_level: ComplianceLevel,
    #[serde(default)]
    pub approved_patches_enable_non_security: bool,
    #[serde(default)]
    pub rejected_patches: Vec<String>,
    #[serde(default)]
    pub rejected_patches_action: RejectedPatchesAction,
    #[serde(default)]
    pub sources: Vec<Source>,
    /// Windows only: how security updates that are not approved yet are judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_security_updates_compliance_status: Option<ComplianceStatus>,
}

impl BaselineRules {
    /// Approves nothing, rejects nothing.
    pub fn empty(operating_system: OperatingSystem) -> Self {
        Self {
            operating_system,
            global_filters: FilterGroup::default(),
            approval_rules: ApprovalRules::default(),
            approved_patches: Vec::new(),
            approved_patches_compliance_level: ComplianceLevel::default(),
            approved_patches_enable_non_security: false,
            rejected_patches: Vec::new(),
            rejected_patches_action: RejectedPatchesAction::default(),
            sources: Vec::new(),
            available_security_updates_compliance_status: None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RejectedPatchesAction {
    #[default]
    AllowAsDependency,
    Block,
}

impl RejectedPatchesAction {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllowAsDependency => "ALLOW_AS_DEPENDENCY",
            Self::Block => "BLOCK",
        }
    }
}

/// A repository that replaces the node's own while patching.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Source {
    pub name: String,
    pub products: Vec<String>,
    pub configuration: String,
}

impl Source {
    /// Whether it takes the place of the repositories of nodes of this product.
    pub fn is_for(&self, product: &str) -> bool {
        self.products.iter().any(|pattern| names::glob(pattern, product))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_is_pinned() {
        let mut rules = BaselineRules::empty(OperatingSystem::Ubuntu);
        rules.global_filters.patch_filters.push(Filter::new(FilterKey::Product, &["Ubuntu22.04"]));
        rules.approval_rules.patch_rules = vec![
            Rule {
                filters: FilterGroup { patch_filters: vec![Filter::new(FilterKey::Priority, &["Required"])] },
                compliance_level: ComplianceLevel::Critical,
                approval: Some(ApprovalDate::AfterDays(7)),
                enable_non_security: true,
            },
            Rule {
                filters: FilterGroup { patch_filters: vec![Filter::new(FilterKey::Section, &["*"])] },
                compliance_level: ComplianceLevel::Unspecified,
                approval: Some(ApprovalDate::Until("2026-03-31".parse().unwrap())),
                enable_non_security: false,
            },
        ];
        rules.approved_patches = vec!["openssl".to_owned()];
        rules.rejected_patches = vec!["vim".to_owned()];
        rules.rejected_patches_action = RejectedPatchesAction::Block;
        rules.sources = vec![Source {
            name: "mirror".to_owned(),
            products: vec!["*".to_owned()],
            configuration: "deb http://mirror.example.org/ubuntu jammy main".to_owned(),
        }];
        insta::assert_json_snapshot!(rules);
        let text = serde_json::to_string(&rules).unwrap();
        assert_eq!(serde_json::from_str::<BaselineRules>(&text).unwrap(), rules);
    }

    #[test]
    fn reads_a_dump_of_the_api() {
        let dump = r#"{"BaselineId":"pb-0123456789abcdef0","Name":"x","OperatingSystem":"DEBIAN",
            "CreatedDate":1.5,"PatchGroups":[],"ApprovalRules":{"PatchRules":[{"PatchFilterGroup":
            {"PatchFilters":[{"Key":"PRIORITY","Values":["*"]}]},"ApproveAfterDays":0}]}}"#;
        let rules: BaselineRules = serde_json::from_str(dump).unwrap();
        assert_eq!(rules.approval_rules.patch_rules[0].approval, Some(ApprovalDate::AfterDays(0)));
        let both = dump
            .replace("\"ApproveAfterDays\":0", "\"ApproveAfterDays\":0,\"ApproveUntilDate\":\"2026-01-01\"");
        assert!(serde_json::from_str::<BaselineRules>(&both).is_err());
    }
}
