//! Associations through the dispatcher. Their runs are in `running` and `reaching`.

mod compliance;
mod deleting;
pub(crate) mod polling;
mod reaching;
mod runbooks;
mod running;

use domain::ids::AssociationId;
use serde_json::{Value, json};
use store::associations::{self, AssociationKey};

use super::{MAX_ASSOCIATIONS, key};
use crate::operations::Service;
use crate::testing::TestServer;

const SHELL: &str = "AWS-RunShellScript";

fn request(more: Value) -> Value {
    let mut full = json!({"Name": SHELL, "Parameters": {"commands": ["id"]},
        "Targets": [{"Key": "InstanceIds", "Values": ["*"]}]});
    full.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    full.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    full
}

async fn create(server: &TestServer, more: Value) -> String {
    let answer = server.answer("CreateAssociation", request(more)).await;
    answer["AssociationDescription"]["AssociationId"].as_str().unwrap().to_owned()
}

async fn describe(server: &TestServer, id: &str) -> Value {
    server.answer("DescribeAssociation", json!({"AssociationId": id})).await["AssociationDescription"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_association_is_made_changed_and_deleted() {
    for server in TestServer::on_each_engine().await {
        let made = server
            .answer(
                "CreateAssociation",
                request(json!({"AssociationName": "who-am-i", "ScheduleExpression": "rate(1 hour)",
                    "MaxErrors": "3", "Tags": [{"Key": "Team", "Value": "web"}]})),
            )
            .await["AssociationDescription"]
            .clone();
        let id = made["AssociationId"].as_str().unwrap();
        assert_eq!(describe(&server, id).await, made);
        let expected = json!({"Name": SHELL, "AssociationVersion": "1", "DocumentVersion": "$DEFAULT",
            "ComplianceSeverity": "UNSPECIFIED", "SyncCompliance": "AUTO", "ApplyOnlyAtCronInterval": false,
            "AssociationName": "who-am-i", "ScheduleExpression": "rate(1 hour)", "MaxErrors": "3",
            "Overview": {"Status": "Pending", "DetailedStatus": "Associated", "AssociationStatusAggregatedCount": {}}});
        for (member, value) in expected.as_object().unwrap() {
            assert_eq!(&made[member], value, "{member}");
        }
        let tags = json!({"ResourceType": "Association", "ResourceId": id});
        assert_eq!(server.answer("ListTagsForResource", tags).await["TagList"][0]["Key"], "Team");

        let update = json!({"AssociationId": id, "AssociationVersion": "1", "Parameters": {"commands": ["true"]},
            "Targets": [{"Key": "tag:Env", "Values": ["prod"]}], "ScheduleExpression": "cron(0 2 ? * SUN *)"});
        let changed =
            server.answer("UpdateAssociation", update.clone()).await["AssociationDescription"].clone();
        assert_eq!((&changed["AssociationVersion"], &changed["Name"]), (&json!("2"), &json!(SHELL)));
        assert_eq!((changed.get("AssociationName"), changed.get("MaxErrors")), (None, None), "cleared");
        assert_eq!(server.refusal("UpdateAssociation", update).await, "InvalidAssociationVersion");
        let old = json!({"AssociationId": id, "AssociationVersion": "1"});
        let old = server.answer("DescribeAssociation", old).await["AssociationDescription"].clone();
        assert_eq!((&old["AssociationVersion"], &old["AssociationName"]), (&json!("1"), &json!("who-am-i")));
        let none = json!({"AssociationId": id, "AssociationVersion": "3"});
        assert_eq!(server.refusal("DescribeAssociation", none).await, "InvalidAssociationVersion");
        let versions = server
            .pages("ListAssociationVersions", json!({"AssociationId": id}), "AssociationVersions", 1)
            .await;
        let numbers: Vec<&Value> = versions.iter().map(|version| &version["AssociationVersion"]).collect();
        assert_eq!(numbers, ["2", "1"]);

        assert_eq!(server.answer("DeleteAssociation", json!({"AssociationId": id})).await, json!({}));
        for operation in [
            "DescribeAssociation",
            "DeleteAssociation",
            "ListAssociationVersions",
            "DescribeAssociationExecutions",
        ] {
            let refusal = server.refusal(operation, json!({"AssociationId": id})).await;
            assert_eq!(refusal, "AssociationDoesNotExist", "{operation}");
        }
        let tags = json!({"ResourceType": "Association", "ResourceId": id});
        assert_eq!(server.refusal("ListTagsForResource", tags).await, "InvalidResourceId");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_its_code() {
    let server = TestServer::on_sqlite().await;
    let node = server.add_node(1).await;
    let by_id = json!([{"Key": "InstanceIds", "Values": [node.as_str()]}]);
    let location = |bucket: &str| json!({"S3Location": {"OutputS3BucketName": bucket}});
    let cron = "cron(0 2 ? * SUN *)";
    let rows = [
        (json!({"Name": "no-such"}), "InvalidDocument"),
        (json!({"DocumentVersion": "7"}), "InvalidDocumentVersion"),
        (json!({"Parameters": {"nonsense": ["x"]}}), "InvalidParameters"),
        (json!({"Parameters": null}), "InvalidParameters"),
        (json!({"Targets": null}), "ValidationException"),
        (json!({"Targets": [{"Key": "Colour", "Values": ["red"]}]}), "InvalidTarget"),
        (json!({"Targets": [{"Key": "InstanceIds", "Values": ["web1"]}]}), "InvalidTarget"),
        (json!({"ScheduleExpression": "rate(10 minutes)"}), "InvalidSchedule"),
        (json!({"ScheduleExpression": "sometimes"}), "InvalidSchedule"),
        (json!({"ScheduleExpression": cron, "ScheduleOffset": 2}), "ValidationException"),
        (
            json!({"ScheduleExpression": "rate(1 hour)", "ApplyOnlyAtCronInterval": true}),
            "ValidationException",
        ),
        (json!({"ApplyOnlyAtCronInterval": true}), "ValidationException"),
        (json!({"ScheduleExpression": cron, "Duration": 2}), "ValidationException"),
        (json!({"TargetMaps": [{"InstanceIds": ["x"]}]}), "ValidationException"),
        (json!({"TargetMaps": [{"InstanceIds": ["x"]}], "Targets": null}), "InvalidTargetMaps"),
        (json!({"AutomationTargetParameterName": "InstanceId"}), "ValidationException"),
        (json!({"OutputLocation": location("no-such-bucket")}), "InvalidOutputLocation"),
        (json!({"CalendarNames": ["no-such-calendar"]}), "InvalidDocument"),
        (json!({"CalendarNames": [SHELL]}), "InvalidDocument"),
        (json!({"Tags": [{"Key": "aws:x", "Value": "y"}]}), "InvalidTag"),
        (json!({"InstanceId": node.as_str()}), "ValidationException"),
        (json!({"Targets": null, "InstanceId": "mi-00000000000000000"}), "InvalidInstanceId"),
        (json!({"Targets": null, "InstanceId": node.as_str(), "MaxErrors": "1"}), "ValidationException"),
        (
            json!({"Name": "AWS-RunPatchBaseline", "Parameters": {"Operation": ["Scan"]}, "Targets": null,
            "InstanceId": node.as_str()}),
            "InvalidDocument",
        ),
        (
            json!({"Name": "AWS-InstallWindowsUpdates", "Parameters": null, "Targets": by_id}),
            "UnsupportedPlatformType",
        ),
    ];
    for (more, expected) in rows {
        let found = server.refusal("CreateAssociation", request(more.clone())).await;
        assert_eq!(found, expected, "{more}");
    }
    assert_eq!(server.answer("ListAssociations", json!({})).await["Associations"], json!([]));
    let unknown = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10";
    for (operation, request, expected) in [
        ("StartAssociationsOnce", json!({"AssociationIds": [unknown]}), "AssociationDoesNotExist"),
        ("UpdateAssociation", json!({"AssociationId": unknown}), "AssociationDoesNotExist"),
        ("DescribeAssociation", json!({}), "ValidationException"),
        (
            "DescribeAssociation",
            json!({"Name": SHELL, "InstanceId": node.as_str()}),
            "AssociationDoesNotExist",
        ),
        ("ListAssociations", json!({"NextToken": "x"}), "InvalidNextToken"),
        (
            "ListAssociations",
            json!({"AssociationFilterList": [{"key": "LastExecutedAfter", "value": "soon"}]}),
            "ValidationException",
        ),
        (
            "DescribeInstanceAssociationsStatus",
            json!({"InstanceId": "mi-00000000000000000"}),
            "InvalidInstanceId",
        ),
        (
            "DescribeEffectiveInstanceAssociations",
            json!({"InstanceId": "mi-00000000000000000"}),
            "InvalidInstanceId",
        ),
    ] {
        assert_eq!(server.refusal(operation, request).await, expected, "{operation}");
    }
    let id = create(&server, json!({})).await;
    let twice = json!({"AssociationIds": [id, id]});
    assert_eq!(server.refusal("StartAssociationsOnce", twice).await, "InvalidAssociation");
    let none = json!({"AssociationId": id, "ExecutionId": unknown});
    let refusal = server.refusal("DescribeAssociationExecutionTargets", none).await;
    assert_eq!(refusal, "AssociationExecutionDoesNotExist");
    let filters = json!([{"Key": "Status", "Value": "Failed", "Type": "LESS_THAN"}]);
    let filtered = json!({"AssociationId": id, "Filters": filters});
    assert_eq!(server.refusal("DescribeAssociationExecutions", filtered).await, "ValidationException");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_form_names_a_document_and_a_node() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let old = json!({"Targets": null, "InstanceId": node.as_str()});
        let id = create(&server, old.clone()).await;
        assert_eq!(server.refusal("CreateAssociation", request(old)).await, "AssociationAlreadyExists");
        let by_name = json!({"Name": SHELL, "InstanceId": node.as_str()});
        let found = server.answer("DescribeAssociation", by_name.clone()).await;
        assert_eq!(found["AssociationDescription"]["AssociationId"], *id);

        let status =
            json!({"Date": 1_795_000_000, "Name": "Failed", "Message": "no", "AdditionalInfo": "{}"});
        let mut say = by_name.clone();
        say["AssociationStatus"] = status;
        let said = server.answer("UpdateAssociationStatus", say.clone()).await;
        assert_eq!(said["AssociationDescription"]["Status"]["Message"], "no");
        assert_eq!(server.refusal("UpdateAssociationStatus", say).await, "StatusUnchanged");
        assert_eq!(describe(&server, &id).await["Status"]["Name"], "Failed");

        server.answer("DeleteAssociation", by_name.clone()).await;
        assert_eq!(server.refusal("DescribeAssociation", by_name).await, "AssociationDoesNotExist");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_makes_what_it_can() {
    for server in TestServer::on_each_engine().await {
        let entries = json!([
            request(json!({"AssociationName": "first"})),
            request(json!({"Name": "no-such"})),
            request(json!({"ScheduleExpression": "rate(1 minute)"})),
            request(json!({"AssociationName": "fourth"}))
        ]);
        let answer = server.answer("CreateAssociationBatch", json!({"Entries": entries})).await;
        let names: Vec<&Value> =
            answer["Successful"].as_array().unwrap().iter().map(|made| &made["AssociationName"]).collect();
        assert_eq!(names, ["first", "fourth"]);
        let failed = answer["Failed"].as_array().unwrap();
        assert_eq!(failed.len(), 2);
        assert_eq!((&failed[0]["Fault"], &failed[0]["Entry"]["Name"]), (&json!("Client"), &json!("no-such")));
        assert!(failed[1]["Message"].as_str().unwrap().starts_with("InvalidSchedule"));
        let node = server.add_node(1).await;
        let old = request(json!({"Targets": null, "InstanceId": node.as_str()}));
        let twice = json!({"Entries": [old, old]});
        assert_eq!(server.refusal("CreateAssociationBatch", twice).await, "DuplicateInstanceId");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_and_paged() {
    for server in TestServer::on_each_engine().await {
        let mut ids = Vec::new();
        for name in ["one-a", "two-b", "two-b", "three"] {
            ids.push(create(&server, json!({"AssociationName": name})).await);
        }
        ids.sort_unstable();
        let rows = server.pages("ListAssociations", json!({}), "Associations", 3).await;
        let found: Vec<&str> = rows.iter().map(|row| row["AssociationId"].as_str().unwrap()).collect();
        assert_eq!(found, ids);
        for (key, value, expected) in [
            ("AssociationName", "two-b", 2),
            ("AssociationId", &ids[0], 1),
            ("Name", SHELL, 4),
            ("Name", "arn:aws:ssm:eu-central-1::document/AWS-RunShellScript", 4),
            ("Name", "AWS-RunPatchBaseline", 0),
            ("AssociationStatusName", "Pending", 4),
            ("AssociationStatusName", "Success", 0),
            ("LastExecutedAfter", "2020-01-01T00:00:00Z", 0),
            ("ResourceGroupName", "web", 0),
        ] {
            let filter = json!({"AssociationFilterList": [{"key": key, "value": value}]});
            let rows = server.pages("ListAssociations", filter, "Associations", 1).await;
            assert_eq!(rows.len(), expected, "{key} {value}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_told_what_addresses_it() {
    for server in TestServer::on_each_engine().await {
        let nodes = [server.add_node(1).await, server.add_node(2).await];
        let everybody = create(&server, json!({})).await;
        let by_id = json!([{"Key": "InstanceIds", "Values": [nodes[0].as_str()]}]);
        let first = create(&server, json!({"Targets": by_id, "AssociationName": "first"})).await;
        for (node, mut expected) in [(&nodes[0], vec![&everybody, &first]), (&nodes[1], vec![&everybody])] {
            expected.sort_unstable();
            let request = json!({"InstanceId": node.as_str()});
            let rows = server
                .pages("DescribeEffectiveInstanceAssociations", request.clone(), "Associations", 1)
                .await;
            let found: Vec<&str> = rows.iter().map(|row| row["AssociationId"].as_str().unwrap()).collect();
            assert_eq!(found, expected);
            assert!(rows[0]["Content"].as_str().unwrap().contains("runtimeConfig"));
            let member = "InstanceAssociationStatusInfos";
            let rows = server.pages("DescribeInstanceAssociationsStatus", request, member, 1).await;
            assert_eq!(rows.len(), expected.len());
            assert!(rows.iter().all(|row| row["DetailedStatus"] == "Associated"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_in_use_stays() {
    for server in TestServer::on_each_engine().await {
        let content = json!({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "one",
            "inputs": {"runCommand": ["id"]}}]});
        let document = json!({"Name": "mine", "DocumentType": "Command", "Content": content.to_string()});
        server.answer("CreateDocument", document).await;
        let id = create(&server, json!({"Name": "mine", "Parameters": null})).await;
        assert_eq!(server.refusal("DeleteDocument", json!({"Name": "mine"})).await, "AssociatedInstances");
        server.answer("DeleteAssociation", json!({"AssociationId": id})).await;
        server.answer("DeleteDocument", json!({"Name": "mine"})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many() {
    let server = TestServer::on_sqlite().await;
    let id = create(&server, json!({})).await;
    let ctx = server.root();
    let mut tx = server.app.store().write().await.unwrap();
    let mut one = associations::find(&mut tx, &key(&ctx, &id).unwrap()).await.unwrap().unwrap();
    one.version = 1_000;
    associations::update(&mut tx, &one).await.unwrap();
    for number in 1..u16::try_from(MAX_ASSOCIATIONS).unwrap() {
        let mut random = [0; 16];
        random[..2].copy_from_slice(&number.to_be_bytes());
        one.key = AssociationKey { id: AssociationId::mint(random), ..one.key };
        associations::insert(&mut tx, &one).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(server.refusal("CreateAssociation", request(json!({}))).await, "AssociationLimitExceeded");
    // Which is an association of one run.
    let order = json!({"Order": {"Operation": "Scan", "Targets": [{"Key": "InstanceIds", "Values": ["*"]}]}});
    let refused = server.refusal_of(Service::Fettle, "StartPatchNow", order).await;
    assert_eq!(refused.0, "LimitExceededException");
    let update = json!({"AssociationId": id, "Parameters": {"commands": ["true"]}});
    assert_eq!(server.refusal("UpdateAssociation", update).await, "AssociationVersionLimitExceeded");
}
