//! InstallOverrideList and BaselineOverride from an https server of the test's own, on a node that real apt patches.

use std::collections::BTreeMap;

use api::ssm::{
    CommandInvocation, CommandInvocationStatus, ComplianceStringFilter, DescribeInstancePatchStatesRequest,
    ListComplianceItemsRequest,
};

use crate::harness::{Agent, FileServer, PatchBed, Server, engines};
use crate::install::{approve, end_of, expect, output, send};
use crate::scan::order;

use CommandInvocationStatus::{Failed, Success};

const SNAPSHOT: &str = "6a1b0c3e-5a55-4c43-9d0a-2f6f0f1d2b11";

fn run(server: &Server, agent: &Agent, parameters: &[(&str, &str)]) -> CommandInvocation {
    end_of(server, &send(server, agent, parameters))
}

/// A list of one baseline for Debian that approves exactly these, and one for another system.
fn baseline(packages: &[&str]) -> String {
    let list: Vec<String> = packages.iter().map(|name| format!("\"{name}\"")).collect();
    format!(
        "[{{\"OperatingSystem\":\"WINDOWS\"}},{{\"OperatingSystem\":\"DEBIAN\",\"ApprovedPatches\":[{}],
        \"ApprovedPatchesEnableNonSecurity\":true,\"ApprovedPatchesComplianceLevel\":\"CRITICAL\",
        \"BaselineId\":\"pb-0123456789abcdef0\",\"CreatedDate\":1800000000}}]",
        list.join(",")
    )
}

/// Id and status of the items of a compliance type.
fn items(server: &Server, agent: &Agent, compliance_type: &str) -> BTreeMap<String, String> {
    let filter = ComplianceStringFilter {
        key: Some("ComplianceType".to_owned()),
        values: Some(vec![compliance_type.to_owned()]),
        ..Default::default()
    };
    let request = ListComplianceItemsRequest {
        resource_ids: Some(vec![agent.id.clone()]),
        filters: Some(vec![filter]),
        ..Default::default()
    };
    let items = server.call(&request).compliance_items.unwrap_or_default();
    items.into_iter().map(|item| (item.id.unwrap(), item.status.unwrap().as_str().to_owned())).collect()
}

fn has_state(server: &Server, agent: &Agent) -> bool {
    let request =
        DescribeInstancePatchStatesRequest { instance_ids: vec![agent.id.clone()], ..Default::default() };
    !server.call(&request).instance_patch_states.unwrap_or_default().is_empty()
}

#[test]
fn a_list_installs_exactly_what_it_names_and_the_report_follows_the_baseline() {
    let Some(bed) = PatchBed::new() else { return };
    let files = FileServer::start();
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf", "tb-newdep"]);
    let agent = Agent::online_trusting(&server, &bed, &files.authority());
    files.put("/list.yaml", "patches:\n  - id: 'tb-conf.*'\n    title: '*1.1-1'\n    because: a ticket\n");
    let list = files.url("/list.yaml");

    let scanned = run(&server, &agent, &[("Operation", "Scan"), ("InstallOverrideList", &list)]);
    assert_eq!(scanned.status, Some(Success), "{}", output(&scanned));
    assert_eq!(files.asked("/list.yaml"), 0, "a scan follows the baseline alone");
    let install =
        [("Operation", "Install"), ("RebootOption", "NoReboot"), ("InstallOverrideList", list.as_str())];
    let done = run(&server, &agent, &install);
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    assert_eq!((bed.state("tb-conf").as_str(), bed.state("tb-newdep").as_str()), ("1.1-1 ii", "1.0-1 ii"));
    expect(&server, &agent, &[("tb-conf", "InstalledPendingReboot"), ("tb-newdep", "Missing")]);
}

#[test]
fn what_cannot_be_fetched_or_read_changes_nothing() {
    let Some(bed) = PatchBed::new() else { return };
    let files = FileServer::start();
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf"]);
    let agent = Agent::online_trusting(&server, &bed, &files.authority());
    files.put("/broken.yaml", "patches: [\n");
    files.put("/other.yaml", "packages:\n  - id: tb-conf\n");
    files.put("/broken.json", "{");
    files.put("/twice.json", "[{\"OperatingSystem\":\"DEBIAN\"},{\"OperatingSystem\":\"DEBIAN\"}]");
    let (list, baseline) = ("InstallOverrideList", "BaselineOverride");
    let rows = [
        (list, "/broken.yaml", "not YAML"),
        (list, "/other.yaml", "no list `patches:`"),
        (list, "/gone.yaml", "status 404"),
        (baseline, "/broken.json", "not JSON"),
        (baseline, "/twice.json", "2 entries for this node's system"),
        (baseline, "/gone.json", "status 404"),
    ];
    for (parameter, path, reason) in rows {
        let url = files.url(path);
        let done = run(&server, &agent, &[("Operation", "Install"), (parameter, &url)]);
        let said = output(&done);
        assert_eq!(done.status, Some(Failed), "{path}: {said}");
        assert!(said.contains(reason) && said.contains("override-unreadable"), "{path}: {said}");
    }
    // An authority that the agent was not told to trust.
    let strangers = FileServer::start();
    strangers.put("/list.yaml", "patches:\n  - id: tb-conf\n");
    let url = strangers.url("/list.yaml");
    let done = run(&server, &agent, &[("Operation", "Install"), (list, &url)]);
    assert_eq!((done.status.clone(), strangers.asked("/list.yaml")), (Some(Failed), 0), "{}", output(&done));
    assert_eq!(bed.state("tb-conf"), "1.0-1 ii");
    assert!(!has_state(&server, &agent), "nothing was reported");
}

