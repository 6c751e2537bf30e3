//! Documents that run themselves, flood their output or never end: stopped at their limits, by an agent that stays well.

use api::ssm::{
    CommandInvocation, CommandInvocationStatus, CreateDocumentRequest, GetCommandInvocationRequest,
    SendCommandRequest,
};
use serde_json::json;

use crate::harness::{Agent, Server, engines};
use crate::install::{end_of, output};
use crate::scan::order;

use CommandInvocationStatus::{Failed, Success, TimedOut};

/// Far more than an idle agent needs, far less than the flood.
const MOST_RESIDENT_KIB: u64 = 80 * 1024;

fn ended(server: &Server, request: &SendCommandRequest) -> CommandInvocation {
    end_of(server, &server.call(request).command.unwrap().command_id.unwrap())
}

#[test]
fn documents_without_an_end_are_stopped_and_the_agent_goes_on() {
    let server = Server::start(engines()[0]);
    let agent = Agent::online(&server);

    let itself = json!({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runDocument", "name": "again",
        "inputs": {"documentType": "SSMDocument", "documentPath": "ouroboros"}}]});
    server.call(&CreateDocumentRequest {
        name: "ouroboros".to_owned(),
        content: itself.to_string(),
        ..Default::default()
    });
    let done = ended(&server, &order("ouroboros", &agent.id, &[]));
    assert_eq!(done.status, Some(Failed));
    assert!(output(&done).contains("nested more than 3 deep"), "{}", output(&done));

    let endless = [("commands", "while :; do :; done"), ("executionTimeout", "5")];
    let done = ended(&server, &order("AWS-RunShellScript", &agent.id, &endless));
    assert_eq!((done.status, done.status_details.as_deref()), (Some(TimedOut), Some("ExecutionTimedOut")));

    let flood = "head -c 200000000 /dev/zero | tr '\\0' x; head -c 50000000 /dev/zero | tr '\\0' y >&2";
    let done = ended(&server, &order("AWS-RunShellScript", &agent.id, &[("commands", flood)]));
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    let told = server.call(&GetCommandInvocationRequest {
        command_id: done.command_id.unwrap(),
        instance_id: agent.id.clone(),
        plugin_name: None,
    });
    let (stdout, stderr) = (told.standard_output_content.unwrap(), told.standard_error_content.unwrap());
    assert_eq!((stdout.len(), stderr.len()), (24_000, 8_000));
    assert!(stdout.ends_with("--output truncated--"), "{}", &stdout[stdout.len() - 40..]);

    assert!(agent.resident_kib() < MOST_RESIDENT_KIB, "{} KiB", agent.resident_kib());
    let done = ended(&server, &order("AWS-RunShellScript", &agent.id, &[("commands", "echo well")]));
    assert_eq!((done.status.clone(), output(&done).trim()), (Some(Success), "well"));
}
