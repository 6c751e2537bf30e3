//! Parameter Store through the dispatcher, on each engine: a success and each declared error of every operation.

mod events;
mod fetched;
mod lists;
mod references;

use domain::parameter::{ParameterKey, ParameterName};
use serde_json::{Value, json};
use store::parameters::{self, Parameter, Which};

use crate::caller::Caller;
use crate::ctx::Ctx;
use crate::jobs::apply_parameter_policies;
use crate::operations::Service;
use crate::testing::{TestServer, call};

async fn put(server: &TestServer, name: &str, value: &str) -> Value {
    server.answer("PutParameter", json!({"Name": name, "Value": value, "Type": "String"})).await
}

async fn refused(server: &TestServer, operation: &str, request: Value, code: &str, part: &str) {
    match server.call(operation, request.clone()).await {
        Err((found, text)) if found == code && text.contains(part) => {}
        outcome => panic!("{operation} {request}: {outcome:?}"),
    }
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|row| row["Name"].as_str().unwrap_or_default()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_parameter() {
    for server in TestServer::on_each_engine().await {
        let request = json!({"Name": "/db/host", "Value": "one", "Type": "String", "Description": "the first",
            "AllowedPattern": "^[a-z,]+$", "Tags": [{"Key": "Env", "Value": "prod"}]});
        let made = server.answer("PutParameter", request.clone()).await;
        assert_eq!(made, json!({"Version": 1, "Tier": "Standard"}));
        refused(&server, "PutParameter", request, "ParameterAlreadyExists", "overwrite option").await;
        let again = json!({"Name": "db/host", "Value": "x", "Type": "String"});
        refused(&server, "PutParameter", again, "ValidationException", "fully qualified").await;

        let found = &server.answer("GetParameter", json!({"Name": "/db/host"})).await["Parameter"];
        let arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/db/host";
        assert_eq!(
            *found,
            json!({"Name": "/db/host", "Type": "String", "Value": "one", "Version": 1,
                "LastModifiedDate": found["LastModifiedDate"], "ARN": arn, "DataType": "text"})
        );
        let other = json!({"Name": arn, "Value": "two", "Overwrite": true});
        assert_eq!(server.answer("PutParameter", other).await["Version"], 2);
        let shown = server.answer("DescribeParameters", json!({})).await;
        let shown = &shown["Parameters"][0];
        let root = "arn:aws:iam::123456789012:root";
        assert_eq!(
            *shown,
            json!({"Name": "/db/host", "ARN": arn, "Type": "String", "LastModifiedDate": shown["LastModifiedDate"],
                "LastModifiedUser": root, "Description": "the first", "AllowedPattern": "^[a-z,]+$", "Version": 2,
                "Tier": "Standard", "Policies": [], "DataType": "text"})
        );
        let tags = json!({"ResourceType": "Parameter", "ResourceId": "/db/host"});
        let listed = server.answer("ListTagsForResource", tags.clone()).await;
        assert_eq!(listed["TagList"], json!([{"Key": "Env", "Value": "prod"}]));

        // By version, by label, by ARN.
        let label = json!({"Name": "/db/host", "ParameterVersion": 1, "Labels": ["first"]});
        server.answer("LabelParameterVersion", label).await;
        for (asked, value, selector) in [
            ("/db/host:1", "one", Some(":1")),
            ("/db/host:first", "one", Some(":first")),
            (&format!("{arn}:2"), "two", Some(":2")),
            (arn, "two", None),
        ] {
            let found = server.answer("GetParameter", json!({"Name": asked})).await;
            assert_eq!(found["Parameter"]["Value"], value, "{asked}");
            assert_eq!(found["Parameter"].get("Selector").and_then(Value::as_str), selector, "{asked}");
        }
        for (asked, part) in [("/db/host:7", "version 7 of /db/host."), ("/db/host:none", "version none of")]
        {
            refused(&server, "GetParameter", json!({"Name": asked}), "ParameterVersionNotFound", part).await;
        }
        let elsewhere = "arn:aws:ssm:eu-central-1:210987654321:parameter/db/host";
        for gone in ["/db", "/db/host/x", "/db:1", elsewhere] {
            refused(&server, "GetParameter", json!({"Name": gone}), "ParameterNotFound", gone).await;
        }
        refused(&server, "GetParameter", json!({"Name": "a b"}), "ValidationException", "a b").await;

        server.answer("DeleteParameter", json!({"Name": "/db/host"})).await;
        refused(&server, "DeleteParameter", json!({"Name": "/db/host"}), "ParameterNotFound", "").await;
        assert_eq!(server.refusal("ListTagsForResource", tags.clone()).await, "InvalidResourceId");
        put(&server, "/db/host", "new").await;
        let anew = server.answer("GetParameter", json!({"Name": "/db/host"})).await;
        assert_eq!((&anew["Parameter"]["Version"], &anew["Parameter"]["Value"]), (&json!(1), &json!("new")));
        assert_eq!(server.answer("ListTagsForResource", tags).await["TagList"], json!([]));
        assert_eq!(
            server.refusal("GetParameter", json!({"Name": "/db/host:first"})).await,
            "ParameterVersionNotFound"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_put_is_refused_with_its_code() {
    for server in TestServer::on_each_engine().await {
        let base = json!({"Name": "x", "Value": "v", "Type": "String"});
        server.answer("PutParameter", base.clone()).await;
        let with = |more: Value| {
            let mut request = json!({"Name": "new", "Value": "v", "Type": "String"});
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            request
        };
        let policies = |list: Value| with(json!({"Tier": "Advanced", "Policies": list.to_string()}));
        let expiration = json!({"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "2199-01-01T00:00:00Z"}});
        let many = vec![
            json!({"Type": "NoChangeNotification", "Version": "1.0",
            "Attributes": {"After": "1", "Unit": "Days"}});
            11
        ];
        let rows = [
            (json!({"Name": "new", "Value": "v"}), "ValidationException", "type is required"),
            (with(json!({"Type": "Text"})), "ValidationException", "enum value set"),
            (with(json!({"Name": "/x"})), "ParameterAlreadyExists", ""),
            (
                with(json!({"Name": "/x", "Overwrite": true, "Type": "StringList"})),
                "HierarchyTypeMismatchException",
                "StringList",
            ),
            (
                with(json!({"Name": "/aws/x"})),
                "AccessDeniedException",
                "No access to reserved parameter name: /aws/x.",
            ),
            (with(json!({"Name": "ssmx"})), "ValidationException", "can't be prefixed"),
            (with(json!({"Name": "/l".repeat(16)})), "HierarchyLevelLimitExceededException", "16 levels"),
            (with(json!({"Name": "n".repeat(1000)})), "ValidationException", "characters"),
            (with(json!({"Value": ""})), "ValidationException", "not empty"),
            (with(json!({"Value": "v".repeat(4097)})), "ValidationException", "4097 bytes"),
            (with(json!({"Value": "{{ssm:x}}"})), "ValidationException", "nest"),
            (with(json!({"AllowedPattern": "("})), "InvalidAllowedPatternException", "AllowedPattern"),
            (with(json!({"AllowedPattern": "^w$"})), "ParameterPatternMismatchException", "^w$"),
            (
                with(json!({"DataType": "Text"})),
                "ValidationException",
                "The following data type is not supported: Text",
            ),
            (with(json!({"DataType": "integer"})), "ValidationException", "integer"),
            (with(json!({"KeyId": "alias/aws/ssm"})), "ValidationException", "SecureString"),
            (with(json!({"Type": "SecureString", "KeyId": "alias/mine"})), "InvalidKeyId", "alias/mine"),
            (
                with(json!({"Tags": [{"Key": "a", "Value": "b"}], "Overwrite": true})),
                "ValidationException",
                "Tags",
            ),
            (with(json!({"Tags": [{"Key": "aws:a", "Value": "b"}]})), "ValidationException", "aws:"),
            (
                with(json!({"Policies": json!([expiration]).to_string()})),
                "ValidationException",
                "advanced-parameter tier",
            ),
            (policies(json!(many)), "PoliciesLimitExceededException", "11"),
            (policies(json!([{"Type": "Other", "Version": "1.0"}])), "InvalidPolicyTypeException", "Other"),
            (
                policies(json!([{"Type": "Expiration", "Version": "1.0"}])),
                "InvalidPolicyAttributeException",
                "Timestamp",
            ),
            (policies(json!([expiration, expiration])), "IncompatiblePolicyException", "at most one"),
            (policies(json!("no list")), "ValidationException", "Policies"),
        ];
        for (request, code, part) in rows {
            refused(&server, "PutParameter", request, code, part).await;
        }
        let found = server.answer("GetParameters", json!({"Names": ["x", "new"]})).await;
        assert_eq!((names(&found["Parameters"]), &found["InvalidParameters"]), (vec!["x"], &json!(["new"])));
    }
}

#[tokio::test]
async fn tiers_go_up_alone() {
    for server in TestServer::on_each_engine().await {
        let large =
            json!({"Name": "x", "Value": "v".repeat(5000), "Type": "String", "Tier": "Intelligent-Tiering"});
        assert_eq!(server.answer("PutParameter", large).await["Tier"], "Advanced");
        let down = json!({"Name": "x", "Value": "v", "Tier": "Standard", "Overwrite": true});
        refused(&server, "PutParameter", down, "ValidationException", "can't be made a standard").await;
        let same = json!({"Name": "x", "Value": "v", "Overwrite": true});
        assert_eq!(server.answer("PutParameter", same).await, json!({"Version": 2, "Tier": "Advanced"}));
        put(&server, "y", "v").await;
        let up = json!({"Name": "y", "Value": "w", "Tier": "Advanced", "Overwrite": true});
        assert_eq!(server.answer("PutParameter", up).await["Tier"], "Advanced");
    }
}

#[tokio::test]
async fn secure_strings_are_kept_encrypted() {
    for server in TestServer::on_each_engine().await {
        let request = json!({"Name": "/s", "Value": "correct horse", "Type": "SecureString"});
        server.answer("PutParameter", request).await;
        let plain = json!({"Name": "/s", "WithDecryption": true});
        assert_eq!(server.answer("GetParameter", plain.clone()).await["Parameter"]["Value"], "correct horse");
        let sealed = server.answer("GetParameter", json!({"Name": "/s"})).await;
        let sealed = sealed["Parameter"]["Value"].as_str().unwrap().to_owned();
        assert!(!sealed.is_empty() && !sealed.contains("horse"), "{sealed}");
        let (key, root) = (ParameterKey::of_stored("s".to_owned()), server.root());
        let mut tx = server.app.store().read().await.unwrap();
        let kept =
            parameters::find(&mut tx, (&root.account, &root.region), &key, Which::Newest).await.unwrap();
        drop(tx);
        assert!(!String::from_utf8_lossy(&kept.unwrap().value).contains("horse"));
        for operation in ["GetParameterHistory", "GetParametersByPath"] {
            for (decrypted, value) in [(true, "correct horse"), (false, sealed.as_str())] {
                let request = json!({"Name": "/s", "Path": "/", "WithDecryption": decrypted});
                let mut request = request.as_object().unwrap().clone();
                request.remove(if operation == "GetParameterHistory" { "Path" } else { "Name" });
                let found = server.answer(operation, Value::Object(request)).await;
                assert_eq!(found["Parameters"][0]["Value"], value, "{operation}");
            }
        }
        let shown = server.answer("DescribeParameters", json!({})).await;
        assert_eq!(shown["Parameters"][0]["KeyId"], "alias/aws/ssm");

        // A user who may read it may not have it decrypted for that alone.
        let policy = |actions: Value| {
            let statement = json!([{"Effect": "Allow", "Action": actions, "Resource": "*"}]);
            json!({"Version": "2012-10-17", "Statement": statement}).to_string()
        };
        let ann = |actions: Value| json!({"UserName": "ann", "Policies": {"it": policy(actions)}});
        call(&server.root(), Service::Fettle, "CreateUser", ann(json!(["ssm:*"]))).await.unwrap();
        let ctx = user(&server);
        call(&ctx, Service::Ssm, "GetParameter", json!({"Name": "/s"})).await.unwrap();
        let (code, text) = call(&ctx, Service::Ssm, "GetParameter", plain.clone()).await.unwrap_err();
        assert!(code == "AccessDeniedException" && text.contains("kms:Decrypt"), "{text}");
        call(&server.root(), Service::Fettle, "UpdateUser", ann(json!(["ssm:*", "kms:Decrypt"])))
            .await
            .unwrap();
        call(&ctx, Service::Ssm, "GetParameter", plain).await.unwrap();
    }
}

fn user(server: &TestServer) -> Ctx {
    let arn = "arn:aws:iam::123456789012:user/ann".to_owned();
    server.ctx(Caller::User { arn, access_key_id: "ASIAANN".to_owned() })
}

#[tokio::test]
async fn permissions_are_about_each_parameter() {
    for server in TestServer::on_each_engine().await {
        for name in ["/a/x", "/a/y", "/b/x"] {
            put(&server, name, "v").await;
        }
        let tag = json!({"ResourceType": "Parameter", "ResourceId": "/b/x", "Tags": [{"Key": "Open", "Value": "yes"}]});
        server.answer("AddTagsToResource", tag).await;
        let resource = |path: &str| format!("arn:aws:ssm:eu-central-1:123456789012:parameter/{path}");
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "ssm:*", "Resource": resource("a/*")},
            {"Effect": "Allow", "Action": "ssm:GetParametersByPath", "Resource": resource("a")},
            {"Effect": "Allow", "Action": "ssm:GetParameter*", "Resource": "*",
                "Condition": {"StringEquals": {"ssm:resourceTag/Open": "yes"}}}]});
        let request = json!({"UserName": "ann", "Policies": {"it": policy.to_string()}});
        call(&server.root(), Service::Fettle, "CreateUser", request).await.unwrap();
        let ann = user(&server);
        let may = async |operation: &str, request: Value| match call(
            &ann,
            Service::Ssm,
            operation,
            request.clone(),
        )
        .await
        {
            Ok(_) => true,
            Err((code, _)) if code == "AccessDeniedException" => false,
            Err(refused) => panic!("{operation} {request}: {refused:?}"),
        };
        assert!(may("GetParameter", json!({"Name": "/a/x:1"})).await);
        assert!(may("GetParameter", json!({"Name": resource("a/x")})).await);
        assert!(may("GetParameter", json!({"Name": "/b/x"})).await);
        assert!(may("GetParameters", json!({"Names": ["/a/x", "/b/x"]})).await);
        assert!(may("GetParametersByPath", json!({"Path": "/a/"})).await);
        assert!(may("PutParameter", json!({"Name": "/a/z", "Value": "v", "Type": "String"})).await);
        assert!(!may("GetParameters", json!({"Names": ["/a/x", "/c/x"]})).await);
        assert!(!may("GetParametersByPath", json!({"Path": "/"})).await);
        assert!(!may("PutParameter", json!({"Name": "/b/x", "Value": "v", "Overwrite": true})).await);
        assert!(!may("DeleteParameters", json!({"Names": ["/a/x", "/b/x"]})).await);
        assert!(!may("DescribeParameters", json!({})).await);
    }
}

#[tokio::test]
async fn a_hundred_versions_are_kept_and_labels_hold_theirs() {
    for server in TestServer::on_each_engine().await {
        put(&server, "x", "1").await;
        for version in 2..=100 {
            let request = json!({"Name": "x", "Value": version.to_string(), "Overwrite": true});
            assert_eq!(server.answer("PutParameter", request).await["Version"], version);
        }
        let more = json!({"Name": "x", "Value": "more", "Overwrite": true});
        assert_eq!(server.answer("PutParameter", more.clone()).await["Version"], 101);
        let history = server.pages("GetParameterHistory", json!({"Name": "x"}), "Parameters", 7).await;
        let versions: Vec<i64> = history.iter().map(|row| row["Version"].as_i64().unwrap()).collect();
        assert_eq!(versions, (2..=101).collect::<Vec<i64>>());
        let label =
            |version: i64, labels: Value| json!({"Name": "x", "ParameterVersion": version, "Labels": labels});
        server.answer("LabelParameterVersion", label(2, json!(["held"]))).await;
        refused(&server, "PutParameter", more.clone(), "ParameterMaxVersionLimitExceeded", "has a label")
            .await;
        server.answer("LabelParameterVersion", label(50, json!(["held"]))).await;
        assert_eq!(server.answer("PutParameter", more).await["Version"], 102);

        // Labels: moved, refused, counted, taken.
        let unfit = json!(["1st", "aws-x", "SSM", "fine", "a b"]);
        let answer = server.answer("LabelParameterVersion", json!({"Name": "x", "Labels": unfit})).await;
        assert_eq!(answer, json!({"InvalidLabels": ["1st", "SSM", "a b", "aws-x"], "ParameterVersion": 102}));
        let ten: Vec<String> = (0..10).map(|number| format!("l{number}")).collect();
        refused(
            &server,
            "LabelParameterVersion",
            label(102, json!(ten)),
            "ParameterVersionLabelLimitExceeded",
            "11 labels",
        )
        .await;
        refused(
            &server,
            "LabelParameterVersion",
            label(1, json!(["l"])),
            "ParameterVersionNotFound",
            "version 1",
        )
        .await;
        refused(&server, "UnlabelParameterVersion", label(1, json!(["l"])), "ParameterVersionNotFound", "")
            .await;
        let nobody = json!({"Name": "nobody", "ParameterVersion": 1, "Labels": ["l"]});
        for operation in ["LabelParameterVersion", "UnlabelParameterVersion"] {
            refused(&server, operation, nobody.clone(), "ParameterNotFound", "nobody").await;
        }
        refused(&server, "GetParameterHistory", json!({"Name": "nobody"}), "ParameterNotFound", "").await;
        let taken = server.answer("UnlabelParameterVersion", label(50, json!(["held", "fine"]))).await;
        assert_eq!(taken, json!({"RemovedLabels": ["held"], "InvalidLabels": ["fine"]}));
        let newest = server.answer("GetParameterHistory", json!({"Name": "x", "MaxResults": 50})).await;
        assert!(newest["Parameters"].as_array().unwrap().iter().all(|row| row["Labels"] == json!([])));
        let token = json!({"Name": "x", "NextToken": "none"});
        refused(&server, "GetParameterHistory", token, "InvalidNextToken", "NextToken").await;
    }
}

#[tokio::test]
async fn policies_are_carried_out() {
    for server in TestServer::on_each_engine().await {
        let later = server.now.plus_seconds(10 * 86_400);
        let policies = json!([
            {"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": later.to_iso_millis()}},
            {"Type": "ExpirationNotification", "Version": "1.0", "Attributes": {"Before": "2", "Unit": "Days"}},
            {"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": "30", "Unit": "Hours"}},
        ]);
        let request = json!({"Name": "x", "Value": "v", "Type": "String", "Tier": "Advanced",
            "Policies": policies.to_string()});
        server.answer("PutParameter", request).await;
        let statuses = async || -> Vec<String> {
            let shown = server.answer("DescribeParameters", json!({})).await;
            let list = shown["Parameters"][0]["Policies"].as_array().unwrap().clone();
            list.iter().map(|policy| policy["PolicyStatus"].as_str().unwrap().to_owned()).collect()
        };
        let run = async |seconds: i64| {
            let at = server.now.plus_seconds(seconds);
            apply_parameter_policies::run_once(server.app.clone(), at).await.unwrap()
        };
        assert_eq!(run(30 * 3600 - 1).await, 0);
        assert_eq!(statuses().await, ["Pending"; 3]);
        assert_eq!(run(30 * 3600).await, 1);
        assert_eq!(run(30 * 3600).await, 0);
        assert_eq!(statuses().await, ["Pending", "Pending", "Finished"]);
        run(8 * 86_400).await;
        assert_eq!(statuses().await, ["Pending", "Finished", "Finished"]);
        // A change keeps them, and what waits for a change begins anew.
        server.answer("PutParameter", json!({"Name": "x", "Value": "w", "Overwrite": true})).await;
        assert_eq!(statuses().await, ["Pending", "Finished", "Pending"]);
        run(10 * 86_400 - 1).await;
        server.answer("GetParameter", json!({"Name": "x"})).await;
        run(10 * 86_400).await;
        assert_eq!(server.refusal("GetParameter", json!({"Name": "x"})).await, "ParameterNotFound");

        let request = json!({"Name": "y", "Value": "v", "Type": "String", "Tier": "Advanced",
            "Policies": policies.to_string()});
        server.answer("PutParameter", request).await;
        let none = json!({"Name": "y", "Value": "v", "Overwrite": true, "Policies": "[{}]"});
        server.answer("PutParameter", none).await;
        assert_eq!(statuses().await, [""; 0]);
        assert_eq!(run(20 * 86_400).await, 0);
    }
}

#[tokio::test]
async fn a_region_has_room_for_ten_thousand_standard_parameters() {
    let server = TestServer::on_sqlite().await;
    put(&server, "first", "v").await;
    let ctx = server.root();
    let scope = (&ctx.account, &ctx.region);
    let mut tx = server.app.store().write().await.unwrap();
    let key = ParameterKey::of_stored("first".to_owned());
    let first = parameters::find(&mut tx, scope, &key, Which::Newest).await.unwrap().unwrap();
    for number in 1..10_000 {
        let name = ParameterName::of_stored(format!("n{number}"));
        parameters::insert(&mut tx, scope, &Parameter { name, ..first.clone() }).await.unwrap();
    }
    tx.commit().await.unwrap();
    let more = json!({"Name": "more", "Value": "v", "Type": "String"});
    refused(&server, "PutParameter", more, "ParameterLimitExceeded", "10000").await;
    let intelligent = json!({"Name": "more", "Value": "v", "Type": "String", "Tier": "Intelligent-Tiering"});
    assert_eq!(server.answer("PutParameter", intelligent).await["Tier"], "Advanced");
    let other = json!({"Name": "first", "Value": "w", "Overwrite": true});
    assert_eq!(server.answer("PutParameter", other).await["Version"], 2);
}
