//! Red Hat Enterprise Linux 9 through dnf: advisories with severities and dates, a module stream, a version lock, install-only
//! kernels, and what stands in an installation's way.
//! Source: spec patch-manager 1.7, 2.1, 2.2, 3.1.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::node::Node;

fn node() -> Option<Node> {
    Some(Node::new(Bed::dnf("rhel")?))
}

fn rule(classification: &str, severities: &[&str], date: &Value) -> Value {
    let filters = json!([
        {"Key": "PRODUCT", "Values": ["RedhatEnterpriseLinux9"]},
        {"Key": "CLASSIFICATION", "Values": [classification]},
        {"Key": "SEVERITY", "Values": severities},
    ]);
    let mut rule = json!({"PatchFilterGroup": {"PatchFilters": filters}, "ComplianceLevel": "CRITICAL"});
    rule.as_object_mut().unwrap().extend(date.as_object().unwrap().clone());
    rule
}

fn baseline(rules: &[Value], rejected: &[&str], action: &str) -> Value {
    json!({"OperatingSystem": "REDHAT_ENTERPRISE_LINUX", "ApprovalRules": {"PatchRules": rules},
        "RejectedPatches": rejected, "RejectedPatchesAction": action})
}

/// As the provided baseline has it.
fn provided() -> [Value; 2] {
    let week = json!({"ApproveAfterDays": 7});
    [rule("Security", &["Critical", "Important"], &week), rule("Bugfix", &["*"], &week)]
}

