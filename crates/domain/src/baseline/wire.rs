//! Baselines as the API writes them: requests in, results out. Checks that need the whole
//! baseline are `validate`'s; the constraints of the model were checked before.

use api::{Timestamp, ssm};

use crate::compliance::{ComplianceLevel, ComplianceStatus};
use crate::ids::{BaselineId, PatchGroup};
use crate::os::OperatingSystem;

use super::validate::check_name;
use super::{
    ApprovalDate, ApprovalRules, Baseline, BaselineError, BaselineRules, BaselineUpdate, Filter, FilterGroup,
    FilterKey, RejectedPatchesAction, Rule, Source, UpdateMode,
};

/// A baseline about to be made: checked, still without id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBaseline {
    pub name: String,
    pub description: Option<String>,
    pub rules: BaselineRules,
}

impl NewBaseline {
    pub fn into_baseline(self, id: BaselineId, now: Timestamp) -> Baseline {
        let Self { name, description, rules } = self;
        Baseline { id, name, description, created_at: now, modified_at: now, rules }
    }
}

impl TryFrom<ssm::CreatePatchBaselineRequest> for NewBaseline {
    type Error = BaselineError;

    fn try_from(request: ssm::CreatePatchBaselineRequest) -> Result<Self, BaselineError> {
        check_name(&request.name)?;
        let os = operating_system(request.operating_system.as_ref())?;
        let update = BaselineUpdate {
            name: None,
            description: None,
            global_filters: request.global_filters.map(filter_group).transpose()?,
            approval_rules: request.approval_rules.map(approval_rules).transpose()?,
            approved_patches: request.approved_patches,
            approved_patches_compliance_level: level(request.approved_patches_compliance_level.as_ref())?,
            approved_patches_enable_non_security: request.approved_patches_enable_non_security,
            rejected_patches: request.rejected_patches,
            rejected_patches_action: action(request.rejected_patches_action.as_ref())?,
            sources: request.sources.map(sources),
            available_security_updates_compliance_status: status(
                request.available_security_updates_compliance_status.as_ref(),
            )?,
        };
        let rules = update.onto(BaselineRules::empty(os));
        rules.validate()?;
        Ok(Self { name: request.name, description: request.description, rules })
    }
}

impl TryFrom<ssm::UpdatePatchBaselineRequest> for BaselineUpdate {
    type Error = BaselineError;

    fn try_from(request: ssm::UpdatePatchBaselineRequest) -> Result<Self, BaselineError> {
        Ok(Self {
            name: request.name,
            description: request.description,
            global_filters: request.global_filters.map(filter_group).transpose()?,
            approval_rules: request.approval_rules.map(approval_rules).transpose()?,
            approved_patches: request.approved_patches,
            approved_patches_compliance_level: level(request.approved_patches_compliance_level.as_ref())?,
            approved_patches_enable_non_security: request.approved_patches_enable_non_security,
            rejected_patches: request.rejected_patches,
            rejected_patches_action: action(request.rejected_patches_action.as_ref())?,
            sources: request.sources.map(sources),
            available_security_updates_compliance_status: status(
                request.available_security_updates_compliance_status.as_ref(),
            )?,
        })
    }
}

impl UpdateMode {
    pub fn of(request: &ssm::UpdatePatchBaselineRequest) -> Self {
        match request.replace {
            Some(true) => Self::Replace,
            _ => Self::Merge,
        }
    }
}

impl TryFrom<ssm::BaselineOverride> for BaselineRules {
    type Error = BaselineError;

    fn try_from(given: ssm::BaselineOverride) -> Result<Self, BaselineError> {
        let os = operating_system(given.operating_system.as_ref())?;
        let update = BaselineUpdate {
            name: None,
            description: None,
            global_filters: given.global_filters.map(filter_group).transpose()?,
            approval_rules: given.approval_rules.map(approval_rules).transpose()?,
            approved_patches: given.approved_patches,
            approved_patches_compliance_level: level(given.approved_patches_compliance_level.as_ref())?,
            approved_patches_enable_non_security: given.approved_patches_enable_non_security,
            rejected_patches: given.rejected_patches,
            rejected_patches_action: action(given.rejected_patches_action.as_ref())?,
            sources: given.sources.map(sources),
            available_security_updates_compliance_status: status(
                given.available_security_updates_compliance_status.as_ref(),
            )?,
        };
        let rules = update.onto(Self::empty(os));
        rules.validate()?;
        Ok(rules)
    }
}

