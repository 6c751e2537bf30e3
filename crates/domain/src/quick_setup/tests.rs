//! What parameters come to, and what is refused.

use std::collections::BTreeMap;

use super::*;

const UBUNTU: &str = r#"{"UBUNTU":{"value":"pb-0123456789abcdef0","label":"mine","description":"","disabled":false},
    "DEBIAN":{"value":"pb-0123456789abcdef1","label":"","disabled":true}}"#;

fn read(kind: Kind, pairs: &[(&str, &str)]) -> Result<Configuration, ParameterError> {
    let given: BTreeMap<String, String> =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (account, region) = ("123456789012".parse().unwrap(), "eu-central-1".parse().unwrap());
    Configuration::read(kind, &given, (&account, &region))
}

fn policy(more: &[(&'static str, &'static str)]) -> Result<Configuration, ParameterError> {
    let mut pairs: BTreeMap<&str, &str> =
        [("PatchPolicyName", "weekly"), ("SelectedPatchBaselines", UBUNTU)].into();
    pairs.extend(more.iter().copied());
    read(Kind::PatchPolicy, &pairs.into_iter().collect::<Vec<_>>())
}

fn parameter<'a>(planned: &'a Planned, name: &str) -> &'a str {
    &planned.settings.parameters.as_ref().unwrap()[name][0]
}

#[test]
fn a_policy_scans_daily_unless_told_otherwise() {
    let found = policy(&[]).unwrap();
    let planned = found.associations("abc", "s3://b/k.json");
    assert_eq!(planned.len(), 1);
    let scan = &planned[0];
    assert_eq!((scan.role, scan.settings.name.as_str()), ("ScanForPatches", "AWS-RunPatchBaseline"));
    assert_eq!(scan.settings.schedule_expression.as_deref(), Some("cron(0 1 * * ? *)"));
    assert_eq!(
        (parameter(scan, "Operation"), parameter(scan, "BaselineOverride")),
        ("Scan", "s3://b/k.json")
    );
    assert_eq!(scan.settings.apply_only_at_cron_interval, Some(false));
    assert_eq!(scan.settings.max_concurrency.as_deref(), Some("10%"));
    let target = &found.targets()[0];
    assert_eq!(
        (target.key.as_deref(), target.values.as_ref().unwrap()[0].as_str()),
        (Some("InstanceIds"), "*")
    );
    assert_eq!(found.scope().regions[0].as_str(), "eu-central-1");
    let Configuration::PatchPolicy(policy) = found else { panic!("a policy") };
    assert_eq!(policy.baselines.len(), 1, "one is switched off");
}

#[test]
fn a_policy_installs_at_its_times() {
    let found = policy(&[
        ("ConfigurationOptionsPatchOperation", "ScanAndInstall"),
        ("ConfigurationOptionsInstallValue", "cron(0 2 ? * SAT#1 *)"),
        ("ConfigurationOptionsInstallNextInterval", "true"),
        ("ConfigurationOptionsScanNextInterval", "false"),
        ("RebootOption", "NoReboot"),
        ("RateControlConcurrency", "5"),
        ("RateControlErrorThreshold", "0%"),
        ("TargetType", "Tags"),
        ("TargetTagKey", "Patch"),
        ("TargetTagValue", "true"),
        ("TargetRegions", "eu-central-1,us-east-1, eu-central-1"),
        ("TargetAccounts", "123456789012"),
        ("TargetOrganizationalUnits", ""),
        ("OutputLogEnableS3", "true"),
        ("OutputS3BucketName", "patch-logs"),
        ("OutputS3KeyPrefix", "a/b"),
        ("HasDeletedBaseline", "false"),
        ("PatchBaselineUseDefault", "custom"),
        ("ResourceGroupName", ""),
    ])
    .unwrap();
    assert_eq!(found.scope().regions.len(), 2);
    let planned = found.associations("abc", "s3://b/k.json");
    let install = &planned[1];
    assert_eq!((install.role, parameter(install, "Operation")), ("InstallPatches", "Install"));
    assert_eq!(parameter(install, "RebootOption"), "NoReboot");
    let settings = &install.settings;
    assert_eq!(settings.schedule_expression.as_deref(), Some("cron(0 2 ? * SAT#1 *)"));
    assert_eq!(settings.apply_only_at_cron_interval, Some(true));
    assert_eq!(
        (settings.max_concurrency.as_deref(), settings.max_errors.as_deref()),
        (Some("5"), Some("0%"))
    );
    assert_eq!(
        settings.association_name.as_deref(),
        Some("AWS-QuickSetup-PatchPolicy-InstallPatches-LA-abc")
    );
    let output = settings.output_location.clone().unwrap().s3_location.unwrap();
    assert_eq!(output.output_s3_bucket_name.as_deref(), Some("patch-logs"));
    assert_eq!(found.targets()[0].key.as_deref(), Some("tag:Patch"));
}