#[test]
fn a_baseline_brought_along_is_applied_and_not_recorded() {
    let Some(bed) = PatchBed::new() else { return };
    let files = FileServer::start();
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf"]);
    let agent = Agent::online_trusting(&server, &bed, &files.authority());
    run(&server, &agent, &[("Operation", "Scan")]);
    files.put("/baseline.json", &baseline(&["tb-newdep"]));
    let url = files.url("/baseline.json");
    let with = |operation| {
        [
            ("Operation", operation),
            ("RebootOption", "NoReboot"),
            ("BaselineOverride", url.as_str()),
            ("SnapshotId", SNAPSHOT),
        ]
    };
    let scanned = run(&server, &agent, &with("Scan"));
    let said = output(&scanned);
    assert_eq!(scanned.status, Some(Success), "{said}");
    assert!(said.contains("nothing was recorded") && said.contains("tb-newdep"), "{said}");
    expect(&server, &agent, &[("tb-conf", "Missing")]);

    // The rules were evaluated once for this snapshot id.
    files.put("/baseline.json", &baseline(&["tb-epoch"]));
    let done = run(&server, &agent, &with("Install"));
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    assert_eq!((bed.state("tb-newdep").as_str(), bed.state("tb-epoch").as_str()), ("1.1-1 ii", "9.0-1 ii"));
    assert_eq!(bed.state("tb-conf"), "1.0-1 ii");
    // Still what the node's own baseline found before.
    expect(&server, &agent, &[("tb-conf", "Missing")]);

    // On behalf of a policy's association the same is recorded, as a policy's.
    let policy = [
        ("Operation", "Scan"),
        ("BaselineOverride", url.as_str()),
        ("AssociationId", "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10"),
    ];
    assert_eq!(run(&server, &agent, &policy).status, Some(Success));
    expect(&server, &agent, &[("tb-epoch", "Missing")]);
    let patch =
        ListComplianceItemsRequest { resource_ids: Some(vec![agent.id.clone()]), ..Default::default() };
    let items = server.call(&patch).compliance_items.unwrap();
    let kinds = items.iter().map(|item| item.execution_summary.as_ref().unwrap().execution_type.clone());
    assert!(kinds.into_iter().all(|kind| kind.as_deref() == Some("PatchPolicy")));
    assert_eq!(items[0].details.as_ref().unwrap()["PatchBaselineId"], "pb-0123456789abcdef0");
}

#[test]
fn findings_of_a_brought_baseline_are_recorded_apart_on_request() {
    let Some(bed) = PatchBed::new() else { return };
    let files = FileServer::start();
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf"]);
    let agent = Agent::online_trusting(&server, &bed, &files.authority());
    files.put("/baseline.json", &baseline(&["tb-newdep"]));
    files.put("/elsewhere.json", "[{\"OperatingSystem\":\"WINDOWS\"}]");
    let fettle = |parameters: &[(&str, &str)]| {
        let sent = server.call(&order("Fettle-RunPatchBaseline", &agent.id, parameters));
        end_of(&server, &sent.command.unwrap().command_id.unwrap())
    };
    let url = files.url("/baseline.json");
    let done = fettle(&[("Operation", "Scan"), ("BaselineOverride", &url), ("RecordOverride", "True")]);
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    let found = items(&server, &agent, "Custom:BaselineOverride");
    assert_eq!(found.get("tb-newdep.amd64").map(String::as_str), Some("NON_COMPLIANT"), "{found:?}");
    assert!(!found.contains_key("tb-conf.amd64"), "{found:?}");
    assert!(!has_state(&server, &agent), "the node's own compliance is not touched");

    // A file without an entry for this system leaves the node's own baseline in force, and that is recorded as ever.
    let elsewhere = files.url("/elsewhere.json");
    let done = fettle(&[("Operation", "Scan"), ("BaselineOverride", &elsewhere), ("RecordOverride", "True")]);
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    expect(&server, &agent, &[("tb-conf", "Missing")]);
    assert_eq!(items(&server, &agent, "Custom:BaselineOverride"), found);
}
