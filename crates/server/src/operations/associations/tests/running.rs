//! What makes associations run, and what is told of their runs.

use std::sync::Arc;

use api::Timestamp;
use domain::ids::NodeId;
use serde_json::{Value, json};

use super::polling::{HOUR, add, finish, is_idle, pair, run_due, runs, seen, servers, targets, targets_of};
use super::{create, describe};
use crate::jobs::{follow_associations, reach_nodes, run_associations};
use crate::operations::Service;
use crate::testing::{TestServer, call};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_association_runs_and_is_told_of() {
    for server in servers().await {
        let nodes = [add(&server, 1).await, add(&server, 2).await];
        let id = create(&server, json!({"MaxConcurrency": "1", "ComplianceSeverity": "HIGH"})).await;
        assert_eq!((run_due(&server).await, run_due(&server).await), (1, 0));
        let run = runs(&server, &id).await;
        assert_eq!((run.len(), &run[0]["Status"]), (1, &json!("Pending")));
        assert_eq!(run[0]["ResourceCountByStatus"], "{Pending=2}");

        let payload = finish(&server, &nodes[0], "Success").await;
        // The run is the command.
        assert_eq!(payload["CommandId"], run[0]["ExecutionId"]);
        assert_eq!(targets(&server, &id).await, [pair(&nodes[0], "Success"), pair(&nodes[1], "Pending")]);
        assert_eq!(runs(&server, &id).await[0]["Status"], "InProgress");
        let standing = describe(&server, &id).await["Overview"].clone();
        assert_eq!(
            (&standing["Status"], &standing["DetailedStatus"]),
            (&json!("Pending"), &json!("InProgress"))
        );

        finish(&server, &nodes[1], "Failed").await;
        let run = runs(&server, &id).await;
        assert_eq!(
            (&run[0]["Status"], &run[0]["ResourceCountByStatus"]),
            (&json!("Failed"), &json!("{Success=1, Failed=1}"))
        );
        let shown = describe(&server, &id).await;
        let counts = json!({"Success": 1, "Failed": 1});
        assert_eq!(shown["Overview"]["AssociationStatusAggregatedCount"], counts);
        assert_eq!(shown["Overview"]["Status"], "Failed");
        assert!(
            shown.get("LastExecutionDate").is_some() && shown.get("LastSuccessfulExecutionDate").is_none()
        );

        let status = server
            .answer("DescribeInstanceAssociationsStatus", json!({"InstanceId": nodes[0].as_str()}))
            .await;
        let status = &status["InstanceAssociationStatusInfos"][0];
        assert_eq!((&status["Status"], &status["AssociationId"]), (&json!("Success"), &json!(id)));
        let summary = "1 out of 1 plugin processed, 1 success, 0 failed, 0 timedout, 0 skipped. ";
        assert_eq!(status["ExecutionSummary"], summary);
        for (key, value, expected) in [
            ("Status", "Failed", 1),
            ("Status", "Skipped", 0),
            ("ResourceId", nodes[0].as_str(), 1),
            ("ResourceType", "Other", 0),
        ] {
            let request = json!({"AssociationId": id, "ExecutionId": run[0]["ExecutionId"],
                "Filters": [{"Key": key, "Value": value}]});
            let rows = server.answer("DescribeAssociationExecutionTargets", request).await;
            assert_eq!(
                rows["AssociationExecutionTargets"].as_array().unwrap().len(),
                expected,
                "{key} {value}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_starts_runs_and_each_supersedes_the_one_before() {
    for mut server in servers().await {
        let nodes = [add(&server, 1).await, add(&server, 2).await];
        let id = create(&server, json!({"ScheduleExpression": "rate(1 hour)"})).await;
        run_due(&server).await;
        finish(&server, &nodes[0], "Success").await;
        let first = runs(&server, &id).await[0]["ExecutionId"].clone();
        server.now = server.now.plus_seconds(HOUR - 1);
        assert_eq!(run_due(&server).await, 0);
        // Three runs were missed: one makes up for them.
        server.now = server.now.plus_seconds(3 * HOUR);
        assert_eq!((run_due(&server).await, run_due(&server).await), (1, 0));
        assert_eq!(runs(&server, &id).await.len(), 2);
        let old = targets_of(&server, &id, &first).await;
        assert_eq!(old, [pair(&nodes[0], "Success"), pair(&nodes[1], "TimedOut")]);
        // Only the new one reaches the node.
        let payload = finish(&server, &nodes[1], "Success").await;
        assert_ne!(payload["CommandId"], first);
        finish(&server, &nodes[0], "Success").await;
        let shown = describe(&server, &id).await;
        assert_eq!(shown["Overview"]["Status"], "Success");
        assert!(shown.get("LastSuccessfulExecutionDate").is_some());
        assert_eq!(runs(&server, &id).await[1]["DetailedStatus"], "TimedOut");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_at_its_times_and_only_so_long() {
    for mut server in servers().await {
        server.now = Timestamp::parse("2026-03-01T12:00:00Z").unwrap();
        let node = server.add_node(1).await;
        let id = create(
            &server,
            json!({"ScheduleExpression": "cron(0 14 ? * * *)", "ApplyOnlyAtCronInterval": true, "Duration": 2}),
        )
        .await;
        let app = || Arc::clone(&server.app);
        assert_eq!(run_due(&server).await, 0);
        assert_eq!(reach_nodes::run_once(app(), server.now).await.unwrap(), 0);
        server.answer("StartAssociationsOnce", json!({"AssociationIds": [id]})).await;
        assert_eq!(run_due(&server).await, 1, "on request it runs all the same");
        server.now = Timestamp::parse("2026-03-01T14:00:00Z").unwrap();
        seen(&server, &[&node]).await;
        assert_eq!(run_due(&server).await, 1);
        server.now = Timestamp::parse("2026-03-01T16:00:00Z").unwrap();
        follow_associations::run_once(Arc::clone(&server.app), server.now).await.unwrap();
        assert_eq!(targets(&server, &id).await, [pair(&node, "Cancelled")]);
        assert_eq!(runs(&server, &id).await[0]["DetailedStatus"], "Cancelled");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn once_at_a_time_and_days_after_a_day_of_the_week() {
    for mut server in servers().await {
        let time = |text: &str| Timestamp::parse(text).unwrap();
        server.now = time("2026-03-01T12:00:00Z");
        server.add_node(1).await;
        let only = |schedule: &str| json!({"ScheduleExpression": schedule, "ApplyOnlyAtCronInterval": true});
        let once = create(&server, only("at(2026-03-01T14:00:00)")).await;
        let mut shifted = only("cron(30 23 ? * TUE#3 *)");
        shifted["ScheduleOffset"] = json!(2);
        let shifted = create(&server, shifted).await;
        for (now, expected) in [
            ("2026-03-01T13:59:59Z", [0, 0]),
            ("2026-03-01T14:00:00Z", [1, 0]),
            ("2026-03-17T23:30:00Z", [1, 0]),
            ("2026-03-19T23:29:59Z", [1, 0]),
            ("2026-03-19T23:30:00Z", [1, 1]),
            ("2026-04-23T23:29:59Z", [1, 1]),
            ("2026-04-23T23:30:00Z", [1, 2]),
        ] {
            server.now = time(now);
            run_due(&server).await;
            let found = [runs(&server, &once).await.len(), runs(&server, &shifted).await.len()];
            assert_eq!(found, expected, "{now}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_errors_skip_the_others() {
    for server in servers().await {
        let nodes = [add(&server, 1).await, add(&server, 2).await, add(&server, 3).await];
        let id = create(&server, json!({"MaxConcurrency": "1", "MaxErrors": "0"})).await;
        run_due(&server).await;
        finish(&server, &nodes[0], "Failed").await;
        let expected = [pair(&nodes[0], "Failed"), pair(&nodes[1], "Skipped"), pair(&nodes[2], "Skipped")];
        assert_eq!(targets(&server, &id).await, expected);
        let run = &runs(&server, &id).await[0];
        assert_eq!(
            (&run["Status"], &run["ResourceCountByStatus"]),
            (&json!("Failed"), &json!("{Failed=1, Skipped=2}"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_start_a_run_once() {
    for server in servers().await {
        add(&server, 1).await;
        let id = create(&server, json!({"ScheduleExpression": "rate(30 minutes)"})).await;
        let mut apps = vec![Arc::clone(&server.app)];
        for _ in 0..3 {
            apps.push(server.another().await);
        }
        let at = server.now;
        let jobs = apps.into_iter().map(|app| tokio::spawn(run_associations::run_once(app, at)));
        let mut started = 0;
        for job in jobs.collect::<Vec<_>>() {
            started += job.await.unwrap().unwrap();
        }
        assert_eq!((started, runs(&server, &id).await.len()), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_and_requests_run_it_again() {
    for mut server in servers().await {
        add(&server, 1).await;
        let content = |text: &str| {
            json!({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript",
            "name": "one", "inputs": {"runCommand": [text]}}]})
            .to_string()
        };
        let document = json!({"Name": "mine", "DocumentType": "Command", "Content": content("one")});
        server.answer("CreateDocument", document).await;
        let id = create(&server, json!({"Name": "mine", "Parameters": null})).await;
        let latest =
            create(&server, json!({"Name": "mine", "Parameters": null, "DocumentVersion": "$LATEST"})).await;
        assert_eq!(run_due(&server).await, 2);
        server.now = server.now.plus_seconds(1);
        server.answer("StartAssociationsOnce", json!({"AssociationIds": [id]})).await;
        assert_eq!(run_due(&server).await, 1);
        let everybody = json!([{"Key": "InstanceIds", "Values": ["*"]}]);
        server.answer("UpdateAssociation", json!({"AssociationId": id, "Targets": everybody})).await;
        assert_eq!(run_due(&server).await, 1);
        let update = json!({"Name": "mine", "Content": content("two"), "DocumentVersion": "$LATEST"});
        server.answer("UpdateDocument", update).await;
        assert_eq!(run_due(&server).await, 1);
        assert_eq!(runs(&server, &latest).await.len(), 2);
        server.answer("UpdateDocumentDefaultVersion", json!({"Name": "mine", "DocumentVersion": "2"})).await;
        assert_eq!(run_due(&server).await, 1);
        let versions: Vec<Value> =
            runs(&server, &id).await.iter().map(|run| run["AssociationVersion"].clone()).collect();
        assert_eq!(versions.iter().filter(|version| *version == "2").count(), 2);
        assert_eq!(versions.len(), 4);
        // A document that is gone is told of by its run.
        let filters = json!([{"Key": "Status", "Value": "Pending", "Type": "EQUAL"}]);
        let open = json!({"AssociationId": id, "Filters": filters});
        assert_eq!(
            server.answer("DescribeAssociationExecutions", open).await["AssociationExecutions"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_calendar_keeps_it_from_running() {
    for mut server in servers().await {
        server.now = Timestamp::parse("2026-03-01T12:00:00Z").unwrap();
        let node = server.add_node(1).await;
        let text = "BEGIN:VCALENDAR\r\nX-CALENDAR-TYPE:DEFAULT_CLOSED\r\nBEGIN:VEVENT\r\nDTSTART;TZID=Europe/Berlin:20260301T140000\r\n\
            DTEND;TZID=Europe/Berlin:20260301T150000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let calendar = json!({"Name": "changes", "DocumentType": "ChangeCalendar", "DocumentFormat": "TEXT", "Content": text});
        server.answer("CreateDocument", calendar).await;
        let id = create(&server, json!({"CalendarNames": ["changes"], "ScheduleExpression": "rate(1 hour)"}))
            .await;
        assert_eq!(run_due(&server).await, 1);
        let run = &runs(&server, &id).await[0];
        assert_eq!((&run["Status"], &run["ResourceCountByStatus"]), (&json!("Skipped"), &json!("{}")));
        assert_eq!(reach_nodes::run_once(Arc::clone(&server.app), server.now).await.unwrap(), 0);
        assert!(describe(&server, &id).await.get("LastExecutionDate").is_none());
        server.now = server.now.plus_seconds(HOUR);
        seen(&server, &[&node]).await;
        assert_eq!(run_due(&server).await, 1);
        assert_eq!(targets(&server, &id).await, [pair(&node, "Pending")]);
    }
}

/// The stock agent refuses some documents as commands: it fetches them.
#[tokio::test(flavor = "multi_thread")]
async fn the_stock_agent_fetches_what_it_takes_in_no_other_way() {
    for server in servers().await {
        let node = add(&server, 1).await;
        let content = json!({"schemaVersion": "2.0", "mainSteps": [{"action": "aws:softwareInventory",
            "name": "collect", "inputs": {"applications": "Enabled"}}]});
        let document = json!({"Name": "inventory", "DocumentType": "Policy", "Content": content.to_string()});
        server.answer("CreateDocument", document).await;
        let id = create(&server, json!({"Name": "inventory", "Parameters": null})).await;
        run_due(&server).await;
        assert!(is_idle(&server, &node).await);
        let ctx = server.node(&node);
        let ask =
            || call(&ctx, Service::Ssm, "ListInstanceAssociations", json!({"InstanceId": node.as_str()}));
        let listed = ask().await.unwrap()["Associations"].clone();
        assert_eq!(listed.as_array().unwrap().len(), 1);
        let first = &listed[0];
        assert_eq!((&first["AssociationId"], &first["DetailedStatus"]), (&json!(id), &json!("Pending")));
        assert!(first.get("ScheduleExpression").is_none() && first.get("LastExecutionDate").is_some());
        for (status, expected) in [("Pending", "Pending"), ("InProgress", "InProgress")] {
            report(&server, &node, &id, status).await;
            assert_eq!(ask().await.unwrap()["Associations"][0]["DetailedStatus"], expected);
        }
        assert_eq!(targets(&server, &id).await, [pair(&node, "InProgress")]);
        report(&server, &node, &id, "Success").await;
        assert_eq!(ask().await.unwrap()["Associations"], json!([]));
        assert_eq!(targets(&server, &id).await, [pair(&node, "Success")]);
        let status =
            server.answer("DescribeInstanceAssociationsStatus", json!({"InstanceId": node.as_str()})).await;
        assert_eq!(status["InstanceAssociationStatusInfos"][0]["ExecutionSummary"], "it went Success");
    }
}

async fn report(server: &TestServer, node: &NodeId, id: &str, status: &str) {
    let result = json!({"Status": status, "ErrorCode": "", "ExecutionDate": 1_795_207_373.351,
        "ExecutionSummary": format!("it went {status}")});
    let request = json!({"AssociationId": id, "InstanceId": node.as_str(), "ExecutionResult": result});
    call(&server.node(node), Service::Ssm, "UpdateInstanceAssociationStatus", request).await.unwrap();
}
