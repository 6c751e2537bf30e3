//! Windows, targets and tasks through the dispatcher: what is kept, what is refused, paging, repeats.

use serde_json::{Value, json};

use crate::testing::TestServer;

fn window() -> Value {
    json!({"Name": "patch-web", "Schedule": "cron(0 2 ? * SUN *)", "Duration": 3, "Cutoff": 1,
        "AllowUnassociatedTargets": false})
}

fn with(mut request: Value, more: Value) -> Value {
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

async fn create(server: &TestServer, more: Value) -> String {
    text(&server.answer("CreateMaintenanceWindow", with(window(), more)).await["WindowId"])
}

async fn register_target(server: &TestServer, id: &str, targets: Value) -> String {
    let request = json!({"WindowId": id, "ResourceType": "INSTANCE", "Targets": targets});
    text(&server.answer("RegisterTargetWithMaintenanceWindow", request).await["WindowTargetId"])
}

fn shell_task(window: &str, target: &str) -> Value {
    json!({"WindowId": window, "TaskArn": "AWS-RunShellScript", "TaskType": "RUN_COMMAND",
        "Targets": [{"Key": "WindowTargetIds", "Values": [target]}], "MaxConcurrency": "2", "MaxErrors": "1"})
}

const TAGGED: &str = "[{\"Key\": \"tag:Env\", \"Values\": [\"prod\"]}]";

fn tagged() -> Value {
    serde_json::from_str(TAGGED).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_kept_as_it_was_made() {
    for server in TestServer::on_each_engine().await {
        let full = json!({"Description": "every week", "StartDate": "2026-03-10T00:00:00Z",
            "EndDate": "2027-01-01T00:00:00Z", "ScheduleTimezone": "Europe/Berlin", "ScheduleOffset": 2,
            "Tags": [{"Key": "team", "Value": "web"}]});
        let id = create(&server, full.clone()).await;
        let shown = server.answer("GetMaintenanceWindow", json!({"WindowId": id})).await;
        let created = server.now.as_millis() as f64 / 1000.0;
        let expected = with(
            window(),
            with(
                full,
                json!({"WindowId": id, "Enabled": true,
            // The Sunday of 8 March and two days: the first day that the start allows.
            "NextExecutionTime": "2026-03-10T02:00+01:00"}),
            ),
        );
        for (member, value) in expected.as_object().unwrap().iter().filter(|(member, _)| *member != "Tags") {
            assert_eq!(&shown[member], value, "{member}");
        }
        assert_eq!(shown["CreatedDate"].as_f64(), Some(created));
        let tags = server
            .answer("ListTagsForResource", json!({"ResourceType": "MaintenanceWindow", "ResourceId": id}))
            .await;
        assert_eq!(tags["TagList"], json!([{"Key": "team", "Value": "web"}]));

        let plain = create(&server, json!({})).await;
        let shown = server.answer("GetMaintenanceWindow", json!({"WindowId": plain})).await;
        assert_eq!(shown["NextExecutionTime"], "2026-03-08T02:00Z");
        assert!(shown.get("ScheduleTimezone").is_none() && shown.get("Description").is_none());
        let past = create(&server, json!({"Schedule": "at(2026-01-01T00:00:00)"})).await;
        let shown = server.answer("GetMaintenanceWindow", json!({"WindowId": past})).await;
        assert!(shown.get("NextExecutionTime").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_that_contradict_themselves_are_refused() {
    let server = TestServer::on_sqlite().await;
    for (more, expected) in [
        (json!({"Schedule": "cron(0 2 * * SUN *)"}), "is not valid: neither day-of-month"),
        (json!({"Schedule": "rate(1 hours)"}), "1 takes the unit hour"),
        (json!({"ScheduleTimezone": "Mars/Olympus"}), "is not a time zone"),
        (json!({"Cutoff": 3}), "not smaller than Duration"),
        (json!({"Duration": 25}), "Member must have value less than or equal to 24"),
        (json!({"StartDate": "2026-05-02", "EndDate": "2026-05-01"}), "EndDate 2026-05-01"),
        (json!({"EndDate": "whenever"}), "`whenever` is not a date"),
        (json!({"Schedule": "rate(7 days)", "ScheduleOffset": 1}), "ScheduleOffset needs a cron"),
        (json!({"Name": "a b"}), "regular expression"),
    ] {
        let (code, text) = server.call("CreateMaintenanceWindow", with(window(), more)).await.unwrap_err();
        assert!(code == "ValidationException" && text.contains(expected), "{code}: {text}");
    }
    for _ in 0..50 {
        create(&server, json!({})).await;
    }
    assert_eq!(server.refusal("CreateMaintenanceWindow", window()).await, "ResourceLimitExceededException");
    let rows = server.pages("DescribeMaintenanceWindows", json!({}), "WindowIdentities", 10).await;
    assert_eq!(rows.len(), 50);
    let ids: Vec<&str> = rows.iter().map(|row| row["WindowId"].as_str().unwrap()).collect();
    assert!(ids.is_sorted(), "each once, by id");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_webhooks_there_are_no_tasks_of_functions() {
    let server = TestServer::on_sqlite().await;
    let id = text(&server.answer("CreateMaintenanceWindow", window()).await["WindowId"]);
    for kind in ["LAMBDA", "STEP_FUNCTIONS"] {
        let task = json!({"WindowId": id, "TaskArn": "drain",
            "TaskType": kind, "MaxConcurrency": "1", "MaxErrors": "1"});
        let (code, said) = server.call("RegisterTaskWithMaintenanceWindow", task).await.unwrap_err();
        assert!(
            code == "FeatureNotAvailableException" && said.contains("--webhooks"),
            "{kind}: {code}: {said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_get_the_first_answer() {
    for server in TestServer::on_each_engine().await {
        let request = with(window(), json!({"ClientToken": "first"}));
        let answer = server.answer("CreateMaintenanceWindow", request.clone()).await;
        assert_eq!(server.answer("CreateMaintenanceWindow", request.clone()).await, answer);
        let other = with(request, json!({"Name": "another"}));
        assert_eq!(server.refusal("CreateMaintenanceWindow", other).await, "IdempotentParameterMismatch");

        let id = text(&answer["WindowId"]);
        let request =
            json!({"WindowId": id, "ResourceType": "INSTANCE", "Targets": tagged(), "ClientToken": "t"});
        let target = server.answer("RegisterTargetWithMaintenanceWindow", request.clone()).await;
        assert_eq!(server.answer("RegisterTargetWithMaintenanceWindow", request).await, target);
        let request =
            with(shell_task(&id, target["WindowTargetId"].as_str().unwrap()), json!({"ClientToken": "t"}));
        let task = server.answer("RegisterTaskWithMaintenanceWindow", request.clone()).await;
        assert_eq!(server.answer("RegisterTaskWithMaintenanceWindow", request.clone()).await, task);
        let other = with(request, json!({"Priority": 4}));
        assert_eq!(
            server.refusal("RegisterTaskWithMaintenanceWindow", other).await,
            "IdempotentParameterMismatch"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_change_what_is_sent_or_everything() {
    for server in TestServer::on_each_engine().await {
        let id = create(&server, json!({"Description": "weekly", "ScheduleTimezone": "Europe/Berlin"})).await;
        let update = |more: Value| with(json!({"WindowId": id}), more);
        let answer = server.answer("UpdateMaintenanceWindow", update(json!({"Enabled": false}))).await;
        assert_eq!((&answer["Enabled"], &answer["Description"]), (&json!(false), &json!("weekly")));
        let shown = server.answer("GetMaintenanceWindow", json!({"WindowId": id})).await;
        assert!(shown.get("NextExecutionTime").is_none(), "a disabled window has no next run");
        let answer = server
            .answer("UpdateMaintenanceWindow", update(json!({"Enabled": true, "ScheduleTimezone": ""})))
            .await;
        assert!(answer.get("ScheduleTimezone").is_none(), "an empty text clears");

        let refusal =
            server.refusal("UpdateMaintenanceWindow", update(json!({"Replace": true, "Name": "all"}))).await;
        assert_eq!(refusal, "ValidationException");
        assert_eq!(
            server.refusal("UpdateMaintenanceWindow", update(json!({"Cutoff": 7}))).await,
            "ValidationException"
        );
        let replaced = with(window(), json!({"WindowId": id, "Replace": true, "Name": "all"}));
        let answer = server.answer("UpdateMaintenanceWindow", replaced).await;
        assert_eq!((&answer["Name"], answer.get("Description")), (&json!("all"), None));
        let listed = server
            .answer(
                "DescribeMaintenanceWindows",
                json!({"Filters": [{"Key": "Name", "Values": ["all"]},
            {"Key": "Enabled", "Values": ["True"]}]}),
            )
            .await;
        assert_eq!(listed["WindowIdentities"].as_array().unwrap().len(), 1);
        let none = json!({"WindowId": "mw-00000000000000000"});
        for operation in
            ["GetMaintenanceWindow", "UpdateMaintenanceWindow", "DescribeMaintenanceWindowTargets"]
        {
            let (code, text) = server.call(operation, none.clone()).await.unwrap_err();
            assert_eq!(code, "DoesNotExistException");
            assert_eq!(text, "Maintenance window mw-00000000000000000 does not exist");
        }
        assert_eq!(server.answer("DeleteMaintenanceWindow", none.clone()).await, none);
        server.answer("DeleteMaintenanceWindow", json!({"WindowId": id})).await;
        assert_eq!(
            server.refusal("GetMaintenanceWindow", json!({"WindowId": id})).await,
            "DoesNotExistException"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_registered_changed_and_let_go() {
    for server in TestServer::on_each_engine().await {
        let id = create(&server, json!({})).await;
        let target = register_target(&server, &id, tagged()).await;
        let request = json!({"WindowId": id, "WindowTargetId": target, "OwnerInformation": "ops"});
        let answer = server.answer("UpdateMaintenanceWindowTarget", request.clone()).await;
        assert_eq!((&answer["OwnerInformation"], &answer["Targets"]), (&json!("ops"), &tagged()));
        let replace = with(request, json!({"Replace": true}));
        assert_eq!(
            server.refusal("UpdateMaintenanceWindowTarget", replace.clone()).await,
            "ValidationException"
        );
        let replace = json!({"WindowId": id, "WindowTargetId": target, "Replace": true, "Targets": tagged()});
        let answer = server.answer("UpdateMaintenanceWindowTarget", replace).await;
        assert!(answer.get("OwnerInformation").is_none());

        for (kind, targets) in [
            ("INSTANCE", json!([])),
            ("INSTANCE", json!([{"Key": "Name", "Values": ["x"]}])),
            ("INSTANCE", json!([{"Key": "InstanceIds", "Values": ["*"]}])),
            ("RESOURCE_GROUP", tagged()),
        ] {
            let request = json!({"WindowId": id, "ResourceType": kind, "Targets": targets});
            assert_eq!(
                server.refusal("RegisterTargetWithMaintenanceWindow", request).await,
                "ValidationException"
            );
        }
        let group = json!({"WindowId": id, "ResourceType": "RESOURCE_GROUP",
            "Targets": [{"Key": "resource-groups:Name", "Values": ["web"]}]});
        server.answer("RegisterTargetWithMaintenanceWindow", group).await;
        let listed = server
            .answer(
                "DescribeMaintenanceWindowTargets",
                json!({"WindowId": id,
            "Filters": [{"Key": "Type", "Values": ["INSTANCE"]}]}),
            )
            .await;
        assert_eq!(listed["Targets"][0]["WindowTargetId"], *target);
        assert_eq!(listed["Targets"].as_array().unwrap().len(), 1);

        let task = text(
            &server.answer("RegisterTaskWithMaintenanceWindow", shell_task(&id, &target)).await["WindowTaskId"],
        );
        let request = json!({"WindowId": id, "WindowTargetId": target, "Safe": true});
        let (code, message) =
            server.call("DeregisterTargetFromMaintenanceWindow", request.clone()).await.unwrap_err();
        assert!(code == "TargetInUseException" && message.contains(&task), "{message}");
        let forced = with(request, json!({"Safe": false}));
        server.answer("DeregisterTargetFromMaintenanceWindow", forced.clone()).await;
        assert_eq!(
            server.refusal("DeregisterTargetFromMaintenanceWindow", forced).await,
            "DoesNotExistException"
        );

        for _ in 0..99 {
            register_target(&server, &id, tagged()).await;
        }
        let request = json!({"WindowId": id, "ResourceType": "INSTANCE", "Targets": tagged()});
        assert_eq!(
            server.refusal("RegisterTargetWithMaintenanceWindow", request).await,
            "ResourceLimitExceededException"
        );
        let rows =
            server.pages("DescribeMaintenanceWindowTargets", json!({"WindowId": id}), "Targets", 30).await;
        assert_eq!(rows.len(), 100);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_registered_changed_and_let_go() {
    for server in TestServer::on_each_engine().await {
        let id = create(&server, json!({})).await;
        let target = register_target(&server, &id, tagged()).await;
        let parameters =
            json!({"RunCommand": {"Parameters": {"commands": ["echo {{WINDOW_ID}}"]}, "TimeoutSeconds": 60}});
        let more =
            json!({"TaskInvocationParameters": parameters, "Name": "say", "CutoffBehavior": "CANCEL_TASK"});
        let request = with(shell_task(&id, &target), more);
        let task =
            text(&server.answer("RegisterTaskWithMaintenanceWindow", request.clone()).await["WindowTaskId"]);
        let named = json!({"WindowId": id, "WindowTaskId": task});
        let shown = server.answer("GetMaintenanceWindowTask", named.clone()).await;
        for (member, value) in request.as_object().unwrap() {
            assert_eq!(&shown[member], value, "{member}");
        }
        assert_eq!(shown["Priority"], 1);

        let answer =
            server.answer("UpdateMaintenanceWindowTask", with(named.clone(), json!({"Priority": 5}))).await;
        assert_eq!((&answer["Priority"], &answer["TaskInvocationParameters"]), (&json!(5), &parameters));
        let refusal = server
            .refusal("UpdateMaintenanceWindowTask", with(named.clone(), json!({"Replace": true})))
            .await;
        assert_eq!(refusal, "ValidationException");
        let listed = server.answer("DescribeMaintenanceWindowTasks", json!({"WindowId": id,
            "Filters": [{"Key": "Priority", "Values": ["5"]}, {"Key": "TaskType", "Values": ["RUN_COMMAND"]}]})).await;
        assert_eq!(listed["Tasks"][0]["Type"], "RUN_COMMAND");
        assert!(listed["Tasks"][0].get("TaskInvocationParameters").is_none());

        let lone = json!({"WindowId": id, "TaskArn": "AWS-StopEC2Instance", "TaskType": "AUTOMATION"});
        let (code, text) = server.call("RegisterTaskWithMaintenanceWindow", lone.clone()).await.unwrap_err();
        assert_eq!(code, "ValidationException");
        assert!(text.contains("document `AWS-StopEC2Instance` does not exist"), "{text}");
        let (_, text) = server
            .call("RegisterTaskWithMaintenanceWindow", with(lone, json!({"MaxErrors": "1"})))
            .await
            .unwrap_err();
        assert_eq!(text, "Maintenance window tasks without targets don't support MaxErrors values");

        server.answer("DeregisterTaskFromMaintenanceWindow", named.clone()).await;
        for operation in
            ["GetMaintenanceWindowTask", "DeregisterTaskFromMaintenanceWindow", "UpdateMaintenanceWindowTask"]
        {
            assert_eq!(server.refusal(operation, named.clone()).await, "DoesNotExistException");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_may_only_name_what_the_window_allows() {
    let server = TestServer::on_sqlite().await;
    let (node, stranger) = (server.add_node(1).await, server.add_node(2).await);
    let tag = json!({"ResourceType": "ManagedInstance", "ResourceId": node.as_str(), "Tags": [{"Key": "Env", "Value": "prod"}]});
    server.answer("AddTagsToResource", tag).await;
    let id = create(&server, json!({})).await;
    register_target(&server, &id, tagged()).await;
    let task =
        |ids: Value| with(shell_task(&id, "x"), json!({"Targets": [{"Key": "InstanceIds", "Values": ids}]}));
    server.answer("RegisterTaskWithMaintenanceWindow", task(json!([node.as_str()]))).await;
    let (code, text) = server
        .call("RegisterTaskWithMaintenanceWindow", task(json!([node.as_str(), stranger.as_str()])))
        .await
        .unwrap_err();
    assert!(
        code == "ValidationException" && text.contains(stranger.as_str()) && !text.contains(node.as_str()),
        "{text}"
    );
    server.answer("UpdateMaintenanceWindow", json!({"WindowId": id, "AllowUnassociatedTargets": true})).await;
    server.answer("RegisterTaskWithMaintenanceWindow", task(json!([stranger.as_str()]))).await;
    let unknown = shell_task(&id, "00000000-0000-4000-8000-000000000000");
    assert_eq!(server.refusal("RegisterTaskWithMaintenanceWindow", unknown).await, "DoesNotExistException");
    for more in [
        json!({"Targets": []}),
        json!({"Targets": [{"Key": "tag:Env", "Values": ["prod"]}]}),
        json!({"TaskInvocationParameters": {"Lambda": {"Payload": "e30="}}}),
        json!({"AlarmConfiguration": {"Alarms": [{"Name": "cpu"}]}}),
    ] {
        let request = with(task(json!([node.as_str()])), more);
        assert_eq!(server.refusal("RegisterTaskWithMaintenanceWindow", request).await, "ValidationException");
    }
    for _ in 0..18 {
        server.answer("RegisterTaskWithMaintenanceWindow", task(json!([node.as_str()]))).await;
    }
    let refusal = server.refusal("RegisterTaskWithMaintenanceWindow", task(json!([node.as_str()]))).await;
    assert_eq!(refusal, "ResourceLimitExceededException");
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_are_told_ahead() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let (weekly, daily) = (create(&server, json!({})).await,
            create(&server, json!({"Name": "daily", "Schedule": "cron(30 5 * * ? *)", "ScheduleTimezone": "Asia/Kolkata"})).await);
        create(&server, json!({"Name": "unrelated"})).await;
        let by_id = json!([{"Key": "InstanceIds", "Values": [node.as_str()]}]);
        for window in [&weekly, &daily] {
            register_target(&server, window, by_id.clone()).await;
        }
        let coming = server
            .pages(
                "DescribeMaintenanceWindowSchedule",
                json!({"WindowId": weekly}),
                "ScheduledWindowExecutions",
                10,
            )
            .await;
        assert_eq!(coming.len(), 25);
        assert_eq!(
            coming[0],
            json!({"WindowId": weekly, "Name": "patch-web", "ExecutionTime": "2026-03-08T02:00Z"})
        );

        let mut request = json!({"Targets": by_id, "ResourceType": "INSTANCE",
            "Filters": [{"Key": "ScheduledBefore", "Values": ["2026-03-16T00:00:00Z"]}]});
        let times: Vec<String> = server
            .pages("DescribeMaintenanceWindowSchedule", request.clone(), "ScheduledWindowExecutions", 3)
            .await
            .iter()
            .map(|row| text(&row["ExecutionTime"]))
            .collect();
        assert_eq!(times.len(), 14 + 2, "{times:?}");
        assert_eq!(times[0], "2026-03-02T05:30+05:30");
        assert!(times.contains(&"2026-03-15T02:00Z".to_owned()));
        request["Filters"] = json!([{"Key": "ScheduledAfter", "Values": ["2026-04-01T00:00:00Z"]}]);
        let later = server.answer("DescribeMaintenanceWindowSchedule", request).await;
        assert_eq!(later["ScheduledWindowExecutions"][0]["ExecutionTime"], "2026-04-02T05:30+05:30");

        let covering = json!({"Targets": by_id, "ResourceType": "INSTANCE"});
        let windows =
            server.pages("DescribeMaintenanceWindowsForTarget", covering, "WindowIdentities", 1).await;
        assert_eq!(windows.len(), 2);
        for wrong in [
            json!({"WindowId": weekly, "ResourceType": "INSTANCE"}),
            json!({"ResourceType": "INSTANCE"}),
            json!({"WindowId": weekly, "Filters": [{"Key": "Before", "Values": ["x"]}]}),
        ] {
            assert_eq!(
                server.refusal("DescribeMaintenanceWindowSchedule", wrong).await,
                "ValidationException"
            );
        }
    }
}
