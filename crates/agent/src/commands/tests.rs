//! Commands through arrival, journal, scripts and replies, with the link's end of the channels held by the test.

use std::path::Path;

use api::Timestamp;
use api::agent::{ReplyPayload, StepReply};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

mod on_probation;
mod scheduled;

use super::*;
use crate::journal::Limits;

const NODE: &str = "mi-0123456789abcdef0";
const LONG: Duration = Duration::from_secs(30);

/// An agent's commands on a data folder, and the ends a link would hold.
struct Node {
    events: mpsc::Sender<LinkEvent>,
    replies: mpsc::Receiver<Outgoing>,
    stop: watch::Sender<bool>,
    task: JoinHandle<After>,
}

fn job_id(command: &str) -> String {
    JobId { command_id: command.into(), instance_id: NODE.into() }.to_string()
}

fn harmless_restart() -> std::process::Command {
    std::process::Command::new("true")
}

fn failing_restart() -> std::process::Command {
    std::process::Command::new("false")
}

impl Node {
    async fn start(data_dir: &Path) -> Self {
        Self::start_with(data_dir, harmless_restart).await
    }

    async fn start_with(data_dir: &Path, restart: Restart) -> Self {
        Self::start_in(data_dir, restart, "boot-1").await
    }

    async fn start_in(data_dir: &Path, restart: Restart, boot_id: &str) -> Self {
        Self::start_on(data_dir, restart, boot_id, None).await
    }

    async fn start_on(
        data_dir: &Path,
        restart: Restart,
        boot_id: &str,
        probation: Option<Probation>,
    ) -> Self {
        let surroundings = Surroundings {
            data_dir: data_dir.to_owned(),
            instance_id: NODE.into(),
            region: "us-east-1".into(),
            platform_type: "Linux",
            platform_name: "Debian GNU/Linux".into(),
            platform_version: "12".into(),
            agent_exe: "/usr/bin/fettle-agent".into(),
        };
        let journal = Journal::open(&data_dir.join("journal"), Limits::default(), now()).unwrap();
        let (events, arrivals) = mpsc::channel(8);
        let (stop, stopping) = watch::channel(false);
        let commands = Commands::new(journal, surroundings, restart, boot_id.to_owned()).on(probation);
        let task = tokio::spawn(commands.run(arrivals, stopping));
        let (link, replies) = mpsc::channel(64);
        events.send(LinkEvent::Up(link)).await.unwrap();
        Self { events, replies, stop, task }
    }

    async fn deliver(&self, job_id: &str, topic: &str, content: String) -> Verdict {
        let (verdict, answer) = oneshot::channel();
        let arrival = Arrival { job_id: job_id.into(), topic: topic.into(), content, verdict };
        self.events.send(LinkEvent::Arrived(arrival)).await.unwrap();
        timeout(LONG, answer).await.unwrap().unwrap()
    }

    async fn send_script(&self, command: &str, lines: &[&str]) -> Verdict {
        let steps: Vec<serde_json::Value> = lines
            .iter()
            .enumerate()
            .map(|(index, line)| {
                json!({"action": "aws:runShellScript", "name": format!("step{index}"), "inputs": {"runCommand": [line]}})
            })
            .collect();
        self.send_document(command, json!({"schemaVersion": "2.2", "mainSteps": steps})).await
    }

    async fn send_document(&self, command: &str, document: serde_json::Value) -> Verdict {
        let payload = json!({"CommandId": command, "DocumentName": "test", "DocumentContent": document, "Parameters": {}});
        self.deliver(&job_id(command), "aws.ssm.sendCommand.us-east-1.test", payload.to_string()).await
    }

    async fn cancel(&self, command: &str) -> Verdict {
        let payload = json!({"CancelMessageId": job_id(command)});
        self.deliver(&job_id("cancel"), "aws.ssm.cancelCommand.us-east-1", payload.to_string()).await
    }

    async fn next(&mut self) -> (Outgoing, ReplyPayload) {
        let outgoing = timeout(LONG, self.replies.recv()).await.unwrap().unwrap();
        let payload = serde_json::from_str(&outgoing.content).unwrap();
        (outgoing, payload)
    }

    async fn acknowledge(&self, outgoing: &Outgoing) {
        self.events.send(LinkEvent::Acknowledged(outgoing.message_id)).await.unwrap();
    }

    /// Acknowledges replies about a command up to its final one; all of them.
    async fn until_final(&mut self, command: &str) -> Vec<ReplyPayload> {
        let mut seen = Vec::new();
        loop {
            let (outgoing, payload) = self.next().await;
            self.acknowledge(&outgoing).await;
            if outgoing.job_id == job_id(command) {
                let last = payload.document_status.is_final();
                seen.push(payload);
                if last {
                    return seen;
                }
            }
        }
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        timeout(LONG, self.task).await.unwrap().unwrap();
    }

    /// As kill -9 would: nothing gets to say goodbye.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

fn step<'a>(replies: &'a [ReplyPayload], name: &str) -> &'a StepReply {
    replies.iter().find_map(|reply| reply.runtime_status.as_ref()?.get(name)).unwrap()
}

