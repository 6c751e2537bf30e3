//! The documents that every account has, as data files beside this one. Who may run them is the
//! server's to decide.
//! Source: spec systems-manager 2.6, patch-manager 4.2.

use api::ssm::{DocumentFormat, DocumentType};

use super::{Checked, Document, check};

pub struct Shipped {
    pub name: &'static str,
    /// The text as it is served and hashed.
    pub content: &'static str,
}

const SHIPPED: [Shipped; 27] = [
    Shipped { name: "AWS-ApplyPatchBaseline", content: include_str!("shipped/AWS-ApplyPatchBaseline.json") },
    Shipped {
        name: "AWS-ConfigureAWSPackage",
        content: include_str!("shipped/AWS-ConfigureAWSPackage.json"),
    },
    Shipped {
        name: "AWS-ConfigureKernelLivePatching",
        content: include_str!("shipped/AWS-ConfigureKernelLivePatching.json"),
    },
    Shipped {
        name: "AWS-ConfigureWindowsUpdate",
        content: include_str!("shipped/AWS-ConfigureWindowsUpdate.json"),
    },
    Shipped { name: "AWS-DownloadContent", content: include_str!("shipped/AWS-DownloadContent.json") },
    Shipped {
        name: "AWS-ExportPatchReportToS3",
        content: include_str!("shipped/AWS-ExportPatchReportToS3.json"),
    },
    Shipped { name: "AWS-FindWindowsUpdates", content: include_str!("shipped/AWS-FindWindowsUpdates.json") },
    Shipped {
        name: "AWS-GatherSoftwareInventory",
        content: include_str!("shipped/AWS-GatherSoftwareInventory.json"),
    },
    Shipped {
        name: "AWS-InstallMissingWindowsUpdates",
        content: include_str!("shipped/AWS-InstallMissingWindowsUpdates.json"),
    },
    Shipped {
        name: "AWS-InstallSpecificWindowsUpdates",
        content: include_str!("shipped/AWS-InstallSpecificWindowsUpdates.json"),
    },
    Shipped {
        name: "AWS-InstallWindowsUpdates",
        content: include_str!("shipped/AWS-InstallWindowsUpdates.json"),
    },
    Shipped { name: "AWS-Noop", content: include_str!("shipped/AWS-Noop.json") },
    Shipped {
        name: "AWS-PatchInstanceWithRollback",
        content: include_str!("shipped/AWS-PatchInstanceWithRollback.json"),
    },
    Shipped { name: "AWS-RefreshAssociation", content: include_str!("shipped/AWS-RefreshAssociation.json") },
    Shipped { name: "AWS-RestartEC2Instance", content: include_str!("shipped/AWS-RestartEC2Instance.json") },
    Shipped { name: "AWS-RunDocument", content: include_str!("shipped/AWS-RunDocument.json") },
    Shipped { name: "AWS-RunPatchBaseline", content: include_str!("shipped/AWS-RunPatchBaseline.json") },
    Shipped {
        name: "AWS-RunPatchBaselineAssociation",
        content: include_str!("shipped/AWS-RunPatchBaselineAssociation.json"),
    },
    Shipped {
        name: "AWS-RunPatchBaselineWithHooks",
        content: include_str!("shipped/AWS-RunPatchBaselineWithHooks.json"),
    },
    Shipped {
        name: "AWS-RunPowerShellScript",
        content: include_str!("shipped/AWS-RunPowerShellScript.json"),
    },
    Shipped { name: "AWS-RunRemoteScript", content: include_str!("shipped/AWS-RunRemoteScript.json") },
    Shipped { name: "AWS-RunShellScript", content: include_str!("shipped/AWS-RunShellScript.json") },
    Shipped { name: "AWS-UpdateSSMAgent", content: include_str!("shipped/AWS-UpdateSSMAgent.json") },
    Shipped { name: "Fettle-PlanPatches", content: include_str!("shipped/Fettle-PlanPatches.json") },
    Shipped { name: "Fettle-RestartNode", content: include_str!("shipped/Fettle-RestartNode.json") },
    Shipped {
        name: "Fettle-RunPatchBaseline",
        content: include_str!("shipped/Fettle-RunPatchBaseline.json"),
    },
    Shipped { name: "Fettle-UndoPatches", content: include_str!("shipped/Fettle-UndoPatches.json") },
];

/// By name, sorted.
pub fn all() -> &'static [Shipped] {
    &SHIPPED
}

pub fn find(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|shipped| shipped.name == name)
}

