//! Executions that run: through the dispatcher and the jobs, with a clock that the test moves.

use std::sync::Arc;

use api::Timestamp;
use domain::ids::NodeId;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::claim;
use crate::jobs::{call_automation_steps, forget_automations, run_automations};
use crate::operations::Service;
use crate::testing::{TestServer, call};

struct Bed {
    server: TestServer,
    node: NodeId,
}

impl Bed {
    async fn on_each_engine() -> Vec<Self> {
        Self::on_each_engine_with("").await
    }

    async fn on_each_engine_with(webhooks: &str) -> Vec<Self> {
        let mut beds = Vec::new();
        for server in TestServer::on_each_engine_with(webhooks).await {
            let node = server.add_node(1).await;
            beds.push(Self { server, node });
        }
        beds
    }

    async fn runbook(&self, name: &str, document: Value) {
        let mut document = document;
        document["schemaVersion"] = "0.3".into();
        let request = json!({"Name": name, "DocumentType": "Automation", "Content": document.to_string()});
        self.server.answer("CreateDocument", request).await;
    }

    async fn start(&self, request: Value) -> String {
        let answer = self.server.answer("StartAutomationExecution", request).await;
        answer["AutomationExecutionId"].as_str().unwrap().to_owned()
    }

    /// Of a runbook of these steps.
    async fn start_steps(&self, steps: Value) -> String {
        let name = format!("book-{}", uuid::Uuid::new_v4().simple());
        self.runbook(&name, json!({"mainSteps": steps})).await;
        self.start(json!({"DocumentName": name})).await
    }

    async fn tick(&mut self, seconds: i64) {
        self.server.now = self.server.now.plus_seconds(seconds);
        let app = || Arc::clone(&self.server.app);
        run_automations::run_once(app(), self.server.now).await.unwrap();
        call_automation_steps::run_once(app(), self.server.now).await.unwrap();
    }

    async fn get(&self, id: &str) -> Value {
        let answer = self.server.answer("GetAutomationExecution", json!({"AutomationExecutionId": id})).await;
        answer["AutomationExecution"].clone()
    }

    async fn status(&self, id: &str) -> String {
        self.get(id).await["AutomationExecutionStatus"].as_str().unwrap().to_owned()
    }

    async fn steps(&self, id: &str) -> Vec<(String, String)> {
        let steps = self.get(id).await["StepExecutions"].as_array().unwrap().clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        steps.iter().map(|step| (text(&step["StepName"]), text(&step["StepStatus"]))).collect()
    }

    async fn commands(&self) -> Vec<Value> {
        self.server.answer("ListCommands", json!({})).await["Commands"].as_array().unwrap().clone()
    }

    /// The node says how its command ended.
    async fn reply(&self, command: &Value, status: &str) {
        let command = command.as_str().unwrap();
        let payload =
            json!({"documentStatus": status, "documentTraceOutput": "", "runtimeStatus": null}).to_string();
        let request = json!({"MessageId": format!("aws.ssm.{command}.{}", self.node),
            "ReplyId": uuid::Uuid::new_v4().to_string(), "Payload": payload});
        call(&self.server.node(&self.node), Service::Mds, "SendReply", request).await.unwrap();
    }

    fn command(&self, name: &str) -> Value {
        json!({"name": name, "action": "aws:runCommand", "inputs": {"DocumentName": "AWS-RunShellScript",
            "InstanceIds": [self.node.as_str()], "Parameters": {"commands": ["true"]}}})
    }
}

