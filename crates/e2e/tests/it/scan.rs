//! A scan, from the order to what everyone can read of it.

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use api::fettle::{ExplainNodeComplianceRequest, GetNodeReportRequest, NodeComplianceStatus};
use api::ssm::{
    CommandInvocation, CommandInvocationStatus, DescribeInstancePatchStatesRequest,
    DescribeInstancePatchesRequest, ListCommandInvocationsRequest, ListResourceComplianceSummariesRequest,
    PatchOrchestratorFilter, SendCommandRequest,
};

use crate::harness::server::{REGION, clean};
use crate::harness::{Agent, Server, apt_root, engines, eventually, program};

const SCAN_WITHIN: Duration = Duration::from_secs(60);

pub fn order(document: &str, node: &str, parameters: &[(&str, &str)]) -> SendCommandRequest {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
    SendCommandRequest {
        document_name: document.to_owned(),
        instance_ids: Some(vec![node.to_owned()]),
        parameters: Some(parameters.collect()),
        ..Default::default()
    }
}

pub fn invocation_of(command: &str) -> ListCommandInvocationsRequest {
    ListCommandInvocationsRequest {
        command_id: Some(command.to_owned()),
        details: Some(true),
        ..Default::default()
    }
}

pub fn is_terminal(status: &CommandInvocationStatus) -> bool {
    use CommandInvocationStatus::{Cancelled, Failed, Success, TimedOut};
    matches!(status, Success | Failed | Cancelled | TimedOut)
}

pub fn scan(server: &Server, node: &str) -> CommandInvocation {
    let sent = server.call(&order("AWS-RunPatchBaseline", node, &[("Operation", "Scan")]));
    let command = sent.command.unwrap().command_id.unwrap();
    eventually("the scan ends", SCAN_WITHIN, || {
        let invocations = server.call(&invocation_of(&command)).command_invocations?;
        invocations.into_iter().find(|invocation| invocation.status.as_ref().is_some_and(is_terminal))
    })
}

#[test]
fn a_scan_is_read_back_everywhere() {
    for engine in engines() {
        let server = Server::start(engine);
        let agent = Agent::online(&server);
        let done = scan(&server, &agent.id);
        assert_eq!(done.status, Some(CommandInvocationStatus::Success), "{done:?}");

        let request =
            DescribeInstancePatchStatesRequest { instance_ids: vec![agent.id.clone()], ..Default::default() };
        let states = server.call(&request).instance_patch_states.unwrap();
        assert_eq!((states.len(), states[0].missing_count), (1, Some(1)), "{states:?}");

        let missing = DescribeInstancePatchesRequest {
            instance_id: agent.id.clone(),
            filters: Some(vec![PatchOrchestratorFilter {
                key: Some("State".to_owned()),
                values: Some(vec!["Missing".to_owned()]),
            }]),
            ..Default::default()
        };
        let patches = server.call(&missing).patches.unwrap();
        let (package, _, fix) = apt_root::MISSING;
        assert_eq!(patches.len(), 1, "{patches:?}");
        // The model has MISSING; AWS answers, and people filter by, this.
        assert_eq!(patches[0].state.as_str(), "Missing");
        assert!(patches[0].title.contains(package), "{patches:?}");

        let request = GetNodeReportRequest { instance_id: agent.id.clone(), ..Default::default() };
        let report = server.call(&request);
        assert_eq!(report.status, NodeComplianceStatus::NonCompliant);
        let found = &report.missing[0];
        assert_eq!((found.name.as_str(), found.fix_version.as_deref()), (package, Some(fix)));
        assert_eq!(found.installed_version.as_deref(), Some(apt_root::MISSING.1));
        assert_eq!(found.suite.as_deref(), Some("bookworm-security"));

        let summaries = server.call(&ListResourceComplianceSummariesRequest::default());
        let summaries = summaries.resource_compliance_summary_items.unwrap();
        let own = summaries.iter().find(|item| item.resource_id.as_ref() == Some(&agent.id)).unwrap();
        assert_eq!(own.status.as_ref().map(|status| status.as_str()), Some("NON_COMPLIANT"));

        let why = server
            .call(&ExplainNodeComplianceRequest { instance_id: agent.id.clone(), ..Default::default() });
        let named = why.causes.iter().flat_map(|cause| cause.items.iter().flatten());
        assert!(named.into_iter().any(|item| item.name.as_deref() == Some(package)), "{why:?}");
    }
}

/// Between a node's registration and its first report the order is taken, and the run tells what the server lacks.
#[test]
fn a_scan_may_be_ordered_before_the_node_has_said_what_it_runs() {
    for engine in engines() {
        let server = Server::start(engine);
        let mut agent = Agent::enroll(&server);
        let command = server.call(&order("AWS-RunPatchBaseline", &agent.id, &[("Operation", "Scan")]));
        let command = command.command.unwrap().command_id.unwrap();
        agent.start();
        let done = eventually("the scan ends", SCAN_WITHIN, || {
            let invocations = server.call(&invocation_of(&command)).command_invocations?;
            invocations.into_iter().find(|invocation| invocation.status.as_ref().is_some_and(is_terminal))
        });
        assert_eq!(done.status, Some(CommandInvocationStatus::Success), "{done:?}");
    }
}

