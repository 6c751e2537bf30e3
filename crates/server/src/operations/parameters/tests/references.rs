//! What refers to parameters: commands, tasks, associations and runbooks, and what nodes read for that.

use domain::ids::NodeId;
use serde_json::{Value, json};
use store::associations;

use super::{put, refused, user};
use crate::ctx::Ctx;
use crate::jobs::run_associations;
use crate::operations::Service;
use crate::testing::{TestServer, call};

async fn send(ctx: &Ctx, node: &NodeId, line: &str) -> Result<Value, (String, String)> {
    let request = json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": [node.as_str()],
        "Parameters": {"commands": [line]}});
    call(ctx, Service::Ssm, "SendCommand", request).await
}

#[tokio::test]
async fn commands_refer_to_what_their_sender_may_read() {
    for server in TestServer::on_each_engine().await {
        put(&server, "/open/x", "v").await;
        put(&server, "/shut/x", "v").await;
        let secret = json!({"Name": "/open/s", "Value": "v", "Type": "SecureString"});
        server.answer("PutParameter", secret).await;
        let node = server.add_node(1).await;
        let root = server.root();
        for (line, part) in [
            ("echo {{ssm:/open/none}}", "`/open/none` of Parameter Store does not exist"),
            ("echo {{ssm:/open/x:2}}", "has no such version"),
            ("echo {{ssm:/open/x:label}}", "labels cannot be referred to"),
            ("echo {{ssm:/open/s}}", "SecureString"),
            ("echo {{ssm:open/x}}", "fully qualified"),
            ("echo {{ssm-secure:/open/s}}", "aws:runDocument alone"),
        ] {
            let (code, text) = send(&root, &node, line).await.unwrap_err();
            assert!(code == "InvalidParameters" && text.contains(part), "{line}: {code}: {text}");
        }
        let many: String = (0..101).map(|number| format!("{{{{ssm:n{number}}}}} ")).collect();
        assert!(send(&root, &node, &many).await.unwrap_err().1.contains("at most 100"));
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*"},
            {"Effect": "Allow", "Action": "ssm:GetParameters",
                "Resource": "arn:aws:ssm:*:*:parameter/open/*"}]});
        let request = json!({"UserName": "ann", "Policies": {"it": policy.to_string()}});
        call(&root, Service::Fettle, "CreateUser", request).await.unwrap();
        let ann = user(&server);
        send(&ann, &node, "echo {{ssm:/open/x}} {{ ssm:/open/x:1 }}").await.unwrap();
        let (code, text) = send(&ann, &node, "echo {{ssm:/shut/x}}").await.unwrap_err();
        assert!(code == "AccessDeniedException" && text.contains("ssm:GetParameters"), "{text}");
        assert!(text.contains("parameter/shut/x"), "{text}");
        send(&ann, &node, "echo no reference: {{ssm:}}").await.unwrap();
    }
}

#[tokio::test]
async fn a_node_reads_what_its_open_commands_refer_to() {
    for server in TestServer::on_each_engine().await {
        put(&server, "x", "v").await;
        put(&server, "/y", "w").await;
        let (node, other) = (server.add_node(1).await, server.add_node(2).await);
        let ask = async |node: &NodeId, names: Value, decrypted: bool| {
            let request = json!({"Names": names, "WithDecryption": decrypted});
            call(&server.node(node), Service::Ssm, "GetParameters", request).await
        };
        assert_eq!(ask(&node, json!(["x"]), false).await.unwrap_err().0, "AccessDeniedException");
        send(&server.root(), &node, "echo {{ssm:x}} {{ssm:/y:1}}").await.unwrap();
        let found = ask(&node, json!(["x", "/y:1"]), false).await.unwrap();
        let rows = found["Parameters"].as_array().unwrap();
        let shown: Vec<(&Value, &Value)> = rows.iter().map(|row| (&row["Name"], &row["Value"])).collect();
        assert_eq!(shown, [(&json!("/y"), &json!("w")), (&json!("x"), &json!("v"))]);
        for (who, names, decrypted) in [
            (&node, json!(["/y"]), false),
            (&node, json!(["x", "/z"]), false),
            (&node, json!(["x"]), true),
            (&other, json!(["x"]), false),
        ] {
            let (code, text) = ask(who, names.clone(), decrypted).await.unwrap_err();
            assert!(code == "AccessDeniedException" && text.contains(":parameter/"), "{names}: {text}");
        }
        for operation in ["GetParameter", "GetParametersByPath", "GetParameterHistory", "PutParameter"] {
            let request = json!({"Name": "x", "Path": "/", "Value": "v"});
            let (code, _) = call(&server.node(&node), Service::Ssm, operation, request).await.unwrap_err();
            assert_eq!(code, "AccessDeniedException", "{operation}");
        }
    }
}