fn data_dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn a_command_is_reported_in_three_replies() {
    let dir = data_dir();
    let mut node = Node::start(dir.path()).await;
    assert_eq!(node.send_script("c1", &["echo hello; echo warn >&2"]).await, Verdict::Accepted);
    let replies = node.until_final("c1").await;
    assert_eq!(replies.len(), 3);
    assert_eq!(
        (&replies[0].document_status, &replies[0].runtime_status),
        (&DocumentStatus::InProgress, &None)
    );
    assert_eq!(replies[1].document_status, DocumentStatus::InProgress);
    assert_eq!(replies[2].document_status, DocumentStatus::Success);
    // The only step is told again at the end.
    for reply in &replies[1..] {
        let step = &reply.runtime_status.as_ref().unwrap()["step0"];
        assert_eq!((step.standard_output.as_str(), step.standard_error.as_str()), ("hello\n", "warn\n"));
        assert_eq!(reply.additional_info.runtime_status_counts.as_ref().unwrap()["Success"], 1);
        assert!(step.started_at().is_some());
    }
    node.stop().await;
}

#[tokio::test]
async fn several_steps_are_told_one_by_one() {
    let dir = data_dir();
    let mut node = Node::start(dir.path()).await;
    node.send_script("c1", &["true", "exit 3"]).await;
    let replies = node.until_final("c1").await;
    assert_eq!(replies.len(), 4);
    assert_eq!(step(&replies, "step1").code, 3);
    assert_eq!(replies[3].document_status, DocumentStatus::Failed);
    assert!(replies[3].runtime_status.as_ref().unwrap().is_empty());
    node.stop().await;
}

#[tokio::test]
async fn a_repeated_command_is_a_duplicate_even_after_a_restart() {
    let dir = data_dir();
    let mut node = Node::start(dir.path()).await;
    let marker = dir.path().join("ran");
    let script = format!("echo x >> {}", marker.display());
    node.send_script("c1", &[&script]).await;
    assert_eq!(node.send_script("c1", &[&script]).await, Verdict::Duplicate);
    node.until_final("c1").await;
    node.stop().await;
    let node = Node::start(dir.path()).await;
    assert_eq!(node.send_script("c1", &[&script]).await, Verdict::Duplicate);
    node.stop().await;
    assert_eq!(std::fs::read_to_string(marker).unwrap(), "x\n");
}