/// The agent by itself says that packages changed; the report stays what it was.
#[test]
fn a_change_outside_of_runs_is_noticed_and_told() {
    for engine in engines() {
        let server = Server::start(engine);
        let mut agent = Agent::enroll(&server);
        agent.start_with(&["--check-every", "1"]);
        agent.wait_online(&server);
        assert_eq!(scan(&server, &agent.id).status, Some(CommandInvocationStatus::Success));
        let why = ExplainNodeComplianceRequest { instance_id: agent.id.clone(), ..Default::default() };
        let is_changed = || server.call(&why).causes.iter().any(|cause| cause.id == "B2");
        assert!(!is_changed());
        let report = GetNodeReportRequest { instance_id: agent.id.clone(), ..Default::default() };
        let before = server.call(&report);
        // Ends are told in whole seconds: what is captured within one may be the run's own.
        let ended_at = before.ended_at.unwrap();
        eventually("the run's last second passes", SCAN_WITHIN, || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
            (now > u128::try_from(ended_at.as_millis()).unwrap() + 1_000).then_some(())
        });

        let status = agent.root().join("var/lib/dpkg/status");
        let text = std::fs::read_to_string(&status).unwrap();
        std::fs::write(&status, text.replace(apt_root::MISSING.1, apt_root::MISSING.2)).unwrap();
        eventually("the change is told", SCAN_WITHIN, || is_changed().then_some(()));
        let after = server.call(&report);
        assert_eq!(
            (after.report_id, after.missing),
            (before.report_id, before.missing),
            "nobody ordered a report"
        );

        assert_eq!(scan(&server, &agent.id).status, Some(CommandInvocationStatus::Success));
        assert!(!is_changed());
        assert_eq!(server.call(&report).status, NodeComplianceStatus::Compliant);
    }
}

/// Old lists, a damaged database: the last good report stays, and the command says what is wrong.
#[test]
fn a_damaged_package_database_fails_the_scan_and_keeps_the_report() {
    let server = Server::start(engines()[0]);
    let agent = Agent::online(&server);
    assert_eq!(scan(&server, &agent.id).status, Some(CommandInvocationStatus::Success));
    let request = GetNodeReportRequest { instance_id: agent.id.clone(), ..Default::default() };
    let before = server.call(&request);

    std::fs::write(agent.root().join("var/lib/dpkg/status"), "Package: openssl\nthis is no field\n").unwrap();
    let done = scan(&server, &agent.id);
    assert_eq!(done.status, Some(CommandInvocationStatus::Failed));
    let output: Vec<String> =
        done.command_plugins.unwrap_or_default().into_iter().filter_map(|plugin| plugin.output).collect();
    let output = output.join("\n");
    assert!(output.contains("var/lib/dpkg/status:"), "{output}");
    assert_eq!(server.call(&request).report_id, before.report_id);
}

#[test]
fn the_operators_commands_answer() {
    let server = Server::start(engines()[0]);
    let agent = Agent::online(&server);
    scan(&server, &agent.id);
    let fettle = |arguments: &[&str]| operator(&server, arguments);
    let prefix = &agent.id[..9];
    let said = [
        (vec!["nodes"], "Online"),
        (vec!["report"], apt_root::MISSING.2),
        (vec!["report", prefix], "NON-COMPLIANT: 1 patch is missing"),
        (vec!["why", &agent.id], apt_root::MISSING.0),
    ];
    for (arguments, expected) in said {
        let (worked, out, err) = fettle(&arguments);
        assert!(worked && out.contains(expected), "{arguments:?}: {out}{err}");
        let with_json: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let (_, out, _) = fettle(&with_json);
        assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{with_json:?}: {out}");
    }
    let (worked, _, err) = fettle(&["why", "nobody"]);
    assert!(!worked && err.contains("`fettle nodes` lists them"), "{err}");
    let (worked, _, err) = fettle(&["nodes", "--endpoint", "http://127.0.0.1:1"]);
    assert!(!worked && err.contains("is the server running?"), "{err}");
}

/// `fettle` with the root key.
pub fn operator_command(server: &Server, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("fettle"));
    clean(&mut command);
    command
        .args(arguments)
        .env("AWS_ACCESS_KEY_ID", &server.credentials.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &server.credentials.secret_access_key)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("FETTLE_ENDPOINT", &server.endpoint);
    command
}

/// Whether it succeeded, and what it said.
pub fn operator(server: &Server, arguments: &[&str]) -> (bool, String, String) {
    let output = operator_command(server, arguments).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    (output.status.success(), out, err)
}