fn sleep(name: &str) -> Value {
    json!({"name": name, "action": "aws:sleep", "inputs": {"Duration": "PT10S"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_sent_once_and_its_end_is_taken_in() {
    for mut bed in Bed::on_each_engine().await {
        let id = bed.start_steps(json!([bed.command("one"), sleep("two")])).await;
        assert_eq!(bed.status(&id).await, "Pending");
        let other = bed.server.another().await;
        // Two servers that look at the same time send it once.
        let both = tokio::join!(
            run_automations::run_once(Arc::clone(&bed.server.app), bed.server.now),
            run_automations::run_once(Arc::clone(&other), bed.server.now),
        );
        assert!(both.0.is_ok() && both.1.is_ok());
        let commands = bed.commands().await;
        assert_eq!(commands.len(), 1);
        assert_eq!(bed.status(&id).await, "InProgress");
        bed.tick(5).await;
        assert_eq!(bed.commands().await.len(), 1);
        bed.reply(&commands[0]["CommandId"], "Success").await;
        bed.tick(5).await;
        let found = bed.get(&id).await;
        let step = &found["StepExecutions"][0];
        assert_eq!(
            (&step["StepStatus"], &step["Outputs"]["CommandId"][0]),
            (&json!("Success"), &commands[0]["CommandId"])
        );
        assert_eq!(step["Inputs"]["InstanceIds"], json!(format!("[\"{}\"]", bed.node)));
        assert_eq!(
            (&found["CurrentStepName"], &found["CurrentAction"]),
            (&json!("two"), &json!("aws:sleep"))
        );
        bed.tick(10).await;
        assert_eq!(bed.status(&id).await, "Success");
        assert!(bed.get(&id).await["ExecutionEndTime"].is_number());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_execution_cancels_its_command() {
    for mut bed in Bed::on_each_engine().await {
        let id = bed.start_steps(json!([bed.command("one"), sleep("two")])).await;
        bed.tick(0).await;
        let stop = json!({"AutomationExecutionId": id});
        bed.server.answer("StopAutomationExecution", stop.clone()).await;
        assert_eq!(bed.status(&id).await, "Cancelling");
        bed.tick(1).await;
        assert_eq!(bed.status(&id).await, "Cancelled");
        assert_eq!(
            bed.steps(&id).await,
            [("one".into(), "Cancelled".into()), ("two".into(), "Pending".into())]
        );
        assert_eq!(bed.commands().await[0]["Status"], "Cancelled");
        let code = bed.server.refusal("StopAutomationExecution", stop).await;
        assert_eq!(code, "InvalidAutomationStatusUpdateException");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_called_with_the_rights_of_the_caller() {
    for mut bed in Bed::on_each_engine().await {
        let document = json!({
            "parameters": {"Kind": {"type": "String", "default": "ManagedInstance"}},
            "outputs": ["find.Ids"],
            "mainSteps": [
                {"name": "find", "action": "aws:executeAwsApi",
                    "inputs": {"Service": "ssm", "Api": "describe_instance_information"},
                    "outputs": [{"Name": "Ids", "Selector": "$.InstanceInformationList[*].InstanceId", "Type": "StringList"}]},
                {"name": "tag", "action": "aws:createTags", "inputs": {"ResourceType": "{{ Kind }}",
                    "ResourceIds": ["{{ find.Ids }}"], "Tags": [{"Key": "By", "Value": "{{ automation:EXECUTION_ID }}"}]}},
                {"name": "check", "action": "aws:assertAwsResourceProperty", "inputs": {"Service": "ssm",
                    "Api": "ListTagsForResource", "ResourceType": "ManagedInstance", "ResourceId": bed.node.as_str(),
                    "PropertySelector": "$.TagList[0].Key", "DesiredValues": ["By"]}},
                {"name": "gone", "action": "aws:executeAwsApi", "onFailure": "Continue",
                    "inputs": {"Service": "ssm", "Api": "DescribeDocument", "Name": "none-such"}}]});
        bed.runbook("finder", document).await;
        let id = bed.start(json!({"DocumentName": "finder"})).await;
        for _ in 0..6 {
            bed.tick(1).await;
        }
        let found = bed.get(&id).await;
        assert_eq!(found["AutomationExecutionStatus"], "Success", "{found}");
        assert_eq!(found["Outputs"], json!({"find.Ids": [bed.node.as_str()]}));
        assert_eq!(found["ExecutedBy"], "arn:aws:iam::123456789012:root");
        let tags = json!({"ResourceType": "ManagedInstance", "ResourceId": bed.node.as_str()});
        let tags = bed.server.answer("ListTagsForResource", tags).await;
        assert_eq!(tags["TagList"], json!([{"Key": "By", "Value": id}]));
        let gone = &found["StepExecutions"][3];
        assert!(gone["FailureMessage"].as_str().unwrap().contains("InvalidDocument"), "{gone}");
        assert_eq!(gone["FailureDetails"]["FailureStage"], "Invocation");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_died_while_it_called_leaves_a_claim_that_runs_out() {
    for mut bed in Bed::on_each_engine().await {
        let step = |api: &str| {
            json!({"name": "a", "action": "aws:executeAwsApi",
            "inputs": {"Service": "ssm", "Api": api, "Name": "none-such", "DocumentVersion": "1"}})
        };
        let reads = bed.start_steps(json!([step("GetDocument")])).await;
        let writes = bed.start_steps(json!([step("UpdateDocumentDefaultVersion")])).await;
        run_automations::run_once(Arc::clone(&bed.server.app), bed.server.now).await.unwrap();
        for id in [&reads, &writes] {
            let ctx = bed.server.root();
            let key = store::automations::AutomationKey {
                account: ctx.account.clone(),
                region: ctx.region.clone(),
                id: id.parse().unwrap(),
            };
            assert!(claim(&bed.server.app, (&key, 0), bed.server.now).await.unwrap().is_some());
            assert!(
                claim(&bed.server.app, (&key, 0), bed.server.now).await.unwrap().is_none(),
                "it is taken"
            );
        }
        bed.tick(30).await;
        assert_eq!(
            (bed.status(&reads).await, bed.status(&writes).await),
            ("InProgress".into(), "InProgress".into())
        );
        bed.tick(6).await;
        bed.tick(1).await;
        // What only reads was called again; of the other nobody knows.
        let text = bed.get(&reads).await["FailureMessage"].as_str().unwrap().to_owned();
        assert!(text.contains("InvalidDocument"), "{text}");
        let text = bed.get(&writes).await["FailureMessage"].as_str().unwrap().to_owned();
        assert!(text.contains("carried out is not known"), "{text}");
    }
}

/// Answers every request with this body.
async fn receiver(body: &'static str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"}") && stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
            let length = body.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_stand_for_functions() {
    let address = receiver(r#"{"left": 3}"#).await;
    for mut bed in Bed::on_each_engine_with(&format!("drain http://{address}/\n")).await {
        let steps = json!([
            {"name": "f", "action": "aws:invokeLambdaFunction",
                "inputs": {"FunctionName": "arn:aws:lambda:eu-central-1:123456789012:function:drain", "InputPayload": {"n": 1}},
                "outputs": [{"Name": "Left", "Selector": "$.Payload.left", "Type": "Integer"}]},
            {"name": "w", "action": "aws:invokeWebhook", "inputs": {"IntegrationName": "drain", "Body": "{\"left\":{{ f.Left }}}"}},
            {"name": "x", "action": "aws:invokeWebhook", "inputs": {"IntegrationName": "gone"}}]);
        let id = bed.start_steps(steps).await;
        for _ in 0..4 {
            bed.tick(1).await;
        }
        let found = bed.get(&id).await;
        let steps = &found["StepExecutions"];
        assert_eq!(steps[0]["Outputs"]["Left"], json!(["3"]), "{found}");
        assert_eq!(steps[1]["Outputs"]["ResponseCode"], json!(["200"]));
        assert_eq!(found["AutomationExecutionStatus"], "Failed");
        assert!(steps[2]["FailureMessage"].as_str().unwrap().contains("no webhook `gone`"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_start_executions() {
    for mut bed in Bed::on_each_engine().await {
        bed.runbook(
            "inner",
            json!({"parameters": {"Word": {"type": "String"}}, "outputs": ["say.Said"],
            "mainSteps": [{"name": "say", "action": "aws:executeAwsApi",
                "inputs": {"Service": "ssm", "Api": "DescribeDocument", "Name": "{{ Word }}"},
                "outputs": [{"Name": "Said", "Selector": "$.Document.Name", "Type": "String"}]}]}),
        )
        .await;
        let steps = json!([{"name": "a", "action": "aws:executeAutomation",
            "inputs": {"DocumentName": "inner", "RuntimeParameters": {"Word": "AWS-Noop"}}}, sleep("b")]);
        let id = bed.start_steps(steps).await;
        for _ in 0..5 {
            bed.tick(2).await;
        }
        let found = bed.get(&id).await;
        let step = &found["StepExecutions"][0];
        assert_eq!(step["Outputs"]["Output"], json!(["AWS-Noop"]), "{found}");
        let child = step["Outputs"]["ExecutionId"][0].as_str().unwrap();
        assert_eq!(bed.get(child).await["ParentAutomationExecutionId"], *id);
        let of_parent = json!({"Filters": [{"Key": "ParentExecutionId", "Values": [id]}]});
        let list = bed.server.answer("DescribeAutomationExecutions", of_parent).await;
        assert_eq!(list["AutomationExecutionMetadataList"][0]["AutomationExecutionId"], *child);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_for_each_target() {
    for mut bed in Bed::on_each_engine().await {
        bed.runbook(
            "each",
            json!({"parameters": {"Name": {"type": "String"}, "Node": {"type": "String", "default": ""}},
            "mainSteps": [{"name": "a", "action": "aws:executeAwsApi",
                "inputs": {"Service": "ssm", "Api": "DescribeDocument", "Name": "{{ Name }}"}}]}),
        )
        .await;
        let request = json!({"DocumentName": "each", "TargetParameterName": "Name", "MaxConcurrency": "2", "MaxErrors": "0",
            "Targets": [{"Key": "ParameterValues", "Values": ["AWS-Noop", "AWS-RunShellScript", "none-such", "AWS-Noop2"]}]});
        let id = bed.start(request).await;
        for _ in 0..12 {
            bed.tick(2).await;
        }
        let found = bed.get(&id).await;
        assert_eq!(found["AutomationExecutionStatus"], "Failed");
        assert_eq!(found["ResolvedTargets"]["ParameterValues"].as_array().unwrap().len(), 4);
        let summary = &found["TargetsSummary"];
        assert_eq!((&summary["TotalCount"], &summary["SuccessfulCount"]), (&json!(4), &json!(2)), "{found}");
        let of_parent = json!({"Filters": [{"Key": "ParentExecutionId", "Values": [id]}]});
        let children = bed
            .server
            .pages("DescribeAutomationExecutions", of_parent, "AutomationExecutionMetadataList", 1)
            .await;
        assert!(children.len() >= 3);
        let targets: Vec<&str> = children.iter().map(|child| child["Target"].as_str().unwrap()).collect();
        assert!(targets.contains(&"none-such"), "{targets:?}");

        let by_node = json!({"DocumentName": "each", "Parameters": {"Name": ["AWS-Noop"]}, "TargetParameterName": "Node",
            "Targets": [{"Key": "InstanceIds", "Values": ["*"]}]});
        let id = bed.start(by_node).await;
        for _ in 0..4 {
            bed.tick(2).await;
        }
        let found = bed.get(&id).await;
        assert_eq!(found["AutomationExecutionStatus"], "Success", "{found}");
        assert_eq!(found["StepExecutions"][0]["StepName"], bed.node.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_are_forgotten_with_their_steps() {
    for mut bed in Bed::on_each_engine().await {
        let over = bed.start_steps(json!([sleep("a")])).await;
        let waits = bed.start_steps(json!([{"name": "a", "action": "aws:pause", "inputs": {}}])).await;
        bed.tick(0).await;
        bed.tick(10).await;
        assert_eq!((bed.status(&over).await, bed.status(&waits).await), ("Success".into(), "Waiting".into()));
        let later: Timestamp = bed.server.now.plus_seconds(31 * 86_400);
        assert_eq!(forget_automations::run_once(Arc::clone(&bed.server.app), later).await.unwrap(), 1);
        let code = bed.server.refusal("GetAutomationExecution", json!({"AutomationExecutionId": over})).await;
        assert_eq!(code, "AutomationExecutionNotFoundException");
        assert_eq!(bed.status(&waits).await, "Waiting");
    }
}
