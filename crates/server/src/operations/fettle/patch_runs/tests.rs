//! Plans, executions and undos through the dispatcher, on each engine.

use domain::ids::NodeId;
use serde_json::{Value, json};

use crate::jobs::forget_commands;
use crate::operations::Service;
use crate::testing::{Refused, TestServer, call};

async fn fettle(server: &TestServer, operation: &str, request: Value) -> Result<Value, Refused> {
    server.call_of(Service::Fettle, operation, request).await
}

async fn answer(server: &TestServer, operation: &str, request: Value) -> Value {
    server.answer_of(Service::Fettle, operation, request).await
}

async fn told(server: &TestServer, node: &NodeId, operation: &str, request: Value) -> Result<Value, String> {
    let outcome = call(&server.node(node), Service::Fettle, operation, request).await;
    outcome.map_err(|(code, _)| code)
}

fn run_id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn change(name: &str, from: Value, to: Value) -> Value {
    let mut change = json!({"Name": name, "Arch": "amd64", "Reason": "WANTED"});
    for (member, version) in [("FromVersion", from), ("ToVersion", to)] {
        if !version.is_null() {
            change[member] = version;
        }
    }
    change
}

fn refusal(name: &str) -> Value {
    let failure = json!({"Code": "undo-impossible", "Subject": name, "Detail": "gone from every repository"});
    json!({"Name": name, "Arch": "amd64", "Version": "1.0", "Failure": failure})
}

fn execution(node: &NodeId, number: u32, more: Value) -> Value {
    let mut execution = json!({
        "ExecutionId": run_id(number), "Kind": "INSTALL", "EndedAt": 1_772_000_000 + number,
        "BaselineId": "pb-0123456789abcdef0", "SnapshotId": "s", "Failed": [], "UndoRefused": [],
        "Changes": [change("curl", json!("1.0"), json!("1.1")), change("new", Value::Null, json!("1"))],
    });
    for (member, value) in more.as_object().unwrap() {
        execution[member] = value.clone();
    }
    json!({"InstanceId": node, "Execution": execution})
}

