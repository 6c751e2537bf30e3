//! Restarts at a time: the run waits, survives the agent, reports when the machine is back, and can be called off.

use std::time::Duration;

use api::Timestamp;
use api::ssm::{CancelCommandRequest, CommandInvocation, CommandInvocationStatus};

use crate::harness::{Agent, PatchBed, Server, engines, eventually};
use crate::install::{approve, end_of, expect, output};
use crate::scan::{invocation_of, operator, order};

use CommandInvocationStatus::{Cancelled, InProgress, Success};

const INSTALLED_WITHIN: Duration = Duration::from_secs(180);

fn in_seconds(seconds: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    Timestamp::from_seconds(i64::try_from(now).unwrap() + seconds).to_iso_seconds()
}

fn send(server: &Server, agent: &Agent, at: &str) -> String {
    let parameters = [("Operation", "Install"), ("RebootAt", at)];
    let sent = server.call(&order("Fettle-RunPatchBaseline", &agent.id, &parameters));
    sent.command.unwrap().command_id.unwrap()
}

fn now_of(server: &Server, command: &str) -> CommandInvocation {
    server.call(&invocation_of(command)).command_invocations.unwrap().remove(0)
}

/// The patches are in and the run says what it waits for.
fn wait_installed(server: &Server, command: &str) {
    eventually("the run waits for its restart", INSTALLED_WITHIN, || {
        now_of(server, command).trace_output?.contains("The machine restarts at").then_some(())
    });
}

#[test]
fn the_run_waits_for_its_time_and_reports_after_the_restart() {
    let Some(bed) = PatchBed::new() else { return };
    // The agent keeps the time, and it is waited for: one engine is enough.
    let server = Server::start(*engines().last().unwrap());
    approve(&server, &["tb-conf", "tb-kernel"]);
    let mut agent = Agent::online_on(&server, &bed);
    // Far enough that the agent is down and up again before it is due.
    let at = in_seconds(90);
    let command = send(&server, &agent, &at);
    wait_installed(&server, &command);
    assert!(now_of(&server, &command).trace_output.unwrap().contains(&at));
    let pending = [("tb-conf", "InstalledPendingReboot"), ("tb-kernel", "InstalledPendingReboot")];
    expect(&server, &agent, &pending);
    assert_eq!((now_of(&server, &command).status, bed.restarts_asked()), (Some(InProgress), 0));

    agent.kill();
    agent.start();
    agent.wait_online(&server);
    // Meanwhile the node does what else it is told.
    let scan = server.call(&order("AWS-RunPatchBaseline", &agent.id, &[("Operation", "Scan")]));
    let scan = end_of(&server, &scan.command.unwrap().command_id.unwrap());
    assert_eq!(scan.status, Some(Success), "{}", output(&scan));
    expect(&server, &agent, &pending);

    let asked = || (bed.restarts_asked() == 1).then_some(());
    eventually("the machine is asked to restart", Duration::from_secs(150), asked);
    assert!(in_seconds(0) >= at, "too early");
    agent.cut_power();
    bed.boot(1);
    agent.start();
    let done = end_of(&server, &command);
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    assert_eq!(done.trace_output.as_deref(), Some("went on after the restart of the machine"));
    expect(&server, &agent, &[("tb-conf", "Installed"), ("tb-kernel", "Installed")]);
    assert_eq!(bed.restarts_asked(), 1);
}

#[test]
fn a_restart_that_was_called_off_does_not_happen_and_an_earlier_one_serves() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf"]);
    let mut agent = Agent::online_on(&server, &bed);
    let (worked, said, error) = operator(&server, &["patch", &agent.id]);
    assert!(worked && said.contains("NON-COMPLIANT"), "{said}{error}");
    let (worked, said, error) = operator(&server, &["patch", &agent.id, "--install", "--reboot-at", "03:00"]);
    assert!(worked && said.contains("The machine restarts at "), "{said}{error}");
    let (_, rest) = said.split_once("Command ").unwrap();
    let command = rest.split(' ').next().unwrap().to_owned();
    expect(&server, &agent, &[("tb-conf", "InstalledPendingReboot")]);
    server.call(&CancelCommandRequest { command_id: command.clone(), ..Default::default() });
    let done = end_of(&server, &command);
    assert_eq!(done.status, Some(Cancelled), "{}", output(&done));
    assert!(done.trace_output.unwrap().contains("cancelled before the restart"));
    expect(&server, &agent, &[("tb-conf", "InstalledPendingReboot")]);

    // The next order finds nothing to install and what waits; somebody restarts the machine long before its time.
    let command = send(&server, &agent, "03:00");
    wait_installed(&server, &command);
    agent.cut_power();
    bed.boot(1);
    agent.start();
    let done = end_of(&server, &command);
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    expect(&server, &agent, &[("tb-conf", "Installed")]);
    assert_eq!(bed.restarts_asked(), 0);
}
