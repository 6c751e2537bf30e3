//! Resource groups through the dispatcher, on each engine: their life, their members, and what has them as targets.

use domain::ids::NodeId;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::operations::Service;
use crate::testing::{Refused, TestServer, call};

const MANAGED: &str = "AWS::SSM::ManagedInstance";

async fn answer(server: &TestServer, operation: &str, request: Value) -> Value {
    server.answer_of(Service::ResourceGroups, operation, request).await
}

async fn refusal(server: &TestServer, operation: &str, request: Value) -> Refused {
    server.refusal_of(Service::ResourceGroups, operation, request).await
}

fn query(types: Value, tags: Value) -> Value {
    let text = json!({"ResourceTypeFilters": types, "TagFilters": tags}).to_string();
    json!({"Type": "TAG_FILTERS_1_0", "Query": text})
}

fn by_env(value: &str) -> Value {
    query(json!(["AWS::AllSupported"]), json!([{"Key": "Env", "Values": [value]}]))
}

fn generic(parameters: Value) -> Value {
    json!([{"Type": "AWS::ResourceGroups::Generic", "Parameters": parameters}])
}

async fn tag(server: &TestServer, node: &NodeId, value: &str) {
    let request = json!({"ResourceType": "ManagedInstance", "ResourceId": node.as_str(),
        "Tags": [{"Key": "Env", "Value": value}]});
    server.answer("AddTagsToResource", request).await;
}

fn arn(node: &NodeId) -> String {
    format!("arn:aws:ssm:eu-central-1:123456789012:managed-instance/{node}")
}

