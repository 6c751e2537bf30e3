//! Installing patches through real apt, from the order to what everyone can read of it: restarts, failures, crashes.

use std::collections::BTreeMap;
use std::time::Duration;

use api::ssm::{
    CommandInvocation, CommandInvocationStatus, CreatePatchBaselineRequest,
    DescribeInstancePatchStatesRequest, DescribeInstancePatchesRequest, InstancePatchState,
    ListComplianceItemsRequest, OperatingSystem, RegisterDefaultPatchBaselineRequest,
};

use crate::harness::{Agent, PatchBed, Server, engines, eventually};
use crate::scan::{invocation_of, is_terminal, order};

const END_WITHIN: Duration = Duration::from_secs(180);

/// Makes this the baseline of all Debian nodes: exactly these packages, security or not.
pub fn approve(server: &Server, packages: &[&str]) {
    let created = server.call(&CreatePatchBaselineRequest {
        name: "bed".to_owned(),
        operating_system: Some(OperatingSystem::Debian),
        approved_patches: Some(packages.iter().map(|name| (*name).to_owned()).collect()),
        approved_patches_enable_non_security: Some(true),
        ..Default::default()
    });
    let baseline_id = created.baseline_id.unwrap();
    server.call(&RegisterDefaultPatchBaselineRequest { baseline_id });
}

pub fn send(server: &Server, agent: &Agent, parameters: &[(&str, &str)]) -> String {
    let sent = server.call(&order("AWS-RunPatchBaseline", &agent.id, parameters));
    sent.command.unwrap().command_id.unwrap()
}

pub fn end_of(server: &Server, command: &str) -> CommandInvocation {
    eventually("the run ends", END_WITHIN, || {
        let invocations = server.call(&invocation_of(command)).command_invocations?;
        invocations.into_iter().find(|invocation| invocation.status.as_ref().is_some_and(is_terminal))
    })
}

fn run(server: &Server, agent: &Agent, parameters: &[(&str, &str)]) -> CommandInvocation {
    end_of(server, &send(server, agent, parameters))
}

pub fn output(invocation: &CommandInvocation) -> String {
    let plugins = invocation.command_plugins.iter().flatten();
    plugins.filter_map(|plugin| plugin.output.clone()).collect::<Vec<_>>().join("\n")
}

fn state_of(server: &Server, agent: &Agent) -> InstancePatchState {
    let request =
        DescribeInstancePatchStatesRequest { instance_ids: vec![agent.id.clone()], ..Default::default() };
    server.call(&request).instance_patch_states.unwrap().remove(0)
}

/// Package to state, of the packages that the baseline is about.
fn states(server: &Server, agent: &Agent, packages: &[&str]) -> Vec<(String, String)> {
    let mut found = BTreeMap::new();
    let mut request = DescribeInstancePatchesRequest { instance_id: agent.id.clone(), ..Default::default() };
    loop {
        let page = server.call(&request);
        for patch in page.patches.into_iter().flatten() {
            let name = patch.kb_id.split('.').next().unwrap_or_default().to_owned();
            found.insert(name, patch.state.as_str().to_owned());
        }
        request.next_token = page.next_token;
        if request.next_token.is_none() {
            break;
        }
    }
    packages.iter().map(|name| ((*name).to_owned(), found.get(*name).cloned().unwrap_or_default())).collect()
}

pub fn expect(server: &Server, agent: &Agent, expected: &[(&str, &str)]) {
    let names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
    let expected: Vec<_> =
        expected.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect();
    assert_eq!(states(server, agent, &names), expected);
}

use CommandInvocationStatus::{Failed, Success};

#[test]
fn an_installation_restarts_the_machine_and_ends_compliant() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf", "tb-kernel"]);
    let mut agent = Agent::online_on(&server, &bed);

    let done = run(&server, &agent, &[("Operation", "Scan")]);
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    expect(&server, &agent, &[("tb-conf", "Missing"), ("tb-kernel", "Missing")]);

    let command = send(&server, &agent, &[("Operation", "Install")]);
    eventually("the machine is asked to restart", END_WITHIN, || (bed.restarts_asked() == 1).then_some(()));
    // Reported before the restart already: a node that does not come back is not unknown.
    expect(
        &server,
        &agent,
        &[("tb-conf", "InstalledPendingReboot"), ("tb-kernel", "InstalledPendingReboot")],
    );
    let waiting = server.call(&invocation_of(&command)).command_invocations.unwrap().remove(0);
    assert_eq!(waiting.status, Some(CommandInvocationStatus::InProgress), "{waiting:?}");

    agent.cut_power();
    bed.boot(1);
    agent.start();
    let done = end_of(&server, &command);
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    expect(&server, &agent, &[("tb-conf", "Installed"), ("tb-kernel", "Installed")]);
    let state = state_of(&server, &agent);
    assert_eq!(
        (state.operation.as_str(), state.missing_count, state.failed_count),
        ("Install", Some(0), Some(0))
    );
    assert_eq!(state.installed_pending_reboot_count, Some(0));
    assert_eq!((bed.state("tb-conf").as_str(), bed.restarts_asked()), ("1.1-1 ii", 1));
    assert_eq!(bed.diary().matches(" upgrade tb-conf:").count(), 1, "{}", bed.diary());
}

