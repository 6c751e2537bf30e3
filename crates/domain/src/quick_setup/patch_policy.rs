//! A patch policy: the same baselines for all of its nodes whatever their groups are, scanned and patched at its times.
//! Source: spec patch-manager 5.3, systems-manager 13.

use std::collections::BTreeMap;

use api::ssm::{
    AssociationComplianceSeverity, AssociationSyncCompliance, CreateAssociationBatchRequestEntry,
    InstanceAssociationOutputLocation, S3OutputLocation,
};
use serde::Deserialize;

use super::parameters::{ParameterError, Parameters};
use super::{Planned, Scope};
use crate::ids::{AccountId, BaselineId, Region};
use crate::object::BucketName;
use crate::os::OperatingSystem;
use crate::rollout::Limit;
use crate::schedule::Schedule;

pub const SCAN: &str = "ScanForPatches";
pub const INSTALL: &str = "InstallPatches";
/// How the names of associations begin that install.
pub const INSTALL_NAMES: &str = "AWS-QuickSetup-PatchPolicy-InstallPatches-LA-";

const DOCUMENT: &str = "AWS-RunPatchBaseline";
const SCAN_DAILY: &str = "cron(0 1 * * ? *)";
const INSTALL_WEEKLY: &str = "cron(0 2 ? * SUN *)";
const CONCURRENCY: &str = "10%";
const ERRORS: &str = "2%";
const MAX_NAME: usize = 120;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchPolicy {
    pub name: String,
    pub scope: Scope,
    /// Of the systems that are not switched off.
    pub baselines: BTreeMap<OperatingSystem, BaselineId>,
    scan: Times,
    install: Option<Times>,
    reboot_option: &'static str,
    concurrency: String,
    errors: String,
    output: Option<(String, Option<String>)>,
}

/// When one of the two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Times {
    schedule: String,
    /// Not when it is made or changed.
    only_then: bool,
}

/// One system's choice in SelectedPatchBaselines.
#[derive(Deserialize)]
struct Selected {
    value: String,
    #[serde(default)]
    disabled: Option<serde_json::Value>,
}

impl PatchPolicy {
    pub(super) fn read(
        parameters: &mut Parameters<'_>,
        home: (&AccountId, &Region),
    ) -> Result<Self, ParameterError> {
        // What the console keeps for itself, and permissions, which nodes here have by being registered.
        parameters.pass_over(&[
            "HasDeletedBaseline",
            "PatchBaselineRegion",
            "PatchBaselineUseDefault",
            "IsPolicyAttachAllowed",
            "OutputBucketRegion",
            "OutputS3BucketRegion",
            "OutputS3Location",
        ]);
        let name = parameters.required("PatchPolicyName")?;
        if name.chars().count() > MAX_NAME {
            return Err(ParameterError::new(
                "PatchPolicyName",
                format!("has more than {MAX_NAME} characters"),
            ));
        }
        let operation =
            parameters.choice("ConfigurationOptionsPatchOperation", &["Scan", "ScanAndInstall"])?;
        let scan = times(
            parameters,
            "ConfigurationOptionsScanValue",
            "ConfigurationOptionsScanNextInterval",
            SCAN_DAILY,
        )?;
        let install = times(
            parameters,
            "ConfigurationOptionsInstallValue",
            "ConfigurationOptionsInstallNextInterval",
            INSTALL_WEEKLY,
        )?;
        Ok(Self {
            name: name.to_owned(),
            scope: Scope::read(parameters, home)?,
            baselines: baselines(parameters.required("SelectedPatchBaselines")?)?,
            scan,
            install: (operation == "ScanAndInstall").then_some(install),
            reboot_option: parameters.choice("RebootOption", &["RebootIfNeeded", "NoReboot"])?,
            concurrency: limit(parameters, "RateControlConcurrency", CONCURRENCY)?,
            errors: limit(parameters, "RateControlErrorThreshold", ERRORS)?,
            output: output(parameters)?,
        })
    }

    /// AssociationId is filled in when they run.
    pub(super) fn associations(&self, id: &str, baselines: &str) -> Vec<Planned> {
        let scan = [("Operation", "Scan"), ("RebootOption", "NoReboot"), ("BaselineOverride", baselines)];
        let mut planned = vec![self.association(SCAN, id, &self.scan, &scan)];
        if let Some(times) = &self.install {
            let install = [
                ("Operation", "Install"),
                ("RebootOption", self.reboot_option),
                ("BaselineOverride", baselines),
            ];
            planned.push(self.association(INSTALL, id, times, &install));
        }
        planned
    }

