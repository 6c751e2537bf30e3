//! Documents of the account: created, read, changed, reviewed, run, deleted.

use serde_json::{Value, json};

use super::{create, echo, filter, names};
use crate::testing::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_created_is_answered() {
    for server in TestServer::on_each_engine().await {
        let content = echo("one");
        let request = json!({"Name": "My-Doc", "Content": content, "VersionName": "first", "DisplayName": "Mine",
            "TargetType": "/AWS::EC2::Instance", "Tags": [{"Key": "Env", "Value": "prod"}],
            "Requires": [{"Name": "AWS-Noop", "Version": "1"}]});
        let created = server.answer("CreateDocument", request).await["DocumentDescription"].clone();
        assert_eq!((&created["Status"], &created["Owner"]), (&json!("Creating"), &json!("123456789012")));
        let mut described =
            server.answer("DescribeDocument", json!({"Name": "My-Doc"})).await["Document"].clone();
        assert_eq!(described["Status"], "Active");
        described["Status"] = json!("Creating");
        assert_eq!(described, created);
        for (member, value) in [
            ("DocumentVersion", json!("1")),
            ("LatestVersion", json!("1")),
            ("DefaultVersion", json!("1")),
            ("VersionName", json!("first")),
            ("DisplayName", json!("Mine")),
            ("DocumentFormat", json!("JSON")),
            ("DocumentType", json!("Command")),
            ("SchemaVersion", json!("2.2")),
            ("Description", json!("prints")),
            ("PlatformTypes", json!(["Linux", "MacOS"])),
            ("TargetType", json!("/AWS::EC2::Instance")),
            ("HashType", json!("Sha256")),
            ("Hash", json!(super::super::hash(&content))),
            ("Tags", json!([{"Key": "Env", "Value": "prod"}])),
            ("Parameters", json!([{"Name": "who", "Type": "String", "DefaultValue": "you"}])),
            ("Requires", json!([{"Name": "AWS-Noop", "Version": "1"}])),
        ] {
            assert_eq!(created[member], value, "{member}");
        }
        let got = server.answer("GetDocument", json!({"Name": "My-Doc"})).await;
        assert_eq!(got["Content"], content.as_str(), "byte for byte");
        let arn = "arn:aws:ssm:eu-central-1:123456789012:document/My-Doc";
        assert_eq!(server.answer("GetDocument", json!({"Name": arn, "VersionName": "first"})).await, got);

        assert_eq!(names(&server, filter("Owner", "Self")).await, ["My-Doc"]);
        assert_eq!(names(&server, filter("tag:Env", "prod")).await, ["My-Doc"]);
        assert!(names(&server, filter("tag:Env", "test")).await.is_empty());
        assert_eq!(names(&server, filter("TargetType", "/AWS::EC2::Instance")).await, ["My-Doc"]);
        assert!(names(&server, json!({})).await.contains(&"My-Doc".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_document_is_refused_with_its_path() {
    for server in TestServer::on_each_engine().await {
        create(&server, "taken", &echo("one")).await;
        let with = |member: &str, value: Value| {
            let mut request = json!({"Name": "fresh", "Content": echo("one")});
            request[member] = value;
            request
        };
        let padded = format!("{}{}", echo("one"), " ".repeat(64 * 1024));
        let rows = [
            (with("Name", json!("taken")), "DocumentAlreadyExists", "`taken`"),
            (with("Name", json!("aws-mine")), "ValidationException", "Invalid document name"),
            (with("Name", json!("a b")), "ValidationException", "name"),
            (with("Content", json!("{")), "InvalidDocumentContent", "not valid JSON"),
            (with("Content", json!("{\"schemaVersion\":\"9\"}")), "InvalidDocumentSchemaVersion", "`9`"),
            (with("DocumentType", json!("Automation")), "InvalidDocumentSchemaVersion", "`2.2`"),
            (
                with("Content", json!(echo("x").replace("runShellScript", "teleport"))),
                "InvalidDocumentContent",
                "mainSteps[0].action",
            ),
            (with("Content", json!(padded)), "MaxDocumentSizeExceeded", "65536"),
            (
                with("Attachments", json!([{"Key": "SourceUrl", "Values": ["s3://b/k"]}])),
                "ValidationException",
                "no object of this server",
            ),
        ];
        for (request, code, words) in rows {
            let (found, message) = server.call("CreateDocument", request).await.unwrap_err();
            assert_eq!(found, code, "{message}");
            assert!(message.contains(words), "{message}");
        }
        assert_eq!(names(&server, filter("Owner", "Self")).await, ["taken"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_added_named_made_default_and_deleted() {
    for server in TestServer::on_each_engine().await {
        create(&server, "doc", &echo("one")).await;
        let update = |content: String, version: &str, label: &str| {
            let mut request = json!({"Name": "doc", "Content": content, "DocumentVersion": version});
            if !label.is_empty() {
                request["VersionName"] = label.into();
            }
            request
        };
        let second = server.answer("UpdateDocument", update(echo("two"), "$LATEST", "two")).await;
        let description = &second["DocumentDescription"];
        assert_eq!(
            (&description["DocumentVersion"], &description["Status"]),
            (&json!("2"), &json!("Updating"))
        );
        assert_eq!(
            (&description["DefaultVersion"], &description["LatestVersion"]),
            (&json!("1"), &json!("2"))
        );
        let refused = [
            (update(echo("three"), "1", ""), "InvalidDocumentVersion"),
            (update(echo("three"), "7", ""), "InvalidDocumentVersion"),
            (update(echo("two"), "2", ""), "DuplicateDocumentContent"),
            (update(echo("three"), "2", "two"), "DuplicateDocumentVersionName"),
            (update("{".to_owned(), "2", ""), "InvalidDocumentContent"),
            (json!({"Name": "nothing", "Content": echo("x")}), "InvalidDocument"),
        ];
        for (request, code) in refused {
            assert_eq!(server.refusal("UpdateDocument", request).await, code);
        }
        server.answer("UpdateDocument", update(echo("one"), "2", "")).await;

        let text = async |which: Value| {
            let mut request = json!({"Name": "doc"});
            request.as_object_mut().unwrap().extend(which.as_object().unwrap().clone());
            server.answer("GetDocument", request).await["Content"].as_str().unwrap().to_owned()
        };
        assert_eq!(text(json!({})).await, echo("one"));
        assert_eq!(text(json!({"DocumentVersion": "$LATEST"})).await, echo("one"));
        assert_eq!(text(json!({"DocumentVersion": "2"})).await, echo("two"));
        assert_eq!(text(json!({"VersionName": "two"})).await, echo("two"));
        let both = json!({"Name": "doc", "DocumentVersion": "3", "VersionName": "two"});
        assert_eq!(server.refusal("GetDocument", both).await, "InvalidDocumentVersion");

        let default = json!({"Name": "doc", "DocumentVersion": "2"});
        let made = server.answer("UpdateDocumentDefaultVersion", default.clone()).await;
        assert_eq!(
            made["Description"],
            json!({"Name": "doc", "DefaultVersion": "2", "DefaultVersionName": "two"})
        );
        let gone = json!({"Name": "doc", "DocumentVersion": "9"});
        assert_eq!(server.refusal("UpdateDocumentDefaultVersion", gone).await, "InvalidDocumentVersion");
        assert_eq!(text(json!({})).await, echo("two"));
        let versions =
            server.pages("ListDocumentVersions", json!({"Name": "doc"}), "DocumentVersions", 2).await;
        let listed: Vec<_> =
            versions.iter().map(|v| (v["DocumentVersion"].clone(), v["IsDefaultVersion"].clone())).collect();
        let expected = [("3", false), ("2", true), ("1", false)];
        assert_eq!(listed, expected.map(|(number, default)| (json!(number), json!(default))));

        assert_eq!(server.refusal("DeleteDocument", default).await, "InvalidDocumentOperation");
        let newest = json!({"Name": "doc", "DocumentVersion": "3"});
        server.answer("DeleteDocument", newest.clone()).await;
        assert_eq!(server.refusal("DeleteDocument", newest).await, "InvalidDocument");
        let next = server.answer("UpdateDocument", update(echo("four"), "$LATEST", "")).await;
        assert_eq!(next["DocumentDescription"]["DocumentVersion"], "4", "a number is not given twice");
        server.answer("DeleteDocument", json!({"Name": "doc"})).await;
        assert_eq!(server.refusal("GetDocument", json!({"Name": "doc"})).await, "InvalidDocument");
        create(&server, "doc", &echo("again")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn yaml_is_kept_and_converted_both_ways() {
    for server in TestServer::on_each_engine().await {
        let yaml = "schemaVersion: '2.2'\n# a comment\nmainSteps:\n  - action: aws:runShellScript\n    name: s\n    inputs:\n      \
                    runCommand:\n        - |\n          id\n          uname\n";
        let request = json!({"Name": "yaml", "Content": yaml, "DocumentFormat": "YAML"});
        server.answer("CreateDocument", request).await;
        let as_format = async |name: &str, format: &str| {
            let request = json!({"Name": name, "DocumentFormat": format});
            server.answer("GetDocument", request).await["Content"].as_str().unwrap().to_owned()
        };
        assert_eq!(server.answer("GetDocument", json!({"Name": "yaml"})).await["Content"], yaml);
        let value: Value = serde_json::from_str(&as_format("yaml", "JSON").await).unwrap();
        assert_eq!(value["mainSteps"][0]["inputs"]["runCommand"], json!(["id\nuname\n"]));
        let back = json!({"Name": "back", "Content": as_format("AWS-RunPatchBaseline", "YAML").await,
            "DocumentFormat": "YAML"});
        server.answer("CreateDocument", back).await;
        let shipped = domain::document::shipped::find("AWS-RunPatchBaseline").unwrap().content;
        let ours: Value = serde_json::from_str(&as_format("back", "JSON").await).unwrap();
        assert_eq!(ours, serde_json::from_str::<Value>(shipped).unwrap());
        let text = json!({"Name": "yaml", "DocumentFormat": "TEXT"});
        assert_eq!(server.refusal("GetDocument", text).await, "InvalidDocument");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn own_documents_are_run() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        create(&server, "hello", &echo("one")).await;
        server.answer("UpdateDocument", json!({"Name": "hello", "Content": echo("two")})).await;
        let send = |members: Value| {
            let mut request = json!({"DocumentName": "hello", "InstanceIds": [node]});
            request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            request
        };
        let hash = super::super::hash(&echo("two"));
        let sent = server
            .answer("SendCommand", send(json!({"DocumentVersion": "$LATEST", "DocumentHash": hash})))
            .await;
        assert_eq!(
            (&sent["Command"]["DocumentName"], &sent["Command"]["DocumentVersion"]),
            (&json!("hello"), &json!("$LATEST"))
        );
        let arn = "arn:aws:ssm:eu-central-1:123456789012:document/hello";
        server.answer("SendCommand", send(json!({"DocumentName": arn, "Parameters": {"who": ["me"]}}))).await;
        let refused = [
            (json!({"DocumentHash": hash}), "InvalidDocument"),
            (json!({"DocumentVersion": "9"}), "InvalidDocumentVersion"),
            (json!({"Parameters": {"whom": ["me"]}}), "InvalidParameters"),
            (json!({"DocumentName": "goodbye"}), "InvalidDocument"),
        ];
        for (members, code) in refused {
            assert_eq!(server.refusal("SendCommand", send(members)).await, code);
        }
        let session = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream"}).to_string();
        let request = json!({"Name": "shell", "Content": session, "DocumentType": "Session"});
        server.answer("CreateDocument", request).await;
        assert_eq!(
            server.refusal("SendCommand", send(json!({"DocumentName": "shell"}))).await,
            "InvalidDocument"
        );
        let windows = echo("x").replace("runShellScript", "psModule");
        create(&server, "windows", &windows).await;
        let code = server.refusal("SendCommand", send(json!({"DocumentName": "windows"}))).await;
        assert_eq!(code, "UnsupportedPlatformType");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_at_a_time_lengthens_the_wait_for_the_command() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let content = json!({"schemaVersion": "2.2", "parameters": {"At": {"type": "String", "default": ""}},
            "mainSteps": [{"action": "aws:runShellScript", "name": "s",
                "inputs": {"runCommand": ["exit 194"], "restartAt": "{{ At }}", "timeoutSeconds": "60"}}]});
        create(&server, "restart", &content.to_string()).await;
        let send =
            |at: &str| json!({"DocumentName": "restart", "InstanceIds": [node], "Parameters": {"At": [at]}});
        let seconds = async |at: &str| {
            let command = server.answer("SendCommand", send(at)).await["Command"].clone();
            command["ExpiresAfter"].as_f64().unwrap() - command["RequestedDateTime"].as_f64().unwrap()
        };
        assert_eq!(seconds("").await, 3660.0);
        assert_eq!(seconds("03:00").await, 3660.0 + 25.0 * 3600.0);
        assert_eq!(seconds(&server.now.plus_seconds(7200).to_iso_seconds()).await, 3660.0 + 7200.0);
        for wrong in ["tonight", "2027-01-01T00:00:00Z"] {
            assert_eq!(server.refusal("SendCommand", send(wrong)).await, "InvalidParameters", "{wrong}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_reviewed() {
    for mut server in TestServer::on_each_engine().await {
        create(&server, "doc", &echo("one")).await;
        let review = |action: &str, comment: Option<&str>| {
            let comment = comment.map(|text| json!([{"Type": "Comment", "Content": text}]));
            let mut reviews = json!({"Action": action});
            if let Some(comment) = comment {
                reviews["Comment"] = comment;
            }
            json!({"Name": "doc", "DocumentReviews": reviews})
        };
        for action in ["Approve", "Reject", "UpdateReview"] {
            let code = server.refusal("UpdateDocumentMetadata", review(action, None)).await;
            assert_eq!(code, "InvalidDocumentOperation", "{action}");
        }
        server.answer("UpdateDocumentMetadata", review("SendForReview", Some("please"))).await;
        let code = server.refusal("UpdateDocumentMetadata", review("SendForReview", None)).await;
        assert_eq!(code, "InvalidDocumentOperation");
        server.now = server.now.plus_seconds(60);
        server.answer("UpdateDocumentMetadata", review("Approve", Some("good"))).await;
        server.answer("UpdateDocumentMetadata", review("UpdateReview", Some("very good"))).await;
        let request = json!({"Name": "doc", "Metadata": "DocumentReviews"});
        let history = server.answer("ListDocumentMetadataHistory", request.clone()).await;
        let said: Vec<_> = history["Metadata"]["ReviewerResponse"]
            .as_array()
            .unwrap()
            .iter()
            .map(|review| (review["ReviewStatus"].clone(), review["Comment"][0]["Content"].clone()))
            .collect();
        assert_eq!(said, [(json!("APPROVED"), json!("very good")), (json!("PENDING"), json!("please"))]);
        let described = server.answer("DescribeDocument", json!({"Name": "doc"})).await["Document"].clone();
        assert_eq!(
            (&described["ReviewStatus"], &described["ApprovedVersion"]),
            (&json!("APPROVED"), &json!("1"))
        );
        let gone = json!({"Name": "doc", "Metadata": "DocumentReviews", "DocumentVersion": "5"});
        assert_eq!(server.refusal("ListDocumentMetadataHistory", gone).await, "InvalidDocumentVersion");
        let mut paged = request;
        paged["MaxResults"] = json!(1);
        let first = server.answer("ListDocumentMetadataHistory", paged.clone()).await;
        paged["NextToken"] = first["NextToken"].clone();
        let mut foreign = paged.clone();
        foreign["DocumentVersion"] = json!("1");
        assert_eq!(server.refusal("ListDocumentMetadataHistory", foreign).await, "InvalidNextToken");
        let second = server.answer("ListDocumentMetadataHistory", paged).await;
        assert_eq!(second["Metadata"]["ReviewerResponse"][0]["ReviewStatus"], "PENDING");
        assert!(second.get("NextToken").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_five_hundred_documents_at_most() {
    let server = TestServer::on_sqlite().await;
    for number in 0..500 {
        create(&server, &format!("doc-{number:03}"), &echo("x")).await;
    }
    let one_more = json!({"Name": "one-more", "Content": echo("x")});
    assert_eq!(server.refusal("CreateDocument", one_more.clone()).await, "DocumentLimitExceeded");
    let own = filter("Owner", "Self");
    let pages = server.pages("ListDocuments", own, "DocumentIdentifiers", 50).await;
    assert_eq!(pages.len(), 500);
    server.answer("DeleteDocument", json!({"Name": "doc-000"})).await;
    server.answer("CreateDocument", one_more).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_has_a_thousand_versions_at_most() {
    let server = TestServer::on_sqlite().await;
    create(&server, "doc", &echo("0")).await;
    let add = |number: i32| {
        let content = echo(&number.to_string());
        json!({"Name": "doc", "Content": content, "DocumentVersion": "$LATEST"})
    };
    for number in 1..1_000 {
        server.answer("UpdateDocument", add(number)).await;
    }
    assert_eq!(server.refusal("UpdateDocument", add(1_000)).await, "DocumentVersionLimitExceeded");
    server.answer("DeleteDocument", json!({"Name": "doc", "DocumentVersion": "7"})).await;
    server.answer("UpdateDocument", add(1_000)).await;
}
