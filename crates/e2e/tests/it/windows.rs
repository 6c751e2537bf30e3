//! A maintenance window on a real node: it opens at its moment, runs a command, and gets over a crash of the server.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use api::Timestamp;
use api::ssm::{
    CreateMaintenanceWindowRequest, DescribeMaintenanceWindowExecutionTaskInvocationsRequest,
    DescribeMaintenanceWindowExecutionTasksRequest, DescribeMaintenanceWindowExecutionsRequest,
    GetCommandInvocationRequest, MaintenanceWindowExecution, MaintenanceWindowExecutionStatus,
    MaintenanceWindowResourceType, MaintenanceWindowRunCommandParameters,
    MaintenanceWindowTaskInvocationParameters, MaintenanceWindowTaskType,
    RegisterTargetWithMaintenanceWindowRequest, RegisterTaskWithMaintenanceWindowRequest, Target,
    UpdateMaintenanceWindowRequest,
};

use crate::harness::{Agent, Server, engines, eventually};

const ENDS_WITHIN: Duration = Duration::from_secs(90);
/// From setting the schedule to the opening, of which the last second may be a short one.
const AHEAD_SECONDS: i64 = 4;

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

fn target(key: &str, value: &str) -> Target {
    Target { key: Some(key.to_owned()), values: Some(vec![value.to_owned()]) }
}

/// A window that does not open yet.
fn make(server: &Server) -> String {
    let window = server.call(&CreateMaintenanceWindowRequest {
        name: "night".to_owned(),
        schedule: "at(2199-01-01T00:00:00)".to_owned(),
        duration: 1,
        ..Default::default()
    });
    window.window_id.unwrap()
}

