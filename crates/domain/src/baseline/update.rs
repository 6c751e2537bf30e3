//! What UpdatePatchBaseline does to a baseline: merging, or replacing as a whole.
//! Source: spec patch-manager 1.1, row `Replace`.

use api::Timestamp;

use crate::compliance::{ComplianceLevel, ComplianceStatus};

use super::validate::check_name;
use super::{
    ApprovalRules, Baseline, BaselineError, BaselineRules, FilterGroup, RejectedPatchesAction, Source,
};

/// The members that a request carried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaselineUpdate {
    pub name: Option<String>,
    pub description: Option<String>,
    pub global_filters: Option<FilterGroup>,
    pub approval_rules: Option<ApprovalRules>,
    pub approved_patches: Option<Vec<String>>,
    pub approved_patches_compliance_level: Option<ComplianceLevel>,
    pub approved_patches_enable_non_security: Option<bool>,
    pub rejected_patches: Option<Vec<String>>,
    pub rejected_patches_action: Option<RejectedPatchesAction>,
    pub sources: Option<Vec<Source>>,
    pub available_security_updates_compliance_status: Option<ComplianceStatus>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateMode {
    /// What is absent stays; a list that is present replaces the whole old list.
    Merge,
    /// What is absent becomes empty; a name is required.
    Replace,
}

impl Baseline {
    /// The baseline after the update, checked as a whole. The operating system never changes.
    pub fn updated(
        &self,
        update: BaselineUpdate,
        mode: UpdateMode,
        now: Timestamp,
    ) -> Result<Self, BaselineError> {
        let (base, name, description) = match mode {
            UpdateMode::Merge => (self.rules.clone(), Some(self.name.clone()), self.description.clone()),
            UpdateMode::Replace => (BaselineRules::empty(self.rules.operating_system), None, None),
        };
        let name = update.name.clone().or(name).ok_or(BaselineError::NameRequired)?;
        check_name(&name)?;
        let description = update.description.clone().or(description);
        let rules = update.onto(base);
        rules.validate()?;
        Ok(Self { name, description, modified_at: now, rules, ..self.clone() })
    }
}

impl BaselineUpdate {
    pub(super) fn onto(self, base: BaselineRules) -> BaselineRules {
        BaselineRules {
            operating_system: base.operating_system,
            global_filters: self.global_filters.unwrap_or(base.global_filters),
            approval_rules: self.approval_rules.unwrap_or(base.approval_rules),
            approved_patches: self.approved_patches.unwrap_or(base.approved_patches),
            approved_patches_compliance_level: self
                .approved_patches_compliance_level
                .unwrap_or(base.approved_patches_compliance_level),
            approved_patches_enable_non_security: self
                .approved_patches_enable_non_security
                .unwrap_or(base.approved_patches_enable_non_security),
            rejected_patches: self.rejected_patches.unwrap_or(base.rejected_patches),
            rejected_patches_action: self.rejected_patches_action.unwrap_or(base.rejected_patches_action),
            sources: self.sources.unwrap_or(base.sources),
            available_security_updates_compliance_status: self
                .available_security_updates_compliance_status
                .or(base.available_security_updates_compliance_status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::OperatingSystem;

    fn baseline() -> Baseline {
        Baseline {
            id: "pb-0123456789abcdef0".parse().unwrap(),
            name: "old".to_owned(),
            description: Some("text".to_owned()),
            created_at: Timestamp::from_seconds(1),
            modified_at: Timestamp::from_seconds(1),
            rules: BaselineRules {
                approved_patches: vec!["a".to_owned(), "b".to_owned()],
                rejected_patches: vec!["c".to_owned()],
                rejected_patches_action: RejectedPatchesAction::Block,
                ..BaselineRules::empty(OperatingSystem::Debian)
            },
        }
    }

    #[test]
    fn merging_keeps_what_is_absent_and_replaces_whole_lists() {
        let update =
            BaselineUpdate { approved_patches: Some(vec!["z".to_owned()]), ..BaselineUpdate::default() };
        let after = baseline().updated(update, UpdateMode::Merge, Timestamp::from_seconds(9)).unwrap();
        assert_eq!(after.rules.approved_patches, ["z"]);
        assert_eq!(after.rules.rejected_patches, ["c"]);
        assert_eq!((after.name.as_str(), after.description.as_deref()), ("old", Some("text")));
        assert_eq!(after.modified_at, Timestamp::from_seconds(9));
        assert_eq!(after.created_at, Timestamp::from_seconds(1));
    }

    #[test]
    fn replacing_drops_what_is_absent_and_needs_a_name() {
        let now = Timestamp::from_seconds(9);
        let nameless = baseline().updated(BaselineUpdate::default(), UpdateMode::Replace, now);
        assert_eq!(nameless, Err(BaselineError::NameRequired));
        let update = BaselineUpdate { name: Some("new".to_owned()), ..BaselineUpdate::default() };
        let after = baseline().updated(update, UpdateMode::Replace, now).unwrap();
        assert_eq!(after.rules, BaselineRules::empty(OperatingSystem::Debian));
        assert_eq!(after.description, None);
    }

    #[test]
    fn reserved_names_are_refused() {
        let update = BaselineUpdate { name: Some("AWS-mine".to_owned()), ..BaselineUpdate::default() };
        let result = baseline().updated(update, UpdateMode::Merge, Timestamp::EPOCH);
        assert!(matches!(result, Err(BaselineError::ReservedName { .. })));
    }
}
