//! What policies make of requests, through the dispatcher; and which resources a request is about.

use domain::ids::NodeId;
use serde_json::{Value, json};

use super::resources::of_request;
use crate::caller::Caller;
use crate::ctx::Ctx;
use crate::operations::Service;
use crate::testing::{Refused, TestServer, call};

fn ann(server: &TestServer) -> Ctx {
    let arn = "arn:aws:iam::123456789012:user/ann".to_owned();
    server.ctx(Caller::User { arn, access_key_id: "ASIAANN".to_owned() })
}

async fn user(server: &TestServer, statements: Value) {
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let request = json!({"UserName": "ann", "Policies": {"it": policy}});
    if call(&server.root(), Service::Fettle, "CreateUser", request.clone()).await.is_err() {
        call(&server.root(), Service::Fettle, "UpdateUser", request).await.unwrap();
    }
}

async fn tag(server: &TestServer, node: &NodeId, key: &str, value: &str) {
    let request = json!({"ResourceType": "ManagedInstance", "ResourceId": node.as_str(),
        "Tags": [{"Key": key, "Value": value}]});
    server.answer("AddTagsToResource", request).await;
}

async fn send(server: &TestServer, more: Value) -> Result<Value, Refused> {
    let mut request = json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(&ann(server), Service::Ssm, "SendCommand", request).await
}