#[tokio::test]
async fn a_killed_agent_reports_and_does_not_repeat() {
    let dir = data_dir();
    let mut node = Node::start(dir.path()).await;
    let marker = dir.path().join("ran");
    node.send_script("c1", &[&format!("echo x >> {}; sleep 300", marker.display())]).await;
    let deadline = Instant::now() + LONG;
    while !marker.exists() {
        assert!(Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    let _ = node.next().await;
    node.kill().await;

    let mut node = Node::start(dir.path()).await;
    let replies = node.until_final("c1").await;
    assert_eq!(replies[0].document_status, DocumentStatus::Failed);
    assert!(replies[0].document_trace_output.contains("not run again"));
    node.stop().await;
    assert_eq!(std::fs::read_to_string(marker).unwrap(), "x\n");
}

#[tokio::test]
async fn a_command_that_never_started_runs_after_the_crash() {
    let dir = data_dir();
    let payload = json!({"CommandId": "c1", "DocumentName": "test", "Parameters": {}, "DocumentContent": {
        "schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "s", "inputs": {"runCommand": ["echo late"]}}]}});
    let mut journal = Journal::open(&dir.path().join("journal"), Limits::default(), now()).unwrap();
    journal.receive(&job_id("c1"), &payload.to_string(), Timestamp::from_seconds(1)).unwrap();
    drop(journal);
    let mut node = Node::start(dir.path()).await;
    let replies = node.until_final("c1").await;
    assert_eq!(step(&replies, "s").standard_output, "late\n");
    node.stop().await;
}

#[tokio::test]
async fn unacknowledged_replies_come_again_until_they_are() {
    let dir = data_dir();
    let mut node = Node::start(dir.path()).await;
    node.send_script("c1", &["true"]).await;
    let mut sent = Vec::new();
    while sent.len() < 3 {
        sent.push(node.next().await.0);
    }
    node.kill().await;

    let mut node = Node::start(dir.path()).await;
    // All but the first, which is not repeated, under their old ids.
    for expected in &sent[1..] {
        let (outgoing, _) = node.next().await;
        assert_eq!((outgoing.message_id, &outgoing.content), (expected.message_id, &expected.content));
    }
    // A link that comes up anew is given them again.
    let (link, replies) = mpsc::channel(64);
    node.replies = replies;
    node.events.send(LinkEvent::Up(link)).await.unwrap();
    for _ in &sent[1..] {
        let (outgoing, _) = node.next().await;
        node.acknowledge(&outgoing).await;
    }
    node.stop().await;

    let mut node = Node::start(dir.path()).await;
    node.send_script("c2", &["true"]).await;
    assert_eq!(node.next().await.0.job_id, job_id("c2"));
    node.stop().await;
}

#[tokio::test]
async fn cancelling_ends_running_and_waiting_commands() {
    let dir = data_dir();
    let mut node = Node::start(dir.path()).await;
    for number in 0..10 {
        assert_eq!(node.send_script(&format!("c{number}"), &["sleep 300"]).await, Verdict::Accepted);
    }
    assert_eq!(node.send_script("c10", &["true"]).await, Verdict::Full);
    assert_eq!(node.cancel("c7").await, Verdict::Accepted);
    let replies = node.until_final("c7").await;
    assert_eq!(replies.last().unwrap().document_status, DocumentStatus::Cancelled);
    assert_eq!(node.cancel("c0").await, Verdict::Accepted);
    let replies = node.until_final("c0").await;
    assert_eq!(
        (&step(&replies, "step0").status, step(&replies, "step0").code),
        (&StepStatus::Cancelled, 137)
    );
    assert_eq!(replies.last().unwrap().document_status, DocumentStatus::Cancelled);
    // What was refused for lack of room may come again.
    assert_eq!(node.send_script("c10", &["true"]).await, Verdict::Accepted);
    assert_eq!(node.cancel("unknown").await, Verdict::Accepted);
    node.stop().await;
}

#[tokio::test]
async fn stopping_ends_what_runs_and_keeps_what_waits() {
    let dir = data_dir();
    let mut node = Node::start(dir.path()).await;
    for number in 0..6 {
        node.send_script(&format!("c{number}"), &["sleep 300"]).await;
    }
    node.stop.send_replace(true);
    let replies = node.until_final("c0").await;
    assert_eq!(replies.last().unwrap().document_status, DocumentStatus::Failed);
    assert!(replies.last().unwrap().document_trace_output.contains("stopped"));
    node.stop().await;

    let mut node = Node::start(dir.path()).await;
    assert_eq!(node.cancel("c5").await, Verdict::Accepted);
    assert_eq!(node.until_final("c5").await.last().unwrap().document_status, DocumentStatus::Cancelled);
    node.stop().await;
}

#[tokio::test]
async fn messages_that_cannot_be_read_are_answered() {
    let dir = data_dir();
    let mut node = Node::start(dir.path()).await;
    assert_eq!(node.deliver(&job_id("c1"), "aws.ssm.other", "{}".into()).await, Verdict::UnknownTopic);
    assert_eq!(node.deliver(&job_id("c2"), "aws.ssm.sendCommand", "{".into()).await, Verdict::Unusable);
    let replies = node.until_final("c2").await;
    assert!(replies[0].document_trace_output.contains("payload cannot be read"));
    assert_eq!(
        node.deliver("aws.ssm.c3.mi-other", "aws.ssm.sendCommand", "{}".into()).await,
        Verdict::Unusable
    );
    assert_eq!(node.send_document("c4", json!({"schemaVersion": "9.9"})).await, Verdict::Accepted);
    let replies = node.until_final("c4").await;
    assert!(replies.last().unwrap().document_trace_output.contains("schemaVersion"));
    node.stop().await;
}

/// Fails its first run by asking for a restart, succeeds the second time.
fn restart_once(dir: &Path) -> String {
    let marker = dir.join("restarted");
    format!("if [ -e {0} ]; then echo back; else touch {0}; exit 194; fi", marker.display())
}

#[tokio::test]
async fn a_command_goes_on_after_the_restart_it_asked_for() {
    let dir = data_dir();
    let mut node = Node::start(dir.path()).await;
    let script = restart_once(dir.path());
    node.send_script("c1", &["echo first", &script, "echo last"]).await;
    loop {
        let (outgoing, payload) = node.next().await;
        node.acknowledge(&outgoing).await;
        if payload.document_status == DocumentStatus::SuccessAndReboot {
            break;
        }
    }
    // The machine is about to go down.
    let deadline = Instant::now() + LONG;
    while node.send_script("c2", &["true"]).await != Verdict::Closed {
        assert!(Instant::now() < deadline);
    }
    node.stop().await;

    let mut node = Node::start(dir.path()).await;
    let replies = node.until_final("c1").await;
    assert_eq!(step(&replies, "step1").standard_output, "back\n");
    let last = replies.last().unwrap();
    assert_eq!(last.document_status, DocumentStatus::Success);
    assert_eq!(last.additional_info.runtime_status_counts.as_ref().unwrap()["Success"], 3);
    assert!(replies.iter().all(|reply| !reply.runtime_status.as_ref().unwrap().contains_key("step0")));
    node.stop().await;
}

#[tokio::test]
async fn a_restart_that_fails_ends_the_command() {
    let dir = data_dir();
    let mut node = Node::start_with(dir.path(), failing_restart).await;
    node.send_script("c1", &[&restart_once(dir.path())]).await;
    let replies = node.until_final("c1").await;
    assert!(replies.last().unwrap().document_trace_output.contains("restart failed"));
    assert_eq!(node.send_script("c2", &["true"]).await, Verdict::Accepted);
    node.stop().await;
}
