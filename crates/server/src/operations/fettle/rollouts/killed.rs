//! A rollout whose server dies where its store begins, commits or has committed: at one such point after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::ids::NodeId;
use serde_json::{Value, json};
use store::Gate;
use tokio::sync::Notify;

use super::tests::{answer, drive, fleet, get, servers, start, two_rings};
use crate::jobs::drive_rollouts;
use crate::operations::associations::tests::polling::{HOUR, finish};
use crate::testing::TestServer;

/// A server that dies at one of its passages.
struct Mortal {
    left: Arc<AtomicU32>,
    died: Arc<Notify>,
    gate: Gate,
}

impl Mortal {
    fn dying_at(passage: u32) -> Self {
        let (left, died) = (Arc::new(AtomicU32::new(passage)), Arc::new(Notify::new()));
        let (counted, told) = (Arc::clone(&left), Arc::clone(&died));
        let gate: Gate = Arc::new(move || {
            let is_last = counted.fetch_sub(1, Ordering::SeqCst) == 1;
            let told = Arc::clone(&told);
            Box::pin(async move {
                if is_last {
                    told.notify_one();
                    std::future::pending::<()>().await;
                }
            })
        });
        Self { left, died, gate }
    }

    /// Whether it has been there.
    fn is_dead(&self) -> bool {
        let left = self.left.load(Ordering::SeqCst);
        left == 0 || left > u32::MAX / 2
    }

    /// Looks at the rollouts, as far as it comes; then one looks that lives.
    async fn drive(&self, server: &TestServer) {
        if !self.is_dead() {
            let app = server.beside(Arc::clone(&self.gate));
            tokio::select! {
                done = drive_rollouts::run_once(app, server.now) => drop(done.unwrap()),
                () = self.died.notified() => {}
            }
        }
        drive(server).await;
    }
}

/// A node that was told twice, or not at all, would fail this.
async fn all_finish(server: &TestServer, nodes: &[NodeId]) {
    for node in nodes {
        finish(server, node, "Success").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_anywhere_leaves_what_another_goes_on_with() {
    for mut server in servers().await {
        server.now = server.now.plus_seconds(HOUR - 60);
        let nodes = fleet(&server).await;
        let probe = json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}});
        // Of some forty; each single one was tried, and takes a quarter of a minute.
        let apart = if server.app.store().is_embedded() { 3 } else { 6 };
        let (mut passage, mut stories) = (1, 0);
        loop {
            stories += 1;
            let mortal = Mortal::dying_at(passage);
            let id = &start(&server, two_rings(json!({"MaxFailures": 0, "Probe": probe}), 0)).await;
            all_finish(&server, &nodes[..2]).await;
            mortal.drive(&server).await;
            all_finish(&server, &nodes[..2]).await;
            mortal.drive(&server).await;
            all_finish(&server, &nodes[2..]).await;
            mortal.drive(&server).await;
            let ended = get(&server, id).await;
            assert_eq!(ended["Status"], "Succeeded", "died at passage {passage}: {ended}");
            assert!(ended.get("EndedAt").is_some(), "died at passage {passage}: {ended}");
            if !mortal.is_dead() {
                break;
            }
            passage += apart;
        }
        assert!(passage > 20, "there were {passage} passages only");
        let filter = json!({"Filters": [{"key": "DocumentName", "value": "AWS-RunShellScript"}]});
        let probes = server.pages("ListCommands", filter, "Commands", 50).await.len();
        assert_eq!(probes, stories, "one probe of each rollout");
        let listed: Value = answer(&server, "ListRollouts", json!({"MaxResults": 50})).await;
        let of = |rollout: &Value| rollout["Status"] == "Succeeded";
        assert!(listed["Rollouts"].as_array().unwrap().iter().all(of));
    }
}
