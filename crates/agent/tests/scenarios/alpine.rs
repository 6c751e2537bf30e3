//! Alpine Linux 3.23 through apk: the candidate counts, build dates as delays count them, versions held by the world, rejected
//! packages kept out, and what stands in an installation's way. The world stays as it was.
//! Source: docs/decisions on systems of our own and on apk.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::node::Node;

fn node() -> Option<Node> {
    let node = Node::new(Bed::apk()?);
    // A script that takes its time has its own tests.
    fs::write(node.root().join("tmp/quick"), "").unwrap();
    Some(node)
}

fn rule(repositories: &[&str], days: u32) -> Value {
    let filters = json!([
        {"Key": "PRODUCT", "Values": ["AlpineLinux3.23"]},
        {"Key": "REPOSITORY", "Values": repositories},
    ]);
    json!({"PatchFilterGroup": {"PatchFilters": filters}, "ComplianceLevel": "HIGH", "ApproveAfterDays": days})
}

fn baseline(rules: &[Value], rejected: &[&str], action: &str) -> Value {
    json!({"OperatingSystem": "ALPINE_LINUX", "ApprovalRules": {"PatchRules": rules},
        "RejectedPatches": rejected, "RejectedPatchesAction": action})
}

fn version(node: &Node, package: &str) -> String {
    let database = fs::read_to_string(node.root().join("lib/apk/db/installed")).unwrap();
    let mut lines = database.lines().skip_while(|line| *line != format!("P:{package}"));
    lines.find_map(|line| line.strip_prefix("V:")).unwrap_or_default().to_owned()
}

#[test]
fn an_old_node_becomes_compliant() {
    let Some(node) = node() else { return };
    let world = || fs::read_to_string(node.root().join("etc/apk/world")).unwrap();
    let before_all = world();
    let rejected = ["tb-fail*", "tb-hash", "tb-loose", "tb-newdep", "tb-pinned", "tb-stays", "tb-trigger"];
    node.use_baseline(baseline(&[rule(&["updates"], 7)], &rejected, "ALLOW_AS_DEPENDENCY"));
    let found = node.scan();
    let all = "linux-virt musl tb-both tb-bug tb-conf tb-fuzzy tb-slow tb-ssl tb-ssl-libs";
    assert_eq!((found.names("Missing").as_str(), found.count("MissingCount")), (all, 9));
    assert_eq!(found.item("tb-edge")["PatchState"], "InstalledOther", "of another repository");
    // Nobody tells a node of Alpine what an update is for.
    let told = ["Classification", "PatchSeverity"]
        .map(|member| found.item("tb-ssl").get(member).cloned().unwrap_or_default());
    assert_eq!(told, ["", ""]);
    assert!(!found.item("tb-ssl").contains_key("CVEIds"));
    // A tagged repository is one like the others; dates are those of the builds, of January 2025.
    node.use_baseline(baseline(&[rule(&["edge"], 7)], &[], "BLOCK"));
    assert_eq!(node.scan().names("Missing"), "tb-edge");
    let mut until = rule(&["*"], 0);
    until.as_object_mut().unwrap().remove("ApproveAfterDays");
    until["ApproveUntilDate"] = json!("2025-01-01");
    node.use_baseline(baseline(&[until], &[], "BLOCK"));
    assert_eq!(node.scan().names("Missing"), "");
    // One version by its name, in place of every rule.
    let mut by_name = baseline(&[], &[], "BLOCK");
    by_name["ApprovedPatches"] = json!(["tb-ssl*=1.1-r0"]);
    node.use_baseline(by_name);
    assert_eq!(node.scan().names("Missing"), "tb-ssl tb-ssl-libs");

    node.use_baseline(baseline(&[rule(&["updates"], 7)], &rejected, "ALLOW_AS_DEPENDENCY"));
    let (before, after) = node.install_and_restart();
    assert_eq!(before.names("InstalledPendingReboot"), all, "{}", before.said);
    assert_eq!(after.code, 0, "{}", after.said);
    assert_eq!(after.names("Installed"), all);
    after.assert_compliant();
    assert_eq!([version(&node, "tb-both"), version(&node, "tb-edge")], ["1.2-r0", "1.0-r0"]);
    assert_eq!(world(), before_all);
    node.scan().assert_compliant();
}