#[tokio::test]
async fn tasks_and_associations_refer_to_parameters() {
    for server in TestServer::on_each_engine().await {
        put(&server, "x", "v").await;
        let window = json!({"Name": "night", "Schedule": "rate(1 day)", "Duration": 2, "Cutoff": 1,
            "AllowUnassociatedTargets": true});
        let window = server.answer("CreateMaintenanceWindow", window).await["WindowId"].clone();
        let node = server.add_node(1).await;
        let task = |line: &str| {
            json!({"WindowId": window, "TaskArn": "AWS-RunShellScript", "TaskType": "RUN_COMMAND",
                "Targets": [{"Key": "InstanceIds", "Values": [node.as_str()]}], "MaxConcurrency": "1", "MaxErrors": "0",
                "TaskInvocationParameters": {"RunCommand": {"Parameters": {"commands": [line]}}}})
        };
        server.answer("RegisterTaskWithMaintenanceWindow", task("echo {{ssm:x}}")).await;
        let none = task("echo {{ssm:none}}");
        refused(&server, "RegisterTaskWithMaintenanceWindow", none, "ValidationException", "`none`").await;

        let association = |name: &str, more: Value| {
            let mut request = json!({"Name": "AWS-RunShellScript", "AssociationName": name,
                "Targets": [{"Key": "InstanceIds", "Values": [node.as_str()]}],
                "Parameters": {"commands": ["echo {{ssm:x}}"]}, "ScheduleExpression": "cron(0 2 ? * SUN *)"});
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            request
        };
        let wrong = json!({"Parameters": {"commands": ["echo {{ssm:none}}"]}});
        let wrong = association("wrong", wrong);
        refused(&server, "CreateAssociation", wrong, "InvalidParameters", "`none`").await;
        let pinned = json!({"Parameters": {"commands": ["echo {{ssm:x:1}}"]}});
        for (name, more) in [
            ("follows", json!({})),
            ("at-its-time", json!({"ApplyOnlyAtCronInterval": true})),
            ("pinned", pinned),
        ] {
            server.answer("CreateAssociation", association(name, more)).await;
        }
        let due = async || {
            let mut tx = server.app.store().read().await.unwrap();
            let due = associations::list_due(&mut tx, server.now, 10).await.unwrap();
            let names = due.into_iter().map(|due| due.settings.association_name.unwrap_or_default());
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        };
        // The first runs of two of them are due at once.
        assert_eq!(due().await, ["follows", "pinned"]);
        run_associations::run_once(server.app.clone(), server.now).await.unwrap();
        assert_eq!(due().await, [""; 0]);
        server.answer("PutParameter", json!({"Name": "x", "Value": "w", "Overwrite": true})).await;
        assert_eq!(due().await, ["follows"]);
    }
}

#[tokio::test]
async fn defaults_of_runbooks_refer_to_parameters() {
    for server in TestServer::on_each_engine().await {
        let list = json!({"Name": "/l", "Value": "a,b", "Type": "StringList"});
        server.answer("PutParameter", list).await;
        put(&server, "x", "PT1S").await;
        let content = json!({"schemaVersion": "0.3", "parameters": {
            "time": {"type": "String", "default": "{{ssm:x}}", "allowedPattern": "PT[0-9]+S"},
            "names": {"type": "StringList", "default": ["{{ssm:/l}}", "c"]}},
            "mainSteps": [{"name": "s", "action": "aws:sleep", "inputs": {"Duration": "{{ time }}"}}]});
        let document = json!({"Name": "waits", "DocumentType": "Automation", "Content": content.to_string()});
        server.answer("CreateDocument", document).await;
        let start = json!({"DocumentName": "waits"});
        let started = server.answer("StartAutomationExecution", start.clone()).await;
        let shown = json!({"AutomationExecutionId": started["AutomationExecutionId"]});
        let shown = server.answer("GetAutomationExecution", shown).await;
        let expected = json!({"time": ["PT1S"], "names": ["a", "b", "c"]});
        assert_eq!(shown["AutomationExecution"]["Parameters"], expected);
        let code = "InvalidAutomationExecutionParametersException";
        let given = json!({"DocumentName": "waits", "Parameters": {"time": ["{{ssm:x}}"]}});
        refused(&server, "StartAutomationExecution", given, code, "only defaults").await;
        server.answer("PutParameter", json!({"Name": "x", "Value": "soon", "Overwrite": true})).await;
        refused(&server, "StartAutomationExecution", start.clone(), code, "soon").await;
        server.answer("DeleteParameter", json!({"Name": "x"})).await;
        refused(&server, "StartAutomationExecution", start, code, "does not exist").await;
    }
}
