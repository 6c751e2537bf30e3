//! Uploads through the dispatcher and what they show, on each engine.

mod items;

use api::Timestamp;
use domain::compliance::report::{Execution, Operation, RunFrame};
use domain::compliance::{ComplianceLevel, ComplianceStatus, PatchItem, PatchReport, PatchSummary};
use domain::ids::NodeId;
use domain::patch::{PatchCounts, PatchState};
use serde_json::{Value, json};

use crate::operations::Service;
use crate::testing::{TestServer, call};

/// A report of `missing` patches, beside one that is installed.
pub fn report(ended_at: &str, missing: &[(&str, ComplianceLevel)], group: &str) -> PatchReport {
    let ended_at = Timestamp::parse(ended_at).unwrap();
    let frame = RunFrame {
        operation: Operation::Scan,
        started_at: ended_at.plus_seconds(-3),
        ended_at,
        baseline_id: "pb-0123456789abcdef0".to_owned(),
        patch_group: group.to_owned(),
        snapshot_id: "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10".to_owned(),
        reboot_option: "NoReboot".to_owned(),
        install_override_list: String::new(),
        last_no_reboot_install_at: None,
        execution: Execution { id: "run-1".to_owned(), kind: "Command".to_owned() },
    };
    let item = |id: &str, state: PatchState, level, classification: &str| PatchItem {
        id: format!("{id}.amd64"),
        title: format!("{id}.amd64:1.0-1"),
        state,
        classification: classification.to_owned(),
        severity: "Important".to_owned(),
        compliance_level: level,
        status: Some(match state.is_non_compliant() {
            true => ComplianceStatus::NonCompliant,
            false => ComplianceStatus::Compliant,
        }),
        installed_at: (!state.is_non_compliant()).then(|| Timestamp::from_seconds(1_700_000_000)),
        cve_ids: Vec::new(),
        detailed_text: String::new(),
        document_name: "AWS-RunPatchBaseline".to_owned(),
        document_version: "1".to_owned(),
    };
    let mut items = vec![item("bash", PatchState::Installed, ComplianceLevel::Low, "")];
    items.extend(missing.iter().map(|(id, level)| item(id, PatchState::Missing, *level, "Security")));
    let mut counts = PatchCounts::default();
    items.iter().for_each(|item| counts.add(item.state, item.compliance_level, &item.classification));
    let non_compliant_severity = missing.iter().map(|(_, level)| *level).max().unwrap_or_default();
    PatchReport { summary: PatchSummary { frame, counts, non_compliant_severity }, items }
}

/// As our agent uploads it.
pub fn upload(node: &NodeId, report: &PatchReport, hash: &str) -> Value {
    let content = report.to_content();
    let captured = report.summary.frame.ended_at.to_iso_seconds();
    json!({"InstanceId": node, "Items": [
        {"TypeName": "AWS:PatchSummary", "SchemaVersion": "1.0", "CaptureTime": captured,
         "ContentHash": format!("summary of {captured}"), "Content": content.summary},
        {"TypeName": "AWS:ComplianceItem", "SchemaVersion": "1.0", "CaptureTime": captured,
         "ContentHash": hash, "Content": content.items, "Context": content.items_context}]})
}

fn without_content(mut request: Value) -> Value {
    request["Items"][1].as_object_mut().unwrap().remove("Content");
    request
}

const HIGH: ComplianceLevel = ComplianceLevel::High;

async fn state(server: &TestServer, node: &NodeId) -> Value {
    let answer = server.answer("DescribeInstancePatchStates", json!({"InstanceIds": [node]})).await;
    answer["InstancePatchStates"][0].clone()
}

