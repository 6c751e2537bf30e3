//! The documents that every account has, as data files beside this one. Who may run them is the
//! server's to decide.
//! Source: spec systems-manager 2.6, patch-manager 4.2.

use super::Document;

/// Owner that shipped documents are listed under.
pub const OWNER: &str = "Amazon";

pub struct Shipped {
    pub name: &'static str,
    /// The text as it is served and hashed.
    pub content: &'static str,
}

const SHIPPED: [Shipped; 2] = [
    Shipped { name: "AWS-RunPatchBaseline", content: include_str!("shipped/AWS-RunPatchBaseline.json") },
    Shipped { name: "AWS-RunShellScript", content: include_str!("shipped/AWS-RunShellScript.json") },
];

/// By name, sorted.
pub fn all() -> &'static [Shipped] {
    &SHIPPED
}

pub fn find(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|shipped| shipped.name == name)
}

impl Shipped {
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
            assert_eq!(shipped.document().check_placeholders(), Ok(()), "{}", shipped.name);
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
        assert_eq!(document.platforms(), [Platform::Linux]);
        let parameters = document.resolve_parameters(&given(&[("Operation", "Scan")])).unwrap();
        assert_eq!(document.execution_timeout_seconds(&parameters), 7200);
        let step = &document.steps[0];
        assert_eq!(step.gate(document.schema_version, Platform::Linux, &parameters), Gate::Run);
        let skipped = step.gate(document.schema_version, Platform::Windows, &parameters);
        assert!(matches!(skipped, Gate::Skip { .. }));
        let script = step.resolved_inputs(&parameters)["runCommand"].to_string();
        for part in ["patch --operation 'Scan'", "--snapshot-id ''", "--reboot-option 'RebootIfNeeded'"] {
            assert!(script.contains(part), "{script}");
        }
        assert!(!script.contains("{{"), "{script}");
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