fn plan() -> Value {
    json!({
        "MadeAt": 1_772_000_000, "BaselineId": "pb-0123456789abcdef0", "SnapshotId": "s", "Approved": 2,
        "Changes": [change("curl", json!("1.9"), json!("1.10"))],
        "Refused": [refusal("vim")],
        "Blockers": [{"Code": "lock-held", "Subject": "apt-get (pid 7)", "Detail": "apt-get (pid 7) holds it"}],
        "DownloadBytes": 5, "DiskBytes": -3, "ServicesToRestart": ["cron.service"], "RebootExpected": false,
        "RebootReasons": [{"Package": "libc6", "Reason": "long running"}],
        "Undo": {
            "Packages": [
                {"Name": "curl", "Arch": "amd64", "Version": "1.9", "From": "NOWHERE", "Failure":
                    {"Code": "undo-impossible", "Subject": "curl", "Detail": "in no repository"}},
                {"Name": "new", "Arch": "amd64", "From": "NOT_NEEDED"},
                {"Name": "vim", "Arch": "amd64", "Version": "1", "From": "CACHE", "Place": "/f.deb"},
            ],
            "Snapshot": {"Setting": "TRY", "Kind": "BTRFS", "Of": "/"},
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_kept_and_say_whether_they_can_be_taken_back() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        for number in 1..=3 {
            told(&server, &node, "PutPatchExecution", execution(&node, number, json!({}))).await.unwrap();
        }
        let known = json!({"UndoCheckedAt": 1_772_000_100, "UndoRefused": [refusal("curl")]});
        told(&server, &node, "PutPatchExecution", execution(&node, 2, known)).await.unwrap();
        let known = json!({"UndoCheckedAt": 1_772_000_100});
        told(&server, &node, "PutPatchExecution", execution(&node, 1, known)).await.unwrap();

        let list = answer(&server, "ListPatchExecutions", json!({"InstanceId": node, "MaxResults": 2})).await;
        let ids = |list: &Value| -> Vec<String> {
            let runs = list["Executions"].as_array().unwrap();
            runs.iter().map(|run| run["ExecutionId"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(ids(&list), [run_id(3), run_id(2)]);
        let rest = json!({"InstanceId": node, "MaxResults": 2, "NextToken": list["NextToken"]});
        let rest = answer(&server, "ListPatchExecutions", rest).await;
        assert_eq!((ids(&rest), rest.get("NextToken")), (vec![run_id(1)], None));
        let possible = |run: &Value| run["UndoPossible"].as_str().unwrap().to_owned();
        let all = [&list["Executions"][0], &list["Executions"][1], &rest["Executions"][0]];
        assert_eq!(all.map(possible), ["UNKNOWN", "PARTLY", "YES"]);
        let actions = all[0]["Changes"].as_array().unwrap().iter().map(|change| &change["Action"]);
        assert_eq!(actions.collect::<Vec<_>>(), [&json!("UPGRADE"), &json!("INSTALL")]);

        // Taken back, and the taking back taken back.
        let get = async |number: u32| {
            let request = json!({"InstanceId": node, "ExecutionId": run_id(number)});
            answer(&server, "GetPatchExecution", request).await["Execution"].clone()
        };
        let undo = json!({"Kind": "UNDO", "UndoOf": run_id(1)});
        told(&server, &node, "PutPatchExecution", execution(&node, 4, undo)).await.unwrap();
        let undone = get(1).await;
        assert_eq!((possible(&undone), &undone["UndoneBy"]), ("NO".to_owned(), &json!([run_id(4)])));
        let again = json!({"Kind": "UNDO", "UndoOf": run_id(4)});
        told(&server, &node, "PutPatchExecution", execution(&node, 5, again)).await.unwrap();
        assert_eq!(possible(&get(1).await), "YES");

        let other = server.add_node(2).await;
        let foreign = told(&server, &other, "PutPatchExecution", execution(&node, 6, json!({}))).await;
        assert_eq!(foreign.unwrap_err(), "AccessDeniedException");
        let foreign = json!({"InstanceId": node, "ExecutionId": run_id(1)});
        let refused = told(&server, &other, "GetPatchExecution", foreign.clone()).await.unwrap_err();
        assert_eq!(refused, "AccessDeniedException");
        assert_eq!(
            told(&server, &node, "GetPatchExecution", foreign).await.unwrap()["Execution"],
            get(1).await
        );
        let refused = told(&server, &node, "ListPatchExecutions", json!({"InstanceId": node})).await;
        assert_eq!(refused.unwrap_err(), "AccessDeniedException");
        let missing = json!({"InstanceId": other, "ExecutionId": run_id(1)});
        let missing = fettle(&server, "GetPatchExecution", missing).await.unwrap_err();
        assert_eq!(missing.0, "ResourceNotFoundException");
        let strange = json!({"Changes": [change("a\u{0}", Value::Null, json!("1"))]});
        let refused = told(&server, &node, "PutPatchExecution", execution(&node, 7, strange)).await;
        assert_eq!(refused.unwrap_err(), "ValidationException");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_are_asked_for_and_answered() {
    for mut server in TestServer::on_each_engine().await {
        let (node, other) = (server.add_node(1).await, server.add_node(2).await);
        let both = json!({"InstanceIds": [node, other]});
        let plan_id = answer(&server, "StartPatchPlan", both).await["PlanId"].clone();
        let get = json!({"InstanceId": node, "PlanId": plan_id});
        let asked = answer(&server, "GetPatchPlan", get.clone()).await;
        assert_eq!((&asked["Kind"], &asked["Status"]), (&json!("INSTALL"), &json!("Pending")));
        assert!(asked.get("Plan").is_none(), "{asked}");

        let put = |node: &NodeId| json!({"InstanceId": node, "PlanId": plan_id, "Plan": plan()});
        told(&server, &node, "PutPatchPlan", put(&node)).await.unwrap();
        let foreign = told(&server, &other, "PutPatchPlan", put(&node)).await.unwrap_err();
        assert_eq!(foreign, "AccessDeniedException");
        let mut expected = plan();
        expected["Changes"][0]["Action"] = json!("UPGRADE");
        // What follows from what the node said is worked out here.
        let undo = &mut expected["Undo"];
        (undo["Possible"], undo["Way"], undo["ByPackages"]) =
            (json!("YES"), json!("SNAPSHOT"), json!("PARTLY"));
        (undo["Reason"], undo["Snapshot"]["Covers"]) = (json!("in no repository"), json!(true));
        let made = answer(&server, "GetPatchPlan", get.clone()).await["Plan"].clone();
        let seconds = |value: &Value| value.as_f64().unwrap();
        assert_eq!(seconds(&made["MadeAt"]), seconds(&expected["MadeAt"]));
        for (member, value) in expected.as_object().unwrap().iter().filter(|(name, _)| *name != "MadeAt") {
            assert_eq!(&made[member], value, "{member}");
        }
        let others = json!({"InstanceId": other, "PlanId": plan_id});
        assert!(answer(&server, "GetPatchPlan", others).await.get("Plan").is_none());

        // Only what was asked for by these operations, and only of managed nodes.
        let shell = json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": [node], "Parameters": {"commands": ["id"]}});
        let shell = server.answer("SendCommand", shell).await["Command"]["CommandId"].clone();
        let mut wrong = put(&node);
        wrong["PlanId"] = shell;
        let refused = told(&server, &node, "PutPatchPlan", wrong).await.unwrap_err();
        assert_eq!(refused, "ResourceNotFoundException");
        let strange = json!({"InstanceIds": ["mi-0123456789abcdef0"]});
        let refused = fettle(&server, "StartPatchPlan", strange).await.unwrap_err();
        assert_eq!(refused.0, "ResourceNotFoundException");
        let twice = fettle(&server, "StartPatchPlan", json!({"InstanceIds": [node, node]})).await;
        assert_eq!(twice.unwrap_err().0, "ValidationException");
        let mut strange = put(&node);
        strange["Plan"]["Blockers"][0]["Code"] = json!("moonlight");
        let refused = told(&server, &node, "PutPatchPlan", strange).await.unwrap_err();
        assert_eq!(refused, "ValidationException");

        let mut strange = put(&node);
        strange["Plan"]["Undo"]["Packages"][0]["Failure"] = Value::Null;
        let refused = told(&server, &node, "PutPatchPlan", strange).await.unwrap_err();
        assert_eq!(refused, "ValidationException");

        // A plan goes with its command.
        server.now = server.now.plus_seconds(31 * 86_400);
        forget_commands::run_once(std::sync::Arc::clone(&server.app), server.now).await.unwrap();
        assert_eq!(store::testing::count(&server.app.store(), "patch_plans").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_is_asked_of_the_node_that_the_run_changed() {
    for server in TestServer::on_each_engine().await {
        let (node, other) = (server.add_node(1).await, server.add_node(2).await);
        told(&server, &node, "PutPatchExecution", execution(&node, 1, json!({}))).await.unwrap();
        let request = |node: &NodeId| json!({"InstanceId": node, "ExecutionId": run_id(1), "DryRun": true});
        let refused = fettle(&server, "StartPatchUndo", request(&other)).await.unwrap_err();
        assert_eq!(refused.0, "ResourceNotFoundException");
        let plan_id = answer(&server, "StartPatchUndo", request(&node)).await["PlanId"].clone();
        let asked = answer(&server, "GetPatchPlan", json!({"InstanceId": node, "PlanId": plan_id})).await;
        assert_eq!((&asked["Kind"], &asked["ExecutionId"]), (&json!("UNDO"), &json!(run_id(1))));
        let command = server.answer("ListCommands", json!({"CommandId": plan_id})).await;
        assert_eq!(command["Commands"][0]["Parameters"]["Mode"], json!(["Preview"]));
        let mut by_snapshot = request(&node);
        by_snapshot["By"] = json!("SNAPSHOT");
        let refused = fettle(&server, "StartPatchUndo", by_snapshot.clone()).await.unwrap_err();
        assert!(refused.1.contains("no snapshot"), "{refused:?}");
        let kept =
            json!({"Kind": "BTRFS", "Name": "/.fettle-snapshots/s", "Of": "/", "TakenAt": 1_772_000_000});
        let kept = execution(&node, 1, json!({"Snapshot": kept}));
        told(&server, &node, "PutPatchExecution", kept).await.unwrap();
        let plan_id = answer(&server, "StartPatchUndo", by_snapshot).await["PlanId"].clone();
        let command = server.answer("ListCommands", json!({"CommandId": plan_id})).await;
        assert_eq!(command["Commands"][0]["Parameters"]["By"], json!(["Snapshot"]));
        for (partial, mode) in [(false, "Apply"), (true, "ApplyPartly")] {
            let mut request = request(&node);
            (request["DryRun"], request["AllowPartial"]) = (json!(false), json!(partial));
            let plan_id = answer(&server, "StartPatchUndo", request).await["PlanId"].clone();
            let command = server.answer("ListCommands", json!({"CommandId": plan_id})).await;
            assert_eq!(command["Commands"][0]["Parameters"]["Mode"], json!([mode]));
        }
    }
}