    fn association(&self, role: &'static str, id: &str, times: &Times, given: &[(&str, &str)]) -> Planned {
        let output = self.output.as_ref().map(|(bucket, prefix)| InstanceAssociationOutputLocation {
            s3_location: Some(S3OutputLocation {
                output_s3_bucket_name: Some(bucket.clone()),
                output_s3_key_prefix: prefix.clone(),
                ..S3OutputLocation::default()
            }),
        });
        let parameters = given.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
        let settings = CreateAssociationBatchRequestEntry {
            name: DOCUMENT.to_owned(),
            association_name: Some(format!("AWS-QuickSetup-PatchPolicy-{role}-LA-{id}")),
            parameters: Some(parameters.collect()),
            targets: Some(self.scope.targets.clone()),
            schedule_expression: Some(times.schedule.clone()),
            apply_only_at_cron_interval: Some(times.only_then),
            max_concurrency: Some(self.concurrency.clone()),
            max_errors: Some(self.errors.clone()),
            compliance_severity: Some(AssociationComplianceSeverity::Unspecified),
            sync_compliance: Some(AssociationSyncCompliance::Auto),
            output_location: output,
            ..CreateAssociationBatchRequestEntry::default()
        };
        Planned { role, settings }
    }
}

fn times(
    parameters: &Parameters<'_>,
    value: &'static str,
    next_interval: &'static str,
    default: &str,
) -> Result<Times, ParameterError> {
    let text = parameters.text(value).unwrap_or(default);
    let schedule = Schedule::parse_for_association(text)
        .map_err(|error| ParameterError::new(value, error.to_string()))?;
    let only_then = parameters.flag(next_interval)?.unwrap_or_default();
    if only_then && schedule.is_rate() {
        let reason = format!("a rate has no interval to wait for: give a cron expression as {value}");
        return Err(ParameterError::new(next_interval, reason));
    }
    Ok(Times { schedule: text.to_owned(), only_then })
}

fn limit(parameters: &Parameters<'_>, name: &'static str, default: &str) -> Result<String, ParameterError> {
    let text = parameters.text(name).unwrap_or(default);
    let limit: Limit = text.parse().map_err(|error| ParameterError::new(name, format!("{error}")))?;
    let is_none = matches!(limit, Limit::Count(0) | Limit::Percent(0));
    if is_none && name == "RateControlConcurrency" {
        return Err(ParameterError::new(name, "at least one node must be let start"));
    }
    Ok(text.to_owned())
}

fn output(parameters: &Parameters<'_>) -> Result<Option<(String, Option<String>)>, ParameterError> {
    let is_on = parameters.flag("OutputLogEnableS3")?.unwrap_or_default();
    let bucket = parameters.text("OutputS3BucketName");
    let prefix = parameters.text("OutputS3KeyPrefix").map(str::to_owned);
    match (is_on, bucket) {
        (false, _) => Ok(None),
        (true, None) => Err(ParameterError::new("OutputS3BucketName", "is required with OutputLogEnableS3")),
        (true, Some(bucket)) => {
            let invalid =
                |error: crate::ids::InvalidId| ParameterError::new("OutputS3BucketName", error.to_string());
            let bucket: BucketName = bucket.parse().map_err(invalid)?;
            Ok(Some((bucket.to_string(), prefix)))
        }
    }
}

/// JSON: the name of a system, and the baseline that is chosen for it.
fn baselines(text: &str) -> Result<BTreeMap<OperatingSystem, BaselineId>, ParameterError> {
    const NAME: &str = "SelectedPatchBaselines";
    let invalid = |reason: String| ParameterError::new(NAME, reason);
    let given: BTreeMap<String, Selected> = serde_json::from_str(text)
        .map_err(|error| invalid(format!("is not the JSON that is expected: {error}")))?;
    let mut baselines = BTreeMap::new();
    for (os, selected) in given {
        let system: OperatingSystem = os.parse().map_err(|error| invalid(format!("{error}")))?;
        let is_disabled = selected.disabled.is_some_and(|value| value == true || value == "true");
        if is_disabled {
            continue;
        }
        let id = selected.value.parse().map_err(|error| invalid(format!("{os}: {error}")))?;
        baselines.insert(system, id);
    }
    match baselines.is_empty() {
        true => Err(invalid("selects no baseline".to_owned())),
        false => Ok(baselines),
    }
}