impl Shipped {
    /// Whom it is listed under: what AWS publishes is AWS's, by whomever it is served.
    pub fn owner(&self) -> &'static str {
        if self.name.starts_with("AWS-") { "Amazon" } else { "Fettle" }
    }

    /// What may run it: of a Policy associations alone, as AWS publishes it.
    pub fn document_type(&self) -> DocumentType {
        match self.name {
            "AWS-GatherSoftwareInventory" => DocumentType::Policy,
            "AWS-ExportPatchReportToS3" | "AWS-PatchInstanceWithRollback" | "AWS-RestartEC2Instance" => {
                DocumentType::Automation
            }
            _ => DocumentType::Command,
        }
    }

    /// What is known of it without running it.
    pub fn checked(&self) -> Checked {
        let checked = check(&self.document_type(), &DocumentFormat::Json, self.content);
        checked.expect("shipped documents are part of the build and tested")
    }

    /// As agents run it; `None` of a runbook, which the server runs.
    pub fn command(&self) -> Option<Document> {
        (self.document_type() != DocumentType::Automation).then(|| self.document())
    }

    /// Of one that agents run.
    pub fn document(&self) -> Document {
        Document::parse(self.content).expect("shipped documents are part of the build and tested")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Gate, Platform};
    use super::*;
    use std::collections::BTreeMap;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect()
    }

    #[test]
    fn all_can_be_read() {
        assert!(SHIPPED.is_sorted_by_key(|shipped| shipped.name));
        for shipped in all() {
            let kind = shipped.document_type();
            let checked = super::super::check(&kind, &DocumentFormat::Json, shipped.content);
            assert!(checked.is_ok(), "{}: {checked:?}", shipped.name);
        }
    }

    #[test]
    fn runbooks_can_be_run_and_what_they_send_is_shipped() {
        let runbooks: Vec<_> =
            all().iter().filter(|shipped| shipped.document_type() == DocumentType::Automation).collect();
        assert_eq!(runbooks.len(), 3);
        for shipped in runbooks {
            assert!(shipped.command().is_none());
            let root: serde_json::Value = serde_json::from_str(shipped.content).unwrap();
            let book = crate::automation::Runbook::read(root.as_object().unwrap()).unwrap();
            for step in book.all_steps() {
                let sent = step.inputs.get("DocumentName").and_then(|name| name.as_str());
                assert!(sent.is_none_or(|name| find(name).is_some()), "{}: {sent:?}", shipped.name);
            }
        }
    }

    #[test]
    fn the_shell_document_runs_its_commands() {
        let document = find("AWS-RunShellScript").unwrap().document();
        assert_eq!(document.platforms(), [Platform::Linux, Platform::MacOs]);
        let parameters = document.resolve_parameters(&given(&[("commands", "uname -a")])).unwrap();
        assert_eq!(document.execution_timeout_seconds(&parameters), 3600);
        let inputs = document.steps[0].resolved_inputs(&parameters);
        assert_eq!(inputs["runCommand"], serde_json::json!(["uname -a"]));
        assert!(document.resolve_parameters(&given(&[])).is_err());
        let long = given(&[("commands", "id"), ("executionTimeout", "172801")]);
        assert!(document.resolve_parameters(&long).is_err());
        let longest = given(&[("commands", "id"), ("executionTimeout", "172800")]);
        assert!(document.resolve_parameters(&longest).is_ok());
    }

    #[test]
    fn the_patch_document_runs_the_agents_engine() {
        let document = find("AWS-RunPatchBaseline").unwrap().document();
        assert_eq!(document.platforms(), [Platform::Linux, Platform::MacOs, Platform::Windows]);
        let parameters = document.resolve_parameters(&given(&[("Operation", "Scan")])).unwrap();
        // Of all steps together, though a node runs one of the three.
        assert_eq!(document.execution_timeout_seconds(&parameters), 3 * 7200);
        let rows = [
            (
                "PatchLinux",
                Platform::Linux,
                "--operation 'Scan' --snapshot-id '' --reboot-option 'RebootIfNeeded'",
            ),
            ("PatchMacOS", Platform::MacOs, "--operation 'Scan' --snapshot-id ''"),
            ("PatchWindows", Platform::Windows, "'--operation=Scan' '--snapshot-id='"),
        ];
        for (name, platform, part) in rows {
            let gate = |step: &super::super::Step| step.gate(document.schema_version, platform, &parameters);
            let running: Vec<_> = document.steps.iter().filter(|step| gate(step) == Gate::Run).collect();
            assert_eq!(running.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(), [name]);
            let script = running[0].resolved_inputs(&parameters)["runCommand"].to_string();
            assert!(script.contains(part) && !script.contains("{{"), "{script}");
        }
    }

    #[test]
    fn each_system_sees_eight_steps_of_the_hooks_document() {
        let document = find("AWS-RunPatchBaselineWithHooks").unwrap().document();
        let steps = |platform, operation| {
            let parameters = document.resolve_parameters(&given(&[("Operation", operation)])).unwrap();
            let gate = |step: &super::super::Step| step.gate(document.schema_version, platform, &parameters);
            document.steps.iter().filter(|step| gate(step) == Gate::Run).count()
        };
        assert_eq!((steps(Platform::Linux, "Install"), steps(Platform::Windows, "Install")), (8, 8));
        // Of a scan, the scan and the two decisions; the first one ends it.
        assert_eq!(steps(Platform::Linux, "Scan"), 3);
    }

    #[test]
    fn our_own_patch_document_adds_to_awss_and_leaves_it_as_it_is() {
        let (aws, ours) = (find("AWS-RunPatchBaseline").unwrap(), find("Fettle-RunPatchBaseline").unwrap());
        let (aws, ours) = (aws.document(), ours.document());
        for parameter in aws.parameters.iter().filter(|parameter| parameter.name != "AssociationId") {
            assert!(ours.parameters.contains(parameter), "{}", parameter.name);
        }
        let resolve = |pairs: &[(&str, &str)]| {
            let mut all = given(&[("Operation", "Install")]);
            all.extend(given(pairs));
            ours.resolve_parameters(&all)
        };
        let plain = resolve(&[]).unwrap();
        let later =
            resolve(&[("RebootAt", "2026-11-21T03:00:00+01:00"), ("RestartServices", "True")]).unwrap();
        let now = api::Timestamp::from_seconds(1_795_219_200);
        assert_eq!(ours.restart_wait_seconds(&plain, now), Ok(0));
        assert_eq!(ours.restart_wait_seconds(&later, now), Ok(7200));
        for step in &ours.steps {
            let inputs = step.resolved_inputs(&later);
            let script = inputs["runCommand"].to_string();
            assert!(script.contains("2026-11-21T03:00:00+01:00") && !script.contains("{{"), "{script}");
            assert_eq!(inputs["restartAt"], "2026-11-21T03:00:00+01:00");
        }
        for wrong in ["tonight", "3:00", "2026-11-21", "'; id; '", "2026-11-21T03:00:00"] {
            assert!(resolve(&[("RebootAt", wrong)]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_association_document_names_its_association_and_a_tag() {
        let document = find("AWS-RunPatchBaselineAssociation").unwrap().document();
        let id = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10";
        let with = |tags: &str| {
            let required = given(&[("Operation", "Scan"), ("AssociationId", id), ("BaselineTags", tags)]);
            document.resolve_parameters(&required)
        };
        for step in &document.steps {
            let script =
                step.resolved_inputs(&with("Key=Stage,Values=prod").unwrap())["runCommand"].to_string();
            assert!(script.contains(id) && script.contains("Key=Stage,Values=prod"), "{script}");
            assert!(script.contains("--for-association") && !script.contains("{{"), "{script}");
        }
        assert!(with("Key=Größe a,Values=1/2,x@y").is_ok());
        for tags in ["Stage=prod", "Key=a,Values=", "Key=a,Values='; id; '", "Key=a,Values=$(id)"] {
            assert!(with(tags).is_err(), "{tags}");
        }
        assert!(document.resolve_parameters(&given(&[("Operation", "Scan")])).is_err());
    }

    #[test]
    fn the_patch_document_lets_no_shell_text_through() {
        let document = find("AWS-RunPatchBaseline").unwrap().document();
        let refused = [
            ("Operation", "scan"),
            ("SnapshotId", "3f0c9f5e"),
            ("RebootOption", "Maybe"),
            ("AssociationId", "x"),
            ("StepTimeoutSeconds", "0"),
            ("StepTimeoutSeconds", "36001"),
            ("InstallOverrideList", "http://example.org/list.yaml"),
            ("InstallOverrideList", "https://example.org/'; id; '"),
            ("BaselineOverride", "https://example.org/$(id)"),
            ("BaselineOverride", "s3://bucket/`id`"),
            ("BaselineOverride", "https://example.org/a\nb"),
        ];
        for (name, value) in refused {
            let mut parameters = given(&[("Operation", "Scan")]);
            parameters.extend(given(&[(name, value)]));
            assert!(document.resolve_parameters(&parameters).is_err(), "{name} {value}");
        }
        let accepted = [
            ("SnapshotId", "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10"),
            ("InstallOverrideList", "https://example.org/list.yaml?x=1&y=2"),
            ("BaselineOverride", "s3://bucket/folder/override.json"),
            ("StepTimeoutSeconds", "36000"),
        ];
        for (name, value) in accepted {
            let mut parameters = given(&[("Operation", "Install")]);
            parameters.extend(given(&[(name, value)]));
            assert!(document.resolve_parameters(&parameters).is_ok(), "{name} {value}");
        }
    }
}
