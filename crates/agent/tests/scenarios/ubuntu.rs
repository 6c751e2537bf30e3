//! Ubuntu 22.04: `jammy-security`, `jammy-updates` with phased updates, and the subscriber's `jammy-infra-security`.
//! Source: spec patch-manager 1.7, 2.3, 3.1.

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::node::Node;

fn node() -> Option<Node> {
    Some(Node::new(Bed::apt("ubuntu")?))
}

fn baseline(non_security: bool, rejected: &[&str], action: &str) -> Value {
    let filters = json!([{"Key": "PRODUCT", "Values": ["Ubuntu22.04"]}]);
    let rule = json!({"PatchFilterGroup": {"PatchFilters": filters}, "EnableNonSecurity": non_security, "ApproveAfterDays": 0});
    json!({"OperatingSystem": "UBUNTU", "ApprovalRules": {"PatchRules": [rule]}, "RejectedPatches": rejected, "RejectedPatchesAction": action})
}

const TROUBLE: [&str; 5] = ["tb-fail", "tb-hash", "tb-held", "tb-newdep", "tb-stays"];

#[test]
fn an_old_node_becomes_compliant() {
    let Some(node) = node() else { return };
    node.use_baseline(baseline(false, &TROUBLE, "ALLOW_AS_DEPENDENCY"));
    let found = node.scan();
    // `tb-usn` comes from the subscriber's suite; `tb-bug` and `tb-phased` are in no security suite.
    let all = "tb-conf tb-epoch tb-kernel tb-slow tb-usn";
    assert_eq!(found.names("Missing"), all);
    assert_eq!(found.item("tb-usn")["PatchSeverity"], "Standard");
    let (before, after) = node.install_and_restart();
    assert_eq!(before.names("InstalledPendingReboot"), all, "{}", before.said);
    assert_eq!((after.code, after.names("Installed").as_str()), (0, all), "{}", after.said);
    after.assert_compliant();
    node.scan().assert_compliant();
}

#[test]
fn updates_beyond_security_come_when_that_is_wanted() {
    let Some(node) = node() else { return };
    let rejected: Vec<_> = TROUBLE.into_iter().chain(["tb-phased"]).collect();
    node.use_baseline(baseline(true, &rejected, "ALLOW_AS_DEPENDENCY"));
    let found = node.scan();
    assert_eq!(found.names("Missing"), "tb-bug tb-conf tb-epoch tb-kernel tb-slow tb-ssl tb-ssl-bin tb-usn");
    let (_, after) = node.install_and_restart();
    assert_eq!(after.code, 0, "{}", after.said);
    after.assert_compliant();
}

#[test]
fn what_cannot_be_installed_fails_by_itself_and_stays_told() {
    let Some(node) = node() else { return };
    node.use_baseline(baseline(false, &["tb-brandnew"], "BLOCK"));
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
    assert_eq!(run.names("InstalledPendingReboot"), "tb-conf tb-epoch tb-kernel tb-slow tb-usn");
    node.boot();
    let later = node.scan();
    assert_eq!(
        (later.names("Failed").as_str(), later.names("Missing").as_str()),
        ("tb-fail", "tb-hash tb-held tb-newdep tb-stays")
    );
}
