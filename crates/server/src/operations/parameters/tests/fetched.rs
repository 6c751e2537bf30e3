//! What nodes read for documents that steps fetch by themselves, and what the operator leaves open to them.

use domain::ids::NodeId;
use serde_json::{Value, json};

use super::{put, refused, user};
use crate::ctx::Ctx;
use crate::operations::Service;
use crate::testing::{TestServer, call};

async fn document(server: &TestServer, name: &str, parameters: Value, steps: Value) {
    let content = json!({"schemaVersion": "2.2", "parameters": parameters, "mainSteps": steps});
    let request = json!({"Name": name, "DocumentType": "Command", "Content": content.to_string()});
    server.answer("CreateDocument", request).await;
}

fn says(line: &str) -> Value {
    json!({"action": "aws:runShellScript", "name": "say", "inputs": {"runCommand": [line]}})
}

/// A step that runs a document of the server's.
fn runs(path: &str, given: Value) -> Value {
    let name: String = path.chars().filter(char::is_ascii_alphanumeric).collect();
    json!({"action": "aws:runDocument", "name": name,
        "inputs": {"documentType": "SSMDocument", "documentPath": path, "documentParameters": given}})
}

async fn send(ctx: &Ctx, node: &NodeId, name: &str, given: Value) -> Result<String, (String, String)> {
    let request = json!({"DocumentName": name, "InstanceIds": [node.as_str()], "Parameters": given});
    let sent = call(ctx, Service::Ssm, "SendCommand", request).await?;
    Ok(sent["Command"]["CommandId"].as_str().unwrap().to_owned())
}

async fn cancel(server: &TestServer, node: &NodeId, command: &str) {
    let request = json!({"CommandId": command, "InstanceIds": [node.as_str()]});
    server.answer("CancelCommand", request).await;
}

async fn reads(server: &TestServer, node: &NodeId, name: &str, decrypted: bool) -> bool {
    let request = json!({"Names": [name], "WithDecryption": decrypted});
    match call(&server.node(node), Service::Ssm, "GetParameters", request).await {
        Ok(_) => true,
        Err((code, _)) => {
            assert_eq!(code, "AccessDeniedException");
            false
        }
    }
}

async fn is_read(server: &TestServer, node: &NodeId, rows: &[(&str, bool)]) {
    for (name, expected) in rows {
        assert_eq!(reads(server, node, name, false).await, *expected, "{name}");
    }
}

#[tokio::test]
async fn nodes_read_what_fetched_documents_refer_to() {
    for server in TestServer::on_each_engine().await {
        for name in
            ["/deep/a", "/deep/b", "/deep/c", "/deep/d", "/made/prod", "/made/none", "/list/documents"]
        {
            put(&server, name, "level-2").await;
        }
        document(&server, "level-4", json!({}), json!([says("echo {{ssm:/deep/d}}")])).await;
        let third = json!([says("echo {{ssm:/deep/c}}"), runs("level-4", json!({}))]);
        document(&server, "level-3", json!({}), third).await;
        let second = json!([says("echo {{ssm:/deep/b:1}}"), runs("level-3", json!({}))]);
        document(&server, "level-2", json!({}), second).await;
        let declared = json!({"env": {"type": "String", "default": "none"}});
        let first = json!([
            says("echo {{ssm:/deep/a}} {{ssm:/made/{{ env }}}} {{ssm:/not/there}}"),
            // By what a parameter says.
            runs("{{ssm:/list/documents}}", json!({})),
            runs("nowhere", json!({}))
        ]);
        document(&server, "level-1", declared.clone(), first).await;
        let outer = json!([runs("{{ which }}", json!({"env": "{{ env }}"}))]);
        let more = json!({"which": {"type": "String"}, "env": {"type": "String", "default": "none"}});
        document(&server, "outer", more, outer).await;

        let (node, other) = (server.add_node(1).await, server.add_node(2).await);
        is_read(&server, &node, &[("/deep/a", false)]).await;
        let given = json!({"which": ["level-1"], "env": ["prod"]});
        let command = send(&server.root(), &node, "outer", given).await.unwrap();
        // As it is written, a version and all, and of documents that agents would run: `level-4` is too deep.
        is_read(
            &server,
            &node,
            &[
                ("/deep/a", true),
                ("/deep/b:1", true),
                ("/deep/b", false),
                ("/deep/c", true),
                ("/deep/d", false),
                ("/made/prod", true),
                ("/made/none", false),
                ("/list/documents", true),
                ("/not/there", true),
            ],
        )
        .await;
        assert!(
            !reads(&server, &node, "/deep/a", true).await && !reads(&server, &other, "/deep/a", false).await
        );
        cancel(&server, &node, &command).await;
        is_read(&server, &node, &[("/deep/a", false)]).await;
    }
}

