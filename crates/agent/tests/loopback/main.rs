//! The whole agent against a server on a loopback socket: enrolment, credentials, channels, commands.
//! The server side here is only what a test looks at; the real one is tested in `e2e`.

#![allow(clippy::unwrap_used)]

mod server;

use std::path::Path;
use std::time::Duration;

use agent::enroll::{Enrollment, Existing, enroll};
use agent::run::Service;
use api::agent::{AckCode, AgentJobAck, AgentJobReply, DocumentStatus, MessageType, ReplyPayload};
use server::{Channel, NODE, Server};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(60);

fn no_restart() -> std::process::Command {
    std::process::Command::new("true")
}

fn service(data_dir: &Path) -> Service<'_> {
    Service { data_dir, looking: None, restart: no_restart, probation: None }
}

async fn enrolled(server: &Server) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    enroll_into(server, dir.path(), Existing::Refuse).await.unwrap();
    dir
}

async fn enroll_into(server: &Server, dir: &Path, existing: Existing) -> anyhow::Result<()> {
    let enrollment = Enrollment {
        endpoint: server.endpoint(),
        activation_id: "6a1b0c3e-5a55-4c43-9d0a-2f6f0f1d2b11".into(),
        activation_code: "N0tARealCode12345678".into(),
        region: "us-east-1".into(),
        data_dir: dir.to_owned(),
        ca_file: None,
        update_key_file: None,
        existing,
    };
    tokio::task::spawn_blocking(move || enroll(&enrollment).map(drop)).await.unwrap()
}

