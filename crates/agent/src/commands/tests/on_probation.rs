//! A build on probation and the command that brought it, at moments at which the build is stopped or the command is cancelled.

use super::*;
use crate::journal::Suspension;
use crate::update::probation::Shown;
use crate::update::{Stage, Update};

/// A folder in which the command `c1` brought this build; its step runs `script`.
fn brought_by(script: &str) -> TempDir {
    let dir = data_dir();
    let payload = json!({"CommandId": "c1", "DocumentName": "test", "Parameters": {}, "DocumentContent": {
        "schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "s", "inputs": {"runCommand": [script]}}]}});
    let mut journal = Journal::open(&dir.path().join("journal"), Limits::default(), now()).unwrap();
    journal.receive(&job_id("c1"), &payload.to_string(), now()).unwrap();
    let suspension = Suspension { next_step: 0, times: 1, done: Vec::new(), restart: None };
    journal.suspend(&job_id("c1"), suspension).unwrap();
    let text = String::new;
    let update = Update {
        job_id: job_id("c1"),
        began_at: now(),
        program: dir.path().join("agent"),
        from_version: text(),
        from_sha256: text(),
        to_version: text(),
        to_sha256: text(),
        tries: 1,
        given_up: None,
        stage: Stage::Probation,
        starts: 1,
    };
    update.save(dir.path()).unwrap();
    dir
}

async fn start(dir: &TempDir) -> Node {
    let probation = Probation::begin(dir.path(), LONG, |job| job == job_id("c1")).unwrap();
    Node::start_on(dir.path(), harmless_restart, "boot-1", Some(probation)).await
}

async fn until_it_runs(marker: &Path) {
    let deadline = Instant::now() + LONG;
    while !marker.exists() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_stop_in_the_middle_of_its_command_leaves_that_to_the_next_start() {
    let there = data_dir();
    let (marker, again) = (there.path().join("ran"), there.path().join("again"));
    let script = format!(
        "[ -e {0} ] && echo well && exit; touch {0}; touch {1}; sleep 300",
        again.display(),
        marker.display()
    );
    let dir = brought_by(&script);
    let mut node = start(&dir).await;
    until_it_runs(&marker).await;
    node.stop.send_replace(true);
    assert_eq!(timeout(LONG, &mut node.task).await.unwrap().unwrap(), After::End);
    assert!(node.replies.recv().await.is_none(), "nothing is said of a command that goes on");
    assert!(!Shown::load(dir.path()).unwrap().has_worked);

    let mut node = start(&dir).await;
    let replies = node.until_final("c1").await;
    assert_eq!(replies.last().unwrap().document_status, DocumentStatus::Success);
    assert_eq!(step(&replies, "s").standard_output, "well\n");
    node.stop().await;
}

#[tokio::test]
async fn a_build_whose_command_is_cancelled_in_the_middle_has_shown_enough() {
    let there = data_dir();
    let marker = there.path().join("ran");
    let dir = brought_by(&format!("touch {}; sleep 300", marker.display()));
    let mut node = start(&dir).await;
    until_it_runs(&marker).await;
    assert_eq!(node.cancel("c1").await, Verdict::Accepted);
    let replies = node.until_final("c1").await;
    let last = replies.last().unwrap();
    assert_eq!(last.document_status, DocumentStatus::Cancelled);
    assert!(last.document_trace_output.contains("on probation, which goes on"), "{last:?}");
    assert!(Shown::load(dir.path()).unwrap().has_worked);
    node.stop().await;
}
