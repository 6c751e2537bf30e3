//! Installations with a snapshot of the root before them, on real btrfs: going back to it, and what a kill leaves.

use std::fs;
use std::time::Duration;

use api::fettle::{
    GetPatchExecutionRequest, GetPatchPlanRequest, PatchExecution, PatchPlan, SnapshotKind,
    StartPatchPlanRequest, StartPatchUndoRequest, UndoPossible, UndoWay,
};
use api::ssm::CommandInvocationStatus::{Failed, Success};

use crate::harness::btrfs_bed::BtrfsBed;
use crate::harness::{Agent, Server, engines, eventually};
use crate::install::{approve, end_of, expect, output, send};
use crate::scan::operator;

const PLAN_WITHIN: Duration = Duration::from_secs(120);
const MISSING: [(&str, &str); 2] = [("tb-conf", "Missing"), ("tb-newdep", "Missing")];
const PENDING: [(&str, &str); 2] =
    [("tb-conf", "InstalledPendingReboot"), ("tb-newdep", "InstalledPendingReboot")];

fn plan_of(server: &Server, agent: &Agent) -> PatchPlan {
    let plan_id = server.call(&StartPatchPlanRequest { instance_ids: vec![agent.id.clone()] }).plan_id;
    let request = GetPatchPlanRequest { instance_id: agent.id.clone(), plan_id };
    eventually("the node has made a plan", PLAN_WITHIN, || server.call(&request).plan)
}

fn run_of(server: &Server, agent: &Agent, id: &str) -> PatchExecution {
    let request = GetPatchExecutionRequest { instance_id: agent.id.clone(), execution_id: id.to_owned() };
    server.call(&request).execution
}

/// What a scan printed.
fn scan(server: &Server, agent: &Agent) -> String {
    let done = end_of(server, &send(server, agent, &[("Operation", "Scan")]));
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    output(&done)
}

fn install(server: &Server, agent: &Agent) -> String {
    send(server, agent, &[("Operation", "Install"), ("RebootOption", "NoReboot")])
}

fn undo(server: &Server, agent: &Agent, run: &str, by: UndoWay) -> String {
    let request = StartPatchUndoRequest {
        instance_id: agent.id.clone(),
        execution_id: run.to_owned(),
        by: Some(by),
        ..Default::default()
    };
    server.call(&request).plan_id
}

/// The power fails where the bed holds the agent; what comes up again is asked nothing that it was asked before.
fn cut_where_held(bed: &BtrfsBed, server: &Server, agent: &mut Agent, command: &str) {
    bed.wait_held();
    agent.cut_power();
    bed.let_go();
    agent.start();
    agent.wait_online(server);
    assert_eq!(end_of(server, command).status, Some(Failed));
}

#[test]
fn a_root_goes_back_to_the_snapshot_from_before_the_installation() {
    let Some(own) = BtrfsBed::new("snapshots::a_root_goes_back_to_the_snapshot_from_before_the_installation")
    else {
        return;
    };
    let bed = &own.bed;
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf", "tb-newdep"]);
    let mut agent = Agent::online_within(&server, bed);
    scan(&server, &agent);
    expect(&server, &agent, &MISSING);

    let undo_of_plan = plan_of(&server, &agent).undo.unwrap();
    assert_eq!((undo_of_plan.possible, undo_of_plan.way), (Some(UndoPossible::Yes), Some(UndoWay::Packages)));
    // The old versions vanish: what is left of the ways back is the snapshot.
    let sources = bed.root().join("etc/apt/sources.list");
    let text = fs::read_to_string(&sources).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains(" bookworm main")).collect();
    fs::write(&sources, lines.join("\n") + "\n").unwrap();
    let undo_of_plan = plan_of(&server, &agent).undo.unwrap();
    assert_eq!(undo_of_plan.by_packages, Some(UndoPossible::Partly), "{undo_of_plan:?}");
    assert_eq!((undo_of_plan.possible, undo_of_plan.way), (Some(UndoPossible::Yes), Some(UndoWay::Snapshot)));
    let snapshot = &undo_of_plan.snapshot;
    assert_eq!((snapshot.covers, &snapshot.kind), (Some(true), &Some(SnapshotKind::Btrfs)), "{snapshot:?}");
    let (worked, said, error) = operator(&server, &["plan", &agent.id]);
    assert!(worked, "{said}{error}");
    for part in [
        "tb-conf.amd64 1.0-1 -> 1.1-1  (back: nowhere to be had)",
        "tb-brandnew.amd64 - -> 1.0-1  (back: removed again)",
        "Undo afterwards: possible, by the snapshot that is taken before",
        "tb-conf.amd64 1.0-1: version 1.0-1 is in no repository and not in the cache",
        "on btrfs",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }

    let run = install(&server, &agent);
    let done = end_of(&server, &run);
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    expect(&server, &agent, &PENDING);
    assert!(run_of(&server, &agent, &run).snapshot.is_some());
    let after = bed.root().join("etc/after");
    fs::write(&after, "written afterwards").unwrap();

    let (worked, said, error) = operator(&server, &["undo", &agent.id, &run, "--snapshot"]);
    assert!(worked && said.contains("Lost besides: everything written to"), "{said}{error}");
    assert!(said.contains("It takes effect when the machine restarts."), "{said}");
    // Until then nothing is different, and nothing is to be built on it.
    let said = scan(&server, &agent);
    assert!(said.contains("when this machine restarts"), "{said}");
    expect(&server, &agent, &PENDING);
    let refused = end_of(&server, &install(&server, &agent));
    assert_eq!(refused.status, Some(Failed));
    assert!(output(&refused).contains("restart it first"), "{}", output(&refused));

    agent.cut_power();
    own.reboot();
    agent.start();
    agent.wait_online(&server);
    assert!(!after.exists());
    assert_eq!((bed.state("tb-conf").as_str(), bed.state("tb-newdep").as_str()), ("1.0-1 ii", "1.0-1 ii"));
    let said = scan(&server, &agent);
    assert!(!said.contains("when this machine restarts"), "{said}");
    expect(&server, &agent, &MISSING);
    let told = run_of(&server, &agent, &run);
    assert_eq!((told.undo_possible, told.undone_by.map(|all| all.len())), (Some(UndoPossible::No), Some(1)));

    // The snapshot lies in what was the root, and can go.
    let (worked, said) = agent.by_hand(&["snapshots"]);
    assert!(worked && said.contains("of a subvolume that was the root"), "{said}");
    let (worked, said) = agent.by_hand(&["snapshots", "--remove-left"]);
    assert!(worked && said.contains("removed: "), "{said}");
    let (worked, said) = agent.by_hand(&["snapshots"]);
    assert!(worked && said.contains("No snapshot of the agent's"), "{said}");
    let again = end_of(&server, &install(&server, &agent));
    assert_eq!(again.status, Some(Success), "{}", output(&again));
    expect(&server, &agent, &PENDING);
}