#[tokio::test]
async fn versions_files_and_later_changes() {
    for server in TestServer::on_each_engine().await {
        for name in ["/v/1", "/v/2", "/f/x", "/f/default"] {
            put(&server, name, "v").await;
        }
        document(&server, "inner", json!({}), json!([says("echo {{ssm:/v/1}}")])).await;
        let second = json!({"schemaVersion": "2.2", "mainSteps": [says("echo {{ssm:/v/2}}")]}).to_string();
        let update = json!({"Name": "inner", "Content": second, "DocumentVersion": "$LATEST"});
        let declared = json!({"path": {"type": "String"}});
        document(&server, "outer", declared, json!([runs("{{ path }}", json!({}))])).await;
        let node = server.add_node(1).await;
        let root = server.root();
        let command = send(&root, &node, "outer", json!({"path": ["inner"]})).await.unwrap();
        // Who changes the document now makes nothing readable: this was not asked of the sender.
        server.answer("UpdateDocument", update).await;
        server.answer("UpdateDocumentDefaultVersion", json!({"Name": "inner", "DocumentVersion": "2"})).await;
        is_read(&server, &node, &[("/v/1", true), ("/v/2", false)]).await;
        cancel(&server, &node, &command).await;
        for (path, first) in [("inner:1", true), ("inner", false), ("inner:$LATEST", false)] {
            let command = send(&root, &node, "outer", json!({"path": [path]})).await.unwrap();
            is_read(&server, &node, &[("/v/1", first), ("/v/2", !first)]).await;
            cancel(&server, &node, &command).await;
        }
        // As a file that another step runs, with that one's parameters.
        let declared = json!({"leaf": {"type": "String", "default": "default"}});
        document(&server, "brought", declared, json!([says("echo {{ssm:/f/{{ leaf }}}}")])).await;
        let steps = json!([
            {"action": "aws:downloadContent", "name": "get",
                "inputs": {"sourceType": "SSMDocument", "sourceInfo": "{\"name\": \"brought\"}"}},
            {"action": "aws:runDocument", "name": "run", "inputs": {"documentType": "LocalPath",
                "documentPath": "brought.json", "documentParameters": {"leaf": ["x"]}}}]);
        document(&server, "brings", json!({}), steps).await;
        send(&root, &node, "brings", json!({})).await.unwrap();
        is_read(&server, &node, &[("/f/x", true), ("/f/default", false)]).await;
    }
}

#[tokio::test]
async fn who_sends_must_be_allowed_to_read_it() {
    for server in TestServer::on_each_engine().await {
        put(&server, "/open/x", "v").await;
        put(&server, "/shut/x", "v").await;
        let secret = json!({"Name": "/open/s", "Value": "v", "Type": "SecureString"});
        server.answer("PutParameter", secret).await;
        let fetch = |secret: &str| {
            json!({"action": "aws:downloadContent", "name": "get", "inputs": {"sourceType": "HTTP",
                "sourceInfo": {"url": "https://x", "password": secret}}})
        };
        for (name, step) in [
            ("inner-open", says("echo {{ssm:/open/x}}")),
            ("inner-shut", says("echo {{ssm:/shut/x}}")),
            ("inner-secret", fetch("{{ssm-secure:/open/s}}")),
        ] {
            document(&server, name, json!({}), json!([step])).await;
        }
        let declared = json!({"path": {"type": "String"}});
        document(&server, "outer", declared, json!([runs("{{ path }}", json!({}))])).await;
        let node = server.add_node(1).await;
        let statement =
            |action: &str, resource: &str| json!({"Effect": "Allow", "Action": action, "Resource": resource});
        let policy = json!({"Version": "2012-10-17", "Statement": [
            statement("ssm:SendCommand", "*"), statement("ssm:*Association*", "*"), statement("ssm:*MaintenanceWindow*", "*"),
            statement("ssm:GetParameters", "arn:aws:ssm:*:*:parameter/open/*")]});
        let request = json!({"UserName": "ann", "Policies": {"it": policy.to_string()}});
        call(&server.root(), Service::Fettle, "CreateUser", request).await.unwrap();
        let ann = user(&server);
        let path = |path: &str| json!({"path": [path]});
        send(&ann, &node, "outer", path("inner-open")).await.unwrap();
        is_read(&server, &node, &[("/open/x", true)]).await;
        for (inner, action) in [("inner-shut", "ssm:GetParameters"), ("inner-secret", "kms:Decrypt")] {
            let (code, text) = send(&ann, &node, "outer", path(inner)).await.unwrap_err();
            assert!(code == "AccessDeniedException" && text.contains(action), "{inner}: {text}");
        }
        assert!(!reads(&server, &node, "/open/s", true).await);
        send(&server.root(), &node, "outer", path("inner-secret")).await.unwrap();
        assert!(reads(&server, &node, "/open/s", true).await);

        // Runs of associations go by their makers' rights, tasks of windows by those of who registers them.
        let association = json!({"Name": "outer", "Targets": [{"Key": "InstanceIds", "Values": [node.as_str()]}],
            "Parameters": path("inner-shut")});
        let made = call(&ann, Service::Ssm, "CreateAssociation", association).await.unwrap_err();
        assert_eq!(made.0, "AccessDeniedException", "{}", made.1);
        let window = json!({"Name": "night", "Schedule": "rate(1 day)", "Duration": 2, "Cutoff": 1,
            "AllowUnassociatedTargets": true});
        let window = server.answer("CreateMaintenanceWindow", window).await["WindowId"].clone();
        for (document, inner, code) in [
            ("outer", "inner-open", None),
            ("outer", "inner-shut", Some("AccessDeniedException")),
            ("inner-shut", "", Some("AccessDeniedException")),
            ("not-there-yet", "", None),
        ] {
            let given = if inner.is_empty() { json!({}) } else { path(inner) };
            let task = json!({"WindowId": window, "TaskArn": document, "TaskType": "RUN_COMMAND",
                "Targets": [{"Key": "InstanceIds", "Values": [node.as_str()]}], "MaxConcurrency": "1", "MaxErrors": "0",
                "TaskInvocationParameters": {"RunCommand": {"Parameters": given}}});
            let outcome = call(&ann, Service::Ssm, "RegisterTaskWithMaintenanceWindow", task).await;
            assert_eq!(outcome.err().map(|(code, _)| code).as_deref(), code, "{document} {inner}");
        }
    }
}