async fn missing(server: &TestServer, node: &NodeId) -> Vec<String> {
    let filters = json!([{"Key": "State", "Values": ["Missing"]}]);
    let request = json!({"InstanceId": node, "Filters": filters});
    let patches = server.pages("DescribeInstancePatches", request, "Patches", 10).await;
    patches.iter().map(|patch| patch["KBId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_a_report_and_shows_everywhere() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        assert!(state(&server, &node).await.is_null(), "never scanned is absent, not compliant");
        let report =
            report("2026-03-01T11:00:00Z", &[("curl", HIGH), ("openssl", ComplianceLevel::Critical)], "web");
        server.answer("PutInventory", upload(&node, &report, "h1")).await;

        let shown = state(&server, &node).await;
        assert_eq!((&shown["MissingCount"], &shown["InstalledCount"]), (&json!(2), &json!(1)));
        assert_eq!(
            (&shown["CriticalNonCompliantCount"], &shown["SecurityNonCompliantCount"]),
            (&json!(1), &json!(2))
        );
        assert_eq!((&shown["Operation"], &shown["PatchGroup"]), (&json!("Scan"), &json!("web")));
        assert_eq!(shown["OperationEndTime"], json!(1_772_362_800));
        assert_eq!(missing(&server, &node).await, ["curl.amd64", "openssl.amd64"]);

        let request = json!({"InstanceId": node, "Filters": [{"Key": "State", "Values": ["INSTALLED"]}]});
        let patch = server.answer("DescribeInstancePatches", request).await["Patches"][0].clone();
        assert_eq!((&patch["KBId"], &patch["State"]), (&json!("bash.amd64"), &json!("Installed")));
        assert_eq!(patch["InstalledTime"], json!(1_700_000_000));

        let items = server
            .answer(
                "ListComplianceItems",
                json!({"ResourceIds": [node], "ResourceTypes": ["ManagedInstance"]}),
            )
            .await;
        let items = items["ComplianceItems"].as_array().unwrap().clone();
        assert_eq!(items.len(), 3);
        assert_eq!((&items[2]["Id"], &items[2]["Severity"]), (&json!("openssl.amd64"), &json!("CRITICAL")));
        assert_eq!(
            (&items[2]["Status"], &items[2]["ComplianceType"]),
            (&json!("NON_COMPLIANT"), &json!("Patch"))
        );
        assert_eq!(items[2]["ExecutionSummary"]["ExecutionId"], "run-1");
        assert_eq!(items[2]["Details"]["PatchState"], "Missing");
        assert_eq!(items[2]["Details"]["PatchBaselineId"], "pb-0123456789abcdef0");

        let request = json!({"ResultAttributes": [{"TypeName": "AWS:ComplianceSummary"}]});
        let entity = server.answer("GetInventory", request).await["Entities"][0].clone();
        let row = &entity["Data"]["AWS:ComplianceSummary"]["Content"][0];
        assert_eq!((&row["Status"], &row["NonCompliantHighCount"]), (&json!("NON_COMPLIANT"), &json!("1")));
        let request = json!({"InstanceId": node, "TypeName": "AWS:PatchSummary"});
        let entries = server.answer("ListInventoryEntries", request).await;
        assert_eq!(entries["Entries"][0]["MissingCount"], "2");
        assert_eq!(entries["CaptureTime"], "2026-03-01T11:00:00Z");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn older_reports_never_replace_newer_ones() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let newer = report("2026-03-01T11:00:00Z", &[("curl", HIGH)], "");
        let older = report("2026-03-01T10:00:00Z", &[("curl", HIGH), ("vim", HIGH)], "");
        server.answer("PutInventory", upload(&node, &newer, "h1")).await;
        server.answer("PutInventory", upload(&node, &older, "h2")).await;
        assert_eq!(state(&server, &node).await["MissingCount"], json!(1));
        assert_eq!(missing(&server, &node).await, ["curl.amd64"]);
        let summaries = server.answer("ListResourceComplianceSummaries", json!({})).await;
        let summary = &summaries["ResourceComplianceSummaryItems"][0];
        assert_eq!(summary["NonCompliantSummary"]["NonCompliantCount"], json!(1));
        assert_eq!(summary["ExecutionSummary"]["ExecutionTime"], json!(1_772_362_800));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_report_needs_its_hash_only() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let first = report("2026-03-01T10:00:00Z", &[("curl", HIGH)], "web");
        let second = report("2026-03-01T11:00:00Z", &[("curl", HIGH)], "db");
        let early = without_content(upload(&node, &first, "h1"));
        assert_eq!(server.refusal("PutInventory", early).await, "ItemContentMismatchException");
        assert!(state(&server, &node).await.is_null());
        server.answer("PutInventory", upload(&node, &first, "h1")).await;
        assert_eq!(
            server.refusal("PutInventory", without_content(upload(&node, &second, "h2"))).await,
            "ItemContentMismatchException"
        );
        server.answer("PutInventory", without_content(upload(&node, &second, "h1"))).await;
        let shown = state(&server, &node).await;
        assert_eq!((&shown["OperationEndTime"], &shown["PatchGroup"]), (&json!(1_772_362_800), &json!("db")));
        assert_eq!(missing(&server, &node).await, ["curl.amd64"]);
        let summaries = server.answer("ListResourceComplianceSummaries", json!({})).await;
        let summary = &summaries["ResourceComplianceSummaryItems"][0];
        assert_eq!(summary["NonCompliantSummary"]["SeveritySummary"]["HighCount"], json!(1));
        assert_eq!(summary["ExecutionSummary"]["ExecutionTime"], json!(1_772_362_800));
        // A lost answer makes the agent send the same again.
        server.answer("PutInventory", without_content(upload(&node, &second, "h1"))).await;
        let reports = json!({"InstanceId": node});
        let ctx = server.root();
        let listed = call(&ctx, Service::Fettle, "ListNodeReports", reports).await.unwrap();
        assert_eq!(listed["Reports"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_in_the_manner_of_other_agents_are_reports_too() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let content = report("2026-03-01T10:00:00Z", &[("curl", HIGH)], "").to_content();
        let item = |kind: &str, content: &Value| {
            json!({"TypeName": kind, "SchemaVersion": "1.0", "CaptureTime": "2026-03-01T10:00:00Z",
                "ContentHash": kind, "Content": content})
        };
        let (summary, patches) = (json!(content.summary), json!(content.patches));
        // The summary first, then the patches.
        let put = async |item: Value| {
            server.answer("PutInventory", json!({"InstanceId": node, "Items": [item]})).await
        };
        put(item("AWS:PatchSummary", &summary)).await;
        assert_eq!(state(&server, &node).await["MissingCount"], json!(1));
        put(item("AWS:PatchCompliance", &patches)).await;
        assert_eq!(missing(&server, &node).await, ["curl.amd64"]);
        let summaries = server.answer("ListComplianceSummaries", json!({})).await;
        let row = &summaries["ComplianceSummaryItems"][0];
        assert_eq!(
            (&row["ComplianceType"], &row["NonCompliantSummary"]["NonCompliantCount"]),
            (&json!("Patch"), &json!(1))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_and_fleets_are_counted() {
    for server in TestServer::on_each_engine().await {
        for (number, missing, group) in [(1, 2, "web"), (2, 0, "web"), (3, 1, "db")] {
            let node = server.add_node(number).await;
            let names = [("curl", HIGH), ("vim", ComplianceLevel::Low)];
            let report = report("2026-03-01T10:00:00Z", &names[..missing], group);
            server.answer("PutInventory", upload(&node, &report, "h")).await;
        }
        let group = server.answer("DescribePatchGroupState", json!({"PatchGroup": "web"})).await;
        assert_eq!((&group["Instances"], &group["InstancesWithMissingPatches"]), (&json!(2), &json!(1)));
        assert_eq!(group["InstancesWithFailedPatches"], json!(0));
        let filter =
            |kind: &str, value: &str| json!([{"Key": "MissingCount", "Values": [value], "Type": kind}]);
        let request = |filters| json!({"PatchGroup": "web", "Filters": filters});
        let list = async |filters| {
            let operation = "DescribeInstancePatchStatesForPatchGroup";
            server.answer(operation, request(filters)).await["InstancePatchStates"].as_array().unwrap().len()
        };
        assert_eq!(list(json!([])).await, 2);
        assert_eq!(list(filter("GreaterThan", "0")).await, 1);
        assert_eq!(list(filter("Equal", "0")).await, 1);
        for bad in [json!([{"Key": "Colour", "Values": ["1"], "Type": "Equal"}]), filter("Equal", "few")] {
            let code = server.refusal("DescribeInstancePatchStatesForPatchGroup", request(bad)).await;
            assert_eq!(code, "InvalidFilter");
        }

        let fleet = server.answer("ListComplianceSummaries", json!({})).await;
        let row = &fleet["ComplianceSummaryItems"][0];
        assert_eq!(row["CompliantSummary"]["CompliantCount"], json!(1));
        assert_eq!(row["CompliantSummary"]["SeveritySummary"]["UnspecifiedCount"], json!(1));
        assert_eq!(row["NonCompliantSummary"]["SeveritySummary"]["HighCount"], json!(2));

        // Asked of counters, and counted: the same numbers.
        let of_web = json!([{"Key": "PatchGroup", "Values": ["web"]}]);
        let bad_ones = json!([{"Key": "Status", "Values": ["COMPLIANT"], "Type": "NOT_EQUAL"}]);
        for (filters, compliant, non_compliant) in [(of_web, 1, 1), (bad_ones, 0, 2)] {
            let fleet = server.answer("ListComplianceSummaries", json!({"Filters": filters})).await;
            let row = &fleet["ComplianceSummaryItems"][0];
            assert_eq!(row["CompliantSummary"]["CompliantCount"], json!(compliant));
            assert_eq!(row["NonCompliantSummary"]["NonCompliantCount"], json!(non_compliant));
        }

        let status = |value: &str| json!({"Filters": [{"Key": "Status", "Values": [value]}]});
        let operation = "ListResourceComplianceSummaries";
        let member = "ResourceComplianceSummaryItems";
        let bad = server.pages(operation, status("NON_COMPLIANT"), member, 1).await;
        assert_eq!(bad.len(), 2);
        assert!(bad.iter().all(|row| row["Status"] == "NON_COMPLIANT" && row["OverallSeverity"] == "HIGH"));
        assert_eq!(server.pages(operation, status("COMPLIANT"), member, 1).await.len(), 1);
        let all = server.pages("ListComplianceItems", json!({}), "ComplianceItems", 2).await;
        assert_eq!(all.len(), 6);
        let filters = json!({"Filters": [{"Key": "PatchState", "Values": ["Missing"]}, {"Key": "PatchGroup", "Values": ["web"]}]});
        assert_eq!(server.pages("ListComplianceItems", filters, "ComplianceItems", 1).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_are_put_replace_each_other_by_type() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let request = |kind: &str, hash: &str, items: Value| {
            json!({"ResourceId": node, "ResourceType": "ManagedInstance", "ComplianceType": kind, "ItemContentHash": hash,
                "ExecutionSummary": {"ExecutionTime": 1_772_362_800}, "Items": items})
        };
        let item = |id: &str, status: &str| json!({"Id": id, "Title": "", "Severity": "HIGH", "Status": status, "Details": {"Key": "value"}});
        let put = async |request: Value| server.answer("PutComplianceItems", request).await;
        let count = async || {
            let list = server.answer("ListComplianceItems", json!({"ResourceIds": [node]})).await;
            list["ComplianceItems"].as_array().unwrap().len()
        };
        put(request("Custom:Backup", "h1", json!([item("a", "COMPLIANT"), item("b", "NON_COMPLIANT")])))
            .await;
        put(request("Custom:Backup", "h1", json!([]))).await; // unchanged: ignored
        assert_eq!(count().await, 2);
        put(request("Custom:Backup", "h2", json!([]))).await;
        assert_eq!(count().await, 0);
        let mut ids = Vec::new();
        for _ in 0..2 {
            let manual = json!({"Name": "AWS-RunShellScript", "Parameters": {"commands": ["true"]},
                "Targets": [{"Key": "tag:Env", "Values": ["none"]}], "SyncCompliance": "MANUAL"});
            let made = server.answer("CreateAssociation", manual).await["AssociationDescription"].clone();
            ids.push(made["AssociationId"].as_str().unwrap().to_owned());
        }
        let partial = |hash: &str, id: &str, status: &str| {
            let mut partial = request("Association", hash, json!([item(id, status)]));
            partial["UploadType"] = json!("PARTIAL");
            partial
        };
        put(partial("h3", &ids[0], "COMPLIANT")).await;
        put(partial("h4", &ids[1], "COMPLIANT")).await;
        put(partial("h5", &ids[1], "NON_COMPLIANT")).await;
        let summary = json!({"Filters": [{"Key": "ComplianceType", "Values": ["Association"]}]});
        let summary = server.answer("ListResourceComplianceSummaries", summary).await;
        let summary = &summary["ResourceComplianceSummaryItems"][0];
        assert_eq!(summary["CompliantSummary"]["CompliantCount"], json!(1));
        assert_eq!(summary["NonCompliantSummary"]["SeveritySummary"]["HighCount"], json!(1));
        assert_eq!(summary["OverallSeverity"], "HIGH");

        let other = |member: &str, value: &str| {
            let mut request = request("Custom:Backup", "h9", json!([]));
            request[member] = json!(value);
            request
        };
        let rows = [
            (other("ResourceType", "Toaster"), "InvalidResourceType"),
            (other("ResourceId", "mi-0123456789abcdef0"), "InvalidResourceId"),
            (other("ResourceId", "toaster"), "InvalidResourceId"),
            (other("UploadType", "PARTIAL"), "ValidationException"),
        ];
        for (request, code) in rows {
            assert_eq!(server.refusal("PutComplianceItems", request).await, code);
        }
        for number in 0..9 {
            put(request(&format!("Custom:Type{number}"), "h", json!([]))).await;
        }
        let eleventh = request("Custom:Eleventh", "h", json!([]));
        assert_eq!(
            server.refusal("PutComplianceItems", eleventh).await,
            "ComplianceTypeCountLimitExceededException"
        );
        for operation in ["ListComplianceItems", "ListComplianceSummaries", "ListResourceComplianceSummaries"]
        {
            let bad = json!({"Filters": [{"Key": "Colour", "Values": ["red"]}]});
            assert_eq!(server.refusal(operation, bad).await, "InvalidFilter");
            assert_eq!(server.refusal(operation, json!({"NextToken": "mine"})).await, "InvalidNextToken");
        }
        assert_eq!(
            server.refusal("ListComplianceItems", json!({"ResourceIds": ["toaster"]})).await,
            "InvalidResourceId"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_deregistered_shows_nothing() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let report = report("2026-03-01T10:00:00Z", &[("curl", HIGH)], "web");
        server.answer("PutInventory", upload(&node, &report, "h")).await;
        server.answer("DeregisterManagedInstance", json!({"InstanceId": node})).await;
        let summaries = server.answer("ListComplianceSummaries", json!({})).await;
        assert_eq!(summaries["ComplianceSummaryItems"], json!([]));
        let group = server.answer("DescribePatchGroupState", json!({"PatchGroup": "web"})).await;
        assert_eq!(group["Instances"], json!(0));
        assert_eq!(
            server.refusal("DescribeInstancePatches", json!({"InstanceId": node})).await,
            "InvalidInstanceId"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_nodes_upload_at_once_and_each_counts_once() {
    for server in TestServer::on_each_engine().await {
        let mut nodes = Vec::new();
        for number in 0..60 {
            nodes.push(server.add_node(number).await);
        }
        for (hour, missing) in [(10, 1), (11, 2)] {
            let tasks: Vec<_> = nodes
                .iter()
                .enumerate()
                .map(|(number, node)| {
                    let names = [(format!("own-{number}"), HIGH), ("curl".to_owned(), HIGH)];
                    let names: Vec<_> = names.iter().map(|(name, level)| (name.as_str(), *level)).collect();
                    let report = report(&format!("2026-03-01T{hour}:00:00Z"), &names[..missing], "web");
                    let (ctx, request) = (server.root(), upload(node, &report, &format!("h{hour}")));
                    tokio::spawn(async move { call(&ctx, Service::Ssm, "PutInventory", request).await })
                })
                .collect();
            for task in tasks {
                task.await.unwrap().unwrap();
            }
        }
        let group = server.answer("DescribePatchGroupState", json!({"PatchGroup": "web"})).await;
        assert_eq!((&group["Instances"], &group["InstancesWithMissingPatches"]), (&json!(60), &json!(60)));
        let fleet = server.answer("ListComplianceSummaries", json!({})).await;
        let row = &fleet["ComplianceSummaryItems"][0];
        assert_eq!(row["NonCompliantSummary"]["NonCompliantCount"], json!(60));
        assert_eq!(row["CompliantSummary"]["CompliantCount"], json!(0));
        assert_eq!(server.app.metrics.conflicts.get(), 0, "uploads of different nodes lost races");
    }
}