#[test]
fn a_kill_after_the_snapshot_leaves_one_that_is_told_of_and_can_be_removed() {
    let Some(own) =
        BtrfsBed::new("snapshots::a_kill_after_the_snapshot_leaves_one_that_is_told_of_and_can_be_removed")
    else {
        return;
    };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf", "tb-newdep"]);
    let mut agent = Agent::online_within(&server, &own.bed);
    own.hold("after snapshot");
    let killed = install(&server, &agent);
    cut_where_held(&own, &server, &mut agent, &killed);
    assert_eq!(own.bed.state("tb-conf"), "1.0-1 ii");
    let left = format!("(run {}…)", &killed[..8]);
    let (worked, said) = agent.by_hand(&["snapshots"]);
    assert!(worked && said.contains(&left) && said.lines().count() == 1, "{said}");

    let run = install(&server, &agent);
    let done = end_of(&server, &run);
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    assert!(output(&done).contains(&left), "{}", output(&done));
    assert!(output(&done).contains("fettle-agent snapshots --remove-left"), "{}", output(&done));
    expect(&server, &agent, &PENDING);
    let (worked, said) = agent.by_hand(&["snapshots", "--remove-left"]);
    assert!(worked && said.matches("removed: ").count() == 1, "{said}");
    let (worked, said) = agent.by_hand(&["snapshots"]);
    assert!(worked && said.contains(&format!("before run {run}")) && said.lines().count() == 1, "{said}");
    let (worked, said) = agent.by_hand(&["snapshots", "--remove", "/elsewhere"]);
    assert!(!worked && said.contains("is no snapshot of the agent's"), "{said}");
}

#[test]
fn a_kill_between_the_steps_of_going_back_is_told_truthfully() {
    let Some(own) = BtrfsBed::new("snapshots::a_kill_between_the_steps_of_going_back_is_told_truthfully")
    else {
        return;
    };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf", "tb-newdep"]);
    let mut agent = Agent::online_within(&server, &own.bed);
    let run = install(&server, &agent);
    assert_eq!(end_of(&server, &run).status, Some(Success));

    // The copy is made, and is not the root of the next start yet.
    own.hold("before set-default");
    let first = undo(&server, &agent, &run, UndoWay::Snapshot);
    cut_where_held(&own, &server, &mut agent, &first);
    let said = scan(&server, &agent);
    assert!(said.contains(&format!("The undo {first} was interrupted before it had prepared")), "{said}");
    expect(&server, &agent, &PENDING);
    assert_eq!(run_of(&server, &agent, &run).undone_by, None);
    let (_, said) = agent.by_hand(&["snapshots"]);
    assert!(said.contains("an undo made this copy"), "{said}");

    // It is the root of the next start, and nobody was told.
    own.hold("after set-default");
    let second = undo(&server, &agent, &run, UndoWay::Snapshot);
    cut_where_held(&own, &server, &mut agent, &second);
    let (_, said) = agent.by_hand(&["snapshots"]);
    assert!(!said.contains("an undo made this copy"), "{said}");
    assert!(said.contains("the root goes back to this with the next start"), "{said}");
    let said = scan(&server, &agent);
    assert!(said.contains("when this machine restarts"), "{said}");
    assert_eq!(run_of(&server, &agent, &run).undone_by, Some(vec![second]));
    let third = end_of(&server, &undo(&server, &agent, &run, UndoWay::Snapshot));
    assert_eq!(third.status, Some(Failed));
    assert!(output(&third).contains("restart it first"), "{}", output(&third));

    agent.cut_power();
    own.reboot();
    agent.start();
    agent.wait_online(&server);
    scan(&server, &agent);
    expect(&server, &agent, &MISSING);
}

