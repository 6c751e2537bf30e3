//! Arch Linux through pacman: everything or some repositories at once, what is ignored, rejected, damaged or in conflict, and
//! a partial upgrade that says what it is.
//! Source: docs/decisions/0014 and 0018.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::node::Node;

/// What stands in the way of a node as a whole.
const TROUBLE: [&str; 8] =
    ["tb-fail", "tb-file", "tb-hash", "tb-held", "tb-lib", "tb-newdep", "tb-stays", "tb-brandnew"];

fn node() -> Option<Node> {
    Some(Node::new(Bed::pacman()?))
}

fn baseline(filters: &[(&str, &str)], rejected: &[&str], action: &str) -> Value {
    let filters: Vec<Value> =
        filters.iter().map(|(key, value)| json!({"Key": key, "Values": [value]})).collect();
    let rule = json!({"PatchFilterGroup": {"PatchFilters": filters}, "ComplianceLevel": "HIGH", "ApproveAfterDays": 0});
    json!({"OperatingSystem": "ARCH_LINUX", "ApprovalRules": {"PatchRules": [rule]}, "RejectedPatches": rejected,
        "RejectedPatchesAction": action})
}

/// The version of a package.
fn version(node: &Node, package: &str) -> String {
    let database = node.root().join("var/lib/pacman");
    let mut pacman = Command::new("pacman");
    pacman.arg("--root").arg(node.root()).arg("--dbpath").arg(database).args(["-Q", package]);
    let output = pacman.output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn an_old_node_becomes_compliant() {
    let Some(node) = node() else { return };
    node.use_baseline(baseline(&[("PRODUCT", "ArchLinux")], &TROUBLE, "ALLOW_AS_DEPENDENCY"));
    let found = node.scan();
    let all = "linux tb-app tb-bug tb-epoch tb-grouped tb-many1 tb-many2 tb-many3 tb-slow tb-ssl";
    assert_eq!((found.names("Missing").as_str(), found.count("MissingCount")), (all, 10));
    assert_eq!(found.item("tb-goes")["PatchState"], "InstalledOther", "no repository has it");

    let (before, after) = node.install_and_restart();
    assert_eq!(before.names("InstalledPendingReboot"), all);
    assert_eq!(after.code, 0, "{}", after.said);
    assert_eq!(after.names("Installed"), all);
    after.assert_compliant();
    assert_eq!(version(&node, "linux"), "1.1.arch1-1");
    let last = node.scan();
    last.assert_compliant();
    assert_eq!(last.names("Installed"), all);
}

#[test]
fn what_cannot_be_installed_fails_by_itself() {
    let Some(node) = node() else { return };
    node.use_baseline(baseline(&[], &["tb-brandnew"], "BLOCK"));
    let run = node.install();
    assert_eq!(run.code, 1, "{}", run.said);
    let file = node.root().join("etc/tb-file.conf");
    let expected = [
        "tb-fail script-failed (tb-fail's install script)".to_owned(),
        format!("tb-file file-conflict ({})", file.display()),
        "tb-hash checksum-mismatch (tb-hash)".to_owned(),
        "tb-held held (tb-held)".to_owned(),
        "tb-lib unmet-dependency (tb-lib)".to_owned(),
        "tb-newdep rejected-dependency (tb-brandnew)".to_owned(),
        "tb-stays would-remove (tb-goes)".to_owned(),
    ];
    assert_eq!(run.failures(), expected);
    assert_eq!((run.count("FailedCount"), run.count("MissingCount")), (7, 0));
    assert_eq!((version(&node, "tb-fail").as_str(), version(&node, "tb-lib").as_str()), ("1.1-1", "1.0-1"));
    assert!(run.said.contains("partial-upgrade"), "{}", run.said);
}

#[test]
fn rules_choose_repositories_and_lists_choose_versions() {
    let Some(node) = node() else { return };
    node.use_baseline(baseline(&[("REPOSITORY", "extra")], &[], "ALLOW_AS_DEPENDENCY"));
    assert_eq!(node.scan().names("Missing"), "tb-epoch tb-file tb-grouped");
    let mut listed = baseline(&[("REPOSITORY", "extra")], &["tb-ssl-1.0-1", "tb-epoch=1:1.0-1"], "BLOCK");
    listed["ApprovedPatches"] = json!(["tb-many*", "linux-1.1.arch1-1"]);
    node.use_baseline(listed);
    let found = node.scan();
    assert_eq!(found.names("Missing"), "linux tb-file tb-grouped tb-many1 tb-many2 tb-many3");
    assert_eq!(found.names("InstalledRejected"), "tb-ssl");
}

/// What a plan foresees is what is told afterwards: services of systemd that run replaced files, and a kernel.
#[test]
fn services_and_reboots_are_foreseen_and_told() {
    let Some(mut node) = node() else { return };
    let asked = node.stand_in("systemctl");
    let mut by_name = baseline(&[("REPOSITORY", "none")], &[], "BLOCK");
    by_name["ApprovedPatches"] = json!(["linux=1.1.arch1-1", "tb-ssl=1.1-1"]);
    node.use_baseline(by_name);
    node.run_kernel("1.0-arch1-1");
    let is_run = |after: &str| {
        let file = format!("/usr/share/bed/tb-ssl{after}");
        node.put_process(10, "web", "0::/system.slice/web.service", &[&file]);
        node.put_process(11, "idle", "0::/system.slice/idle.service", &["/usr/share/bed/tb-app"]);
    };
    is_run("");
    let plan = node.plan();
    for line in [
        "Services that will run replaced files: web.service\n",
        "Reboot: likely\n  linux: a kernel takes effect with the next boot\n",
    ] {
        assert!(plan.contains(line), "{line}: {plan}");
    }

    is_run(" (deleted)");
    let run = node.install_and_restart_services();
    assert_eq!((run.code, version(&node, "tb-ssl").as_str()), (0, "1.1-1"), "{}", run.said);
    for line in [
        "  kernel 1.1.arch1-1: waits for a reboot\n",
        "  web.service: waits for its restart; runs replaced /usr/share/bed/tb-ssl\n",
        "Restarted: web.service.\n",
    ] {
        assert!(run.said.contains(line), "{line}: {}", run.said);
    }
    assert_eq!(fs::read_to_string(asked).unwrap(), "try-restart -- web.service\n");
}