#[tokio::test]
async fn too_much_to_look_into_is_refused() {
    let server = TestServer::on_sqlite().await;
    let many: String = (0..101).map(|number| format!("{{{{ssm:n{number}}}}} ")).collect();
    document(&server, "many", json!({}), json!([says(&many)])).await;
    document(&server, "outer", json!({}), json!([runs("many", json!({}))])).await;
    let node = server.add_node(1).await;
    let request = json!({"DocumentName": "outer", "InstanceIds": [node.as_str()]});
    refused(&server, "SendCommand", request, "InvalidParameters", "more than 100 times").await;
    // Each run of it is another one.
    let runs: Vec<Value> = (0..101)
        .map(|number| {
            let mut step = runs("inner", json!({"n": number.to_string()}));
            step["name"] = json!(format!("run{number}"));
            step
        })
        .collect();
    document(&server, "inner", json!({"n": {"type": "String"}}), json!([says("echo {{ n }}")])).await;
    document(&server, "wide", json!({}), json!(runs)).await;
    let request = json!({"DocumentName": "wide", "InstanceIds": [node.as_str()]});
    refused(&server, "SendCommand", request, "InvalidParameters", "more than 100 documents").await;
    // One that runs itself ends.
    document(&server, "loop", json!({}), json!([self::runs("loop", json!({}))])).await;
    send(&server.root(), &node, "loop", json!({})).await.unwrap();
}

#[tokio::test]
async fn what_the_operator_leaves_open_is_read_by_all_nodes() {
    for server in TestServer::on_each_engine().await {
        put(&server, "/fleet/x", "v").await;
        put(&server, "/fleets", "v").await;
        let secret = json!({"Name": "/fleet/s", "Value": "hidden", "Type": "SecureString"});
        server.answer("PutParameter", secret).await;
        let node = server.add_node(1).await;
        let get = async |name: &str| {
            let request = json!({"Name": name, "WithDecryption": true});
            call(&server.node(&node), Service::Ssm, "GetParameter", request).await
        };
        assert_eq!(get("/fleet/s").await.unwrap_err().0, "AccessDeniedException");
        server.app.node_parameters.set(vec!["/fleet".parse().unwrap()]).unwrap();
        assert_eq!(get("/fleet/s").await.unwrap()["Parameter"]["Value"], "hidden");
        assert_eq!(get("/fleet/none").await.unwrap_err().0, "ParameterNotFound");
        for name in ["/fleets", "/fleet//s", "fleet"] {
            let expected = if name == "fleet" { "ParameterNotFound" } else { "AccessDeniedException" };
            assert_eq!(get(name).await.unwrap_err().0, expected, "{name}");
        }
        is_read(&server, &node, &[("/fleet/x", true), ("/fleet/x:1", true), ("/fleets", false)]).await;
        let arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/fleet/x";
        is_read(&server, &node, &[(arn, true)]).await;
        assert!(reads(&server, &node, "/fleet/s", true).await);
        // Beside what its command refers to.
        let given = json!({"commands": ["echo {{ssm:/fleets}}"]});
        send(&server.root(), &node, "AWS-RunShellScript", given).await.unwrap();
        let request = json!({"Names": ["/fleets", "/fleet/x"]});
        call(&server.node(&node), Service::Ssm, "GetParameters", request).await.unwrap();
        let all = json!({"Path": "/fleet"});
        let (code, _) =
            call(&server.node(&node), Service::Ssm, "GetParametersByPath", all).await.unwrap_err();
        assert_eq!(code, "AccessDeniedException");
    }
}