struct Agent {
    stop: watch::Sender<bool>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Agent {
    fn start(dir: &TempDir) -> Self {
        let path = dir.path().to_owned();
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(async move { service(&path).serve(stopping).await.map(drop) });
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        timeout(LONG, self.task).await.unwrap().unwrap().unwrap();
    }
}

fn script(command: &str, line: &str) -> String {
    serde_json::json!({"CommandId": command, "DocumentName": "test", "Parameters": {}, "DocumentContent": {
        "schemaVersion": "2.2", "mainSteps": [
            {"action": "aws:runShellScript", "name": "step", "inputs": {"runCommand": [line]}}]}})
    .to_string()
}

/// Reads replies up to the final one, acknowledging each; the first frame must be the acknowledgement of the job.
async fn run_to_end(channel: &mut Channel, command: &str, line: &str) -> ReplyPayload {
    let sent = channel.send_job(command, &script(command, line)).await;
    let ack = channel.next_of(&MessageType::AgentJobAck).await;
    let ack: AgentJobAck = serde_json::from_slice(&ack.payload).unwrap();
    assert_eq!((ack.acknowledged_message_id, ack.status_code), (sent, AckCode::Successful));
    loop {
        let frame = channel.next_of(&MessageType::AgentJobReply).await;
        let reply: AgentJobReply = serde_json::from_slice(&frame.payload).unwrap();
        channel.acknowledge(&reply.job_id, frame.message_id).await;
        let payload: ReplyPayload = serde_json::from_str(&reply.content).unwrap();
        if payload.document_status.is_final() {
            return payload;
        }
    }
}

#[tokio::test]
async fn commands_run_over_the_control_channel() {
    let mut server = Server::start().await;
    let dir = enrolled(&server).await;
    let again = enroll_into(&server, dir.path(), Existing::Refuse).await.unwrap_err();
    assert!(again.to_string().contains("already enrolled"), "{again}");

    let agent = Agent::start(&dir);
    let mut channel = server.next_channel().await;
    assert_eq!(channel.token, server::TOKEN);
    let last = run_to_end(&mut channel, "c1", "echo \"$AWS_SSM_INSTANCE_ID\"").await;
    assert_eq!(last.document_status, DocumentStatus::Success);
    assert_eq!(last.runtime_status.unwrap()["step"].standard_output, format!("{NODE}\n"));

    // An abnormal end: the agent comes back and still knows the command.
    drop(channel);
    let mut channel = server.next_channel().await;
    channel.send_job("c1", &script("c1", "true")).await;
    let ack = channel.next_of(&MessageType::AgentJobAck).await;
    let ack: AgentJobAck = serde_json::from_slice(&ack.payload).unwrap();
    assert_eq!(ack.status_code, AckCode::DuplicateCommand);
    let running = enroll_into(&server, dir.path(), Existing::Replace).await.unwrap_err();
    assert!(running.to_string().contains("another agent"), "{running}");
    agent.stop().await;

    // Credentials outlive the agent: no second role token, and the probe comes before the reports.
    let agent = Agent::start(&dir);
    server.next_channel().await;
    agent.stop().await;
    assert_eq!(server.calls("RequestManagedInstanceRoleToken"), 1);
    assert!(server.calls("UpdateInstanceInformation") >= 2);

    // A new enrolment is a new node: nothing of the old one is left to it.
    enroll_into(&server, dir.path(), Existing::Replace).await.unwrap();
    assert!(!dir.path().join("journal").exists() && !dir.path().join("credentials.json").exists());
}

#[tokio::test]
async fn without_a_control_channel_commands_come_by_poll() {
    let server = Server::start().await;
    server.deny_channels();
    let dir = enrolled(&server).await;
    let agent = Agent::start(&dir);
    server.offer_message("c1", &script("c1", "exit 9"));
    server.until("AcknowledgeMessage").await;
    let last = server.final_reply().await;
    assert_eq!(last.document_status, DocumentStatus::Failed);
    assert_eq!(last.runtime_status.unwrap()["step"].code, 9);
    agent.stop().await;
}

#[tokio::test]
async fn a_key_is_rotated_when_the_server_asks() {
    let mut server = Server::start().await;
    server.ask_for_rotation();
    let dir = enrolled(&server).await;
    let key = std::fs::read_to_string(dir.path().join("node-key.pem")).unwrap();
    let agent = Agent::start(&dir);
    server.until("UpdateManagedInstancePublicKey").await;
    server.next_channel().await;
    agent.stop().await;
    assert_ne!(std::fs::read_to_string(dir.path().join("node-key.pem")).unwrap(), key);

    // Without credentials the new key must do.
    std::fs::remove_file(dir.path().join("credentials.json")).unwrap();
    let agent = Agent::start(&dir);
    server.next_channel().await;
    agent.stop().await;
    assert_eq!(server.calls("RequestManagedInstanceRoleToken"), 2);
}

#[tokio::test]
async fn a_rotation_whose_answer_was_lost_is_found_out() {
    let mut server = Server::start().await;
    server.ask_for_rotation();
    server.lose_rotation_answer();
    let dir = enrolled(&server).await;
    let agent = Agent::start(&dir);
    server.until("UpdateManagedInstancePublicKey").await;
    server.next_channel().await;
    agent.stop().await;
    assert!(dir.path().join("node-key-next.pem").exists());

    std::fs::remove_file(dir.path().join("credentials.json")).unwrap();
    let agent = Agent::start(&dir);
    server.next_channel().await;
    agent.stop().await;
    assert!(!dir.path().join("node-key-next.pem").exists());
}

#[tokio::test]
async fn one_agent_per_folder() {
    let mut server = Server::start().await;
    let dir = enrolled(&server).await;
    let agent = Agent::start(&dir);
    server.next_channel().await;
    let (_stop, stopping) = watch::channel(false);
    let second = service(dir.path()).serve(stopping).await.unwrap_err();
    assert!(second.to_string().contains("another agent"), "{second}");
    agent.stop().await;
}

/// Runs `fettle-agent patch` on a node whose package manager lives in `apt`; what it prints, and what it says on standard error.
#[cfg(target_os = "linux")]
async fn failed_scan(dir: &TempDir, apt: &Path) -> (String, String) {
    let config = apt.join("apt.conf");
    std::fs::create_dir_all(apt.join("etc/apt")).unwrap();
    std::fs::write(&config, format!("Dir \"{}\";\n", apt.display())).unwrap();
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_fettle-agent"))
        .args(["patch", "--operation", "Scan", "--data"])
        .arg(dir.path())
        .env("APT_CONFIG", &config)
        .output();
    let output = timeout(LONG, output).await.unwrap().unwrap();
    assert!(!output.status.success());
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_failed_scan_says_why_and_uploads_nothing() {
    let server = Server::start().await;
    let dir = enrolled(&server).await;
    let apt = tempfile::tempdir().unwrap();

    let (printed, said) = failed_scan(&dir, apt.path()).await;
    assert_eq!(printed, "");
    assert!(said.contains("UnsupportedOperatingSystem: no baseline for it"), "{said}");

    server.freeze(&serde_json::json!({"BaselineId": "pb-0123456789abcdef0", "OperatingSystem": "DEBIAN"}));
    let status = apt.path().join("var/lib/dpkg/status");
    std::fs::create_dir_all(status.parent().unwrap()).unwrap();
    std::fs::write(&status, "Package: curl\nStatus: nonsense\n").unwrap();
    // It knew what to search for and could not: nothing is counted, and that is said.
    let (printed, said) = failed_scan(&dir, apt.path()).await;
    let missing = printed.lines().find(|line| line.starts_with("MissingCount")).unwrap_or_default();
    assert!(missing.ends_with(": -1"), "{printed}");
    assert!(said.contains("nothing was reported") && said.contains("dpkg/status"), "{said}");

    assert_eq!((server.calls("PutInventory"), server.calls("PutNodeFacts")), (0, 0));
}
