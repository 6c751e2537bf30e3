//! SUSE Linux Enterprise 15 through zypper: patches with categories and severities, a lock, rejected packages kept out by
//! locks of the run's own, and what stands in an installation's way.
//! Source: spec patch-manager 1.6, 1.7, 2.4, 3.1.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::node::Node;

fn node() -> Option<Node> {
    Some(Node::new(Bed::zypper("suse")?))
}

fn rule(category: &str, severities: &[&str]) -> Value {
    let filters = json!([
        {"Key": "PRODUCT", "Values": ["Suse15.5"]},
        {"Key": "CLASSIFICATION", "Values": [category]},
        {"Key": "SEVERITY", "Values": severities},
    ]);
    json!({"PatchFilterGroup": {"PatchFilters": filters}, "ComplianceLevel": "HIGH", "ApproveAfterDays": 7})
}

fn baseline(rules: &[Value], rejected: &[&str], action: &str) -> Value {
    json!({"OperatingSystem": "SUSE", "ApprovalRules": {"PatchRules": rules},
        "RejectedPatches": rejected, "RejectedPatchesAction": action})
}

/// The version of a package.
fn version(node: &Node, package: &str) -> String {
    let mut rpm = Command::new("rpm");
    rpm.arg("--root").arg(node.root()).args(["-q", "--qf", "%{VERSION},", package]);
    let output = rpm.env("HOME", node.base().join("home")).output().unwrap();
    if !output.status.success() {
        return String::new();
    }
    String::from_utf8(output.stdout).unwrap().trim_end_matches(',').to_owned()
}

#[test]
fn an_old_node_becomes_compliant() {
    let Some(node) = node() else { return };
    let rules = [rule("Security", &["Critical", "Important"]), rule("Recommended", &["*"])];
    node.use_baseline(baseline(&rules, &["tb-hash", "tb-newdep"], "ALLOW_AS_DEPENDENCY"));
    let found = node.scan();
    let all = "kernel tb-bug tb-slow tb-ssl";
    assert_eq!((found.names("Missing").as_str(), found.count("MissingCount")), (all, 4));
    assert_eq!(found.item("tb-bug")["Classification"], "Recommended");
    assert_eq!(found.item("tb-ssl")["CVEIds"], "CVE-2024-11111,CVE-2024-11112");
    assert_eq!(found.item("glibc")["PatchState"], "InstalledOther", "a feature");
    // A patch of one package by its name, in place of every rule.
    let mut by_name = baseline(&[], &[], "BLOCK");
    by_name["ApprovedPatches"] = json!(["BED-SA-2025:000*"]);
    by_name["RejectedPatches"] =
        json!(["BED-SA-2025:0003", "tb-failpre*", "tb-locked", "tb-newdep-1.1-1.bed.noarch.rpm"]);
    node.use_baseline(by_name);
    assert_eq!(node.scan().names("Missing"), "kernel tb-ssl");

    node.use_baseline(baseline(&rules, &["tb-hash", "tb-newdep"], "ALLOW_AS_DEPENDENCY"));
    let (before, after) = node.install_and_restart();
    assert_eq!(before.names("InstalledPendingReboot"), all, "{}", before.said);
    assert_eq!(after.code, 0, "{}", after.said);
    assert_eq!(after.names("Installed"), all);
    after.assert_compliant();
    assert_eq!(version(&node, "tb-ssl"), "1.1");
    node.scan().assert_compliant();
}

#[test]
fn a_rejected_cve_id_keeps_out_the_version_that_closes_it() {
    let Some(node) = node() else { return };
    let rejected = ["CVE-2024-77777", "BED-SA-2025:001*"];
    node.use_baseline(baseline(&[rule("Security", &["Critical", "Important"])], &rejected, "BLOCK"));
    assert_eq!(node.scan().names("Missing"), "kernel tb-newdep tb-ssl");
    let run = node.install();
    assert_eq!(run.failures(), ["tb-newdep rejected-dependency (tb-brandnew)"], "{}", run.said);
    assert!(
        run.item("tb-newdep")["DetailedText"].contains("`CVE-2024-77777`"),
        "{:?}",
        run.item("tb-newdep")
    );
    assert_eq!([version(&node, "tb-brandnew"), version(&node, "tb-ssl")], ["", "1.1"]);
}

#[test]
fn what_cannot_be_installed_fails_by_itself_and_stays_told() {
    let Some(node) = node() else { return };
    let locks = node.root().join("etc/zypp/locks");
    let before = fs::read(&locks).unwrap();
    let rules = [rule("Security", &["*"]), rule("Recommended", &["*"])];
    node.use_baseline(baseline(&rules, &["tb-brandnew"], "BLOCK"));
    let found = node.scan();
    // A scan does not mind locks, an installation does.
    let all = "kernel tb-bug tb-fail tb-failpre tb-hash tb-locked tb-newdep tb-slow tb-ssl";
    assert_eq!(found.names("Missing"), all);

    let run = node.install();
    assert_eq!(run.code, 1, "{}", run.said);
    let expected = [
        "tb-fail script-failed (tb-fail %post)",
        "tb-failpre script-failed (tb-failpre %prein)",
        "tb-hash checksum-mismatch (tb-hash)",
        "tb-locked held (tb-locked)",
        "tb-newdep rejected-dependency (tb-brandnew)",
    ];
    assert_eq!(run.failures(), expected, "{}", run.said);
    assert_eq!((run.count("FailedCount"), run.count("MissingCount")), (5, 0));
    assert_eq!([version(&node, "tb-brandnew"), version(&node, "tb-newdep")], ["", "1.0"]);
    assert_eq!(fs::read(&locks).unwrap(), before, "no lock stays behind");

    node.boot();
    let later = node.scan();
    assert_eq!(later.failures(), ["tb-fail script-failed (tb-fail %post)"]);
    assert_eq!(later.names("Missing"), "tb-failpre tb-hash tb-locked tb-newdep");
    let rejected = ["tb-brandnew", "tb-failpre", "tb-hash", "tb-locked", "tb-newdep"];
    node.use_baseline(baseline(&rules, &rejected, "ALLOW_AS_DEPENDENCY"));
    let again = node.install();
    assert_eq!((again.code, again.failures()), (1, vec!["tb-fail script-failed (tb-fail %post)".to_owned()]));
    assert_eq!(version(&node, "tb-fail"), "1.1");
}
