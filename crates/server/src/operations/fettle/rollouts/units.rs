//! Units of systemd that failed since an installation began, as a gate: what counts of what nodes told.

use domain::ids::NodeId;
use serde_json::{Value, json};

use super::tests::{all_idle, answer, at, drive, fleet, get, servers, signal, standing, start, two_rings};
use crate::operations::associations::tests::polling::finish;
use crate::operations::fettle::tests::{facts, put};

#[tokio::test(flavor = "multi_thread")]
async fn units_that_failed_since_are_evidence() {
    for server in servers().await {
        let nodes = fleet(&server).await;
        let id = &start(&server, two_rings(json!({"MaxFailedUnits": 0}), 0)).await;
        // What the node told at the end of a run, as it stood `minutes` later.
        let tell = async |node: &NodeId, run: &Value, units: Value, minutes: i64| {
            let at = server.now.plus_seconds(60 * minutes);
            let mut request = put(node, &at.to_iso_seconds(), Some(&facts()));
            let text = request["Observation"].as_str().unwrap();
            let mut observation: Value = serde_json::from_str(text).unwrap();
            observation["failed_units"] =
                json!({"units": ["old.service"], "since": {"execution_id": run, "units": units}});
            request["Observation"] = json!(observation.to_string());
            answer(&server, "PutNodeFacts", request).await;
        };
        for node in &nodes[..2] {
            finish(&server, node, "Success").await;
        }
        // One told of another installation, one of nothing.
        tell(&nodes[0], &json!("another"), json!([]), 0).await;
        drive(&server).await;
        let paused = get(&server, id).await;
        assert!(
            paused["Reason"].as_str().unwrap().contains("2 of 2 nodes that succeeded did not tell"),
            "{paused}"
        );
        tell(&nodes[0], id, json!([]), 1).await;
        tell(&nodes[1], id, json!(["web.service", "db.service"]), 1).await;
        signal(&server, id, "Resume").await;
        let paused = get(&server, id).await;
        let expected = "ring `canary`: 2 units failed since the installation began, which is more than 0";
        assert_eq!(paused["Reason"], expected);
        let evidence = &paused["Rings"][0]["Evidence"];
        assert_eq!((&evidence["FailedUnits"], &evidence["NodesWithoutUnits"]), (&json!(2), &json!(0)));
        assert!(all_idle(&server, &nodes[2..]).await);
        // Somebody mended them, and the node has told.
        tell(&nodes[1], id, json!([]), 2).await;
        let passed = signal(&server, id, "Resume").await;
        assert_eq!(standing(&passed), at("InProgress", "rest", &["Passed", "Running"]));
    }
}
