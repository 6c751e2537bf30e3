//! Quick Setup over the wire: its routes, what is refused on them, and a patch policy that a real agent follows.

use std::time::Duration;

use api::quicksetup::{Operation, ROUTES};
use api::rest::Route;
use api::sample::{Fault, valid};
use api::ssm::{
    CreatePatchBaselineRequest, DescribeAssociationRequest, DescribeInstancePatchStatesRequest,
    ListAssociationsRequest, ListResourceComplianceSummariesRequest, OperatingSystem,
};
use serde_json::{Value, json};

use crate::harness::server::REGION;
use crate::harness::{Agent, PatchBed, Server, engines, eventually};
use crate::install::{approve, expect};
use crate::routes::{Sent, Swept, sweep};

const SERVICE: &str = "ssm-quicksetup";
const WITHIN: Duration = Duration::from_secs(120);
/// Codes that any operation may answer with.
const COMMON: [&str; 3] = ["ValidationException", "SerializationException", "AccessDeniedException"];

fn route(operation: Operation) -> &'static Route<Operation> {
    ROUTES.iter().find(|route| route.operation == operation).unwrap()
}

fn ask(server: &Server, operation: Operation, request: Value) -> Value {
    let answer = Sent::place(route(operation), request).unwrap().send(server, SERVICE);
    assert_eq!(answer.code(), "ok", "{operation}");
    assert!(answer.head.to_lowercase().contains("content-type: application/json\r\n"), "{}", answer.head);
    answer.json()
}

#[test]
fn every_route_checks_signature_and_input() {
    for engine in engines() {
        let server = Server::start(engine);
        let mut tried = 0;
        for route in ROUTES {
            let operation = route.operation;
            let schema = operation.input_schema();
            let request = valid(schema).unwrap();
            let sent = Sent::place(route, request.clone()).unwrap();
            let spoiled = sent.signed(&server, SERVICE);
            let other =
                Sent { path: format!("{}x", sent.path), ..Sent::place(route, request.clone()).unwrap() };
            let code = other.send_with(&server, &spoiled).code();
            assert_eq!(code, "InvalidSignatureException", "{operation} with another path");

            let errors = operation.errors().iter().map(|code| code.as_str()).collect();
            // Of no service that has routes.
            let other = "ssm";
            let swept = Swept { name: operation.name(), service: SERVICE, other, schema, errors };
            tried += sweep(&server, route, &swept, |_, fault, code| match fault {
                Fault::WrongType => COMMON[..2].contains(&code),
                _ => code == "ValidationException",
            });
            if route.method == "GET" {
                continue;
            }
            for body in ["{", "[]", "7", "{\"a\":1,}", "\u{fffd}"] {
                let sent =
                    Sent { body: body.as_bytes().to_vec(), ..Sent::place(route, request.clone()).unwrap() };
                let code = sent.send(&server, SERVICE).code();
                assert_eq!(code, "SerializationException", "{operation} {body}");
            }
        }
        assert!(tried > 40, "only {tried} were tried");
        for (method, path) in
            [("PATCH", "/serviceSettings"), ("GET", "/nowhere"), ("GET", "/"), ("DELETE", "/tags/")]
        {
            let sent =
                Sent { method: method.into(), path: path.into(), query: String::new(), body: Vec::new() };
            let answer = sent.send(&server, SERVICE);
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (404, "UnknownOperationException"),
                "{method} {path}"
            );
        }
    }
}

/// A baseline that nothing but a policy names.
fn baseline(server: &Server) -> String {
    let created = server.call(&CreatePatchBaselineRequest {
        name: "policy".to_owned(),
        operating_system: Some(OperatingSystem::Debian),
        approved_patches: Some(vec!["tb-conf".to_owned()]),
        approved_patches_enable_non_security: Some(true),
        approved_patches_compliance_level: Some("CRITICAL".into()),
        ..Default::default()
    });
    created.baseline_id.unwrap()
}

