//! Quick Setup through the dispatcher, on each engine; the job is run by hand.

use std::sync::Arc;

use domain::object::BucketName;
use futures_util::StreamExt;
use serde_json::{Value, json};
use store::objects::{self, ObjectRef, buckets};

use crate::jobs::deploy_quick_setup;
use crate::operations::Service;
use crate::operations::associations::tests::polling::{add, finish, run_due, servers, stay};
use crate::testing::{Refused, TestServer, call};

const POLICY: &str = "AWSQuickSetupType-PatchPolicy";
const HOSTS: &str = "AWSQuickSetupType-SSMHostMgmt";
const UNKNOWN: &str = "arn:aws:ssm-quicksetup:eu-central-1:123456789012:configuration-manager/0b9c9f7a-63a6-4f0e-9a53-0f4a2e0a6c11";

async fn answer(server: &TestServer, operation: &str, request: Value) -> Value {
    server.answer_of(Service::QuickSetup, operation, request).await
}

async fn refusal(server: &TestServer, operation: &str, request: Value) -> Refused {
    server.refusal_of(Service::QuickSetup, operation, request).await
}

async fn deploy(server: &TestServer) -> u64 {
    deploy_quick_setup::run_once(Arc::clone(&server.app), server.now).await.unwrap()
}

/// A baseline for Debian that approves this.
async fn baseline(server: &TestServer, approved: &str) -> String {
    let request = json!({"Name": "mine", "OperatingSystem": "DEBIAN", "ApprovedPatches": [approved]});
    server.answer("CreatePatchBaseline", request).await["BaselineId"].as_str().unwrap().to_owned()
}

fn selected(baseline: &str) -> Value {
    json!({"DEBIAN": {"value": baseline, "label": "mine", "description": "", "disabled": false}})
        .to_string()
        .into()
}

