//! Debian 12 with a security suite: what it has is old, what it lacks is in `bookworm-security`, beside packages that are
//! held, pinned, rejected, damaged, or whose script fails.
//! Source: spec patch-manager 1.7, 2.3, 3.1.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::node::Node;

/// What an administrator has rejected so that the rest goes through.
const TROUBLE: [&str; 5] = ["tb-fail", "tb-hash", "tb-held", "tb-newdep", "tb-stays"];

/// Security content of any priority, as the provided baseline has it.
fn baseline(rejected: &[&str], action: &str) -> Value {
    let filters = json!([
        {"Key": "PRODUCT", "Values": ["Debian12"]},
        {"Key": "SECTION", "Values": ["*"]},
        {"Key": "PRIORITY", "Values": ["Required", "Important", "Standard", "Optional", "Extra"]},
    ]);
    let rule = json!({"PatchFilterGroup": {"PatchFilters": filters}, "ComplianceLevel": "HIGH", "ApproveAfterDays": 0});
    json!({"OperatingSystem": "DEBIAN", "ApprovalRules": {"PatchRules": [rule]}, "RejectedPatches": rejected, "RejectedPatchesAction": action})
}

fn node() -> Option<Node> {
    Some(Node::new(Bed::apt("debian")?))
}

/// `VERSION STATE` of an installed package.
fn state(node: &Node, package: &str) -> String {
    let output = Command::new("dpkg-query")
        .arg(format!("--admindir={}", node.root().join("var/lib/dpkg").display()))
        .args(["-W", "-f=${Version} ${db:Status-Abbrev}", package])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn an_old_node_becomes_compliant() {
    let Some(node) = node() else { return };
    node.use_baseline(baseline(&TROUBLE, "ALLOW_AS_DEPENDENCY"));
    let found = node.scan();
    // `tb-ssl` has its fix behind a newer version outside the security suite, `tb-pinned` behind a pin.
    assert_eq!(found.names("Missing"), "tb-conf tb-epoch tb-kernel tb-slow");
    assert_eq!((found.count("MissingCount"), found.summary["NonCompliantSeverity"].as_str()), (4, "HIGH"));
    assert_eq!(found.item("tb-kernel")["Classification"], "Security");
    assert_eq!(found.item("tb-pinned")["PatchState"], "InstalledOther");

    let (before, after) = node.install_and_restart();
    assert_eq!(before.names("InstalledPendingReboot"), "tb-conf tb-epoch tb-kernel tb-slow");
    assert_eq!(after.code, 0, "{}", after.said);
    assert_eq!(after.names("Installed"), "tb-conf tb-epoch tb-kernel tb-slow");
    after.assert_compliant();
    assert_eq!(state(&node, "tb-kernel"), "5.10.2-1 ii");

    let last = node.scan();
    last.assert_compliant();
    assert_eq!(last.names("Installed"), "tb-conf tb-epoch tb-kernel tb-slow");
}

#[test]
fn what_cannot_be_installed_fails_by_itself_and_stays_told() {
    let Some(node) = node() else { return };
    node.use_baseline(baseline(&["tb-brandnew"], "BLOCK"));
    let found = node.scan();
    let all = "tb-conf tb-epoch tb-fail tb-hash tb-held tb-kernel tb-newdep tb-slow tb-stays";
    assert_eq!(found.names("Missing"), all);

    let run = node.install();
    assert_eq!(run.code, 1, "{}", run.said);
    let expected = [
        "tb-fail script-failed (tb-fail postinst)",
        "tb-hash checksum-mismatch (tb-hash)",
        "tb-held held (tb-held)",
        "tb-newdep rejected-dependency (tb-brandnew)",
        "tb-stays would-remove (tb-goes)",
    ];
    assert_eq!(run.failures(), expected);
    assert_eq!(run.names("Failed"), TROUBLE.join(" "));
    assert_eq!(run.names("InstalledPendingReboot"), "tb-conf tb-epoch tb-kernel tb-slow");
    assert_eq!((run.count("FailedCount"), run.count("MissingCount")), (5, 0));
    assert_eq!((state(&node, "tb-fail").as_str(), state(&node, "tb-brandnew").as_str()), ("1.1-1 iF", ""));
    assert_eq!(state(&node, "tb-stays"), "1.0-1 ii");

    // What dpkg has not finished is no installed package, whoever asks; the others are what they were.
    node.boot();
    let later = node.scan();
    assert_eq!(later.names("Failed"), "tb-fail");
    assert_eq!(later.failures(), ["tb-fail script-failed (tb-fail postinst)"]);
    assert_eq!(later.names("Missing"), "tb-hash tb-held tb-newdep tb-stays");
    assert_eq!(later.names("Installed"), "tb-conf tb-epoch tb-kernel tb-slow");

    // The cause is put right: the next installation finishes it.
    fs::write(node.root().join("var/lib/dpkg/info/tb-fail.postinst"), "#!/bin/sh\nexit 0\n").unwrap();
    node.use_baseline(baseline(&["tb-hash", "tb-held", "tb-newdep", "tb-stays"], "ALLOW_AS_DEPENDENCY"));
    let last = node.install();
    assert_eq!((last.code, last.item("tb-fail")["PatchState"].as_str()), (0, "Installed"), "{}", last.said);
    last.assert_compliant();
    assert_eq!(state(&node, "tb-fail"), "1.1-1 ii");
}

#[test]
fn what_is_installed_and_rejected_is_told() {
    let Some(node) = node() else { return };
    node.use_baseline(baseline(&["tb-bug"], "BLOCK"));
    let found = node.scan();
    assert_eq!(
        (found.names("InstalledRejected").as_str(), found.count("InstalledRejectedCount")),
        ("tb-bug", 1)
    );
    node.use_baseline(baseline(&["tb-bug"], "ALLOW_AS_DEPENDENCY"));
    let allowed = node.scan();
    assert_eq!(
        (allowed.item("tb-bug")["PatchState"].as_str(), allowed.count("InstalledRejectedCount")),
        ("InstalledOther", 0)
    );
}