fn statuses(server: &Server, arn: &str) -> Option<(String, String)> {
    let shown = ask(server, Operation::GetConfigurationManager, json!({"ManagerArn": arn}));
    let text = |at: usize| Some(shown["StatusSummaries"].get(at)?["Status"].as_str()?.to_owned());
    Some((text(0)?, text(1)?))
}

#[test]
fn a_patch_policy_is_followed_by_a_real_agent() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    // What the node would go by without a policy.
    approve(&server, &["tb-newdep"]);
    let agent = Agent::online_on(&server, &bed);
    let selected = json!({"DEBIAN": {"value": baseline(&server)}}).to_string();
    let parameters = |operation: &str| {
        json!({"PatchPolicyName": "weekly", "SelectedPatchBaselines": selected, "RebootOption": "NoReboot",
            "ConfigurationOptionsPatchOperation": operation, "TargetRegions": REGION})
    };
    let definition = json!({"Type": "AWSQuickSetupType-PatchPolicy", "Parameters": parameters("Scan")});
    let made = ask(
        &server,
        Operation::CreateConfigurationManager,
        json!({"Name": "fleet", "ConfigurationDefinitions": [definition]}),
    );
    let arn = made["ManagerArn"].as_str().unwrap();
    let done = Some(("SUCCEEDED".to_owned(), "SUCCEEDED".to_owned()));
    eventually("the policy has scanned", WITHIN, || (statuses(&server, arn) == done).then_some(()));
    expect(&server, &agent, &[("tb-conf", "Missing")]);
    let request =
        DescribeInstancePatchStatesRequest { instance_ids: vec![agent.id.clone()], ..Default::default() };
    let state = server.call(&request).instance_patch_states.unwrap().remove(0);
    assert_eq!((state.missing_count, state.critical_non_compliant_count), (Some(1), Some(1)));
    let summaries = server.call(&ListResourceComplianceSummariesRequest::default());
    let summaries = summaries.resource_compliance_summary_items.unwrap();
    let patch = summaries.iter().find(|item| item.compliance_type.as_deref() == Some("Patch")).unwrap();
    let execution = patch.execution_summary.clone().unwrap();
    assert_eq!(execution.execution_type.as_deref(), Some("PatchPolicy"));

    let shown = ask(&server, Operation::GetConfigurationManager, json!({"ManagerArn": arn}));
    let id = shown["ConfigurationDefinitions"][0]["Id"].clone();
    let update = json!({"ManagerArn": arn, "Id": id, "Parameters": parameters("ScanAndInstall")});
    ask(&server, Operation::UpdateConfigurationDefinition, update);
    eventually("the policy has installed", WITHIN, || (bed.state("tb-conf") == "1.1-1 ii").then_some(()));
    assert_eq!(bed.state("tb-newdep"), "1.0-1 ii", "the node's own baseline does not count");
    eventually("the run has ended", WITHIN, || (statuses(&server, arn) == done).then_some(()));
    expect(&server, &agent, &[("tb-conf", "InstalledPendingReboot")]);

    let associations = || server.call(&ListAssociationsRequest::default()).associations.unwrap_or_default();
    let named: Vec<String> = associations()
        .into_iter()
        .map(|row| {
            let request =
                DescribeAssociationRequest { association_id: row.association_id, ..Default::default() };
            server.call(&request).association_description.unwrap().association_name.unwrap()
        })
        .collect();
    assert!(
        named.len() == 2 && named.iter().all(|name| name.starts_with("AWS-QuickSetup-PatchPolicy-")),
        "{named:?}"
    );
    ask(&server, Operation::DeleteConfigurationManager, json!({"ManagerArn": arn}));
    eventually("all of it is gone", WITHIN, || associations().is_empty().then_some(()));
    let gone = Sent::place(route(Operation::GetConfigurationManager), json!({"ManagerArn": arn})).unwrap();
    assert_eq!(gone.send(&server, SERVICE).code(), "ResourceNotFoundException");
}
