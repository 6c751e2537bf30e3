//! Restarts at a time.

use super::*;

/// Asks for a restart once; says `back` when it runs again.
fn document(data_dir: &Path, at: &str) -> serde_json::Value {
    let marker = data_dir.join("asked");
    let script = format!("[ -e '{0}' ] && echo back && exit 0; touch '{0}'; exit 194", marker.display());
    json!({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "step",
        "inputs": {"runCommand": [script], "restartAt": at}}]})
}

fn in_seconds(seconds: i64) -> String {
    now().plus_seconds(seconds).to_iso_millis()
}

/// Up to the reply that says the command waits.
async fn until_resting(node: &mut Node, command: &str) {
    loop {
        let (outgoing, payload) = node.next().await;
        node.acknowledge(&outgoing).await;
        if outgoing.job_id == job_id(command)
            && payload.document_trace_output.starts_with("The machine restarts at ")
        {
            return;
        }
        assert!(!payload.document_status.is_final(), "{payload:?}");
    }
}

#[tokio::test]
async fn others_run_meanwhile_and_cancelling_leaves_no_restart() {
    let dir = data_dir();
    let mut node = Node::start_with(dir.path(), failing_restart).await;
    node.send_document("c1", document(dir.path(), &in_seconds(3600))).await;
    until_resting(&mut node, "c1").await;
    node.send_script("c2", &["echo meanwhile"]).await;
    assert_eq!(node.until_final("c2").await.last().unwrap().document_status, DocumentStatus::Success);
    node.cancel("c1").await;
    let last = node.until_final("c1").await.pop().unwrap();
    assert_eq!(last.document_status, DocumentStatus::Cancelled);
    assert!(last.document_trace_output.contains("cancelled before the restart"), "{last:?}");
    node.stop().await;
    // And none comes back.
    let mut node = Node::start_in(dir.path(), failing_restart, "boot-2").await;
    node.send_script("c3", &["true"]).await;
    node.until_final("c3").await;
    node.stop().await;
}

#[tokio::test]
async fn the_machine_is_restarted_when_the_clock_says_so() {
    let dir = data_dir();
    let mut node = Node::start_with(dir.path(), failing_restart).await;
    let at = now().plus_seconds(2);
    node.send_document("c1", document(dir.path(), &at.to_iso_millis())).await;
    until_resting(&mut node, "c1").await;
    // The restart of this test fails, which is how it is seen.
    let last = node.until_final("c1").await.pop().unwrap();
    assert!(last.document_trace_output.contains("the restart failed"), "{last:?}");
    assert!(now() >= at, "too early");
    node.stop().await;
}

#[tokio::test]
async fn the_wait_survives_the_agent_and_ends_with_the_boot() {
    let dir = data_dir();
    let mut node = Node::start(dir.path()).await;
    node.send_document("c1", document(dir.path(), &in_seconds(3600))).await;
    until_resting(&mut node, "c1").await;
    node.kill().await;

    let mut node = Node::start_in(dir.path(), failing_restart, "boot-1").await;
    node.send_script("c2", &["true"]).await;
    let replies = node.until_final("c2").await;
    assert_eq!(replies.last().unwrap().document_status, DocumentStatus::Success);
    node.stop().await;

    // Whoever restarted the machine did it for the command as well, and there is no second restart.
    let mut node = Node::start_in(dir.path(), failing_restart, "boot-2").await;
    let replies = node.until_final("c1").await;
    assert_eq!(replies.last().unwrap().document_status, DocumentStatus::Success);
    assert_eq!(step(&replies[replies.len() - 1..], "step").standard_output, "back\n");
    node.stop().await;
}

#[tokio::test]
async fn a_restart_that_was_missed_is_asked_for_again() {
    let dir = data_dir();
    let mut node = Node::start(dir.path()).await;
    node.send_document("c1", document(dir.path(), &in_seconds(2))).await;
    until_resting(&mut node, "c1").await;
    node.kill().await;
    let due = now().plus_seconds(3);
    while now() < due {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The step runs again and decides: this one is content.
    let mut node = Node::start_in(dir.path(), failing_restart, "boot-1").await;
    let replies = node.until_final("c1").await;
    assert_eq!(step(&replies[replies.len() - 1..], "step").standard_output, "back\n");
    node.stop().await;
}

#[tokio::test]
async fn a_newer_order_takes_the_place_of_an_earlier_one() {
    let dir = data_dir();
    let mut node = Node::start(dir.path()).await;
    node.send_document("c1", document(dir.path(), &in_seconds(3600))).await;
    until_resting(&mut node, "c1").await;
    std::fs::remove_file(dir.path().join("asked")).unwrap();
    node.send_document("c2", document(dir.path(), &in_seconds(7200))).await;
    let last = node.until_final("c1").await.pop().unwrap();
    assert_eq!(last.document_status, DocumentStatus::Cancelled);
    assert!(last.document_trace_output.contains("superseded"), "{last:?}");
    node.cancel("c2").await;
    assert_eq!(node.until_final("c2").await.last().unwrap().document_status, DocumentStatus::Cancelled);
    node.stop().await;
}

#[tokio::test]
async fn a_time_that_is_none_fails_the_command_and_nothing_restarts() {
    let dir = data_dir();
    let mut node = Node::start_with(dir.path(), failing_restart).await;
    node.send_document("c1", document(dir.path(), "tomorrow")).await;
    let last = node.until_final("c1").await.pop().unwrap();
    assert_eq!(last.document_status, DocumentStatus::Failed);
    assert!(last.document_trace_output.contains("no restart: `tomorrow`"), "{last:?}");
    node.stop().await;
}
