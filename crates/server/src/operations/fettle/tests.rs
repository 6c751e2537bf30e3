//! Facts, reports and explanations through the dispatcher, on each engine.

use std::io::Write;

use api::{Blob, Timestamp};
use domain::compliance::ComplianceLevel;
use domain::facts::{
    AvailableVersion, FactSet, Observation, OsRelease, PackageFact, PackageState, Repository, content_hash,
};
use domain::ids::NodeId;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::operations::Service;
use crate::operations::inventory::tests::{report, upload};
use crate::testing::{Refused, TestServer, call};

/// Debian 12 with an outdated curl, whose fix is in the security suite.
pub(crate) fn facts() -> FactSet {
    let offer = |version: &str, repositories: Vec<u32>| AvailableVersion {
        version: version.to_owned(),
        section: "web".to_owned(),
        priority: "optional".to_owned(),
        pin: 500,
        repositories,
        phased_percent: None,
        phased_out: false,
        ..AvailableVersion::default()
    };
    let repository = |suite: &str, label: &str| Repository {
        uri: "http://deb.example.org/debian".to_owned(),
        suite: suite.to_owned(),
        label: label.to_owned(),
        origin: "Debian".to_owned(),
        released_at: Some(Timestamp::from_seconds(1_772_000_000)),
        ..Repository::default()
    };
    FactSet {
        os: OsRelease {
            id: "debian".to_owned(),
            version_id: "12".to_owned(),
            codename: "bookworm".to_owned(),
            arch: "amd64".to_owned(),
            ..OsRelease::default()
        },
        repositories: vec![repository("stable", "Debian"), repository("stable-security", "Debian-Security")],
        packages: vec![PackageFact {
            name: "curl".to_owned(),
            arch: "amd64".to_owned(),
            version: "7.88.1-10".to_owned(),
            state: PackageState::Installed,
            section: "web".to_owned(),
            priority: "optional".to_owned(),
            source: None,
            source_version: None,
            installed_at: Some(Timestamp::from_seconds(1_700_000_000)),
            held: false,
            automatic: false,
            candidate: Some("7.88.1-10+deb12u5".to_owned()),
            available: vec![offer("7.88.1-10+deb12u5", vec![1]), offer("7.88.1-10", vec![0])],
            ..PackageFact::default()
        }],
        ..FactSet::default()
    }
}

fn gzip(bytes: &[u8]) -> Value {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    json!(Blob(encoder.finish().unwrap()))
}

pub(crate) fn put(node: &NodeId, at: &str, facts: Option<&FactSet>) -> Value {
    let observation = Observation { captured_at: Timestamp::parse(at).unwrap(), ..Observation::default() };
    let mut request = json!({
        "InstanceId": node,
        "FactsHash": content_hash(&self::facts().to_canonical_json()),
        "Observation": serde_json::to_string(&observation).unwrap(),
    });
    if let Some(facts) = facts {
        request["Facts"] = gzip(&facts.to_canonical_json());
    }
    request
}

async fn fettle(server: &TestServer, operation: &str, request: Value) -> Result<Value, Refused> {
    call(&server.root(), Service::Fettle, operation, request).await
}