/// Two tasks that write into a ledger, the second one after the first.
fn add_tasks(server: &Server, window: &str, agent: &Agent, ledger: &Path) {
    let registered = server.call(&RegisterTargetWithMaintenanceWindowRequest {
        window_id: window.to_owned(),
        resource_type: MaintenanceWindowResourceType::Instance,
        targets: vec![target("InstanceIds", &agent.id)],
        ..Default::default()
    });
    for (priority, line) in [(2, "second"), (1, "first")] {
        let command = format!("echo {line} {{{{WINDOW_ID}}}} >> '{}'; sleep 1", ledger.display());
        server.call(&RegisterTaskWithMaintenanceWindowRequest {
            window_id: window.to_owned(),
            task_arn: "AWS-RunShellScript".to_owned(),
            task_type: MaintenanceWindowTaskType::RunCommand,
            targets: Some(vec![target("WindowTargetIds", registered.window_target_id.as_deref().unwrap())]),
            max_concurrency: Some("1".to_owned()),
            max_errors: Some("0".to_owned()),
            priority: Some(priority),
            task_invocation_parameters: Some(MaintenanceWindowTaskInvocationParameters {
                run_command: Some(MaintenanceWindowRunCommandParameters {
                    parameters: Some([("commands".to_owned(), vec![command])].into()),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        });
    }
}

/// Lets it open in a moment; when.
fn open_soon(server: &Server, window: &str) -> Timestamp {
    let opens_at = Timestamp::from_seconds(now().as_seconds() + AHEAD_SECONDS);
    let at = opens_at.to_iso_seconds();
    server.call(&UpdateMaintenanceWindowRequest {
        window_id: window.to_owned(),
        schedule: Some(format!("at({})", at.trim_end_matches('Z'))),
        ..Default::default()
    });
    opens_at
}

fn runs(server: &Server, window: &str) -> Vec<MaintenanceWindowExecution> {
    let request =
        DescribeMaintenanceWindowExecutionsRequest { window_id: window.to_owned(), ..Default::default() };
    server.call(&request).window_executions.unwrap()
}

fn ended(server: &Server, window: &str) -> MaintenanceWindowExecution {
    eventually("the window's run ends", ENDS_WITHIN, || {
        runs(server, window).into_iter().find(|run| run.end_time.is_some())
    })
}

#[test]
fn a_window_opens_at_its_moment_and_runs_its_tasks_in_order() {
    for engine in engines() {
        let server = Server::start(engine);
        let mut agent = Agent::online(&server);
        let ledger = agent.root().join("ledger");
        let window = make(&server);
        add_tasks(&server, &window, &agent, &ledger);
        let opens_at = open_soon(&server, &window);
        let run = ended(&server, &window);
        assert_eq!(run.status, Some(MaintenanceWindowExecutionStatus::Success), "{:?}", run.status_details);
        let late = run.start_time.unwrap().millis_since(opens_at);
        assert!((0..15_000).contains(&late), "opened {late} ms after its moment");
        let written = std::fs::read_to_string(&ledger).unwrap();
        assert_eq!(written, format!("first {window}\nsecond {window}\n"));

        let execution = run.window_execution_id.unwrap();
        let tasks = server.call(&DescribeMaintenanceWindowExecutionTasksRequest {
            window_execution_id: execution.clone(),
            ..Default::default()
        });
        let tasks = tasks.window_execution_task_identities.unwrap();
        assert!(tasks[0].end_time <= tasks[1].start_time, "the second starts when the first has ended");
        let invocations = server.call(&DescribeMaintenanceWindowExecutionTaskInvocationsRequest {
            window_execution_id: execution,
            task_id: tasks[0].task_execution_id.clone().unwrap(),
            ..Default::default()
        });
        let invocations = invocations.window_execution_task_invocation_identities.unwrap();
        let command = server.call(&GetCommandInvocationRequest {
            command_id: invocations[0].execution_id.clone().unwrap(),
            instance_id: agent.id.clone(),
            ..Default::default()
        });
        assert_eq!(command.response_code, Some(0));
        agent.kill();
    }
}

/// A run takes some four seconds: the server dies at a moment of each part of it, and at some once more while it comes back.
const KILLS: i64 = 6;
const WHOLE_RUN_MILLIS: i64 = 4800;
/// The first one dies so long before the window opens.
const BEFORE_MILLIS: i64 = 400;

#[test]
fn a_server_that_dies_at_any_moment_of_a_run_runs_each_task_once() {
    for engine in engines() {
        let mut server = Server::start(engine);
        let mut agent = Agent::online(&server);
        for kill in 0..KILLS {
            let ledger = agent.root().join(format!("ledger-{kill}"));
            let window = make(&server);
            add_tasks(&server, &window, &agent, &ledger);
            let opens_at = open_soon(&server, &window);
            let moment = opens_at.plus_millis(kill * WHOLE_RUN_MILLIS / KILLS - BEFORE_MILLIS);
            eventually("the moment of the crash", ENDS_WITHIN, || (now() >= moment).then_some(()));
            for _ in 0..=kill % 2 {
                server.kill();
                server.start_again();
            }
            agent.wait_online(&server);
            let run = ended(&server, &window);
            let status = run.status.clone();
            assert_eq!(
                status,
                Some(MaintenanceWindowExecutionStatus::Success),
                "{kill}: {:?}",
                run.status_details
            );
            assert_eq!(runs(&server, &window).len(), 1);
            let written = std::fs::read_to_string(&ledger).unwrap();
            assert_eq!(written, format!("first {window}\nsecond {window}\n"), "{kill}");
        }
        agent.kill();
    }
}

/// Takes one call, answers 200, tells what it was sent.
fn receive(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        let mut some = [0; 1024];
        let count = stream.read(&mut some).unwrap();
        assert!(count > 0, "cut off: {}", String::from_utf8_lossy(&request));
        request.extend(&some[..count]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    String::from_utf8(request).unwrap()
}

#[test]
fn a_window_calls_a_webhook() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webhooks");
    std::fs::write(&file, format!("drain http://{}/drain\n", listener.local_addr().unwrap())).unwrap();
    let server = Server::start_with(&["--webhooks", file.to_str().unwrap()]);
    let window = make(&server);
    server.call(&RegisterTaskWithMaintenanceWindowRequest {
        window_id: window.clone(),
        task_arn: "drain".to_owned(),
        task_type: MaintenanceWindowTaskType::Lambda,
        ..Default::default()
    });
    open_soon(&server, &window);
    let request = receive(&listener);
    assert!(request.starts_with("POST /drain HTTP/1.1\r\n") && request.ends_with("\r\n\r\n{}"), "{request}");
    let run = ended(&server, &window);
    assert_eq!(run.status, Some(MaintenanceWindowExecutionStatus::Success), "{:?}", run.status_details);
}