#[test]
fn what_cannot_be_installed_fails_by_itself_and_stays_told() {
    let Some(node) = node() else { return };
    let world = || fs::read_to_string(node.root().join("etc/apk/world")).unwrap();
    let before_all = world();
    node.use_baseline(baseline(&[rule(&["updates"], 7)], &["tb-brandnew"], "BLOCK"));
    let run = node.install();
    assert_eq!(run.code, 1, "{}", run.said);
    let expected = [
        "tb-fail script-failed (tb-fail post-upgrade)",
        "tb-failpre script-failed (tb-failpre pre-upgrade)",
        "tb-hash checksum-mismatch (tb-hash)",
        "tb-loose unmet-dependency (tb-loose)",
        "tb-newdep rejected-dependency (tb-brandnew)",
        "tb-pinned held (tb-pinned)",
        "tb-stays would-remove (tb-goes)",
        "tb-trigger script-failed (tb-trigger trigger)",
    ];
    assert_eq!(run.failures(), expected, "{}", run.said);
    assert_eq!((run.count("FailedCount"), run.count("MissingCount")), (8, 0));
    let versions =
        ["tb-brandnew", "tb-newdep", "tb-fail", "tb-bug", "tb-edge"].map(|name| version(&node, name));
    assert_eq!(versions, ["", "1.0-r0", "1.1-r0", "1.1-r0", "1.0-r0"]);
    assert_eq!(world(), before_all);

    node.boot();
    let later = node.scan();
    assert_eq!(
        later.failures(),
        [
            "tb-fail script-failed (tb-fail post-upgrade)",
            "tb-failpre script-failed (tb-failpre pre-upgrade)",
            "tb-trigger script-failed (tb-trigger trigger)",
        ]
    );
    // tb-fuzzy is at the newest of its branch.
    assert_eq!(later.names("Missing"), "tb-hash tb-loose tb-newdep tb-pinned tb-stays");
    // The reason goes away: the next installation puts right what the last one left.
    fs::write(node.root().join("tmp/sound"), "").unwrap();
    let again = node.install();
    assert!(!again.failures().iter().any(|line| line.starts_with("tb-fail ")), "{}", again.said);
}

/// A service that OpenRC has started.
fn start_service(node: &Node, name: &str, process: u32) {
    let root = node.root();
    for folder in ["etc/init.d", "run/openrc/started", &format!("run/openrc/daemons/{name}")] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("etc/init.d").join(name), "#!/sbin/openrc-run\n").unwrap();
    symlink(format!("/etc/init.d/{name}"), root.join("run/openrc/started").join(name)).unwrap();
    let daemon = format!("exec=/usr/sbin/{name}\npidfile=/run/{name}.pid\n");
    fs::write(root.join(format!("run/openrc/daemons/{name}/001")), daemon).unwrap();
    fs::write(root.join(format!("run/{name}.pid")), format!("{process}\n")).unwrap();
}

/// What a plan foresees is what is told afterwards: services of OpenRC that run replaced files, a kernel, the C library.
#[test]
fn services_and_reboots_are_foreseen_and_told() {
    let Some(mut node) = node() else { return };
    let asked = node.stand_in("rc-service");
    let mut by_name = baseline(&[], &[], "BLOCK");
    by_name["ApprovedPatches"] =
        json!(["tb-ssl=1.1-r0", "tb-bug=1.1-r0", "linux-virt=6.12.2-r0", "musl=1.1-r0"]);
    node.use_baseline(by_name);
    node.run_kernel("6.12.1-0-virt");
    for (name, process) in [("web", 10), ("dbus", 11), ("idle", 12)] {
        start_service(&node, name, process);
    }
    let is_run = |after: &str| {
        node.put_process(10, "web", "0::/openrc.web", &[&format!("/usr/share/bed/tb-ssl{after}")]);
        node.put_process(11, "dbus-daemon", "0::/", &[&format!("/usr/share/bed/tb-bug{after}")]);
        node.put_process(12, "idle", "0::/openrc.idle", &["/usr/share/bed/tb-app"]);
        node.put_process(20, "ash", "0::/openrc.web", &[&format!("/usr/share/bed/tb-ssl{after}")]);
    };
    is_run("");
    let plan = node.plan();
    for line in [
        "Services that will run replaced files: dbus, web\n",
        "Reboot: likely\n",
        "  linux-virt: a kernel takes effect with the next boot\n",
        "  musl: what runs of it since the boot can only be replaced by a reboot\n",
    ] {
        assert!(plan.contains(line), "{line}: {plan}");
    }
    assert_eq!(version(&node, "tb-ssl"), "1.0-r0");

    is_run(" (deleted)");
    let run = node.install_and_restart_services();
    assert_eq!((run.code, version(&node, "tb-ssl").as_str()), (0, "1.1-r0"), "{}", run.said);
    for line in [
        "  kernel 6.12.2-0-virt: waits for a reboot\n",
        "  musl: waits for a reboot\n",
        "  web: waits for its restart; runs replaced /usr/share/bed/tb-ssl\n",
        "  processes ash: run replaced /usr/share/bed/tb-ssl\n",
        "Restarted: web.\n",
        "Not restarted: dbus; a reboot brings it up to date.\n",
    ] {
        assert!(run.said.contains(line), "{line}: {}", run.said);
    }
    assert_eq!(fs::read_to_string(asked).unwrap(), "--ifstarted -- web restart\n");
}