pub(crate) const AT: &str = "2026-03-01T11:00:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn facts_are_sent_once() {
    for server in TestServer::on_each_engine().await {
        let (one, two) = (server.add_node(1).await, server.add_node(2).await);
        let needed = async |request| {
            fettle(&server, "PutNodeFacts", request).await.map(|answer| answer["FactsNeeded"].clone())
        };
        assert_eq!(needed(put(&one, AT, None)).await, Ok(json!(true)));
        let mut other = facts();
        other.packages[0].held = true;
        assert_eq!(needed(put(&one, AT, Some(&other))).await.unwrap_err().0, "FactsMismatchException");
        let mut torn = put(&one, AT, None);
        torn["Facts"] = json!(Blob(b"not gzip".to_vec()));
        assert_eq!(needed(torn).await.unwrap_err().0, "FactsMismatchException");
        let mut spaced = put(&one, AT, None);
        let json = format!(" {}", String::from_utf8(facts().to_canonical_json()).unwrap());
        (spaced["FactsHash"], spaced["Facts"]) =
            (json!(content_hash(json.as_bytes())), gzip(json.as_bytes()));
        assert_eq!(needed(spaced).await.unwrap_err().0, "FactsMismatchException");
        assert_eq!(needed(put(&one, AT, Some(&facts()))).await, Ok(json!(false)));
        assert_eq!(needed(put(&two, AT, None)).await, Ok(json!(false)), "an equal node sends the hash only");
        let strange = "mi-0123456789abcdef0".parse().unwrap();
        assert_eq!(needed(put(&strange, AT, None)).await.unwrap_err().0, "ResourceNotFoundException");
        let as_other = call(&server.node(&two), Service::Fettle, "PutNodeFacts", put(&one, AT, None)).await;
        assert_eq!(as_other.unwrap_err().0, "AccessDeniedException");

        let filter = |key: &str, value: &str| json!({"Filters": [{"Key": key, "Values": [value]}]});
        let find = async |filters| server.pages("DescribeAvailablePatches", filters, "Patches", 1).await;
        let all = find(filter("PRODUCT", "Debian12")).await;
        assert_eq!(all.len(), 2);
        let fix = find(filter("RELEASE", "10+deb12u5")).await;
        assert_eq!(
            (&fix[0]["Name"], &fix[0]["Version"], &fix[0]["Classification"]),
            (&json!("curl"), &json!("7.88.1"), &json!("Security"))
        );
        assert!(find(filter("PRODUCT", "Ubuntu22.04")).await.is_empty());
        assert!(find(filter("CVE_ID", "CVE-2026-0001")).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_read_back_with_their_facts_and_their_age() {
    for mut server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let request = json!({"InstanceId": node});
        let never = fettle(&server, "GetNodeReport", request.clone()).await.unwrap_err();
        assert_eq!(never.0, "ResourceNotFoundException");
        let older = report("2026-02-28T11:00:00Z", &[("vim", ComplianceLevel::Low)], "");
        let mut newest = report(AT, &[("curl", ComplianceLevel::High)], "");
        newest.items[1].title = "curl.amd64:7.88.1-10+deb12u5".to_owned();
        let default = server.answer("GetDefaultPatchBaseline", json!({"OperatingSystem": "DEBIAN"})).await;
        newest.summary.frame.baseline_id = default["BaselineId"].as_str().unwrap().to_owned();
        server.answer("PutInventory", upload(&node, &older, "h1")).await;
        fettle(&server, "PutNodeFacts", put(&node, AT, Some(&facts()))).await.unwrap();
        server.answer("PutInventory", upload(&node, &newest, "h2")).await;

        let told = fettle(&server, "GetNodeReport", request.clone()).await.unwrap();
        assert_eq!(
            (&told["Status"], &told["AgeSeconds"], &told["Stale"]),
            (&json!("NON_COMPLIANT"), &json!(3600), &json!(false))
        );
        assert_eq!(told["Counts"]["MISSING"], json!(1));
        assert_eq!(told["SeverityCounts"], json!({"HIGH": 1}));
        assert_eq!(told["Baseline"]["Source"], "DEFAULT");
        let patch = &told["Missing"][0];
        assert_eq!(
            (&patch["Name"], &patch["Arch"], &patch["State"]),
            (&json!("curl"), &json!("amd64"), &json!("MISSING"))
        );
        assert_eq!(
            (&patch["InstalledVersion"], &patch["FixVersion"]),
            (&json!("7.88.1-10"), &json!("7.88.1-10+deb12u5"))
        );
        assert_eq!(
            (&patch["Suite"], &patch["Repository"]),
            (&json!("stable-security"), &json!("Debian-Security"))
        );

        let list =
            fettle(&server, "ListNodeReports", json!({"InstanceId": node, "MaxResults": 1})).await.unwrap();
        assert_eq!(list["Reports"][0]["ReportId"], told["ReportId"]);
        let next = json!({"InstanceId": node, "MaxResults": 1, "NextToken": list["NextToken"]});
        let list = fettle(&server, "ListNodeReports", next).await.unwrap();
        assert!(list.get("NextToken").is_none());
        let old = json!({"InstanceId": node, "ReportId": list["Reports"][0]["ReportId"]});
        let old = fettle(&server, "GetNodeReport", old).await.unwrap();
        assert_eq!(
            (&old["Missing"][0]["Name"], &old["Missing"][0]["InstalledVersion"]),
            (&json!("vim"), &Value::Null)
        );
        let none = fettle(&server, "GetNodeReport", json!({"InstanceId": node, "ReportId": "1-1"})).await;
        assert_eq!(none.unwrap_err().0, "ResourceNotFoundException");

        server.now = server.now.plus_seconds(30 * 86_400);
        let told = fettle(&server, "GetNodeReport", request).await.unwrap();
        assert_eq!(told["Stale"], json!(true), "old is never shown as new");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explanations_know_what_is_known() {
    for mut server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let why = async |server: &TestServer| {
            fettle(server, "ExplainNodeCompliance", json!({"InstanceId": node})).await.unwrap()
        };
        let ids = |told: &Value| -> Vec<String> {
            let causes = told["Causes"].as_array().unwrap();
            causes.iter().map(|cause| cause["Id"].as_str().unwrap().to_owned()).collect()
        };
        let told = why(&server).await;
        assert_eq!((&told["Status"], told.get("CapturedAt")), (&json!("UNKNOWN"), None));
        assert_eq!(ids(&told)[0], "S1");

        let mut newest = report(AT, &[("curl", ComplianceLevel::Unspecified)], "");
        newest.items[1].title = "curl.amd64:7.88.1-10+deb12u5".to_owned();
        fettle(&server, "PutNodeFacts", put(&node, AT, Some(&facts()))).await.unwrap();
        server.answer("PutInventory", upload(&node, &newest, "h")).await;
        let told = why(&server).await;
        assert_eq!(
            (&told["Status"], &told["AgeSeconds"], &told["Stale"]),
            (&json!("NON_COMPLIANT"), &json!(3600), &json!(false))
        );
        let missing = told["Causes"].as_array().unwrap().iter().find(|cause| cause["Id"] == "N1").cloned();
        let missing = missing.unwrap_or_else(|| panic!("{:?}", ids(&told)));
        assert_eq!(missing["Items"][0]["Name"], "curl");
        assert_eq!(missing["Items"][0]["FixVersion"], "7.88.1-10+deb12u5");
        assert!(!missing["Items"][0]["Proof"].as_array().unwrap().is_empty());

        let command = json!({"DocumentName": "AWS-RunPatchBaseline", "InstanceIds": [node], "Parameters": {"Operation": ["Scan"]}});
        server.answer("SendCommand", command).await;
        let told = why(&server).await;
        assert_eq!(
            (&told["LastRuns"][0]["Operation"], &told["LastRuns"][0]["Status"]),
            (&json!("Scan"), &json!("Pending"))
        );

        server.now = server.now.plus_seconds(8 * 86_400);
        let told = why(&server).await;
        assert_eq!(told["Stale"], json!(true));
        assert!(ids(&told).contains(&"S4".to_owned()), "{:?}", ids(&told));
        let strange = json!({"InstanceId": "mi-0123456789abcdef0"});
        assert_eq!(
            fettle(&server, "ExplainNodeCompliance", strange).await.unwrap_err().0,
            "ResourceNotFoundException"
        );
    }
}