/// Sorted versions of a package, with commas between them.
fn versions(node: &Node, package: &str) -> String {
    let mut rpm = Command::new("rpm");
    rpm.arg("--root").arg(node.root()).args(["-q", "--qf", "%{VERSION}\\n", package]);
    let output = rpm.env("HOME", node.base().join("home")).output().unwrap();
    if !output.status.success() {
        return String::new();
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let mut versions: Vec<_> = text.lines().collect();
    versions.sort_unstable();
    versions.join(",")
}

#[test]
fn an_old_node_becomes_compliant() {
    let Some(node) = node() else { return };
    // A damaged package and one that needs what nobody approved are not this test's.
    node.use_baseline(baseline(&provided(), &["tb-hash", "tb-newdep"], "ALLOW_AS_DEPENDENCY"));
    let found = node.scan();
    let all = "kernel tb-bug tb-mod tb-slow tb-ssl";
    assert_eq!((found.names("Missing").as_str(), found.count("MissingCount")), (all, 5));
    let ssl = found.item("tb-ssl");
    assert_eq!((ssl["PatchSeverity"].as_str(), ssl["Severity"].as_str()), ("Critical", "CRITICAL"));
    assert_eq!(ssl["CVEIds"], "CVE-2024-11111,CVE-2024-11112");
    // The other stream has a higher version, and an advisory for it.
    assert_eq!(found.item("tb-mod")["Title"], "tb-mod.noarch:0:1.1-1.bed");
    assert_eq!(found.item("tb-fail")["PatchState"], "InstalledOther", "moderate");
    assert_eq!(found.item("glibc")["PatchState"], "InstalledOther", "an enhancement");

    let (before, after) = node.install_and_restart();
    assert_eq!(before.names("InstalledPendingReboot"), all, "{}", before.said);
    assert_eq!(after.code, 0, "{}", after.said);
    assert_eq!(after.names("Installed"), all);
    after.assert_compliant();
    assert_eq!([versions(&node, "kernel"), versions(&node, "tb-mod")], ["5.10.1,5.10.2", "1.1"]);
    let last = node.scan();
    last.assert_compliant();
    assert_eq!(last.names("Installed"), all);
}

#[test]
fn advisories_count_from_the_day_they_were_updated() {
    let Some(node) = node() else { return };
    // Every advisory was issued on the second and updated on the third of January 2025.
    let until = |day: &str| rule("Security", &["Critical"], &json!({"ApproveUntilDate": day}));
    node.use_baseline(baseline(&[until("2025-01-02")], &[], "BLOCK"));
    assert_eq!(node.scan().names("Missing"), "");
    node.use_baseline(baseline(&[until("2025-01-03")], &[], "BLOCK"));
    assert_eq!(node.scan().names("Missing"), "tb-hash tb-ssl");
}

#[test]
fn a_rejected_advisory_keeps_out_what_it_lists() {
    let Some(node) = node() else { return };
    let now = json!({"ApproveAfterDays": 0});
    // 0009 lists `tb-brandnew`, which the node does not have and `tb-newdep` needs; 0012 the other stream's `tb-mod`.
    let rejected = ["bed-sa-2025:0009", "BED-SA-2025:0010", "CVE-2024-22222", "BED-SA-2025:0012"];
    node.use_baseline(baseline(&[rule("Security", &["Critical", "Important"], &now)], &rejected, "BLOCK"));
    assert_eq!(node.scan().names("Missing"), "tb-mod tb-newdep tb-ssl");
    let run = node.install();
    assert_eq!(run.failures(), ["tb-newdep rejected-dependency (tb-brandnew)"], "{}", run.said);
    assert!(
        run.item("tb-newdep")["DetailedText"].contains("`bed-sa-2025:0009`"),
        "{:?}",
        run.item("tb-newdep")
    );
    assert_eq!(run.names("InstalledPendingReboot"), "tb-mod tb-ssl");
    assert_eq!([versions(&node, "tb-brandnew"), versions(&node, "kernel")], ["", "5.10.1"]);
}

#[test]
fn what_cannot_be_installed_fails_by_itself_and_stays_told() {
    let Some(node) = node() else { return };
    // A version lock of the administrator's, as its plugin reads it.
    let plugins = node.root().join("etc/dnf/plugins");
    fs::write(plugins.join("versionlock.conf"), "[main]\nenabled = 1\n").unwrap();
    fs::write(plugins.join("versionlock.list"), "tb-locked-0:1.0-1.bed.*\n").unwrap();
    let now = json!({"ApproveAfterDays": 0});
    let rules = [rule("Security", &["*"], &now), rule("Bugfix", &["*"], &now)];
    node.use_baseline(baseline(&rules, &["tb-brandnew"], "BLOCK"));
    let found = node.scan();
    let all = "kernel tb-bug tb-fail tb-failpre tb-hash tb-locked tb-mod tb-newdep tb-slow tb-ssl";
    assert_eq!(found.names("Missing"), all);

    let run = node.install();
    assert_eq!(run.code, 1, "{}", run.said);
    let expected = [
        "tb-fail script-failed (tb-fail %post)",
        "tb-failpre script-failed (tb-failpre %prein)",
        "tb-hash checksum-mismatch (tb-hash)",
        "tb-newdep rejected-dependency (tb-brandnew)",
    ];
    assert_eq!(run.failures(), expected, "{}", run.said);
    assert_eq!((run.count("FailedCount"), run.count("MissingCount")), (4, 0));
    assert_eq!([versions(&node, "tb-brandnew"), versions(&node, "tb-newdep")], ["", "1.0"]);
    assert_eq!([versions(&node, "tb-fail"), versions(&node, "tb-failpre")], ["1.1", "1.0"]);

    // rpm's database has forgotten that a script failed; the node has not.
    node.boot();
    let later = node.scan();
    assert_eq!(later.failures(), ["tb-fail script-failed (tb-fail %post)"]);
    assert_eq!(later.names("Missing"), "tb-failpre tb-hash tb-newdep");

    // The next installation runs the script again, and fails again; an administrator who installs it without is believed.
    let rejected = ["tb-brandnew", "tb-failpre", "tb-hash", "tb-newdep"];
    node.use_baseline(baseline(&rules, &rejected, "ALLOW_AS_DEPENDENCY"));
    let again = node.install();
    assert_eq!((again.code, again.failures()), (1, vec!["tb-fail script-failed (tb-fail %post)".to_owned()]));
    // Times of installation are told in seconds: this one is to be another.
    node.boot();
    let by_hand = Command::new("rpm")
        .arg("--root")
        .arg(node.root())
        .args(["-U", "--replacepkgs", "--noscripts"])
        .arg(node.base().join("repo-updates/tb-fail-1.1-1.bed.noarch.rpm"))
        .env("HOME", node.base().join("home"))
        .status();
    assert!(by_hand.unwrap().success());
    node.boot();
    node.scan().assert_compliant();
}