#[test]
fn what_a_policy_cannot_have_is_named() {
    let cases: &[(&str, &str, &str)] = &[
        ("PatchPolicyName", "", "is required"),
        ("SelectedPatchBaselines", "", "is required"),
        ("SelectedPatchBaselines", "[]", "not the JSON"),
        ("SelectedPatchBaselines", "{}", "selects no baseline"),
        ("SelectedPatchBaselines", r#"{"BEOS":{"value":"pb-0123456789abcdef0"}}"#, "BEOS"),
        ("SelectedPatchBaselines", r#"{"UBUNTU":{"value":"mine"}}"#, "`mine`"),
        (
            "SelectedPatchBaselines",
            r#"{"UBUNTU":{"value":"pb-0123456789abcdef0","disabled":"true"}}"#,
            "no baseline",
        ),
        ("ConfigurationOptionsPatchOperation", "Install", "Scan, ScanAndInstall"),
        ("ConfigurationOptionsScanValue", "daily", "expected cron"),
        ("ConfigurationOptionsScanValue", "cron(0 1 1 * ? *)", "day-of-month"),
        ("ConfigurationOptionsInstallNextInterval", "maybe", "neither true nor false"),
        ("RebootOption", "Later", "RebootIfNeeded, NoReboot"),
        ("RateControlConcurrency", "0", "at least one"),
        ("RateControlConcurrency", "ten", "neither a number nor a percentage"),
        ("RateControlErrorThreshold", "101%", "neither a number nor a percentage"),
        ("OutputLogEnableS3", "true", "is required with OutputLogEnableS3"),
        ("TargetType", "Everybody", "is not one of"),
        ("TargetType", "InstanceIds", "names 0 nodes"),
        ("TargetType", "Tags", "is required with TargetType Tags"),
        ("TargetType", "ResourceGroups", "is required with TargetType ResourceGroups"),
        ("TargetAccounts", "123456789012,210987654321", "another account"),
        ("TargetOrganizationalUnits", "ou-1", "no organizations"),
        ("TargetRegions", "Mars", "region"),
        ("Colour", "red", "is not a parameter of this type"),
    ];
    for (name, value, expected) in cases {
        let error = policy(&[(name, value)]).unwrap_err();
        assert!(error.to_string().contains(expected), "{name}={value}: {error}");
    }
    let group = policy(&[("TargetType", "ResourceGroups"), ("ResourceGroupName", "web")]).unwrap();
    assert_eq!(group.targets()[0].key.as_deref(), Some("resource-groups:Name"));
    let instances = policy(&[("TargetType", "InstanceIds"), ("TargetInstances", "web1")]).unwrap_err();
    assert_eq!(instances.name, "TargetInstances");
    let rate = policy(&[
        ("ConfigurationOptionsScanValue", "rate(1 day)"),
        ("ConfigurationOptionsScanNextInterval", "true"),
    ]);
    assert!(rate.unwrap_err().reason.contains("no interval to wait for"));
}

#[test]
fn host_management_does_what_there_are_documents_for() {
    use crate::document::shipped;
    let found = read(Kind::HostManagement, &[]).unwrap();
    let planned = found.associations("abc", "");
    let documents: Vec<&str> = planned.iter().map(|planned| planned.settings.name.as_str()).collect();
    assert!(documents.contains(&"AWS-RunPatchBaselineAssociation"), "{documents:?}");
    assert!(documents.iter().all(|document| shipped::find(document).is_some()));
    let said = found.left_out().unwrap_or_default();
    for document in ["AWS-UpdateSSMAgent", "AWS-GatherSoftwareInventory"] {
        let is_shipped = shipped::find(document).is_some();
        assert_eq!((documents.contains(&document), said.contains(document)), (is_shipped, !is_shipped));
    }
    let none = read(Kind::HostManagement, &[("ScanInstances", "false")]).unwrap().associations("abc", "");
    assert_eq!(none.len(), planned.len() - 1);
    let refused = read(Kind::HostManagement, &[("InstallCloudWatchAgent", "true")]).unwrap_err();
    assert_eq!(refused.name, "InstallCloudWatchAgent");
    assert!(read(Kind::HostManagement, &[("PatchPolicyName", "x")]).is_err());
}

#[test]
fn kinds_go_by_their_names() {
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Some(kind));
    }
    assert_eq!(Kind::parse("AWSQuickSetupType-DHMC"), None);
}
