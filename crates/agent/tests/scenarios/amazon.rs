//! Amazon Linux 2023 through dnf: a node that is locked to the release it was installed with, patched from the newest one.
//! Source: spec patch-manager 1.7, 2.2 (the deterministic repositories), 3.1.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::node::Node;

const LOCK: &str = "2023.1.20250101";

fn node() -> Option<Node> {
    Some(Node::new(Bed::dnf("al2023")?))
}

fn rule(classification: &str, severities: &[&str]) -> Value {
    let filters = json!([
        {"Key": "PRODUCT", "Values": ["AmazonLinux2023"]},
        {"Key": "CLASSIFICATION", "Values": [classification]},
        {"Key": "SEVERITY", "Values": severities},
    ]);
    json!({"PatchFilterGroup": {"PatchFilters": filters}, "ComplianceLevel": "HIGH", "ApproveAfterDays": 7})
}

fn baseline(rules: &[Value], rejected: &[&str], action: &str) -> Value {
    json!({"OperatingSystem": "AMAZON_LINUX_2023", "ApprovalRules": {"PatchRules": rules},
        "RejectedPatches": rejected, "RejectedPatchesAction": action})
}

/// As the provided baseline has it.
fn provided() -> [Value; 2] {
    [rule("Security", &["Critical", "Important"]), rule("Bugfix", &["*"])]
}

/// What the node's own dnf offers, with the release that it is given.
fn check_update(node: &Node, release: &str) -> String {
    let below = |path: &str| node.root().join(path).display().to_string();
    let output = Command::new("dnf")
        .args(["-q", "--noplugins", "--installroot"])
        .arg(node.root())
        .arg(format!("--config={}", below("etc/dnf/dnf.conf")))
        .arg(format!("--releasever={release}"))
        .arg(format!("--setopt=reposdir={}", below("etc/yum.repos.d")))
        .arg(format!("--setopt=varsdir={}", below("etc/dnf/vars")))
        // Its own, so that what the node has of metadata stays as it is.
        .arg(format!("--setopt=cachedir={}", below("var/cache/other")))
        .arg(format!("--setopt=persistdir={}", below("var/lib/dnf")))
        .arg(format!("--setopt=logdir={}", below("var/log")))
        .arg("check-update")
        .env("HOME", node.base().join("home"))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn lock(node: &Node) -> String {
    fs::read_to_string(node.root().join("etc/dnf/vars/releasever")).unwrap().trim().to_owned()
}

fn version(node: &Node, package: &str) -> String {
    let mut rpm = Command::new("rpm");
    rpm.arg("--root").arg(node.root()).args(["-q", "--qf", "%{VERSION} ", package]);
    let output = rpm.env("HOME", node.base().join("home")).output().unwrap();
    if !output.status.success() {
        return String::new();
    }
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_locked_node_becomes_compliant_and_stays_locked() {
    let Some(node) = node() else { return };
    assert_eq!(check_update(&node, LOCK), "", "its own release has nothing newer");
    assert!(check_update(&node, "latest").contains("tb-ssl"), "the newest has");
    // A damaged package and one that needs what nobody approved are not this test's.
    node.use_baseline(baseline(&provided(), &["tb-hash", "tb-newdep"], "ALLOW_AS_DEPENDENCY"));
    let found = node.scan();
    let all = "kernel tb-bug tb-slow tb-ssl";
    assert_eq!((found.names("Missing").as_str(), found.count("MissingCount")), (all, 4));
    assert_eq!(found.item("tb-ssl")["CVEIds"], "CVE-2024-11111,CVE-2024-11112");
    assert_eq!(found.item("system-release")["PatchState"], "InstalledOther", "no advisory is about it");

    let (before, after) = node.install_and_restart();
    assert_eq!(before.names("InstalledPendingReboot"), all, "{}", before.said);
    assert_eq!((after.code, after.names("Installed").as_str()), (0, all), "{}", after.said);
    after.assert_compliant();
    assert_eq!((version(&node, "tb-ssl").as_str(), lock(&node).as_str()), ("1.1", LOCK));
    assert_eq!(
        version(&node, "system-release"),
        LOCK,
        "the release itself is for its administrator to change"
    );
    node.scan().assert_compliant();
}

#[test]
fn medium_is_what_elsewhere_is_moderate_and_failures_stand_alone() {
    let Some(node) = node() else { return };
    node.use_baseline(baseline(&[rule("Security", &["Medium"])], &[], "BLOCK"));
    assert_eq!(node.scan().names("Missing"), "tb-fail tb-failpre");

    node.use_baseline(baseline(
        &[rule("Security", &["*"]), rule("Bugfix", &["*"])],
        &["tb-brandnew"],
        "BLOCK",
    ));
    let all = "kernel tb-bug tb-fail tb-failpre tb-hash tb-locked tb-newdep tb-slow tb-ssl";
    assert_eq!(node.scan().names("Missing"), all);
    let run = node.install();
    let expected = [
        "tb-fail script-failed (tb-fail %post)",
        "tb-failpre script-failed (tb-failpre %prein)",
        "tb-hash checksum-mismatch (tb-hash)",
        "tb-newdep rejected-dependency (tb-brandnew)",
    ];
    assert_eq!((run.code, run.failures()), (1, expected.map(str::to_owned).to_vec()), "{}", run.said);
    assert_eq!((run.count("FailedCount"), run.count("MissingCount")), (4, 0));
    assert_eq!(run.names("InstalledPendingReboot"), "kernel tb-bug tb-locked tb-slow tb-ssl");
    let versions = ["tb-brandnew", "tb-newdep", "tb-fail", "tb-failpre"].map(|name| version(&node, name));
    assert_eq!(versions, ["", "1.0", "1.1", "1.0"]);
    assert_eq!(lock(&node), LOCK);
}

#[test]
fn without_metadata_of_the_newest_release_its_own_is_read() {
    let Some(node) = node() else { return };
    node.use_baseline(baseline(&provided(), &[], "BLOCK"));
    assert_ne!(node.scan().names("Missing"), "");
    let caches = fs::read_dir(node.root().join("var/cache/dnf")).unwrap().flatten();
    let of_newest = |folder: &PathBuf| {
        fs::read_to_string(folder.join("repodata/repomd.xml")).is_ok_and(|text| text.contains("updateinfo"))
    };
    let newest: Vec<PathBuf> = caches.map(|entry| entry.path()).filter(of_newest).collect();
    assert_eq!(newest.len(), 1, "the other release has no advisories");
    fs::remove_dir_all(&newest[0]).unwrap();
    let left = node.scan();
    assert_eq!(
        (left.names("Missing").as_str(), left.item("tb-ssl")["PatchState"].as_str()),
        ("", "InstalledOther")
    );
}