async fn members(server: &TestServer, request: Value) -> Vec<String> {
    let mut request = request;
    let mut found = Vec::new();
    loop {
        let page = answer(server, "ListGroupResources", request.clone()).await;
        let rows = page["Resources"].as_array().unwrap().clone();
        assert_eq!(page["ResourceIdentifiers"].as_array().unwrap().len(), rows.len());
        found.extend(rows.iter().map(|row| row["Identifier"]["ResourceArn"].as_str().unwrap().to_owned()));
        match page.get("NextToken") {
            Some(token) => request["NextToken"] = token.clone(),
            None => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_group() {
    for server in TestServer::on_each_engine().await {
        let request = json!({"Name": "web", "Description": "the front", "ResourceQuery": by_env("prod"),
            "Tags": {"Team": "a"}, "Owner": "ann", "Criticality": 2});
        let made = answer(&server, "CreateGroup", request.clone()).await;
        let its_arn = "arn:aws:resource-groups:eu-central-1:123456789012:group/web";
        assert_eq!(made["Group"]["GroupArn"], its_arn);
        assert_eq!((&made["ResourceQuery"], &made["Tags"]), (&by_env("prod"), &json!({"Team": "a"})));
        let again = refusal(&server, "CreateGroup", request).await;
        assert!(again.0 == "BadRequestException" && again.1.contains("is there already"), "{again:?}");

        for by in [json!({"Group": "web"}), json!({"GroupName": "web"}), json!({"Group": its_arn})] {
            assert_eq!(answer(&server, "GetGroup", by).await["Group"], made["Group"]);
        }
        let changed = answer(&server, "UpdateGroup", json!({"Group": "web", "Owner": "bob"})).await;
        assert_eq!(
            (&changed["Group"]["Owner"], &changed["Group"]["Description"]),
            (&json!("bob"), &json!("the front"))
        );
        let request = json!({"Group": its_arn, "ResourceQuery": by_env("test")});
        answer(&server, "UpdateGroupQuery", request).await;
        let shown = answer(&server, "GetGroupQuery", json!({"GroupName": "web"})).await;
        assert_eq!(shown["GroupQuery"], json!({"GroupName": "web", "ResourceQuery": by_env("test")}));
        assert!(
            answer(&server, "GetGroupConfiguration", json!({"Group": "web"}))
                .await
                .get("GroupConfiguration")
                .is_none()
        );

        answer(&server, "Tag", json!({"Arn": its_arn, "Tags": {"Env": "x", "Team": "b"}})).await;
        answer(&server, "Untag", json!({"Arn": its_arn, "Keys": ["Env", "none"]})).await;
        assert_eq!(answer(&server, "GetTags", json!({"Arn": its_arn})).await["Tags"], json!({"Team": "b"}));

        let gone = answer(&server, "DeleteGroup", json!({"Group": "web"})).await;
        assert_eq!(gone["Group"]["Name"], "web");
        for operation in ["GetGroup", "GetGroupQuery", "DeleteGroup", "ListGroupResources", "UpdateGroup"] {
            assert_eq!(refusal(&server, operation, json!({"Group": "web"})).await.0, "NotFoundException");
        }
        // Neither its tags nor its name remain.
        let request = json!({"Name": "web", "Configuration": generic(json!([]))});
        let made = answer(&server, "CreateGroup", request).await;
        assert_eq!(made["GroupConfiguration"]["Status"], "UPDATE_COMPLETE");
        assert_eq!(answer(&server, "GetTags", json!({"Arn": its_arn})).await["Tags"], json!({}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_group_can_be_is_refused() {
    for server in TestServer::on_each_engine().await {
        let create = async |more: Value| {
            let mut request = json!({"Name": "web"});
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            refusal(&server, "CreateGroup", request).await
        };
        let stack = json!({"Type": "CLOUDFORMATION_STACK_1_0", "Query": "{}"});
        let protected = generic(json!([{"Name": "deletion-protection", "Values": ["ALWAYS"]}]));
        for (request, expected) in [
            (json!({}), "give ResourceQuery"),
            (json!({"ResourceQuery": by_env("a"), "Configuration": generic(json!([]))}), "not both"),
            (json!({"ResourceQuery": stack}), "no stacks"),
            (json!({"ResourceQuery": {"Type": "TAG_FILTERS_1_0", "Query": "{}"}}), "ResourceTypeFilters"),
            (json!({"ResourceQuery": query(json!(["x"]), json!([]))}), "`x` is no resource type"),
            (json!({"Configuration": []}), "expected one item"),
            (json!({"Configuration": [{"Type": "AWS::EC2::HostManagement"}]}), "is not served here"),
            (json!({"Configuration": generic(json!([{"Name": "colour"}]))}), "`colour` is not served"),
            (json!({"Configuration": protected}), "expected UNLESS_EMPTY"),
            (json!({"Name": "AWS-mine", "ResourceQuery": by_env("a")}), "is reserved"),
            (json!({"ResourceQuery": by_env("a"), "Tags": {"aws:x": "y"}}), "is reserved"),
        ] {
            let (code, text) = create(request.clone()).await;
            assert!(code == "BadRequestException" && text.contains(expected), "{request}: {code}: {text}");
        }
        let elsewhere = "arn:aws:resource-groups:eu-west-1:123456789012:group/web";
        assert_eq!(refusal(&server, "GetGroup", json!({"Group": elsewhere})).await.0, "NotFoundException");
        for request in [json!({}), json!({"Group": "web", "GroupName": "web"})] {
            assert_eq!(refusal(&server, "GetGroup", request).await.0, "BadRequestException");
        }
        answer(&server, "CreateGroup", json!({"Name": "q", "ResourceQuery": by_env("a")})).await;
        let node = server.add_node(1).await;
        let one = json!({"Group": "q", "ResourceArns": [arn(&node)]});
        for operation in ["GroupResources", "UngroupResources"] {
            assert_eq!(refusal(&server, operation, one.clone()).await.0, "BadRequestException");
        }
        let request = json!({"Group": "q", "NextToken": "abcd"});
        assert_eq!(refusal(&server, "ListGroupResources", request).await.0, "BadRequestException");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_has_the_nodes_of_its_tags() {
    for server in TestServer::on_each_engine().await {
        let mut nodes = Vec::new();
        for number in 1..=5 {
            let node = server.add_node(number).await;
            tag(&server, &node, if number == 5 { "test" } else { "prod" }).await;
            nodes.push(arn(&node));
        }
        nodes.sort_unstable();
        let prod =
            answer(&server, "CreateGroup", json!({"Name": "prod", "ResourceQuery": by_env("prod")})).await;
        let found = members(&server, json!({"Group": prod["Group"]["GroupArn"], "MaxResults": 2})).await;
        assert_eq!(found.len(), 4);
        assert!(found.is_sorted() && found.iter().all(|arn| nodes.contains(arn)));
        let of_type =
            |name: &str| json!({"Group": "prod", "Filters": [{"Name": "resource-type", "Values": [name]}]});
        assert_eq!(members(&server, of_type(MANAGED)).await.len(), 4);
        assert_eq!(members(&server, of_type("AWS::EC2::Instance")).await, [] as [String; 0]);

        let every = query(json!([MANAGED, "AWS::S3::Bucket"]), json!([{"Key": "Env"}]));
        let all = answer(&server, "SearchResources", json!({"ResourceQuery": every})).await;
        assert_eq!(all["ResourceIdentifiers"].as_array().unwrap().len(), 5);
        assert_eq!(all["ResourceIdentifiers"][0]["ResourceType"], MANAGED);
        assert_eq!(all["QueryErrors"][0]["ErrorCode"], "RESOURCE_TYPE_NOT_SUPPORTED");

        for name in ["b", "a", "c"] {
            let request = json!({"Name": name, "ResourceQuery": every, "Owner": "ann"});
            answer(&server, "CreateGroup", request).await;
        }
        let (mut names, mut request) = (Vec::new(), json!({"MaxResults": 1}));
        loop {
            let page = answer(&server, "ListGroups", request.clone()).await;
            names.push(page["GroupIdentifiers"][0]["GroupName"].as_str().unwrap().to_owned());
            assert_eq!(page["Groups"][0]["Name"], names[names.len() - 1]);
            match page.get("NextToken") {
                Some(token) => request["NextToken"] = token.clone(),
                None => break,
            }
        }
        assert_eq!(names, ["a", "b", "c", "prod"]);
        for (filter, values, expected) in [
            ("owner", json!(["ann", "x"]), 3),
            ("resource-type", json!(["AWS::AllSupported"]), 1),
            ("resource-type", json!([MANAGED]), 3),
            ("configuration-type", json!(["AWS::ResourceGroups::Generic"]), 0),
        ] {
            let request = json!({"Filters": [{"Name": filter, "Values": values}]});
            let found = answer(&server, "ListGroups", request).await;
            assert_eq!(found["GroupIdentifiers"].as_array().unwrap().len(), expected, "{filter} {values}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_listed_one_by_one() {
    for server in TestServer::on_each_engine().await {
        let nodes = [server.add_node(1).await, server.add_node(2).await];
        let parameters = json!([{"Name": "deletion-protection", "Values": ["UNLESS_EMPTY"]}]);
        answer(&server, "CreateGroup", json!({"Name": "some", "Configuration": generic(parameters)})).await;
        let stranger = "arn:aws:ssm:eu-central-1:123456789012:managed-instance/mi-00000000000000000";
        let request = json!({"Group": "some", "ResourceArns": [arn(&nodes[0]), stranger, arn(&nodes[1])]});
        let done = answer(&server, "GroupResources", request.clone()).await;
        assert_eq!(done["Succeeded"], json!([arn(&nodes[0]), arn(&nodes[1])]));
        assert_eq!(done["Failed"][0]["ResourceArn"], stranger);
        answer(&server, "GroupResources", request).await;
        let group = json!({"Group": "some"});
        assert_eq!(members(&server, group.clone()).await.len(), 2);
        assert_eq!(refusal(&server, "DeleteGroup", group.clone()).await.0, "BadRequestException");

        let request = json!({"Group": "some", "ResourceArns": [arn(&nodes[0])]});
        answer(&server, "UngroupResources", request).await;
        assert_eq!(members(&server, group.clone()).await, [arn(&nodes[1])]);
        server.answer("DeregisterManagedInstance", json!({"InstanceId": nodes[1].as_str()})).await;
        assert_eq!(members(&server, group.clone()).await, [] as [String; 0]);
        answer(&server, "DeleteGroup", group).await;

        let only = json!([{"Name": "allowed-resource-types", "Values": ["AWS::EC2::Instance"]}]);
        answer(&server, "CreateGroup", json!({"Name": "cloud", "Configuration": generic(only)})).await;
        let request = json!({"Group": "cloud", "ResourceArns": [arn(&nodes[0])]});
        let done = answer(&server, "GroupResources", request).await;
        assert_eq!(done["Failed"][0]["ErrorCode"], "RESOURCE_TYPE_NOT_SUPPORTED");
        assert_eq!(done["Succeeded"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_and_associations_go_to_a_group() {
    for server in TestServer::on_each_engine().await {
        let nodes = [server.add_node(1).await, server.add_node(2).await];
        tag(&server, &nodes[0], "prod").await;
        answer(&server, "CreateGroup", json!({"Name": "prod", "ResourceQuery": by_env("prod")})).await;
        let name = json!({"Key": "resource-groups:Name", "Values": ["prod"]});
        let types = |name: &str| json!({"Key": "resource-groups:ResourceTypeFilters", "Values": [name]});
        let command = |targets: Value| json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}, "Targets": targets});
        for (targets, count) in [
            (json!([name]), 1),
            (json!([name, types(MANAGED)]), 1),
            (json!([name, types("AWS::EC2::Instance")]), 0),
        ] {
            let sent = server.answer("SendCommand", command(targets.clone())).await;
            assert_eq!(sent["Command"]["Targets"], targets);
            let id = &sent["Command"]["CommandId"];
            let found = server.answer("ListCommands", json!({"CommandId": id})).await;
            assert_eq!(found["Commands"][0]["TargetCount"], count, "{targets}");
        }
        let unknown = json!([{"Key": "resource-groups:Name", "Values": ["nobody"]}]);
        let (code, text) = server.call("SendCommand", command(unknown.clone())).await.unwrap_err();
        assert!(code == "ValidationException" && text.contains("no resource group `nobody`"), "{text}");

        let association = |targets: Value| json!({"Name": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}, "Targets": targets});
        assert_eq!(server.refusal("CreateAssociation", association(unknown.clone())).await, "InvalidTarget");
        let group = json!([{"Key": "ResourceGroup", "Values": ["prod"]}]);
        let made = server.answer("CreateAssociation", association(group)).await;
        let listed =
            |name: &str| json!({"AssociationFilterList": [{"key": "ResourceGroupName", "value": name}]});
        let found = server.answer("ListAssociations", listed("prod")).await;
        assert_eq!(
            found["Associations"][0]["AssociationId"],
            made["AssociationDescription"]["AssociationId"]
        );
        assert_eq!(server.answer("ListAssociations", listed("other")).await["Associations"], json!([]));

        let order = |targets: Value| json!({"Order": {"Operation": "Scan", "Targets": targets}});
        let now = server.answer_of(Service::Fettle, "StartPatchNow", order(json!([name]))).await;
        assert_eq!(now["PatchNow"]["TargetCount"], 1);
        let refused = server.call_of(Service::Fettle, "StartPatchNow", order(unknown.clone())).await;
        assert_eq!(refused.unwrap_err().0, "ValidationException");

        let runbook = json!({"schemaVersion": "0.3", "parameters": {"Node": {"type": "String"}},
            "mainSteps": [{"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}]});
        let request = json!({"Name": "rest", "DocumentType": "Automation", "Content": runbook.to_string()});
        server.answer("CreateDocument", request).await;
        let start = |targets: Value| json!({"DocumentName": "rest", "TargetParameterName": "Node", "Targets": targets});
        server.answer("StartAutomationExecution", start(json!([name]))).await;
        assert_eq!(server.refusal("StartAutomationExecution", start(unknown)).await, "InvalidTarget");
    }
}

#[tokio::test]
async fn policies_say_who_may_use_which_group() {
    for server in TestServer::on_each_engine().await {
        for name in ["web", "db"] {
            answer(&server, "CreateGroup", json!({"Name": name, "ResourceQuery": by_env(name)})).await;
        }
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "resource-groups:GetGroup", "Resource": "arn:aws:resource-groups:*:*:group/web"},
            {"Effect": "Allow", "Action": "resource-groups:ListGroups", "Resource": "*"}]});
        let request = json!({"UserName": "ann", "Policies": {"it": policy.to_string()}});
        server.answer_of(Service::Fettle, "CreateUser", request).await;
        let arn = "arn:aws:iam::123456789012:user/ann".to_owned();
        let ann = server.ctx(Caller::User { arn, access_key_id: "ASIAANN".to_owned() });
        let try_it = async |operation: &str, request: Value| {
            call(&ann, Service::ResourceGroups, operation, request).await.map(drop).map_err(|(code, _)| code)
        };
        let web = "arn:aws:resource-groups:eu-central-1:123456789012:group/web";
        let denied = Err("AccessDeniedException".to_owned());
        for group in ["web", web] {
            assert_eq!(try_it("GetGroup", json!({"Group": group})).await, Ok(()));
            assert_eq!(try_it("GetGroup", json!({"GroupName": "web"})).await, Ok(()));
            assert_eq!(try_it("DeleteGroup", json!({"Group": group})).await, denied);
            assert_eq!(try_it("GetTags", json!({"Arn": web})).await, denied);
        }
        assert_eq!(try_it("GetGroup", json!({"Group": "db"})).await, denied);
        assert_eq!(try_it("ListGroups", json!({})).await, Ok(()));
        assert_eq!(try_it("CreateGroup", json!({"Name": "x", "ResourceQuery": by_env("x")})).await, denied);
    }
}