#[tokio::test]
async fn what_no_policy_allows_is_refused_in_the_words_of_aws() {
    for server in TestServer::on_each_engine().await {
        let refused = call(&ann(&server), Service::Ssm, "ListDocuments", json!({})).await.unwrap_err();
        assert_eq!(refused.0, "AccessDeniedException", "nobody of this name is there");
        user(&server, json!({"Effect": "Allow", "Action": "ssm:List*", "Resource": "*"})).await;
        call(&ann(&server), Service::Ssm, "ListDocuments", json!({})).await.unwrap();
        let request = json!({"BaselineId": "pb-0123456789abcdef0"});
        let refused = call(&ann(&server), Service::Ssm, "GetPatchBaseline", request).await;
        let expected = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: ssm:GetPatchBaseline on \
                        resource: arn:aws:ssm:eu-central-1:123456789012:patchbaseline/pb-0123456789abcdef0 because no \
                        identity-based policy allows the ssm:GetPatchBaseline action";
        assert_eq!(refused.unwrap_err(), ("AccessDeniedException".to_owned(), expected.to_owned()));
        let refused = call(&ann(&server), Service::Fettle, "ListUsers", json!({})).await.unwrap_err();
        assert_eq!(refused.0, "AccessDeniedException");
        let refused =
            call(&ann(&server), Service::QuickSetup, "ListQuickSetupTypes", json!({})).await.unwrap_err();
        assert_eq!(refused.0, "AccessDeniedException");
        user(
            &server,
            json!([{"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "ssm:ListDocuments", "Resource": "*"}]),
        )
        .await;
        let (name, text) = call(&ann(&server), Service::Ssm, "ListDocuments", json!({})).await.unwrap_err();
        assert!(
            name == "AccessDeniedException"
                && text.ends_with("with an explicit deny in an identity-based policy")
        );
        call(&server.root(), Service::Fettle, "UpdateUser", json!({"UserName": "ann", "Status": "DISABLED"}))
            .await
            .unwrap();
        let refused = call(&ann(&server), Service::Ssm, "ListCommands", json!({})).await.unwrap_err();
        assert_eq!(refused.0, "AccessDeniedException", "disabled");
    }
}

#[tokio::test]
async fn commands_go_to_the_nodes_that_tags_allow_alone() {
    for server in TestServer::on_each_engine().await {
        let (dev, prod) = (server.add_node(1).await, server.add_node(2).await);
        for (node, env) in [(&dev, "dev"), (&prod, "prod")] {
            tag(&server, node, "env", env).await;
            tag(&server, node, "all", "yes").await;
        }
        user(
            &server,
            json!([
                {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "arn:aws:ssm:*:*:document/AWS-RunShellScript"},
                {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "arn:aws:ssm:*:*:managed-instance/*",
                    "Condition": {"StringEquals": {"ssm:resourceTag/env": "dev"}}},
            ]),
        )
        .await;
        send(&server, json!({"InstanceIds": [dev.as_str()]})).await.unwrap();
        send(&server, json!({"Targets": [{"Key": "tag:env", "Values": ["dev"]}]})).await.unwrap();
        send(&server, json!({"Targets": [{"Key": "InstanceIds", "Values": [dev.as_str()]}]})).await.unwrap();
        for refused in [
            json!({"InstanceIds": [prod.as_str()]}),
            json!({"InstanceIds": [dev.as_str(), prod.as_str()]}),
            json!({"Targets": [{"Key": "tag:all", "Values": ["yes"]}]}),
            json!({"Targets": [{"Key": "InstanceIds", "Values": [prod.as_str()]}]}),
            json!({"InstanceIds": [dev.as_str()], "DocumentName": "AWS-RunPatchBaseline"}),
        ] {
            let (name, text) = send(&server, refused.clone()).await.unwrap_err();
            assert_eq!(name, "AccessDeniedException", "{refused}: {text}");
        }
        // Which nodes an association will run on is not known now: all have to be allowed.
        user(
            &server,
            json!({"Effect": "Allow", "Action": "ssm:*", "Resource": "*",
                "Condition": {"StringEqualsIfExists": {"ssm:resourceTag/env": "dev"}}}),
        )
        .await;
        let request =
            json!({"Name": "AWS-RunPatchBaseline", "Targets": [{"Key": "tag:env", "Values": ["dev"]}]});
        let refused = call(&ann(&server), Service::Ssm, "CreateAssociation", request).await.unwrap_err();
        assert!(refused.1.contains(":managed-instance/* because"), "{refused:?}");
    }
}

#[tokio::test]
async fn requests_are_about_what_they_name() {
    let server = TestServer::on_sqlite().await;
    let ctx = server.root();
    let check = |operation: &str, body: Value, expected: &[&str]| {
        let found = of_request(&ctx, Service::Ssm, operation, body.to_string().as_bytes()).unwrap();
        let found: Vec<String> = found.iter().map(super::Resource::shown).collect();
        let expected: Vec<String> = expected
            .iter()
            .map(|text| match text.starts_with('*') || text.starts_with("arn:") {
                true => (*text).to_owned(),
                false => format!("arn:aws:ssm:eu-central-1:123456789012:{text}"),
            })
            .collect();
        assert_eq!(found, expected, "{operation} {body}");
    };
    check("ListDocuments", json!({}), &["*"]);
    check("ListDocuments", json!([]), &["*"]);
    check("GetDocument", json!({"Name": "mine"}), &["document/mine"]);
    check("GetDocument", json!({"Name": "AWS-X"}), &["arn:aws:ssm:eu-central-1::document/AWS-X"]);
    check("CreatePatchBaseline", json!({"Name": "mine"}), &["*"]);
    check(
        "GetPatchBaseline",
        json!({"BaselineId": "arn:aws:ssm:eu-central-1:1:patchbaseline/pb-1"}),
        &["arn:aws:ssm:eu-central-1:1:patchbaseline/pb-1"],
    );
    check("GetMaintenanceWindow", json!({"WindowId": "mw-1"}), &["maintenancewindow/mw-1"]);
    check("DescribeInstancePatches", json!({"InstanceId": "mi-1"}), &["managed-instance/mi-1"]);
    check(
        "DescribeInstancePatches",
        json!({"InstanceId": "i-1"}),
        &["arn:aws:ec2:eu-central-1:123456789012:instance/i-1"],
    );
    check(
        "AddTagsToResource",
        json!({"ResourceType": "PatchBaseline", "ResourceId": "pb-1"}),
        &["patchbaseline/pb-1"],
    );
    check(
        "StartAutomationExecution",
        json!({"DocumentName": "mine"}),
        &["automation-definition/mine:$DEFAULT"],
    );
    check(
        "SendCommand",
        json!({"DocumentName": "mine", "InstanceIds": ["mi-2", "mi-1", "mi-2"]}),
        &["document/mine", "managed-instance/mi-1", "managed-instance/mi-2"],
    );
    check(
        "CreateAssociationBatch",
        json!({"Entries": [{"Name": "a", "InstanceId": "mi-1"}, {"Name": "b"}]}),
        &["document/a", "document/b", "managed-instance/mi-1"],
    );
    check(
        "CreateAssociation",
        json!({"Name": "a", "Targets": [{"Key": "InstanceIds", "Values": ["*"]}]}),
        &["document/a", "managed-instance/*"],
    );
    check("StartAssociationsOnce", json!({"AssociationIds": ["x"]}), &["association/x"]);
}

#[tokio::test]
async fn who_patches_now_sends_only_documents_that_may_be_sent() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let patches = json!({"Effect": "Allow", "Action": "fettle:*", "Resource": "*"});
        user(&server, patches.clone()).await;
        let targets = json!([{"Key": "InstanceIds", "Values": [node.as_str()]}]);
        let order = |more: Value| {
            let mut order = json!({"Operation": "Install", "Targets": targets});
            order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let ann = ann(&server);
            async move { call(&ann, Service::Fettle, "StartPatchNow", json!({"Order": order})).await }
        };
        let probe = json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}});
        let first = json!({"Name": "first", "Targets": targets, "Gates": {"Probe": probe}});
        let rings = json!({"Rollout": {"Rings": [first, {"Name": "rest"}]}});
        for more in [json!({"PreInstallHook": "AWS-RunShellScript"}), rings.clone()] {
            let (code, text) = order(more).await.unwrap_err();
            assert_eq!(code, "AccessDeniedException", "{text}");
            assert!(
                text.contains(
                    ":SendCommand on resource: arn:aws:ssm:eu-central-1::document/AWS-RunShellScript"
                ),
                "{text}"
            );
        }
        let script = "arn:aws:ssm:*::document/AWS-RunShellScript";
        user(&server, json!([patches, {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": script}]))
            .await;
        order(rings).await.unwrap();
    }
}

#[tokio::test]
async fn what_goes_on_nodes_is_called_off_by_who_may_order_it_there() {
    for server in TestServer::on_each_engine().await {
        let (dev, prod) = (server.add_node(1).await, server.add_node(2).await);
        for (node, env) in [(&dev, "dev"), (&prod, "prod")] {
            tag(&server, node, "env", env).await;
        }
        user(
            &server,
            json!({"Effect": "Allow", "Action": ["fettle:SignalRollout", "fettle:CancelPatchNow"],
                "Resource": "arn:aws:ssm:*:*:managed-instance/*",
                "Condition": {"StringEquals": {"ssm:resourceTag/env": "dev"}}}),
        )
        .await;
        let start = async |node: &NodeId| {
            let targets = json!([{"Key": "InstanceIds", "Values": [node.as_str()]}]);
            let rings = json!({"Rings": [{"Name": "all"}]});
            let order = json!({"Order": {"Operation": "Install", "Targets": targets, "Rollout": rings}});
            let started = call(&server.root(), Service::Fettle, "StartPatchNow", order).await.unwrap();
            started["PatchNow"]["PatchNowId"].clone()
        };
        for (node, is_allowed) in [(&dev, true), (&prod, false)] {
            let id = start(node).await;
            let requests = [
                ("SignalRollout", json!({"RolloutId": id, "Signal": "Pause"})),
                ("CancelPatchNow", json!({"PatchNowId": id})),
            ];
            for (operation, request) in requests {
                let outcome = call(&ann(&server), Service::Fettle, operation, request).await;
                match outcome {
                    Ok(_) => assert!(is_allowed, "{operation} on {node}"),
                    Err((code, text)) => {
                        assert!(!is_allowed && code == "AccessDeniedException", "{operation}: {text}");
                        assert!(text.contains(&format!("managed-instance/{node} because")), "{text}");
                    }
                }
            }
        }
    }
}