/// As on a machine with a subvolume of its own for `/var`: what the agent knows does not go back with the root.
#[test]
fn an_agent_with_its_data_elsewhere_knows_that_its_root_went_back() {
    let Some(own) =
        BtrfsBed::new("snapshots::an_agent_with_its_data_elsewhere_knows_that_its_root_went_back")
    else {
        return;
    };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf", "tb-newdep"]);
    let mut agent = Agent::online_beside(&server, &own.bed);
    let run = install(&server, &agent);
    assert_eq!(end_of(&server, &run).status, Some(Success));
    let id = undo(&server, &agent, &run, UndoWay::Snapshot);
    let done = end_of(&server, &id);
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    agent.cut_power();
    own.reboot();
    agent.start();
    agent.wait_online(&server);
    let said = scan(&server, &agent);
    assert!(said.contains("its root went back to") && said.contains(&id), "{said}");
    expect(&server, &agent, &MISSING);
    let told = run_of(&server, &agent, &id);
    assert_eq!((told.changes.len(), told.failed.len()), (3, 0), "{told:?}");
    assert_eq!(run_of(&server, &agent, &run).undo_possible, Some(UndoPossible::No));
    let again = end_of(&server, &install(&server, &agent));
    assert_eq!(again.status, Some(Success), "{}", output(&again));
    assert!(!output(&again).contains("went back"), "{}", output(&again));
    expect(&server, &agent, &PENDING);
}

#[test]
fn a_machine_that_did_not_go_back_says_so() {
    let Some(own) = BtrfsBed::new("snapshots::a_machine_that_did_not_go_back_says_so") else { return };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf", "tb-newdep"]);
    let mut agent = Agent::online_within(&server, &own.bed);
    let run = install(&server, &agent);
    assert_eq!(end_of(&server, &run).status, Some(Success));
    let id = undo(&server, &agent, &run, UndoWay::Snapshot);
    assert_eq!(end_of(&server, &id).status, Some(Success));
    assert_eq!(run_of(&server, &agent, &run).undo_possible, Some(UndoPossible::No));
    // A boot loader that mounts what it always did.
    agent.cut_power();
    own.bed.boot(1);
    agent.start();
    agent.wait_online(&server);
    let said = scan(&server, &agent);
    assert!(said.contains("its root did not go back to"), "{said}");
    let told = run_of(&server, &agent, &id);
    assert_eq!((told.changes.len(), told.failed.len()), (0, 3), "{told:?}");
    assert_eq!(run_of(&server, &agent, &run).undo_possible, Some(UndoPossible::Yes));
    expect(&server, &agent, &[("tb-conf", "Installed"), ("tb-newdep", "Installed")]);
}

#[test]
fn a_kill_within_an_undo_by_packages_is_settled_by_the_next_one() {
    let Some(own) = BtrfsBed::new("snapshots::a_kill_within_an_undo_by_packages_is_settled_by_the_next_one")
    else {
        return;
    };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf", "tb-newdep"]);
    let mut agent = Agent::online_within(&server, &own.bed);
    let run = install(&server, &agent);
    assert_eq!(end_of(&server, &run).status, Some(Success));

    // Before dpkg has done anything.
    own.hold_apt("Pre-Invoke");
    let first = undo(&server, &agent, &run, UndoWay::Packages);
    cut_where_held(&own, &server, &mut agent, &first);
    // After it has done everything, before anybody wrote that down.
    own.hold_apt("Post-Invoke");
    let second = undo(&server, &agent, &run, UndoWay::Packages);
    cut_where_held(&own, &server, &mut agent, &second);
    assert_eq!(own.bed.state("tb-conf"), "1.0-1 ii");
    let third = end_of(&server, &undo(&server, &agent, &run, UndoWay::Packages));
    assert_eq!(third.status, Some(Success), "{}", output(&third));
    let said = output(&third);
    assert!(said.contains(&format!("The undo {second} of run {run} was interrupted.")), "{said}");
    assert!(said.contains("It had changed 3 packages."), "{said}");
    expect(&server, &agent, &MISSING);
    let told = run_of(&server, &agent, &run);
    assert_eq!((told.undo_possible, told.undone_by), (Some(UndoPossible::No), Some(vec![second])));
}