#[test]
fn a_failing_script_fails_its_package_and_nothing_restarts() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf", "tb-fail", "tb-held"]);
    let agent = Agent::online_on(&server, &bed);
    let done = run(&server, &agent, &[("Operation", "Install"), ("RebootOption", "NoReboot")]);
    let said = output(&done);
    assert_eq!(done.status, Some(Failed), "{said}");
    expect(
        &server,
        &agent,
        &[("tb-conf", "InstalledPendingReboot"), ("tb-fail", "Failed"), ("tb-held", "Failed")],
    );
    let state = state_of(&server, &agent);
    assert!(state.last_no_reboot_install_operation_time.is_some(), "{state:?}");
    assert_eq!((state.missing_count, state.failed_count), (Some(0), Some(2)));

    let request =
        ListComplianceItemsRequest { resource_ids: Some(vec![agent.id.clone()]), ..Default::default() };
    let mut details = BTreeMap::new();
    let mut request = request;
    loop {
        let page = server.call(&request);
        for item in page.compliance_items.into_iter().flatten() {
            if let Some(text) = item.details.as_ref().and_then(|details| details.get("DetailedText")) {
                details.insert(item.id.unwrap_or_default(), text.clone());
            }
        }
        request.next_token = page.next_token;
        if request.next_token.is_none() {
            break;
        }
    }
    assert!(details["tb-fail.amd64"].starts_with("script-failed"), "{details:?}");
    assert!(details["tb-held.amd64"].starts_with("held"), "{details:?}");
    assert_eq!((details.len(), bed.restarts_asked()), (2, 0));

    // The node is rebooted by hand; a scan then finds the rest in effect.
    bed.boot(1);
    assert_eq!(run(&server, &agent, &[("Operation", "Scan")]).status, Some(Success));
    expect(&server, &agent, &[("tb-conf", "Installed"), ("tb-held", "Missing")]);
}

#[test]
fn overrides_that_exclude_each_other_change_nothing() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf"]);
    let agent = Agent::online_on(&server, &bed);
    let both = [
        ("Operation", "Install"),
        ("InstallOverrideList", "https://127.0.0.1:9/list.yaml"),
        ("BaselineOverride", "https://127.0.0.1:9/baseline.json"),
    ];
    let done = run(&server, &agent, &both);
    assert_eq!(done.status, Some(Failed));
    assert!(output(&done).contains("exclude each other"), "{}", output(&done));
    let unreachable =
        run(&server, &agent, &[("Operation", "Install"), ("InstallOverrideList", "https://127.0.0.1:9/l")]);
    assert_eq!(unreachable.status, Some(Failed));
    assert!(output(&unreachable).contains("nothing was installed"), "{}", output(&unreachable));
    assert_eq!(bed.state("tb-conf"), "1.0-1 ii");
}

/// The power is cut while patches are installed, at ten moments; the next run finishes the work, and nothing that was
/// done is done again.
#[test]
fn an_installation_survives_ten_power_cuts() {
    const PACKAGES: [&str; 4] = ["tb-conf", "tb-newdep", "tb-epoch", "tb-slow"];
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    approve(&server, &PACKAGES);
    let mut agent = Agent::online_on(&server, &bed);
    bed.keep();
    for round in 0..10 {
        let command = send(&server, &agent, &[("Operation", "Install"), ("RebootOption", "NoReboot")]);
        // Not a wait for something: the moment of the crash is what is tried. The run takes about three seconds.
        std::thread::sleep(Duration::from_millis(200 + 350 * round));
        agent.cut_power();
        agent.start();
        agent.wait_online(&server);
        end_of(&server, &command);

        let done = run(&server, &agent, &[("Operation", "Install"), ("RebootOption", "NoReboot")]);
        assert_eq!(done.status, Some(Success), "round {round}: {}", output(&done));
        let pending = PACKAGES.map(|name| (name, "InstalledPendingReboot"));
        expect(&server, &agent, &pending);
        let versions = PACKAGES.map(|name| bed.state(name));
        assert_eq!(versions, ["1.1-1 ii", "1.1-1 ii", "1:1.0-1 ii", "1.1-1 ii"], "round {round}");
        assert_eq!(bed.audit(), "", "round {round}");
        for package in PACKAGES {
            let diary = bed.diary();
            let version = bed.state(package).trim_end_matches(" ii").to_owned();
            let installed = format!(" status installed {package}:amd64 {version}");
            let after = diary.split_once(&installed).map_or("", |(_, after)| after);
            assert!(
                !after.contains(&format!(" upgrade {package}:")),
                "round {round}: {package} twice\n{diary}"
            );
        }
        bed.restore();
    }
}
