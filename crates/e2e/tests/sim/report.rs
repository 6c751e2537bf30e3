//! A patch report as a node uploads it, and the note that it was answered.

use std::time::Duration;

use api::agent::JobId;
use serde_json::json;
use server::testing::simulation::As;

use crate::world::World;

const ATTEMPTS: u32 = 20;

pub async fn upload(world: &World, node: usize, job_id: &str) {
    let id: JobId = job_id.parse().unwrap();
    let place = &world.nodes[node];
    let at = world.now().to_iso_seconds();
    let frame = json!({"PatchGroup": "", "BaselineId": "pb-09a5f8eb62bde80b1", "SnapshotId": id.command_id,
        "OwnerInformation": "", "InstalledCount": "1", "InstalledPendingRebootCount": "0", "InstalledOtherCount": "0",
        "InstalledRejectedCount": "0", "NotApplicableCount": "0", "UnreportedNotApplicableCount": "0",
        "MissingCount": "0", "FailedCount": "0", "OperationType": "Scan", "OperationStartTime": at,
        "OperationEndTime": at, "InstallOverrideList": "", "RebootOption": "NoReboot",
        "LastNoRebootInstallOperationTime": "", "NonCompliantSeverity": "UNSPECIFIED",
        "SecurityNonCompliantCount": "0", "CriticalNonCompliantCount": "0", "OtherNonCompliantCount": "0"});
    let item = json!({"Id": "curl.amd64", "Title": "curl.amd64:7.88.1", "Status": "COMPLIANT",
        "Severity": "HIGH", "DocumentName": "AWS-RunPatchBaseline", "DocumentVersion": "1",
        "Classification": "Security", "PatchBaselineId": "pb-09a5f8eb62bde80b1", "PatchSeverity": "Important",
        "PatchState": "Installed", "PatchGroup": "", "InstalledTime": "2026-02-01T03:04:05Z"});
    let request = json!({"InstanceId": place.id.as_str(), "Items": [
        {"TypeName": "AWS:PatchSummary", "SchemaVersion": "1.0", "CaptureTime": at, "Content": [frame]},
        {"TypeName": "AWS:ComplianceItem", "SchemaVersion": "1.0", "CaptureTime": at, "Content": [item],
            "Context": {"ComplianceType": "Patch", "ExecutionId": id.command_id, "ExecutionType": "Command",
                "ExecutionTime": at}}]});
    for _ in 0..ATTEMPTS {
        let answer = if place.silence.reigns() {
            None
        } else {
            world.call(As::Node(place.id.clone()), "PutInventory", &request).await
        };
        match answer {
            Some(Ok(_)) => {
                world.note(&format!("node {node} has reported {}", id.command_id));
                world.truth().reports.insert((place.id.to_string(), id.command_id));
                return;
            }
            Some(Err((code, text))) if code != "InternalServerError" => {
                return world.broken(format!("a report was refused: {code}: {text}"));
            }
            Some(Err(_)) | None => world.pause(Duration::from_secs(3)).await,
        }
    }
}
