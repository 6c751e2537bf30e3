//! AWS-RunPatchBaselineWithHooks: its steps in order, and what they skip.

use std::time::Duration;

use api::ssm::{CommandInvocation, CommandInvocationStatus};

use crate::harness::{Agent, PatchBed, Server, engines, eventually};
use crate::install::{approve, end_of, expect, output};
use crate::scan::order;

fn send(server: &Server, agent: &Agent, parameters: &[(&str, &str)]) -> String {
    let sent = server.call(&order("AWS-RunPatchBaselineWithHooks", &agent.id, parameters));
    sent.command.unwrap().command_id.unwrap()
}

/// The steps that ran, in order.
pub fn ran(invocation: &CommandInvocation) -> Vec<String> {
    let plugins = invocation.command_plugins.iter().flatten();
    let is_skipped = |text: &Option<String>| {
        text.as_deref()
            .is_some_and(|text| text.contains("skipped: ") || text.contains("precondition not met"))
    };
    plugins.filter(|plugin| !is_skipped(&plugin.output)).filter_map(|plugin| plugin.name.clone()).collect()
}

#[test]
fn steps_run_in_order_and_skip_what_is_not_needed() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf"]);
    let mut agent = Agent::online_on(&server, &bed);

    let scanned = end_of(&server, &send(&server, &agent, &[("Operation", "Scan")]));
    assert_eq!(scanned.status, Some(CommandInvocationStatus::Success), "{}", output(&scanned));
    assert_eq!(ran(&scanned), ["RunPatchBaselineScan", "DecideToInstall"]);
    expect(&server, &agent, &[("tb-conf", "Missing")]);

    let command = send(&server, &agent, &[("Operation", "Install")]);
    let asked = || (bed.restarts_asked() == 1).then_some(());
    eventually("the machine is asked to restart", Duration::from_secs(120), asked);
    agent.cut_power();
    bed.boot(1);
    agent.start();
    let installed = end_of(&server, &command);
    assert_eq!(installed.status, Some(CommandInvocationStatus::Success), "{}", output(&installed));
    let all = [
        "RunPatchBaselineScan",
        "DecideToInstall",
        "PreInstallHook",
        "InstallWithoutReboot",
        "PostInstallHook",
        "DecideToReboot",
        "InstallWithReboot",
        "OnExitHook",
    ];
    assert_eq!(ran(&installed), all);
    expect(&server, &agent, &[("tb-conf", "Installed")]);

    // Nothing is missing and nothing waits: straight to the last hook.
    let again = end_of(&server, &send(&server, &agent, &[("Operation", "Install")]));
    assert_eq!(ran(&again), ["RunPatchBaselineScan", "DecideToInstall", "OnExitHook"], "{}", output(&again));

    // A hook that may not be one stops the run before anything is installed; the last hook runs all the same.
    let parameters = [("Operation", "Install"), ("PreInstallHookDocName", "AWS-RunPatchBaseline")];
    let refused = end_of(&server, &send(&server, &agent, &parameters));
    assert_eq!(refused.status, Some(CommandInvocationStatus::Failed));
    assert!(output(&refused).contains("cannot be a hook"), "{}", output(&refused));
    assert_eq!(ran(&refused), ["RunPatchBaselineScan", "DecideToInstall", "OnExitHook"]);
    assert_eq!(bed.restarts_asked(), 1);
}
