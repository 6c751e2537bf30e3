//! `fettle plan` before an installation; `fettle history` and `fettle undo` after it.

use std::time::Duration;

use api::fettle::{
    GetPatchExecutionRequest, GetPatchPlanRequest, ListPatchExecutionsRequest, PatchExecution, PatchPlan,
    StartPatchPlanRequest, UndoPossible,
};
use api::ssm::CommandInvocationStatus;

use serde_json::json;

use crate::harness::{Agent, PatchBed, Server, engines, eventually};
use crate::install::{approve, end_of, expect, send};
use crate::scan::operator;

const PLAN_WITHIN: Duration = Duration::from_secs(120);

#[test]
fn what_is_planned_is_installed_and_taken_back() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf", "tb-newdep", "tb-held"]);
    let agent = Agent::online_on(&server, &bed);

    let (worked, said, error) = operator(&server, &["plan", &agent.id]);
    assert!(worked, "{said}{error}");
    for part in [
        "tb-conf.amd64 1.0-1 -> 1.1-1",
        "tb-newdep.amd64 1.0-1 -> 1.1-1",
        "tb-brandnew.amd64 - -> 1.0-1",
        "tb-held.amd64 1.1-1: held",
        "Download: ",
        "tb-conf.amd64 1.0-1 -> 1.1-1  (back: repository)",
        "tb-brandnew.amd64 - -> 1.0-1  (back: removed again)",
        "Undo afterwards: possible, by the versions of now",
        "Snapshot before it: none that could be gone back to: ",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let (worked, said, error) = operator(&server, &["plan", &agent.id, "--json"]);
    let undo = serde_json::from_str::<serde_json::Value>(&said).unwrap()["Plan"]["Undo"].clone();
    assert!(worked, "{said}{error}");
    assert_eq!(
        (&undo["Possible"], &undo["Way"], &undo["Snapshot"]["Setting"]),
        (&json!("YES"), &json!("PACKAGES"), &json!("OFF"))
    );
    let conf = undo["Packages"].as_array().unwrap().iter().find(|way| way["Name"] == "tb-conf").unwrap();
    let expected = json!({"Name": "tb-conf", "Arch": "amd64", "Version": "1.0-1", "From": "REPOSITORY", "Place": "Debian:12.0/stable"});
    assert_eq!(conf, &expected);
    assert_eq!(bed.state("tb-conf"), "1.0-1 ii");

    let command = send(&server, &agent, &[("Operation", "Install"), ("RebootOption", "NoReboot")]);
    // tb-held cannot be had, which fails the run and nothing else.
    assert_eq!(end_of(&server, &command).status, Some(CommandInvocationStatus::Failed));
    let installed = [("tb-conf", "InstalledPendingReboot"), ("tb-newdep", "InstalledPendingReboot")];
    expect(&server, &agent, &installed);

    let runs =
        server.call(&ListPatchExecutionsRequest { instance_id: agent.id.clone(), ..Default::default() });
    let run = &runs.executions[0];
    assert_eq!((run.execution_id.as_str(), changed(run).len()), (command.as_str(), 3), "{run:?}");
    assert!(changed(run).contains(&("tb-conf", Some("1.0-1"), Some("1.1-1"))), "{run:?}");
    assert_eq!((run.failed.len(), &run.undo_possible), (1, &Some(UndoPossible::Yes)), "{run:?}");
    assert!(run.baseline_id.is_some() && run.snapshot_id.is_some(), "{run:?}");
    let (worked, said, error) = operator(&server, &["history", &agent.id]);
    assert!(worked && said.contains(&command) && said.contains("undo: possible"), "{said}{error}");

    let (worked, said, error) = operator(&server, &["undo", &agent.id, &command, "--dry-run"]);
    assert!(worked && said.contains("tb-conf.amd64 1.1-1 -> 1.0-1"), "{said}{error}");
    assert!(said.contains("Remove:\n  tb-brandnew.amd64 1.0-1 -> -"), "{said}");
    assert_eq!(bed.state("tb-conf"), "1.1-1 ii");

    // What the node forgot, the server knows; the beginning of the id is enough.
    agent.forget_history();
    let (worked, said, error) = operator(&server, &["undo", &agent.id, &command[..8]]);
    assert!(worked && said.contains("Taken back: 3 packages"), "{said}{error}");
    assert_eq!((bed.state("tb-conf").as_str(), bed.state("tb-newdep").as_str()), ("1.0-1 ii", "1.0-1 ii"));
    assert!(!bed.state("tb-brandnew").ends_with("ii"), "{}", bed.state("tb-brandnew"));
    // The scan that follows tells so.
    expect(&server, &agent, &[("tb-conf", "Missing"), ("tb-newdep", "Missing")]);

    let request = GetPatchExecutionRequest { instance_id: agent.id.clone(), execution_id: command.clone() };
    let run = server.call(&request).execution;
    assert_eq!(run.undo_possible, Some(UndoPossible::No), "{run:?}");
    let undo_id = run.undone_by.unwrap().remove(0);
    let request = GetPatchExecutionRequest { execution_id: undo_id, ..request };
    let undo = server.call(&request).execution;
    assert_eq!((undo.undo_of.as_deref(), undo.changes.len()), (Some(command.as_str()), 3), "{undo:?}");

    let unknown = "00000000-0000-4000-8000-000000000000";
    let (worked, _, error) = operator(&server, &["undo", &agent.id, unknown]);
    assert!(!worked && error.contains("no run"), "{error}");
}

fn changed(run: &PatchExecution) -> Vec<(&str, Option<&str>, Option<&str>)> {
    let changes = run.changes.iter();
    changes
        .map(|change| (change.name.as_str(), change.from_version.as_deref(), change.to_version.as_deref()))
        .collect()
}

fn plan_of(server: &Server, agent: &Agent) -> PatchPlan {
    let request = StartPatchPlanRequest { instance_ids: vec![agent.id.clone()] };
    let plan_id = server.call(&request).plan_id;
    let request = GetPatchPlanRequest { instance_id: agent.id.clone(), plan_id };
    eventually("the node has made a plan", PLAN_WITHIN, || server.call(&request).plan)
}

#[test]
fn a_plan_tells_of_reboots_services_and_what_is_in_the_way() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-kernel", "tb-conf"]);
    let agent = Agent::online_on(&server, &bed);
    bed.run_service("tb.service", "/etc/tb-conf.conf");
    bed.ask_for_reboot("tb-kernel");
    let plan = plan_of(&server, &agent);
    assert_eq!((plan.approved, plan.changes.len()), (Some(2), 2), "{plan:?}");
    assert!(plan.blockers.is_empty(), "{plan:?}");
    assert_eq!(plan.services_to_restart, ["tb.service"], "{plan:?}");
    let signs: Vec<_> = plan.reboot_reasons.iter().map(|reason| reason.package.as_str()).collect();
    assert_eq!((signs, plan.reboot_expected), (vec!["tb-kernel"], false), "{plan:?}");

    let _held = bed.hold_dpkg_lock();
    let plan = plan_of(&server, &agent);
    assert_eq!((plan.changes.len(), plan.blockers.len()), (2, 1), "{plan:?}");
    assert_eq!(plan.blockers[0].code, "lock-held", "{plan:?}");
    assert!(plan.blockers[0].detail.contains("python3"), "{plan:?}");
}
