//! `fettle patch now` on real agents: what it shows while it goes on, what it comes to, and what it leaves behind.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use api::ssm::{DescribeAssociationExecutionsRequest, DescribeInstancePatchStatesRequest};
use serde_json::Value;

use crate::harness::{Agent, PatchBed, Server, engines, eventually};
use crate::install::{approve, expect};
use crate::scan::{operator, operator_command};

const STARTED_WITHIN: Duration = Duration::from_secs(60);

fn json(server: &Server, arguments: &[&str]) -> (bool, Value, String) {
    let (worked, said, error) = operator(server, arguments);
    let parsed = serde_json::from_str(&said).unwrap_or_else(|wrong| panic!("{wrong}: {said}{error}"));
    (worked, parsed, error)
}

#[test]
fn many_nodes_are_scanned_and_patched_from_the_terminal() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf"]);
    let agent = Agent::online_on(&server, &bed);

    let (worked, said, error) = operator(&server, &["patch", "now", "--all"]);
    assert!(worked, "{said}{error}");
    assert!(error.starts_with("Scanning 1 node.\nPatch now "), "{error}");
    assert!(error.contains("1 of 1 node done"), "{error}");
    let row: Vec<&str> = said.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(
        (row[0], row[2], row[3], row.last()),
        (agent.id.as_str(), "success", "1", Some(&"non-compliant"))
    );
    assert!(said.ends_with("1 of 1 node succeeded\n"), "{said}");

    let install =
        ["patch", "now", "--install", "--no-reboot", "--node", &agent.id, "--pre-hook", "AWS-Noop", "--json"];
    let (worked, done, error) = json(&server, &install);
    assert!(worked, "{done} {error}");
    assert_eq!(done["PatchNow"]["DocumentName"], "AWS-RunPatchBaselineWithHooks");
    assert_eq!(done["PatchNow"]["Order"]["MaxConcurrency"], "1");
    assert_eq!(done["Nodes"][0]["Report"]["Counts"]["INSTALLED_PENDING_REBOOT"], 1);
    assert_eq!(bed.state("tb-conf"), "1.1-1 ii");
    expect(&server, &agent, &[("tb-conf", "InstalledPendingReboot")]);
    // As State Manager shows it.
    let association_id = done["PatchNow"]["AssociationId"].as_str().unwrap().to_owned();
    let runs = server.call(&DescribeAssociationExecutionsRequest { association_id, ..Default::default() });
    let run = &runs.association_executions.unwrap()[0];
    assert_eq!(
        (run.status.as_deref(), run.execution_id.as_deref()),
        (Some("Success"), done["PatchNow"]["PatchNowId"].as_str())
    );
    let request =
        DescribeInstancePatchStatesRequest { instance_ids: vec![agent.id.clone()], ..Default::default() };
    let state = server.call(&request).instance_patch_states.unwrap().remove(0);
    assert_eq!(state.installed_pending_reboot_count, Some(1));
}

/// Ctrl-C ends the watching and nothing else.
#[test]
fn who_stops_watching_is_told_what_goes_on() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf"]);
    let _agent = Agent::online_on(&server, &bed);
    let lock = bed.hold_dpkg_lock();
    let mut command = operator_command(&server, &["patch", "now", "--install", "--no-reboot", "--all"]);
    let mut watching = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(watching.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("1 at work") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended before the node was at work");
    }
    let pid = watching.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(!watching.wait().unwrap().success());
    assert!(rest.contains("stopped watching; the nodes go on") && rest.contains("--follow"), "{rest}");

    drop(lock);
    let (_, listed, _) = json(&server, &["patch", "status", "--json"]);
    let id = listed[0]["PatchNowId"].as_str().unwrap().to_owned();
    let (worked, said, error) = operator(&server, &["patch", "status", &id, "--follow"]);
    assert!(worked, "{said}{error}");
    assert_eq!(bed.state("tb-conf"), "1.1-1 ii");
}

#[test]
fn a_node_that_is_away_is_told_of_and_waits() {
    for engine in engines() {
        let server = Server::start(engine);
        let mut agent = Agent::enroll(&server);
        let (worked, said, error) = operator(&server, &["patch", "now", "--all"]);
        assert!(!worked, "{said}{error}");
        assert!(said.contains("not online") && said.ends_with("0 of 1 node succeeded\n"), "{said}");
        assert!(error.contains("1 node is not online") && error.contains("calls it off"), "{error}");

        let (worked, listed, _) = json(&server, &["patch", "status", "--json"]);
        let id = listed[0]["PatchNowId"].as_str().unwrap().to_owned();
        assert!(worked && listed[0]["Status"] == "Pending", "{listed}");
        let (worked, said, error) = operator(&server, &["patch", "cancel", &id[..8]]);
        assert!(worked && said.contains("is called off; nothing of it goes on"), "{said}{error}");
        let (_, shown, _) = json(&server, &["patch", "status", &id, "--json"]);
        assert_eq!(shown["PatchNow"]["StatusDetails"], "Cancelled");

        // What was not called off goes on when the node is back.
        let (worked, started, _) = json(&server, &["patch", "now", "--all", "--no-wait", "--json"]);
        let id = started["PatchNow"]["PatchNowId"].as_str().unwrap().to_owned();
        assert!(worked, "{started}");
        agent.start();
        eventually("the node has taken it", STARTED_WITHIN, || {
            let (_, shown, _) = json(&server, &["patch", "status", &id, "--json"]);
            (shown["PatchNow"]["Counts"]["Pending"] == 0).then_some(())
        });
        let (_, said, error) = operator(&server, &["patch", "status", &id, "--follow"]);
        assert!(said.contains(&agent.id), "{said}{error}");
        let (worked, _, error) = operator(&server, &["patch", "status", "zzz"]);
        assert!(!worked && error.contains("no Patch now begins with `zzz`"), "{error}");
    }
}
