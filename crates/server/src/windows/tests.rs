//! Windows that open and run: through the dispatcher and the job, with a clock that the test moves.

use std::sync::Arc;

use api::Timestamp;
use domain::ids::NodeId;
use serde_json::{Value, json};

use crate::jobs::{expire_invocations, forget_window_executions, run_windows};
use crate::operations::Service;
use crate::testing::{TestServer, call};

mod automation;
mod webhooks;

/// One window that opens an hour after the server's now and lasts three, the last of them without new tasks.
struct Bed {
    server: TestServer,
    node: NodeId,
    window: String,
    target: String,
    opens_at: Timestamp,
}

const HOUR: i64 = 3600;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Bed {
    async fn on_each_engine() -> Vec<Self> {
        Self::on_each_engine_with("").await
    }

    /// With a file of webhooks.
    async fn on_each_engine_with(webhooks: &str) -> Vec<Self> {
        let mut beds = Vec::new();
        for mut server in TestServer::on_each_engine_with(webhooks).await {
            // Whole seconds: an at expression has no others.
            server.now = Timestamp::from_seconds(crate::commands::now().as_seconds());
            beds.push(Self::new(server).await);
        }
        beds
    }

    async fn new(server: TestServer) -> Self {
        let node = server.add_node(1).await;
        let opens_at = server.now.plus_seconds(HOUR);
        let at = opens_at.to_iso_seconds();
        let request = json!({"Name": "night", "Schedule": format!("at({})", at.trim_end_matches('Z')),
            "Duration": 3, "Cutoff": 1, "AllowUnassociatedTargets": true});
        let window = text(&server.answer("CreateMaintenanceWindow", request).await["WindowId"]);
        let mut bed = Self { server, node, window, target: String::new(), opens_at };
        bed.target =
            bed.register_target(json!([{"Key": "InstanceIds", "Values": [bed.node.as_str()]}])).await;
        bed
    }

    async fn register_target(&self, targets: Value) -> String {
        let request = json!({"WindowId": self.window, "ResourceType": "INSTANCE", "Targets": targets,
            "OwnerInformation": "ops"});
        text(&self.server.answer("RegisterTargetWithMaintenanceWindow", request).await["WindowTargetId"])
    }

    async fn register_group(&self, name: &str) -> String {
        let request = json!({"WindowId": self.window, "ResourceType": "RESOURCE_GROUP",
            "Targets": [{"Key": "resource-groups:Name", "Values": [name]}]});
        text(&self.server.answer("RegisterTargetWithMaintenanceWindow", request).await["WindowTargetId"])
    }

    async fn task(&self, priority: i64, more: Value) -> String {
        let mut request = json!({"WindowId": self.window, "TaskArn": "AWS-RunShellScript", "TaskType": "RUN_COMMAND",
            "Targets": [{"Key": "WindowTargetIds", "Values": [self.target]}], "MaxConcurrency": "1",
            "MaxErrors": "0", "Priority": priority, "TaskInvocationParameters":
            {"RunCommand": {"Comment": "{{WINDOW_EXECUTION_ID}}", "Parameters": {"commands": ["true"]}}}});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text(&self.server.answer("RegisterTaskWithMaintenanceWindow", request).await["WindowTaskId"])
    }

    async fn tick(&self, now: Timestamp) {
        run_windows::run_once(Arc::clone(&self.server.app), now).await.unwrap();
    }

    async fn executions(&self) -> Vec<Value> {
        let request = json!({"WindowId": self.window});
        self.server.pages("DescribeMaintenanceWindowExecutions", request, "WindowExecutions", 10).await
    }

    /// The only run.
    async fn execution(&self) -> Value {
        let runs = self.executions().await;
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }

    async fn tasks(&self) -> Vec<Value> {
        let id = &self.execution().await["WindowExecutionId"];
        let answer = self
            .server
            .answer("DescribeMaintenanceWindowExecutionTasks", json!({"WindowExecutionId": id}))
            .await;
        answer["WindowExecutionTaskIdentities"].as_array().unwrap().clone()
    }

    async fn statuses(&self) -> Vec<String> {
        self.tasks().await.iter().map(|task| text(&task["Status"])).collect()
    }

    async fn invocations(&self, task: &Value) -> Vec<Value> {
        let request =
            json!({"WindowExecutionId": task["WindowExecutionId"], "TaskId": task["TaskExecutionId"]});
        let answer = self.server.answer("DescribeMaintenanceWindowExecutionTaskInvocations", request).await;
        answer["WindowExecutionTaskInvocationIdentities"].as_array().unwrap().clone()
    }

    async fn commands(&self) -> Vec<Value> {
        self.server.answer("ListCommands", json!({})).await["Commands"].as_array().unwrap().clone()
    }

    /// The node says how its command gets on or ended.
    async fn reply(&self, command: &Value, status: &str) {
        let command = command.as_str().unwrap();
        let payload =
            json!({"documentStatus": status, "documentTraceOutput": "", "runtimeStatus": null}).to_string();
        let request = json!({"MessageId": format!("aws.ssm.{command}.{}", self.node),
            "ReplyId": uuid::Uuid::new_v4().to_string(), "Payload": payload});
        call(&self.server.node(&self.node), Service::Mds, "SendReply", request).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_run_in_the_order_of_their_priorities() {
    for bed in Bed::on_each_engine().await {
        bed.task(2, json!({})).await;
        bed.task(1, json!({})).await;
        bed.tick(bed.opens_at.plus_millis(-1)).await;
        assert!(bed.executions().await.is_empty(), "not a moment too early");
        bed.tick(bed.opens_at).await;
        bed.tick(bed.opens_at.plus_seconds(1)).await;
        assert_eq!(bed.statuses().await, ["IN_PROGRESS", "PENDING"]);
        assert_eq!(bed.execution().await["Status"], "IN_PROGRESS");

        let commands = bed.commands().await;
        let tasks = bed.tasks().await;
        let invocations = bed.invocations(&tasks[0]).await;
        assert_eq!((commands.len(), invocations.len()), (1, 1));
        let command = &commands[0];
        assert_eq!(invocations[0]["ExecutionId"], command["CommandId"]);
        assert_eq!(command["Comment"], bed.execution().await["WindowExecutionId"]);
        assert_eq!(invocations[0]["OwnerInformation"], "ops");
        assert_eq!(invocations[0]["WindowTargetId"], *bed.target);
        let shown: Value = serde_json::from_str(invocations[0]["Parameters"].as_str().unwrap()).unwrap();
        assert_eq!(shown["parameters"], json!({"commands": ["true"]}));
        assert!(bed.invocations(&tasks[1]).await[0].get("ExecutionId").is_none());

        bed.reply(&command["CommandId"], "Success").await;
        bed.tick(bed.opens_at.plus_seconds(2)).await;
        assert_eq!(bed.statuses().await, ["SUCCESS", "IN_PROGRESS"]);
        let second = bed.invocations(&tasks[1]).await[0]["ExecutionId"].clone();
        assert_ne!(second, command["CommandId"]);
        bed.reply(&second, "Failed").await;
        bed.tick(bed.opens_at.plus_seconds(3)).await;
        assert_eq!(bed.statuses().await, ["SUCCESS", "FAILED"]);
        let id = bed.execution().await["WindowExecutionId"].clone();
        let run = bed.server.answer("GetMaintenanceWindowExecution", json!({"WindowExecutionId": id})).await;
        assert_eq!((&run["Status"], &run["StatusDetails"]), (&json!("FAILED"), &json!("Failed")));
        assert_eq!(run["TaskIds"].as_array().unwrap().len(), 2);
        assert_eq!(run["EndTime"].as_f64(), Some(bed.opens_at.plus_seconds(3).as_millis() as f64 / 1000.0));
        let task = json!({"WindowExecutionId": id, "TaskId": run["TaskIds"][1]});
        let task = bed.server.answer("GetMaintenanceWindowExecutionTask", task).await;
        assert_eq!((&task["Status"], &task["Priority"]), (&json!("FAILED"), &json!(2)));
        let one = json!({"WindowExecutionId": id, "TaskId": run["TaskIds"][1],
            "InvocationId": bed.invocations(&tasks[1]).await[0]["InvocationId"]});
        let one = bed.server.answer("GetMaintenanceWindowExecutionTaskInvocation", one).await;
        assert_eq!(one["ExecutionId"], second);
        let failed = json!({"WindowExecutionId": id, "Filters": [{"Key": "STATUS", "Values": ["FAILED"]}]});
        let failed = bed.server.answer("DescribeMaintenanceWindowExecutionTasks", failed).await;
        assert_eq!(failed["WindowExecutionTaskIdentities"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_open_a_window_once_and_send_each_command_once() {
    for bed in Bed::on_each_engine().await {
        for priority in 0..4 {
            bed.task(priority % 2, json!({})).await;
        }
        let other = bed.server.another().await;
        for second in 0..3 {
            let now = bed.opens_at.plus_seconds(second);
            let runs = (0..4).map(|i| {
                let app = if i % 2 == 0 { Arc::clone(&bed.server.app) } else { Arc::clone(&other) };
                tokio::spawn(run_windows::run_once(app, now))
            });
            for run in runs.collect::<Vec<_>>() {
                run.await.unwrap().unwrap();
            }
        }
        assert_eq!(bed.executions().await.len(), 1);
        assert_eq!(bed.commands().await.len(), 2, "one for each task of the first priority");
        for command in bed.commands().await {
            bed.reply(&command["CommandId"], "Success").await;
        }
        let now = bed.opens_at.plus_seconds(9);
        let both = tokio::join!(
            run_windows::run_once(Arc::clone(&bed.server.app), now),
            run_windows::run_once(Arc::clone(&other), now)
        );
        assert!(both.0.is_ok() && both.1.is_ok());
        assert_eq!(bed.commands().await.len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_cut_off_work_goes_on_or_is_cancelled() {
    for bed in Bed::on_each_engine().await {
        bed.task(1, json!({"CutoffBehavior": "CANCEL_TASK", "Name": "cancelled"})).await;
        let continued = json!({"RunCommand": {"Comment": "continued", "Parameters": {"commands": ["true"]}}});
        bed.task(1, json!({"TaskInvocationParameters": continued})).await;
        bed.task(2, json!({"Name": "late"})).await;
        bed.tick(bed.opens_at).await;
        bed.tick(bed.opens_at.plus_seconds(2 * HOUR - 1)).await;
        assert_eq!(bed.statuses().await, ["IN_PROGRESS", "IN_PROGRESS", "PENDING"]);
        let commands = bed.commands().await;
        let continued = commands.iter().find(|command| command["Comment"] == "continued").unwrap();
        bed.reply(&continued["CommandId"], "InProgress").await;
        bed.tick(bed.opens_at.plus_seconds(2 * HOUR)).await;
        let tasks = bed.tasks().await;
        assert_eq!(tasks[2]["Status"], "TIMED_OUT");
        assert!(text(&tasks[2]["StatusDetails"]).contains("cut-off"));
        let mut told = Vec::new();
        for task in &tasks[..2] {
            let invocation = bed.invocations(task).await[0].clone();
            let command =
                bed.server.answer("ListCommands", json!({"CommandId": invocation["ExecutionId"]})).await;
            told.push((text(&task["Status"]), text(&command["Commands"][0]["Status"])));
        }
        // Not picked up yet: its cancellation is at once.
        bed.tick(bed.opens_at.plus_seconds(2 * HOUR + 1)).await;
        assert_eq!(commands.len(), 2);
        told.sort();
        assert_eq!(
            told,
            [("CANCELLING".into(), "Cancelled".into()), ("IN_PROGRESS".into(), "InProgress".into())]
        );
        let mut statuses = bed.statuses().await;
        statuses.sort();
        assert_eq!(statuses, ["IN_PROGRESS", "TIMED_OUT", "TIMED_OUT"]);

        bed.tick(bed.opens_at.plus_seconds(3 * HOUR)).await;
        let run = bed.execution().await;
        assert_eq!(run["Status"], "TIMED_OUT");
        let going_on = bed
            .server
            .answer("ListCommands", json!({"Filters": [{"key": "Status", "value": "InProgress"}]}))
            .await;
        assert_eq!(going_on["Commands"].as_array().unwrap().len(), 1, "the work itself is not killed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_cut_off_no_node_is_told_to_begin() {
    for bed in Bed::on_each_engine().await {
        let patient =
            json!({"RunCommand": {"TimeoutSeconds": 172_800, "Parameters": {"commands": ["true"]}}});
        bed.task(1, json!({"TaskInvocationParameters": patient})).await;
        bed.tick(bed.opens_at).await;
        let cutoff = bed.opens_at.plus_seconds(2 * HOUR);
        let expire = |now| expire_invocations::run_once(Arc::clone(&bed.server.app), now);
        assert_eq!(expire(cutoff.plus_millis(-1)).await.unwrap(), 0, "it may still come");
        assert_eq!(expire(cutoff).await.unwrap(), 1);
        bed.tick(cutoff).await;
        let run = bed.execution().await;
        assert_eq!(
            (&run["Status"], &run["StatusDetails"]),
            (&json!("TIMED_OUT"), &json!("DeliveryTimedOut"))
        );
        let rows = bed.server.answer("ListCommandInvocations", json!({})).await;
        assert_eq!(rows["CommandInvocations"][0]["StatusDetails"], "DeliveryTimedOut");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_cancelled_on_request() {
    for mut bed in Bed::on_each_engine().await {
        bed.task(1, json!({})).await;
        bed.task(2, json!({})).await;
        bed.tick(bed.opens_at).await;
        let id = bed.execution().await["WindowExecutionId"].clone();
        let request = json!({"WindowExecutionId": id});
        bed.server.now = bed.opens_at.plus_seconds(5);
        assert_eq!(bed.server.answer("CancelMaintenanceWindowExecution", request.clone()).await, request);
        assert_eq!(bed.statuses().await, ["CANCELLING", "CANCELLED"]);
        bed.tick(bed.opens_at.plus_seconds(6)).await;
        assert_eq!(bed.statuses().await, ["CANCELLED", "CANCELLED"]);
        assert_eq!(bed.execution().await["Status"], "CANCELLED");
        let commands = bed.commands().await;
        assert_eq!((commands.len(), &commands[0]["Status"]), (1, &json!("Cancelled")));
        bed.server.answer("CancelMaintenanceWindowExecution", request).await;
        let unknown = json!({"WindowExecutionId": "00000000-0000-4000-8000-000000000000"});
        for operation in ["CancelMaintenanceWindowExecution", "GetMaintenanceWindowExecution"] {
            assert_eq!(bed.server.refusal(operation, unknown.clone()).await, "DoesNotExistException");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_fails_and_says_so() {
    for bed in Bed::on_each_engine().await {
        bed.task(1, json!({"TaskArn": "No-Such-Document"})).await;
        let gone = bed.register_target(json!([{"Key": "tag:Env", "Values": ["none"]}])).await;
        bed.task(2, json!({"Targets": [{"Key": "WindowTargetIds", "Values": [gone]}]})).await;
        let group = bed.register_group("nobody").await;
        bed.task(3, json!({"Targets": [{"Key": "WindowTargetIds", "Values": [group]}]})).await;
        bed.tick(bed.opens_at).await;
        let tasks = bed.tasks().await;
        assert_eq!(bed.statuses().await, ["FAILED"; 3]);
        let details = |i: usize| text(&tasks[i]["StatusDetails"]);
        assert!(details(0).contains("No-Such-Document"), "{}", details(0));
        assert_eq!(details(1), "NoInstancesInTag");
        assert!(details(2).contains("no resource group `nobody`"), "{}", details(2));
        assert_eq!(bed.execution().await["Status"], "FAILED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_group_is_patched_as_one_target() {
    for bed in Bed::on_each_engine().await {
        let query = json!({"ResourceTypeFilters": ["AWS::SSM::ManagedInstance"]}).to_string();
        let request = json!({"Name": "all", "ResourceQuery": {"Type": "TAG_FILTERS_1_0", "Query": query}});
        call(&bed.server.root(), Service::ResourceGroups, "CreateGroup", request).await.unwrap();
        let group = bed.register_group("all").await;
        bed.task(1, json!({"Targets": [{"Key": "WindowTargetIds", "Values": [group]}]})).await;
        // A node of a registered group is no stranger to the window.
        let request = json!({"WindowId": bed.window, "AllowUnassociatedTargets": false});
        bed.server.answer("UpdateMaintenanceWindow", request).await;
        bed.task(2, json!({"Targets": [{"Key": "InstanceIds", "Values": [bed.node.as_str()]}]})).await;
        bed.tick(bed.opens_at).await;
        let commands = bed.commands().await;
        assert_eq!((commands.len(), &commands[0]["TargetCount"]), (1, &json!(1)));
        bed.reply(&commands[0]["CommandId"], "Success").await;
        bed.tick(bed.opens_at).await;
        assert_eq!(bed.tasks().await[0]["Status"], "SUCCESS");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_overlaps_is_skipped_and_a_missed_one_made_up_for() {
    for mut bed in Bed::on_each_engine().await {
        let schedule = json!({"WindowId": bed.window, "Schedule": "rate(1 hour)"});
        bed.server.answer("UpdateMaintenanceWindow", schedule).await;
        bed.task(1, json!({})).await;
        bed.tick(bed.opens_at).await;
        bed.tick(bed.opens_at.plus_seconds(HOUR)).await;
        let runs = bed.executions().await;
        assert_eq!(
            (&runs[0]["Status"], &runs[1]["Status"]),
            (&json!("SKIPPED_OVERLAPPING"), &json!("IN_PROGRESS"))
        );
        assert!(runs[0].get("EndTime").is_some());
        // Nobody looks for nine hours: the newest is made up for, and only that.
        let late = bed.opens_at.plus_seconds(10 * HOUR + 600);
        bed.tick(late).await;
        let runs = bed.executions().await;
        assert_eq!(runs.len(), 3);
        assert_eq!(runs[2]["Status"], "TIMED_OUT", "its own end passed meanwhile");

        bed.server.now = late;
        let filter = json!([{"Key": "ExecutedAfter", "Values": [late.plus_seconds(-1).to_iso_seconds()]}]);
        let request = json!({"WindowId": bed.window, "Filters": filter});
        let newest = bed.server.answer("DescribeMaintenanceWindowExecutions", request).await;
        assert_eq!(newest["WindowExecutions"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_without_tasks_is_a_success_and_is_forgotten_in_time() {
    for bed in Bed::on_each_engine().await {
        bed.tick(bed.opens_at).await;
        let run = bed.execution().await;
        assert_eq!(
            (&run["Status"], &run["StatusDetails"]),
            (&json!("SUCCESS"), &json!("No tasks to execute."))
        );
        let forget = |days: i64| {
            forget_window_executions::run_once(
                Arc::clone(&bed.server.app),
                bed.opens_at.plus_seconds(days * 24 * HOUR),
            )
        };
        assert_eq!(forget(90).await.unwrap(), 0);
        assert_eq!(forget(91).await.unwrap(), 1);
        assert!(bed.executions().await.is_empty());
    }
}