impl Baseline {
    pub fn to_get_result(&self, groups: &[PatchGroup]) -> ssm::GetPatchBaselineResult {
        let rules = &self.rules;
        ssm::GetPatchBaselineResult {
            baseline_id: Some(self.id.to_string()),
            name: Some(self.name.clone()),
            operating_system: Some(rules.operating_system.as_str().into()),
            global_filters: Some(wire_filters(&rules.global_filters)),
            approval_rules: Some(wire_rules(&rules.approval_rules)),
            approved_patches: Some(rules.approved_patches.clone()),
            approved_patches_compliance_level: Some(rules.approved_patches_compliance_level.as_str().into()),
            approved_patches_enable_non_security: Some(rules.approved_patches_enable_non_security),
            rejected_patches: Some(rules.rejected_patches.clone()),
            rejected_patches_action: Some(rules.rejected_patches_action.as_str().into()),
            patch_groups: Some(groups.iter().map(PatchGroup::to_string).collect()),
            created_date: Some(self.created_at),
            modified_date: Some(self.modified_at),
            description: self.description.clone(),
            sources: Some(wire_sources(&rules.sources)),
            available_security_updates_compliance_status: rules
                .available_security_updates_compliance_status
                .map(|status| status.as_str().into()),
        }
    }

    pub fn to_update_result(&self) -> ssm::UpdatePatchBaselineResult {
        let got = self.to_get_result(&[]);
        ssm::UpdatePatchBaselineResult {
            baseline_id: got.baseline_id,
            name: got.name,
            operating_system: got.operating_system,
            global_filters: got.global_filters,
            approval_rules: got.approval_rules,
            approved_patches: got.approved_patches,
            approved_patches_compliance_level: got.approved_patches_compliance_level,
            approved_patches_enable_non_security: got.approved_patches_enable_non_security,
            rejected_patches: got.rejected_patches,
            rejected_patches_action: got.rejected_patches_action,
            created_date: got.created_date,
            modified_date: got.modified_date,
            description: got.description,
            sources: got.sources,
            available_security_updates_compliance_status: got.available_security_updates_compliance_status,
        }
    }

    /// `default` is the id of the default baseline of this one's operating system.
    pub fn to_identity(&self, default: &BaselineId) -> ssm::PatchBaselineIdentity {
        ssm::PatchBaselineIdentity {
            baseline_id: Some(self.id.to_string()),
            baseline_name: Some(self.name.clone()),
            operating_system: Some(self.rules.operating_system.as_str().into()),
            baseline_description: self.description.clone(),
            default_baseline: Some(self.id == *default),
        }
    }
}

/// Absent means Windows, as everywhere in this API.
fn operating_system(os: Option<&ssm::OperatingSystem>) -> Result<OperatingSystem, BaselineError> {
    let Some(os) = os else { return Ok(OperatingSystem::Windows) };
    os.as_str().parse().map_err(|_| {
        let expected = OperatingSystem::ALL.map(OperatingSystem::as_str).join(", ");
        unknown("OperatingSystem", os.as_str(), &expected)
    })
}

fn unknown(field: &'static str, value: &str, expected: &str) -> BaselineError {
    BaselineError::UnknownValue { field, value: value.to_owned(), expected: expected.to_owned() }
}

fn level(level: Option<&ssm::PatchComplianceLevel>) -> Result<Option<ComplianceLevel>, BaselineError> {
    level
        .map(|level| {
            let expected = ComplianceLevel::ALL.map(ComplianceLevel::as_str).join(", ");
            level.as_str().parse().map_err(|_| unknown("ComplianceLevel", level.as_str(), &expected))
        })
        .transpose()
}

fn action(action: Option<&ssm::PatchAction>) -> Result<Option<RejectedPatchesAction>, BaselineError> {
    match action.map(ssm::PatchAction::as_str) {
        None => Ok(None),
        Some("ALLOW_AS_DEPENDENCY") => Ok(Some(RejectedPatchesAction::AllowAsDependency)),
        Some("BLOCK") => Ok(Some(RejectedPatchesAction::Block)),
        Some(other) => Err(unknown("RejectedPatchesAction", other, "ALLOW_AS_DEPENDENCY or BLOCK")),
    }
}

fn status(status: Option<&ssm::PatchComplianceStatus>) -> Result<Option<ComplianceStatus>, BaselineError> {
    let field = "AvailableSecurityUpdatesComplianceStatus";
    status
        .map(|status| {
            let text = status.as_str();
            text.parse().map_err(|_| unknown(field, text, "COMPLIANT or NON_COMPLIANT"))
        })
        .transpose()
}

fn filter_group(group: ssm::PatchFilterGroup) -> Result<FilterGroup, BaselineError> {
    let filter = |filter: ssm::PatchFilter| {
        let expected = FilterKey::ALL.map(FilterKey::as_str).join(", ");
        let key = filter.key.as_str();
        let key = key.parse().map_err(|_| unknown("PatchFilter.Key", key, &expected))?;
        Ok(Filter { key, values: filter.values })
    };
    let patch_filters = group.patch_filters.into_iter().map(filter).collect::<Result<_, _>>()?;
    Ok(FilterGroup { patch_filters })
}

fn approval_rules(group: ssm::PatchRuleGroup) -> Result<ApprovalRules, BaselineError> {
    let rules = group.patch_rules.into_iter().enumerate().map(|(index, rule)| approval_rule(index, rule));
    Ok(ApprovalRules { patch_rules: rules.collect::<Result<_, _>>()? })
}

