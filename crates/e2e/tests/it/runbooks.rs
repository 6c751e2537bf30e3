//! The runbooks that come with the server, on a real agent: patches that are taken back where they do not all arrive, a restart,
//! and what such a run leaves behind.

use std::time::Duration;

use api::ssm::{
    AutomationExecution, AutomationExecutionStatus as Status, DescribeDocumentRequest,
    GetAutomationExecutionRequest, StartAutomationExecutionRequest,
};

use crate::harness::{Agent, PatchBed, Server, engines, eventually};
use crate::install::{approve, expect};

const ENDS_WITHIN: Duration = Duration::from_secs(240);

fn start(server: &Server, name: &str, parameters: &[(&str, &str)]) -> String {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
    let request = StartAutomationExecutionRequest {
        document_name: name.to_owned(),
        parameters: Some(parameters.collect()),
        ..Default::default()
    };
    server.call(&request).automation_execution_id.unwrap()
}

fn get(server: &Server, id: &str) -> AutomationExecution {
    server
        .call(&GetAutomationExecutionRequest { automation_execution_id: id.to_owned() })
        .automation_execution
        .unwrap()
}

fn end_of(server: &Server, id: &str) -> AutomationExecution {
    eventually("the execution ends", ENDS_WITHIN, || {
        let execution = get(server, id);
        let status = execution.automation_execution_status.clone()?;
        matches!(status, Status::Success | Status::Failed | Status::TimedOut | Status::Cancelled)
            .then_some(execution)
    })
}

/// The steps that ran, in their order, with how they ended.
fn steps(execution: &AutomationExecution) -> Vec<(String, String)> {
    let steps = execution.step_executions.iter().flatten();
    let ran = steps.filter(|step| step.execution_start_time.is_some());
    let told = |step: &api::ssm::StepExecution| {
        let status = step.step_status.as_ref().map(|status| status.as_str().to_owned());
        (step.step_name.clone().unwrap_or_default(), status.unwrap_or_default())
    };
    ran.map(told).collect()
}

fn pairs(steps: &[(&str, &str)]) -> Vec<(String, String)> {
    steps.iter().map(|(name, status)| ((*name).to_owned(), (*status).to_owned())).collect()
}

#[test]
fn what_does_not_all_arrive_is_taken_back() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    // One of them is held, and cannot be had.
    approve(&server, &["tb-conf", "tb-held"]);
    let mut agent = Agent::online_on(&server, &bed);
    let id = start(&server, "AWS-PatchInstanceWithRollback", &[("InstanceId", &agent.id)]);
    // What did arrive asks for a restart; afterwards the same execution goes on.
    eventually("the machine is asked to restart", ENDS_WITHIN, || (bed.restarts_asked() == 1).then_some(()));
    assert_eq!(bed.state("tb-conf"), "1.1-1 ii");
    agent.cut_power();
    bed.boot(1);
    agent.start();
    let ended = end_of(&server, &id);
    assert_eq!(
        steps(&ended),
        pairs(&[
            ("installPatches", "Failed"),
            ("takeBack", "Success"),
            ("waitTakenBack", "Success"),
            ("checkTakenBack", "Success"),
            ("chooseReport", "Success"),
            ("noReport", "Success"),
        ])
    );
    assert_eq!(ended.automation_execution_status, Some(Status::Failed), "what was wanted is not there");
    assert_eq!(bed.state("tb-conf"), "1.0-1 ii");
    expect(&server, &agent, &[("tb-conf", "Missing")]);
}

#[test]
fn what_arrives_stays_and_a_restart_is_one_restart() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf"]);
    let mut agent = Agent::online_on(&server, &bed);
    let restart = |agent: &mut Agent, times: usize| {
        eventually("the machine is asked to restart", ENDS_WITHIN, || {
            (bed.restarts_asked() == times).then_some(())
        });
        agent.cut_power();
        bed.boot(1);
        agent.start();
    };
    let id = start(&server, "AWS-PatchInstanceWithRollback", &[("InstanceId", &agent.id)]);
    restart(&mut agent, 1);
    let ended = end_of(&server, &id);
    assert_eq!(ended.automation_execution_status, Some(Status::Success), "{:?}", steps(&ended));
    let names: Vec<String> = steps(&ended).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["installPatches", "checkFailed", "checkMissing", "chooseReport", "noReport"]);
    assert_eq!(bed.state("tb-conf"), "1.1-1 ii");

    bed.wait_booted();
    let id = start(&server, "AWS-RestartEC2Instance", &[("InstanceId", &agent.id)]);
    restart(&mut agent, 2);
    let ended = end_of(&server, &id);
    assert_eq!(ended.automation_execution_status, Some(Status::Success), "{:?}", steps(&ended));
    assert_eq!(bed.restarts_asked(), 2);

    let id = start(&server, "AWS-ExportPatchReportToS3", &[("s3BucketName", "no-such-bucket")]);
    let ended = end_of(&server, &id);
    assert_eq!(ended.automation_execution_status, Some(Status::Failed));
    assert!(ended.failure_message.unwrap().contains("no-such-bucket"));
    let request = DescribeDocumentRequest { name: "AWS-RestartEC2Instance".to_owned(), ..Default::default() };
    let document = server.call(&request).document.unwrap();
    assert_eq!(document.owner.as_deref(), Some("Amazon"));
}
