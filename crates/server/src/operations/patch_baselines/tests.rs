//! The operations through the dispatcher, on each engine.

mod snapshots;
mod tags;

use serde_json::{Value, json};

use crate::root_key::FIRST_ACCOUNT;
use crate::testing::{REGION, TestServer};

const DEBIAN_ARN: &str = "arn:aws:ssm:eu-central-1:075727635805:patchbaseline/pb-09a5f8eb62bde80b1";
const WINDOWS_ARN: &str = "arn:aws:ssm:eu-central-1:075727635805:patchbaseline/pb-09ca3fb51f0412ec3";
const UNKNOWN: &str = "pb-00000000000000000";

async fn create(bench: &TestServer, name: &str, os: &str) -> String {
    let answer = bench.answer("CreatePatchBaseline", json!({"Name": name, "OperatingSystem": os})).await;
    answer["BaselineId"].as_str().unwrap().to_owned()
}

fn full() -> Value {
    json!({
        "Name": "web", "OperatingSystem": "UBUNTU", "Description": "front",
        "GlobalFilters": {"PatchFilters": [{"Key": "PRODUCT", "Values": ["Ubuntu22.04"]}]},
        "ApprovalRules": {"PatchRules": [{
            "PatchFilterGroup": {"PatchFilters": [{"Key": "PRIORITY", "Values": ["Required", "Important"]}]},
            "ComplianceLevel": "HIGH", "ApproveAfterDays": 7, "EnableNonSecurity": true}]},
        "ApprovedPatches": ["openssl"], "ApprovedPatchesComplianceLevel": "CRITICAL",
        "ApprovedPatchesEnableNonSecurity": true,
        "RejectedPatches": ["vim"], "RejectedPatchesAction": "BLOCK",
        "Sources": [{"Name": "mirror", "Products": ["*"],
            "Configuration": "deb http://mirror.example.org jammy main"}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_created_is_answered() {
    for bench in TestServer::on_each_engine().await {
        let id = bench.answer("CreatePatchBaseline", full()).await["BaselineId"].clone();
        let got = bench.answer("GetPatchBaseline", json!({"BaselineId": id})).await;
        for (member, value) in full().as_object().unwrap() {
            assert_eq!(got.get(member), Some(value), "{member}");
        }
        assert_eq!(got["BaselineId"], id);
        assert_eq!(got["CreatedDate"], json!(bench.now.as_seconds()));
        assert_eq!(got["ModifiedDate"], got["CreatedDate"]);
        assert_eq!(got["PatchGroups"], json!([]));
        let arn = format!("arn:aws:ssm:{REGION}:{FIRST_ACCOUNT}:patchbaseline/{}", id.as_str().unwrap());
        assert_eq!(bench.answer("GetPatchBaseline", json!({"BaselineId": arn})).await, got);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_is_the_system_of_a_baseline_that_names_none() {
    for bench in TestServer::on_each_engine().await {
        let id = bench.answer("CreatePatchBaseline", json!({"Name": "plain"})).await["BaselineId"].clone();
        let got = bench.answer("GetPatchBaseline", json!({"BaselineId": id})).await;
        assert_eq!(got["OperatingSystem"], "WINDOWS");
        assert_eq!(got["RejectedPatchesAction"], "ALLOW_AS_DEPENDENCY");
        assert_eq!(got["ApprovedPatchesComplianceLevel"], "UNSPECIFIED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn creation_refuses_what_cannot_work() {
    for bench in TestServer::on_each_engine().await {
        let rules = |os: &str, rule: Value| {
            let rules = json!({"PatchRules": [rule]});
            json!({"Name": "abc", "OperatingSystem": os, "ApprovalRules": rules})
        };
        let filter = |key: &str, value: &str| json!({"PatchFilters": [{"Key": key, "Values": [value]}]});
        let rows = [
            json!({}),
            json!({"Name": "AWS-mine"}),
            json!({"Name": "ab"}),
            json!({"Name": "abc", "OperatingSystem": "PLAN9"}),
            json!({"Name": "abc", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}),
            json!({"Name": "abc", "ApprovedPatches": vec!["x"; 51]}),
            rules(
                "DEBIAN",
                json!({"PatchFilterGroup": filter("SEVERITY", "Critical"), "ApproveAfterDays": 1}),
            ),
            rules(
                "CENTOS",
                json!({"PatchFilterGroup": filter("SEVERITY", "Dreadful"), "ApproveAfterDays": 1}),
            ),
            rules("CENTOS", json!({"PatchFilterGroup": filter("SEVERITY", "Critical")})),
            rules(
                "CENTOS",
                json!({"PatchFilterGroup": filter("SEVERITY", "Critical"), "ApproveAfterDays": 361}),
            ),
        ];
        for request in rows {
            assert_eq!(
                bench.refusal("CreatePatchBaseline", request.clone()).await,
                "ValidationException",
                "{request}"
            );
        }
        let own = json!({"Filters": [{"Key": "OWNER", "Values": ["Self"]}]});
        let answer = bench.answer("DescribePatchBaselines", own).await;
        assert_eq!(answer["BaselineIdentities"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_token_gives_the_first_answer_again() {
    for bench in TestServer::on_each_engine().await {
        let tags = json!([{"Key": "a", "Value": "1"}]);
        let request = |name: &str, token: &str| json!({"Name": name, "ClientToken": token, "Tags": tags});
        let first = bench.answer("CreatePatchBaseline", request("one", "t")).await;
        assert_eq!(bench.answer("CreatePatchBaseline", request("one", "t")).await, first);
        assert_eq!(
            bench.refusal("CreatePatchBaseline", request("two", "t")).await,
            "IdempotentParameterMismatch"
        );
        let tagged = json!({"Name": "one", "ClientToken": "t", "Tags": [{"Key": "a", "Value": "2"}]});
        assert_eq!(bench.refusal("CreatePatchBaseline", tagged).await, "IdempotentParameterMismatch");
        assert_ne!(bench.answer("CreatePatchBaseline", request("one", "u")).await, first);
        assert_ne!(bench.answer("CreatePatchBaseline", json!({"Name": "one"})).await, first);
        let tags = json!({"ResourceType": "PatchBaseline", "ResourceId": first["BaselineId"]});
        let tags = bench.answer("ListTagsForResource", tags).await;
        assert_eq!(tags["TagList"], json!([{"Key": "a", "Value": "1"}]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_fifty_baselines_of_its_own() {
    for bench in TestServer::on_each_engine().await {
        for n in 0..50 {
            create(&bench, &format!("number-{n}"), "DEBIAN").await;
        }
        let one_more = json!({"Name": "one-more"});
        assert_eq!(bench.refusal("CreatePatchBaseline", one_more).await, "ResourceLimitExceededException");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_merges_or_replaces() {
    for mut bench in TestServer::on_each_engine().await {
        let id = bench.answer("CreatePatchBaseline", full()).await["BaselineId"].clone();
        let created = bench.now.as_seconds();
        bench.now = bench.now.plus_seconds(60);
        let update = json!({"BaselineId": id, "RejectedPatches": ["nano"]});
        let merged = bench.answer("UpdatePatchBaseline", update).await;
        assert_eq!(merged["RejectedPatches"], json!(["nano"]));
        assert_eq!(merged["ApprovedPatches"], json!(["openssl"]));
        assert_eq!(merged["Description"], "front");
        assert_eq!(
            (merged["CreatedDate"].as_i64(), merged["ModifiedDate"].as_i64()),
            (Some(created), Some(created + 60))
        );

        let nameless = json!({"BaselineId": id, "Replace": true});
        assert_eq!(bench.refusal("UpdatePatchBaseline", nameless).await, "ValidationException");
        let replace = json!({"BaselineId": id, "Replace": true, "Name": "web2"});
        bench.answer("UpdatePatchBaseline", replace).await;
        let got = bench.answer("GetPatchBaseline", json!({"BaselineId": id})).await;
        assert_eq!(got["Name"], "web2");
        assert_eq!(got["OperatingSystem"], "UBUNTU");
        assert_eq!(got["ApprovedPatches"], json!([]));
        assert_eq!(got["ApprovalRules"], json!({"PatchRules": []}));
        assert_eq!(got.get("Description"), None);

        let rows = [
            (json!({"BaselineId": UNKNOWN}), "DoesNotExistException"),
            (json!({"BaselineId": DEBIAN_ARN, "Name": "mine"}), "ValidationException"),
            (json!({"BaselineId": id, "Name": "AWS-mine"}), "ValidationException"),
            (json!({"BaselineId": "pb-not-hexadecimal-at-all"}), "ValidationException"),
        ];
        for (request, expected) in rows {
            assert_eq!(bench.refusal("UpdatePatchBaseline", request.clone()).await, expected, "{request}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn provided_baselines_are_named_by_their_arn() {
    for bench in TestServer::on_each_engine().await {
        let got = bench.answer("GetPatchBaseline", json!({"BaselineId": DEBIAN_ARN})).await;
        assert_eq!(got["Name"], "AWS-DebianDefaultPatchBaseline");
        assert_eq!(got["BaselineId"], DEBIAN_ARN);
        let rows = [
            ("pb-09a5f8eb62bde80b1", "DoesNotExistException"),
            (UNKNOWN, "DoesNotExistException"),
            (
                "arn:aws:ssm:us-east-1:075727635805:patchbaseline/pb-09a5f8eb62bde80b1",
                "DoesNotExistException",
            ),
            (
                "arn:aws:ssm:eu-central-1:075727635805:patchbaseline/pb-00000000000000000",
                "DoesNotExistException",
            ),
            ("pb-not-hexadecimal-at-all", "InvalidResourceId"),
            ("pb-short", "ValidationException"),
        ];
        for (id, expected) in rows {
            let request = json!({"BaselineId": id});
            assert_eq!(bench.refusal("GetPatchBaseline", request).await, expected, "{id}");
        }
        assert_eq!(
            bench.refusal("DeletePatchBaseline", json!({"BaselineId": DEBIAN_ARN})).await,
            "ValidationException"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_in_use_is_not_deleted() {
    for bench in TestServer::on_each_engine().await {
        let id = create(&bench, "web", "DEBIAN").await;
        let pair = json!({"BaselineId": id, "PatchGroup": "web servers"});
        let only = json!({"BaselineId": id});
        bench.answer("RegisterPatchBaselineForPatchGroup", pair.clone()).await;
        assert_eq!(bench.refusal("DeletePatchBaseline", only.clone()).await, "ResourceInUseException");
        bench.answer("DeregisterPatchBaselineForPatchGroup", pair).await;
        bench.answer("RegisterDefaultPatchBaseline", only.clone()).await;
        assert_eq!(bench.refusal("DeletePatchBaseline", only.clone()).await, "ResourceInUseException");
        bench.answer("RegisterDefaultPatchBaseline", json!({"BaselineId": DEBIAN_ARN})).await;
        assert_eq!(bench.answer("DeletePatchBaseline", only.clone()).await, only);
        assert_eq!(bench.refusal("GetPatchBaseline", only.clone()).await, "DoesNotExistException");
        assert_eq!(bench.answer("DeletePatchBaseline", only.clone()).await, only);
        let tags = json!({"ResourceType": "PatchBaseline", "ResourceId": id});
        assert_eq!(bench.refusal("ListTagsForResource", tags).await, "InvalidResourceId");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_system_has_a_default() {
    for bench in TestServer::on_each_engine().await {
        let default = async |request: Value| bench.answer("GetDefaultPatchBaseline", request).await;
        assert_eq!(
            default(json!({})).await,
            json!({"BaselineId": WINDOWS_ARN, "OperatingSystem": "WINDOWS"})
        );
        let id = create(&bench, "mine", "DEBIAN").await;
        let answer = bench.answer("RegisterDefaultPatchBaseline", json!({"BaselineId": id})).await;
        assert_eq!(answer, json!({"BaselineId": id}));
        assert_eq!(default(json!({"OperatingSystem": "DEBIAN"})).await["BaselineId"], id);
        assert_eq!(default(json!({})).await["BaselineId"], WINDOWS_ARN);
        let listed = bench
            .answer(
                "DescribePatchBaselines",
                json!({"Filters": [{"Key": "OPERATING_SYSTEM", "Values": ["DEBIAN"]}]}),
            )
            .await;
        let flags: Vec<_> = listed["BaselineIdentities"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["BaselineId"].as_str().unwrap(), row["DefaultBaseline"].as_bool().unwrap()))
            .collect();
        assert_eq!(flags, [(DEBIAN_ARN, false), (id.as_str(), true)]);
        for (id, expected) in
            [(UNKNOWN, "DoesNotExistException"), ("pb-not-hexadecimal-at-all", "InvalidResourceId")]
        {
            let request = json!({"BaselineId": id});
            assert_eq!(bench.refusal("RegisterDefaultPatchBaseline", request).await, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn baselines_are_listed_page_by_page() {
    for bench in TestServer::on_each_engine().await {
        let mut own = Vec::new();
        for name in ["prod-a", "prod-b", "test-a"] {
            own.push(create(&bench, name, "UBUNTU").await);
        }
        own.sort();
        let ids = |rows: Vec<Value>| -> Vec<String> {
            rows.iter().map(|row| row["BaselineId"].as_str().unwrap().to_owned()).collect()
        };
        for size in [1, 2, 7, 19, 20, 100] {
            let all = ids(bench.pages("DescribePatchBaselines", json!({}), "BaselineIdentities", size).await);
            assert_eq!(all.len(), 22, "{size}");
            assert!(all[..19].is_sorted() && all[..19].iter().all(|id| id.starts_with("arn:")), "{size}");
            assert_eq!(all[19..], own, "{size}");
        }
        let count = async |filters: Value| {
            bench
                .pages("DescribePatchBaselines", json!({"Filters": filters}), "BaselineIdentities", 2)
                .await
                .len()
        };
        let filter = |key: &str, values: &[&str]| json!({"Key": key, "Values": values});
        assert_eq!(count(json!([filter("OWNER", &["AWS"])])).await, 19);
        assert_eq!(count(json!([filter("OWNER", &["Self"])])).await, 3);
        assert_eq!(count(json!([filter("OWNER", &["All"])])).await, 22);
        assert_eq!(count(json!([filter("NAME_PREFIX", &["prod-", "AWS-Debian"])])).await, 3);
        assert_eq!(count(json!([filter("OPERATING_SYSTEM", &["UBUNTU"])])).await, 4);
        assert_eq!(
            count(json!([filter("OPERATING_SYSTEM", &["UBUNTU"]), filter("NAME_PREFIX", &["test"])])).await,
            1
        );
        for bad in [
            filter("COLOUR", &["red"]),
            filter("OWNER", &["me"]),
            filter("OPERATING_SYSTEM", &["X"]),
            filter("OWNER", &[]),
        ] {
            let request = json!({"Filters": [bad]});
            assert_eq!(bench.refusal("DescribePatchBaselines", request).await, "ValidationException");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_its_list_and_survives_deletions() {
    for bench in TestServer::on_each_engine().await {
        for name in ["aaa", "bbb", "ccc"] {
            create(&bench, name, "UBUNTU").await;
        }
        let mine = json!([{"Key": "OWNER", "Values": ["Self"]}]);
        let page = bench.answer("DescribePatchBaselines", json!({"Filters": mine, "MaxResults": 1})).await;
        let token = page["NextToken"].clone();
        let last = page["BaselineIdentities"][0]["BaselineId"].clone();
        bench.answer("DeletePatchBaseline", json!({"BaselineId": last})).await;
        let rest = bench.answer("DescribePatchBaselines", json!({"Filters": mine, "NextToken": token})).await;
        assert_eq!(rest["BaselineIdentities"].as_array().unwrap().len(), 2);
        assert_eq!(rest.get("NextToken"), None);
        for (operation, request) in [
            ("DescribePatchBaselines", json!({"NextToken": token})),
            ("DescribePatchBaselines", json!({"Filters": mine, "NextToken": "forged"})),
            ("DescribePatchGroups", json!({"NextToken": token})),
        ] {
            assert_eq!(bench.refusal(operation, request).await, "ValidationException");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_has_one_baseline_per_system() {
    for bench in TestServer::on_each_engine().await {
        let (a, b) = (create(&bench, "one", "DEBIAN").await, create(&bench, "two", "DEBIAN").await);
        let w = create(&bench, "win", "WINDOWS").await;
        let pair = |id: &str, group: &str| json!({"BaselineId": id, "PatchGroup": group});
        let answer = bench.answer("RegisterPatchBaselineForPatchGroup", pair(&a, "web")).await;
        assert_eq!(answer, pair(&a, "web"));
        assert_eq!(bench.answer("RegisterPatchBaselineForPatchGroup", pair(&a, "web")).await, answer);
        let refused = bench.refusal("RegisterPatchBaselineForPatchGroup", pair(&b, "web")).await;
        assert_eq!(refused, "AlreadyExistsException");
        bench.answer("RegisterPatchBaselineForPatchGroup", pair(&w, "web")).await;
        bench.answer("RegisterPatchBaselineForPatchGroup", pair(DEBIAN_ARN, "db")).await;

        let of = async |group: &str, os: &str| {
            let request = json!({"PatchGroup": group, "OperatingSystem": os});
            bench.answer("GetPatchBaselineForPatchGroup", request).await
        };
        let expected = json!({"BaselineId": a, "PatchGroup": "web", "OperatingSystem": "DEBIAN"});
        assert_eq!(of("web", "DEBIAN").await, expected);
        let by_default = bench.answer("GetPatchBaselineForPatchGroup", json!({"PatchGroup": "web"})).await;
        assert_eq!(by_default["BaselineId"], w);
        assert_eq!(of("nobody", "WINDOWS").await["BaselineId"], WINDOWS_ARN);
        let got = bench.answer("GetPatchBaseline", json!({"BaselineId": a})).await;
        assert_eq!(got["PatchGroups"], json!(["web"]));

        let rows = bench.pages("DescribePatchGroups", json!({}), "Mappings", 1).await;
        let seen: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row["PatchGroup"].as_str().unwrap(),
                    row["BaselineIdentity"]["BaselineName"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(seen, [("db", "AWS-DebianDefaultPatchBaseline"), ("web", "one"), ("web", "win")]);
        assert_eq!(rows[0]["BaselineIdentity"]["DefaultBaseline"], true);
        let filters = json!({"Filters": [{"Key": "NAME_PREFIX", "Values": ["w"]},
            {"Key": "OPERATING_SYSTEM", "Values": ["WINDOWS"]}]});
        assert_eq!(bench.pages("DescribePatchGroups", filters, "Mappings", 1).await, rows[2..]);

        bench.answer("DeregisterPatchBaselineForPatchGroup", pair(&a, "web")).await;
        assert_eq!(of("web", "DEBIAN").await["BaselineId"], DEBIAN_ARN);
        bench.answer("DeregisterPatchBaselineForPatchGroup", pair(&a, "web")).await;
        for (id, group, expected) in [
            (UNKNOWN, "web", "DoesNotExistException"),
            ("pb-not-hexadecimal-at-all", "web", "InvalidResourceId"),
            (a.as_str(), "a#b", "ValidationException"),
        ] {
            assert_eq!(bench.refusal("RegisterPatchBaselineForPatchGroup", pair(id, group)).await, expected);
        }
        let refused = bench
            .refusal("DeregisterPatchBaselineForPatchGroup", pair("pb-not-hexadecimal-at-all", "x"))
            .await;
        assert_eq!(refused, "InvalidResourceId");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_serves_twenty_five_groups() {
    for bench in TestServer::on_each_engine().await {
        let id = create(&bench, "busy", "DEBIAN").await;
        for n in 0..25 {
            let pair = json!({"BaselineId": id, "PatchGroup": format!("g{n}")});
            bench.answer("RegisterPatchBaselineForPatchGroup", pair).await;
        }
        let one_more = json!({"BaselineId": id, "PatchGroup": "g25"});
        let refused = bench.refusal("RegisterPatchBaselineForPatchGroup", one_more).await;
        assert_eq!(refused, "ResourceLimitExceededException");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_are_listed() {
    for bench in TestServer::on_each_engine().await {
        let ask = |os: &str, property: &str| json!({"OperatingSystem": os, "Property": property});
        let rows = bench.pages("DescribePatchProperties", ask("DEBIAN", "PRIORITY"), "Properties", 2).await;
        let names: Vec<_> = rows.iter().map(|row| row["Name"].as_str().unwrap()).collect();
        assert_eq!(names, ["Required", "Important", "Standard", "Optional", "Extra"]);
        let products =
            bench.pages("DescribePatchProperties", ask("UBUNTU", "PRODUCT"), "Properties", 50).await;
        assert!(products.contains(&json!({"Name": "Ubuntu22.04"})));
        let mut windows = ask("WINDOWS", "PRODUCT");
        let all = bench.pages("DescribePatchProperties", windows.clone(), "Properties", 50).await;
        windows["PatchSet"] = json!("OS");
        let system = bench.pages("DescribePatchProperties", windows, "Properties", 50).await;
        assert!(system.len() < all.len() && system.contains(&json!({"Name": "WindowsServer2022"})));
        let mut applications = ask("DEBIAN", "PRODUCT");
        applications["PatchSet"] = json!("APPLICATION");
        for request in
            [ask("DEBIAN", "SEVERITY"), ask("DEBIAN", "COLOUR"), applications, json!({"Property": "PRODUCT"})]
        {
            assert_eq!(bench.refusal("DescribePatchProperties", request).await, "ValidationException");
        }
    }
}