fn parameters(baseline: &str, more: Value) -> Value {
    let mut all = json!({"PatchPolicyName": "weekly", "SelectedPatchBaselines": selected(baseline)});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

async fn create(server: &TestServer, kind: &str, parameters: Value) -> String {
    let request =
        json!({"Name": "fleet", "ConfigurationDefinitions": [{"Type": kind, "Parameters": parameters}]});
    let made = answer(server, "CreateConfigurationManager", request).await;
    made["ManagerArn"].as_str().unwrap().to_owned()
}

async fn get(server: &TestServer, arn: &str) -> Value {
    answer(server, "GetConfigurationManager", json!({"ManagerArn": arn})).await
}

/// Of the deployment, and of what the associations came to.
async fn statuses(server: &TestServer, arn: &str) -> Vec<String> {
    let summaries = get(server, arn).await["StatusSummaries"].clone();
    let of = |summary: &Value| format!("{} {}", summary["StatusType"], summary["Status"]).replace('"', "");
    summaries.as_array().unwrap().iter().map(of).collect()
}

async fn message(server: &TestServer, arn: &str) -> String {
    get(server, arn).await["StatusSummaries"][0]["StatusMessage"].as_str().unwrap_or_default().to_owned()
}

/// By name, shortened to what it is for.
async fn associations(server: &TestServer) -> Vec<(String, Value)> {
    let rows = server.pages("ListAssociations", json!({}), "Associations", 10).await;
    let mut found = Vec::new();
    for row in rows {
        let described =
            server.answer("DescribeAssociation", json!({"AssociationId": row["AssociationId"]})).await;
        let described = described["AssociationDescription"].clone();
        let name = described["AssociationName"].as_str().unwrap().to_owned();
        found.push((name.split('-').nth(3).unwrap().to_owned(), described));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// What nodes would be given for an address `s3://BUCKET/KEY`.
async fn object(server: &TestServer, address: &str) -> Option<Value> {
    let (bucket, key) = address.strip_prefix("s3://").unwrap().split_once('/').unwrap();
    let ctx = server.root();
    let of = ObjectRef { account: ctx.account, bucket: bucket.parse().unwrap(), key: key.parse().unwrap() };
    let mut tx = server.app.store().read().await.unwrap();
    let found = objects::find(&mut tx, &of).await.unwrap()?;
    let content = &found.contents[0];
    let mut stream = server.app.objects.contents.read(&content.id, 0..content.size_bytes).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(part) = stream.next().await {
        bytes.extend(part.unwrap());
    }
    Some(serde_json::from_slice(&bytes).unwrap())
}

async fn has_bucket(server: &TestServer, address: &str) -> bool {
    let bucket: BucketName = address.split('/').nth(2).unwrap().parse().unwrap();
    let mut tx = server.app.store().read().await.unwrap();
    buckets::find(&mut tx, &server.root().account, &bucket).await.unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_becomes_associations_and_their_baselines() {
    for mut server in servers().await {
        let mine = baseline(&server, "curl").await;
        let arn = create(&server, POLICY, parameters(&mine, json!({"RateControlConcurrency": "5"}))).await;
        assert_eq!(statuses(&server, &arn).await, ["Deployment INITIALIZING"]);
        let (code, _) = refusal(&server, "DeleteConfigurationManager", json!({"ManagerArn": arn})).await;
        assert_eq!(code, "ConflictException", "one after the other");
        assert_eq!((deploy(&server).await, deploy(&server).await), (1, 0));
        assert_eq!(statuses(&server, &arn).await, ["Deployment SUCCEEDED", "AsyncExecutions NONE"]);
        let made = associations(&server).await;
        assert_eq!(made.len(), 1);
        let scan = &made[0].1;
        assert_eq!((&scan["Name"], &scan["MaxConcurrency"]), (&json!("AWS-RunPatchBaseline"), &json!("5")));
        assert_eq!(scan["Parameters"]["Operation"], json!(["Scan"]));
        let address = scan["Parameters"]["BaselineOverride"][0].as_str().unwrap().to_owned();
        assert!(address.starts_with("s3://aws-quicksetup-patchpolicy-123456789012-"), "{address}");
        let kept = object(&server, &address).await.unwrap();
        assert_eq!(kept[0]["OperatingSystem"], "DEBIAN");
        assert_eq!((&kept[0]["BaselineId"], &kept[0]["ApprovedPatches"]), (&json!(mine), &json!(["curl"])));

        // Its nodes are told where, and for whom they report.
        let node = add(&server, 1).await;
        run_due(&server).await;
        let payload = finish(&server, &node, "Success").await;
        assert_eq!(payload["Parameters"]["BaselineOverride"], json!(address));
        assert_eq!(payload["Parameters"]["AssociationId"], scan["AssociationId"]);
        assert_eq!(statuses(&server, &arn).await[1], "AsyncExecutions SUCCEEDED");

        // Other parameters change the same association, and bring the other one.
        let id = get(&server, &arn).await["ConfigurationDefinitions"][0]["Id"].clone();
        let more = json!({"ConfigurationOptionsPatchOperation": "ScanAndInstall", "TargetType": "Tags",
            "TargetTagKey": "Env", "TargetTagValue": "prod", "RebootOption": "NoReboot",
            "ConfigurationOptionsInstallNextInterval": "true"});
        let update = json!({"ManagerArn": arn, "Id": id, "Parameters": parameters(&mine, more)});
        server.now = server.now.plus_seconds(1);
        answer(&server, "UpdateConfigurationDefinition", update.clone()).await;
        assert_eq!(statuses(&server, &arn).await[0], "Deployment DEPLOYING");
        assert_eq!(refusal(&server, "UpdateConfigurationDefinition", update).await.0, "ConflictException");
        deploy(&server).await;
        let changed = associations(&server).await;
        let names: Vec<&str> = changed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["InstallPatches", "ScanForPatches"]);
        assert_eq!(changed[1].1["AssociationId"], scan["AssociationId"]);
        assert_eq!(
            (&changed[1].1["AssociationVersion"], &changed[0].1["AssociationVersion"]),
            (&json!("2"), &json!("1"))
        );
        assert_eq!(changed[0].1["Parameters"]["RebootOption"], json!(["NoReboot"]));
        assert_eq!(changed[0].1["Targets"], json!([{"Key": "tag:Env", "Values": ["prod"]}]));
        assert_eq!(changed[0].1["ApplyOnlyAtCronInterval"], true);

        for _ in 0..2 {
            answer(&server, "DeleteConfigurationManager", json!({"ManagerArn": arn})).await;
            assert_eq!(statuses(&server, &arn).await[0], "Deployment DELETING");
        }
        deploy(&server).await;
        assert!(associations(&server).await.is_empty() && !has_bucket(&server, &address).await);
        let (code, _) = refusal(&server, "GetConfigurationManager", json!({"ManagerArn": arn})).await;
        assert_eq!(code, "ResourceNotFoundException");
        assert_eq!(deploy(&server).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hour_baselines_are_read_anew_and_what_was_deleted_is_put_back() {
    for mut server in servers().await {
        let mine = baseline(&server, "curl").await;
        let arn = create(&server, POLICY, parameters(&mine, json!({}))).await;
        deploy(&server).await;
        let before = associations(&server).await[0].1.clone();
        let address = before["Parameters"]["BaselineOverride"][0].as_str().unwrap().to_owned();
        let change = json!({"BaselineId": mine, "ApprovedPatches": ["vim"]});
        server.answer("UpdatePatchBaseline", change).await;
        assert_eq!(deploy(&server).await, 0);
        server.now = server.now.plus_seconds(3600);
        assert_eq!(deploy(&server).await, 1);
        assert_eq!(object(&server, &address).await.unwrap()[0]["ApprovedPatches"], json!(["vim"]));
        assert_eq!(associations(&server).await[0].1["AssociationVersion"], "1", "nothing of it has changed");

        server.answer("DeleteAssociation", json!({"AssociationId": before["AssociationId"]})).await;
        server.now = server.now.plus_seconds(3600);
        deploy(&server).await;
        let again = associations(&server).await[0].1.clone();
        assert_ne!(again["AssociationId"], before["AssociationId"]);

        server.answer("DeletePatchBaseline", json!({"BaselineId": mine})).await;
        server.now = server.now.plus_seconds(3600);
        deploy(&server).await;
        assert_eq!(statuses(&server, &arn).await[0], "Deployment FAILED");
        let said = message(&server, &arn).await;
        assert!(said.contains(&mine) && said.contains("choose another"), "{said}");
        assert!(object(&server, &address).await.is_none(), "nobody patches by what is not chosen any more");

        let other = baseline(&server, "bash").await;
        let id = get(&server, &arn).await["ConfigurationDefinitions"][0]["Id"].clone();
        let update = json!({"ManagerArn": arn, "Id": id, "Parameters": parameters(&other, json!({}))});
        answer(&server, "UpdateConfigurationDefinition", update).await;
        deploy(&server).await;
        assert_eq!(statuses(&server, &arn).await[0], "Deployment SUCCEEDED");
        assert_eq!(object(&server, &address).await.unwrap()[0]["ApprovedPatches"], json!(["bash"]));
        assert_eq!(associations(&server).await[0].1["AssociationId"], again["AssociationId"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_deployed_says_why() {
    for server in servers().await {
        let mine = baseline(&server, "curl").await;
        let windows = json!({"WINDOWS": {"value": mine}}).to_string();
        let rows = [
            (parameters("pb-00000000000000000", json!({})), "pb-00000000000000000"),
            (json!({"PatchPolicyName": "x", "SelectedPatchBaselines": windows}), "is for DEBIAN"),
            (
                parameters(
                    &mine,
                    json!({"OutputLogEnableS3": "true", "OutputS3BucketName": "no-such-bucket"}),
                ),
                "no-such-bucket",
            ),
        ];
        for (parameters, expected) in rows {
            let arn = create(&server, POLICY, parameters).await;
            deploy(&server).await;
            assert_eq!(statuses(&server, &arn).await, ["Deployment FAILED"], "{expected}");
            let said = message(&server, &arn).await;
            assert!(said.contains(expected), "{said}");
            // What failed can be deleted.
            answer(&server, "DeleteConfigurationManager", json!({"ManagerArn": arn})).await;
        }
        deploy(&server).await;
        assert_eq!(associations(&server).await.len(), 0);
        let left = answer(&server, "ListConfigurationManagers", json!({})).await;
        assert_eq!(left["ConfigurationManagersList"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_are_deployed_each_and_cleared_when_they_are_left() {
    for server in servers().await {
        let hosts = json!({"TargetRegions": "eu-central-1,us-east-1", "TargetAccounts": "123456789012"});
        let arn = create(&server, HOSTS, hosts).await;
        assert_eq!(deploy(&server).await, 2);
        let listed = answer(&server, "ListConfigurations", json!({"ManagerArn": arn})).await;
        let mut regions: Vec<&str> = listed["ConfigurationsList"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["Region"].as_str().unwrap())
            .collect();
        regions.sort_unstable();
        assert_eq!(regions, ["eu-central-1", "us-east-1"]);
        let here = associations(&server).await;
        assert!(here.iter().any(|(name, _)| name == "ScanForPatches"), "{here:?}");
        let scan = &here.iter().find(|(name, _)| name == "ScanForPatches").unwrap().1;
        assert_eq!(
            (&scan["ScheduleExpression"], &scan["SyncCompliance"]),
            (&json!("rate(1 day)"), &json!("MANUAL"))
        );
        let there = async || {
            let mut ctx = server.root();
            ctx.region = "us-east-1".parse().unwrap();
            let listed = call(&ctx, Service::Ssm, "ListAssociations", json!({})).await.unwrap();
            listed["Associations"].as_array().unwrap().len()
        };
        assert_eq!(there().await, here.len());
        let id = get(&server, &arn).await["ConfigurationDefinitions"][0]["Id"].clone();
        let update = json!({"ManagerArn": arn, "Id": id, "Parameters": {"TargetRegions": "eu-central-1"}});
        answer(&server, "UpdateConfigurationDefinition", update).await;
        assert_eq!(deploy(&server).await, 2);
        assert_eq!((there().await, associations(&server).await.len()), (0, here.len()));
        assert_eq!(statuses(&server, &arn).await[0], "Deployment SUCCEEDED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patch_now_leaves_the_nodes_of_a_policy_to_it() {
    for server in servers().await {
        let nodes = [add(&server, 1).await, add(&server, 2).await];
        let mine = baseline(&server, "curl").await;
        let one = json!({"TargetType": "InstanceIds", "TargetInstances": nodes[0].as_str()});
        create(&server, POLICY, parameters(&mine, one)).await;
        let order = |id: &str| {
            let targets = json!([{"Key": "InstanceIds", "Values": [id]}]);
            json!({"Order": {"Operation": "Scan", "Targets": targets}})
        };
        let start = async |id: &str| server.call_of(Service::Fettle, "StartPatchNow", order(id)).await;
        let all = start("*").await.unwrap();
        assert_eq!(all["PatchNow"]["TargetCount"], 1);
        assert_eq!(all["Excluded"], json!([{"InstanceId": nodes[0].as_str(), "PatchPolicyName": "weekly"}]));
        let (code, text) = start(nodes[0].as_str()).await.unwrap_err();
        assert!(code == "ValidationException" && text.contains("`weekly`"), "{code}: {text}");
        assert_eq!(start(nodes[1].as_str()).await.unwrap()["Excluded"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_deploy_once() {
    for server in servers().await {
        let mine = baseline(&server, "curl").await;
        create(&server, POLICY, parameters(&mine, json!({}))).await;
        let other = server.another().await;
        let both = tokio::join!(
            deploy_quick_setup::run_once(Arc::clone(&server.app), server.now),
            deploy_quick_setup::run_once(other, server.now)
        );
        assert!(both.0.is_ok() && both.1.is_ok(), "{both:?}");
        assert_eq!(associations(&server).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_and_filtered() {
    for server in servers().await {
        let mine = baseline(&server, "curl").await;
        for _ in 0..2 {
            create(&server, POLICY, parameters(&mine, json!({}))).await;
        }
        let hosts = create(&server, HOSTS, json!({})).await;
        for (operation, member) in [
            ("ListConfigurationManagers", "ConfigurationManagersList"),
            ("ListConfigurations", "ConfigurationsList"),
        ] {
            let (mut seen, mut request) = (0, json!({"MaxItems": 1}));
            loop {
                let page = answer(&server, operation, request.clone()).await;
                seen += page[member].as_array().unwrap().len();
                match page.get("NextToken") {
                    Some(token) => request["StartingToken"] = token.clone(),
                    None => break,
                }
            }
            assert_eq!(seen, 3, "{operation}");
            let count = async |key: &str, value: &str| {
                let request = json!({"Filters": [{"Key": key, "Values": ["x", value]}]});
                answer(&server, operation, request).await[member].as_array().unwrap().len()
            };
            let id = hosts.rsplit('/').next().unwrap();
            let rows = [
                ("Configuration Type", POLICY, 2),
                ("ConfigurationType", HOSTS, 1),
                ("Status", "initializing", 3),
                ("Name", "fleet", 3),
                ("Manager ARN", id, 1),
                ("Region", "us-east-1", 0),
            ];
            for (key, value, expected) in rows {
                assert_eq!(count(key, value).await, expected, "{operation} {key} {value}");
            }
            let unknown = json!({"Filters": [{"Key": "Colour", "Values": ["red"]}]});
            assert_eq!(refusal(&server, operation, unknown).await.0, "ValidationException");
            let token = json!({"StartingToken": "abc"});
            assert_eq!(refusal(&server, operation, token).await.0, "ValidationException");
        }
        let listed = answer(&server, "ListConfigurations", json!({"ManagerArn": hosts})).await;
        let row = &listed["ConfigurationsList"][0];
        let one = answer(&server, "GetConfiguration", json!({"ConfigurationId": row["Id"]})).await;
        assert_eq!((&one["ManagerArn"], &one["Type"]), (&json!(hosts), &json!(HOSTS)));
        assert!(one["CreatedAt"].as_str().unwrap().ends_with('Z'), "{one}");
        let managers = answer(&server, "ListConfigurationManagers", json!({})).await;
        let first = managers["ConfigurationManagersList"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["ManagerArn"] != json!(hosts));
        let shown = &first.unwrap()["ConfigurationDefinitionSummaries"][0]["FirstClassParameters"];
        assert_eq!(*shown, json!({"PatchPolicyName": "weekly"}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn managers_are_named_and_tagged() {
    for server in TestServer::on_each_engine().await {
        let definitions = json!([{"Type": HOSTS, "TypeVersion": "LATEST", "Parameters": {},
            "LocalDeploymentExecutionRoleName": "role"}]);
        let request = json!({"Name": "one", "Description": "first", "Tags": {"Team": "web"},
            "ConfigurationDefinitions": definitions});
        let arn = answer(&server, "CreateConfigurationManager", request).await["ManagerArn"].clone();
        let arn = arn.as_str().unwrap();
        answer(&server, "UpdateConfigurationManager", json!({"ManagerArn": arn, "Name": "two"})).await;
        let shown = get(&server, arn).await;
        assert_eq!((&shown["Name"], &shown["Description"]), (&json!("two"), &json!("first")));
        let definition = &shown["ConfigurationDefinitions"][0];
        assert_eq!(
            (&definition["TypeVersion"], &definition["LocalDeploymentExecutionRoleName"]),
            (&json!("1.0"), &json!("role"))
        );
        assert_eq!(shown["Tags"], json!({"Team": "web"}));

        answer(&server, "TagResource", json!({"ResourceArn": arn, "Tags": {"Env": "prod", "Team": "db"}}))
            .await;
        answer(&server, "UntagResource", json!({"ResourceArn": arn, "TagKeys": ["Env", "None"]})).await;
        let tags = answer(&server, "ListTagsForResource", json!({"ResourceArn": arn})).await;
        assert_eq!(tags["Tags"], json!([{"Key": "Team", "Value": "db"}]));
        let reserved = json!({"ResourceArn": arn, "Tags": {"aws:x": "y"}});
        assert_eq!(refusal(&server, "TagResource", reserved).await.0, "ValidationException");

        let settings = answer(&server, "GetServiceSettings", json!({})).await;
        assert_eq!(settings, json!({"ServiceSettings": {}}));
        let role = "arn:aws:iam::123456789012:role/explorer";
        answer(&server, "UpdateServiceSettings", json!({"ExplorerEnablingRoleArn": role})).await;
        let settings = answer(&server, "GetServiceSettings", json!({})).await;
        assert_eq!(settings["ServiceSettings"]["ExplorerEnablingRoleArn"], role);
        let none = json!({"ExplorerEnablingRoleArn": "explorer"});
        assert_eq!(refusal(&server, "UpdateServiceSettings", none).await.0, "ValidationException");
        let types = answer(&server, "ListQuickSetupTypes", json!({})).await;
        assert_eq!(types["QuickSetupTypeList"][0], json!({"Type": POLICY, "LatestVersion": "1.0"}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_served_is_refused() {
    for server in TestServer::on_each_engine().await {
        let other = UNKNOWN.replace("123456789012", "210987654321");
        for arn in [UNKNOWN, &other] {
            for (operation, member, more) in [
                ("GetConfigurationManager", "ManagerArn", json!({})),
                ("UpdateConfigurationManager", "ManagerArn", json!({"Name": "x"})),
                ("UpdateConfigurationDefinition", "ManagerArn", json!({"Id": "abc"})),
                ("DeleteConfigurationManager", "ManagerArn", json!({})),
                ("ListConfigurations", "ManagerArn", json!({})),
                ("TagResource", "ResourceArn", json!({"Tags": {"a": "b"}})),
                ("UntagResource", "ResourceArn", json!({"TagKeys": ["a"]})),
                ("ListTagsForResource", "ResourceArn", json!({})),
            ] {
                let mut request = more;
                request[member] = arn.into();
                let (code, _) = refusal(&server, operation, request).await;
                assert_eq!(code, "ResourceNotFoundException", "{operation} {arn}");
            }
        }
        let (code, _) = refusal(&server, "GetConfiguration", json!({"ConfigurationId": "abc"})).await;
        assert_eq!(code, "ResourceNotFoundException");
        let create = |definitions: Value| json!({"ConfigurationDefinitions": definitions});
        let rows = [
            (create(json!([])), "expected 1 to 10"),
            (create(json!([{"Type": "AWSQuickSetupType-DHMC", "Parameters": {}}])), "AWSQuickSetupType-DHMC"),
            (create(json!([{"Type": HOSTS, "Parameters": {}, "TypeVersion": "7.0"}])), "`7.0` is not there"),
            (create(json!([{"Type": POLICY, "Parameters": {}}])), "PatchPolicyName: is required"),
            (create(json!([{"Type": HOSTS, "Parameters": {"Colour": "red"}}])), "Colour: is not a parameter"),
            (
                create(json!([{"Type": HOSTS, "Parameters": {"TargetAccounts": "210987654321"}}])),
                "another account",
            ),
            (json!({"ConfigurationDefinitions": [{"Type": HOSTS}]}), "must not be null"),
        ];
        for (request, expected) in rows {
            let (code, text) = refusal(&server, "CreateConfigurationManager", request.clone()).await;
            assert!(code == "ValidationException" && text.contains(expected), "{request}: {code}: {text}");
        }
        // A node has no business here.
        let node = server.add_node(1).await;
        stay(&server, &node).await;
        let refused = call(&server.node(&node), Service::QuickSetup, "ListQuickSetupTypes", json!({})).await;
        assert_eq!(refused.unwrap_err().0, "AccessDeniedException");
        let unknown = refusal(&server, "PATCH /configurationManager", json!({})).await;
        assert_eq!(unknown.0, "UnknownOperationException");
    }
}
