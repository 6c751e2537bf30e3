//! Patch policies that install by rings.

use std::sync::Arc;

use serde_json::{Value, json};

use super::tests::{all_idle, answer, at, drive, fettle, fleet, get, servers, standing, two_rings};
use crate::jobs::{deploy_quick_setup, reach_nodes};
use crate::operations::Service;
use crate::operations::associations::tests::polling::{add, finish, is_idle, run_due, runs};
use crate::testing::TestServer;

/// The manager of a policy that installs on every node at its times, and the id of its definition.
async fn policy(server: &TestServer) -> (Value, Value) {
    let baseline = json!({"Name": "mine", "OperatingSystem": "DEBIAN", "ApprovedPatches": ["vim*"]});
    let baseline = server.answer("CreatePatchBaseline", baseline).await["BaselineId"].clone();
    let selected = json!({"DEBIAN": {"value": baseline}}).to_string();
    let parameters = json!({"PatchPolicyName": "weekly", "SelectedPatchBaselines": selected, "TargetType": "*",
        "ConfigurationOptionsPatchOperation": "ScanAndInstall", "RateControlConcurrency": "100%",
        "ConfigurationOptionsScanNextInterval": "true", "ConfigurationOptionsInstallNextInterval": "false"});
    let definition = json!({"Type": "AWSQuickSetupType-PatchPolicy", "Parameters": parameters});
    let quick = async |operation: &str, request: Value| {
        server.answer_of(Service::QuickSetup, operation, request).await
    };
    let request = json!({"Name": "fleet", "ConfigurationDefinitions": [definition]});
    let arn = quick("CreateConfigurationManager", request).await["ManagerArn"].clone();
    let manager = quick("GetConfigurationManager", json!({"ManagerArn": arn})).await;
    (arn, manager["ConfigurationDefinitions"][0]["Id"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_policy_installs_by_its_rings() {
    for mut server in servers().await {
        let nodes = fleet(&server).await;
        let (arn, definition) = policy(&server).await;
        let of = |more: Value| {
            let mut request = json!({"ManagerArn": arn, "DefinitionId": definition});
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            request
        };
        assert_eq!(answer(&server, "GetPatchPolicyRollout", of(json!({}))).await, json!({}), "none yet");
        let plan = two_rings(json!({"MaxFailures": 0}), 0);
        answer(&server, "PutPatchPolicyRollout", of(json!({"Plan": plan}))).await;
        assert_eq!(answer(&server, "GetPatchPolicyRollout", of(json!({}))).await["Plan"], plan);
        for operation in ["PutPatchPolicyRollout", "GetPatchPolicyRollout", "DeletePatchPolicyRollout"] {
            let mut other = of(json!({"Plan": plan}));
            other["DefinitionId"] = json!("none");
            let refused = fettle(&server, operation, other).await.unwrap_err();
            assert_eq!(refused.0, "ResourceNotFoundException", "{operation}");
        }
        let odd = two_rings(json!({"ConfidencePercent": 90}), 0);
        let refused = fettle(&server, "PutPatchPolicyRollout", of(json!({"Plan": odd}))).await.unwrap_err();
        assert_eq!(refused.0, "ValidationException");

        deploy_quick_setup::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        assert_eq!(run_due(&server).await, 1, "the installation; scans wait for their time");
        let listed = answer(&server, "ListRollouts", json!({})).await["Rollouts"].clone();
        let (id, association) = (&listed[0]["RolloutId"], listed[0]["AssociationId"].as_str().unwrap());
        drive(&server).await;
        assert_eq!(standing(&get(&server, id).await), at("InProgress", "canary", &["Running", "Waiting"]));
        assert_eq!(runs(&server, association).await[0]["ExecutionId"], *id);
        assert!(all_idle(&server, &nodes[2..]).await && !is_idle(&server, &nodes[0]).await);
        // A node that comes now waits for the next run.
        let late = add(&server, 9).await;
        reach_nodes::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        assert!(is_idle(&server, &late).await);
        // A run while the rollout goes on would end it.
        server.now = server.now.plus_seconds(1);
        server.answer("StartAssociationsOnce", json!({"AssociationIds": [association]})).await;
        run_due(&server).await;
        let newest = &runs(&server, association).await[0];
        assert_eq!(newest["Status"], "Skipped");
        assert_eq!(newest["DetailedStatus"], "RolloutUnderWay");

        finish(&server, &nodes[0], "Success").await;
        finish(&server, &nodes[1], "Success").await;
        drive(&server).await;
        finish(&server, &nodes[2], "Success").await;
        finish(&server, &nodes[3], "Success").await;
        drive(&server).await;
        assert_eq!(get(&server, id).await["Status"], "Succeeded");
        answer(&server, "DeletePatchPolicyRollout", of(json!({}))).await;
        server.now = server.now.plus_seconds(1);
        server.answer("StartAssociationsOnce", json!({"AssociationIds": [association]})).await;
        run_due(&server).await;
        assert!(!is_idle(&server, &nodes[3]).await, "all at once again");
        assert_eq!(answer(&server, "ListRollouts", json!({})).await["Rollouts"].as_array().unwrap().len(), 1);
    }
}