fn approval_rule(index: usize, rule: ssm::PatchRule) -> Result<Rule, BaselineError> {
    let place = format!("ApprovalRules.PatchRules[{index}]");
    let approval = match (rule.approve_after_days, rule.approve_until_date) {
        (Some(_), Some(_)) => return Err(BaselineError::ApprovalDate { place }),
        // Negative numbers break the model's range and never get here; zero is the nearest sense.
        (Some(days), None) => Some(ApprovalDate::AfterDays(u32::try_from(days).unwrap_or_default())),
        // Clients of forms send an empty date for none.
        (None, Some(day)) if day.is_empty() => None,
        (None, Some(day)) => match day.parse() {
            Ok(day) => Some(ApprovalDate::Until(day)),
            Err(error) => return Err(BaselineError::ApprovalDay { place, error }),
        },
        (None, None) => None,
    };
    Ok(Rule {
        filters: filter_group(rule.patch_filter_group)?,
        compliance_level: level(rule.compliance_level.as_ref())?.unwrap_or_default(),
        approval,
        enable_non_security: rule.enable_non_security.unwrap_or_default(),
    })
}

fn sources(given: Vec<ssm::PatchSource>) -> Vec<Source> {
    let source =
        |ssm::PatchSource { name, products, configuration }| Source { name, products, configuration };
    given.into_iter().map(source).collect()
}

fn wire_filters(group: &FilterGroup) -> ssm::PatchFilterGroup {
    let filter =
        |filter: &Filter| ssm::PatchFilter { key: filter.key.as_str().into(), values: filter.values.clone() };
    ssm::PatchFilterGroup { patch_filters: group.patch_filters.iter().map(filter).collect() }
}

fn wire_rules(rules: &ApprovalRules) -> ssm::PatchRuleGroup {
    let rule = |rule: &Rule| {
        let (days, day) = match &rule.approval {
            Some(ApprovalDate::AfterDays(days)) => (Some(i32::try_from(*days).unwrap_or(i32::MAX)), None),
            Some(ApprovalDate::Until(day)) => (None, Some(day.to_string())),
            None => (None, None),
        };
        ssm::PatchRule {
            patch_filter_group: wire_filters(&rule.filters),
            compliance_level: Some(rule.compliance_level.as_str().into()),
            approve_after_days: days,
            approve_until_date: day,
            enable_non_security: Some(rule.enable_non_security),
        }
    };
    ssm::PatchRuleGroup { patch_rules: rules.patch_rules.iter().map(rule).collect() }
}

fn wire_sources(sources: &[Source]) -> Vec<ssm::PatchSource> {
    let source = |source: &Source| ssm::PatchSource {
        name: source.name.clone(),
        products: source.products.clone(),
        configuration: source.configuration.clone(),
    };
    sources.iter().map(source).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> ssm::CreatePatchBaselineRequest {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_request_becomes_a_result() {
        let new = NewBaseline::try_from(request(
            r#"{"Name":"web","OperatingSystem":"UBUNTU","ApprovalRules":{"PatchRules":[{"PatchFilterGroup":
            {"PatchFilters":[{"Key":"PRIORITY","Values":["Required"]}]},"ComplianceLevel":"HIGH",
            "ApproveAfterDays":7}]},"RejectedPatches":["vim"],"RejectedPatchesAction":"BLOCK"}"#,
        ))
        .unwrap();
        let baseline = new.into_baseline(BaselineId::mint([1; 9]), Timestamp::from_seconds(5));
        let result = baseline.to_get_result(&["web servers".parse().unwrap()]);
        insta::assert_json_snapshot!(result);
        let stored = serde_json::to_value(&baseline.rules).unwrap();
        let shown = serde_json::to_value(&result).unwrap();
        for (member, value) in stored.as_object().unwrap() {
            assert_eq!(shown.get(member), Some(value), "{member}: stored and shown forms are one");
        }
    }

    #[test]
    fn refusals_name_the_place() {
        let rows = [
            (r#"{"Name":"AWS-x"}"#, "names beginning with `AWS-`"),
            (
                r#"{"Name":"abc","GlobalFilters":{"PatchFilters":[{"Key":"CVE_ID","Values":["*"]}]}}"#,
                "PatchFilter.Key: `CVE_ID`",
            ),
            (
                r#"{"Name":"abc","OperatingSystem":"CENTOS","ApprovalRules":{"PatchRules":[{"PatchFilterGroup":
                {"PatchFilters":[]},"ApproveAfterDays":7,"ApproveUntilDate":"2026-01-01"}]}}"#,
                "ApprovalRules.PatchRules[0]: expected exactly one",
            ),
            (
                r#"{"Name":"abc","OperatingSystem":"CENTOS","ApprovalRules":{"PatchRules":[{"PatchFilterGroup":
                {"PatchFilters":[]},"ApproveUntilDate":"2026-13-01"}]}}"#,
                "ApproveUntilDate: `2026-13-01` is not a day",
            ),
        ];
        for (text, expected) in rows {
            let error = NewBaseline::try_from(request(text)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(
            NewBaseline::try_from(request(r#"{"Name":"abc"}"#)).unwrap().rules.operating_system,
            OperatingSystem::Windows
        );
    }
}
