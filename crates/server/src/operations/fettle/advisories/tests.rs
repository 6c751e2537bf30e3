//! Feeds through the dispatcher, on each engine: imported in parts, replaced, forgotten, matched with a node's report.

use domain::compliance::ComplianceLevel;
use domain::facts::{Advisory, FactSet, Notice, OsRelease, content_hash};
use domain::ids::NodeId;
use serde_json::{Value, json};

use crate::jobs::forget_advisories;
use crate::operations::Service;
use crate::operations::fettle::tests::{AT, facts, put};
use crate::operations::inventory::tests::{report, upload};
use crate::testing::{Refused, TestServer, call};

async fn fettle(server: &TestServer, operation: &str, request: Value) -> Result<Value, Refused> {
    call(&server.root(), Service::Fettle, operation, request).await
}

fn said(cve: &str, distribution: &str, fixed: Option<&str>) -> Value {
    let mut said = json!({"CveId": cve, "Distribution": distribution, "Package": "curl", "Severity": "high"});
    if let Some(fixed) = fixed {
        said["Fixed"] = json!(fixed);
    }
    said
}

fn part(feed: &str, id: Option<&str>, chunk: i32, statements: &[Value], last: bool) -> Value {
    let mut part = json!({
        "Feed": feed, "Format": "DEBIAN_TRACKER", "Origin": "tracker.json", "Chunk": chunk,
        "Statements": statements, "Last": last,
    });
    if let Some(id) = id {
        part["ImportId"] = json!(id);
    }
    part
}

/// A node that lacks curl 7.88.1-10+deb12u5.
async fn node(server: &TestServer) -> NodeId {
    let node = server.add_node(1).await;
    let mut newest = report(AT, &[("curl", ComplianceLevel::Unspecified)], "");
    newest.items[1].title = "curl.amd64:7.88.1-10+deb12u5".to_owned();
    fettle(server, "PutNodeFacts", put(&node, AT, Some(&facts()))).await.unwrap();
    server.answer("PutInventory", upload(&node, &newest, "h")).await;
    node
}

async fn cves(server: &TestServer, node: &NodeId) -> [Value; 2] {
    let report = fettle(server, "GetNodeReport", json!({"InstanceId": node})).await.unwrap();
    let patches = server.answer("DescribeInstancePatches", json!({"InstanceId": node})).await;
    let patches = patches["Patches"].as_array().unwrap();
    let curl = patches.iter().find(|patch| patch["KBId"] == "curl.amd64").unwrap();
    [report["Missing"][0]["Cves"].clone(), curl["CVEIds"].clone()]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_names_what_a_missing_version_fixes() {
    for server in TestServer::on_each_engine().await {
        let node = node(&server).await;
        assert_eq!(cves(&server, &node).await, [Value::Null, Value::Null], "no feed is no data");
        let told = fettle(&server, "GetNodeReport", json!({"InstanceId": node})).await.unwrap();
        assert!(told.get("CveFeeds").is_none());

        // A feed of another system says nothing of this node.
        let other = [said("CVE-2026-0001", "ubuntu:jammy", Some("7.88.1-10+deb12u5"))];
        fettle(&server, "ImportAdvisories", part("ubuntu", None, 0, &other, true)).await.unwrap();
        assert_eq!(cves(&server, &node).await[0], Value::Null);

        let first = [
            said("CVE-2026-0001", "debian:bookworm", Some("7.88.1-10+deb12u5")),
            said("CVE-2026-0002", "debian:12", Some("7.88.1-10+deb12u4")),
            said("CVE-2026-0003", "debian:bookworm", None),
        ];
        let answer =
            fettle(&server, "ImportAdvisories", part("debian", None, 0, &first, false)).await.unwrap();
        assert_eq!((&answer["Statements"], &answer["InForce"]), (&json!(3), &json!(false)));
        assert_eq!(cves(&server, &node).await[0], Value::Null, "not before it is whole");
        let id = answer["ImportId"].as_str();
        let second = [said("CVE-2026-0004", "debian:bookworm", Some("7.88.1-9"))];
        let answer = fettle(&server, "ImportAdvisories", part("debian", id, 1, &second, true)).await.unwrap();
        assert_eq!((&answer["Statements"], &answer["InForce"]), (&json!(4), &json!(true)));

        let [report, patches] = cves(&server, &node).await;
        assert_eq!(report, json!(["CVE-2026-0001", "CVE-2026-0002"]));
        assert_eq!(patches, json!("CVE-2026-0001,CVE-2026-0002"));
        let told = fettle(&server, "GetNodeReport", json!({"InstanceId": node})).await.unwrap();
        let feed = &told["CveFeeds"][0];
        assert_eq!(
            (&feed["Feed"], &feed["Origin"], &feed["AgeSeconds"]),
            (&json!("debian"), &json!("tracker.json"), &json!(0))
        );

        let feeds = fettle(&server, "ListAdvisoryFeeds", json!({})).await.unwrap();
        assert_eq!(feeds["Feeds"].as_array().unwrap().len(), 2);
        assert_eq!(feeds["Feeds"][0]["Distributions"], json!(["debian:12", "debian:bookworm"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_whole_or_nothing_and_may_be_repeated() {
    for server in TestServer::on_each_engine().await {
        let node = node(&server).await;
        let import = async |request| fettle(&server, "ImportAdvisories", request).await;
        let old = [said("CVE-2026-0001", "debian:bookworm", Some("7.88.1-10+deb12u5"))];
        import(part("debian", None, 0, &old, true)).await.unwrap();

        // Begun, never ended: what was in force stays.
        let new = [said("CVE-2026-0009", "debian:bookworm", Some("7.88.1-10+deb12u5"))];
        let begun = import(part("debian", None, 0, &new, false)).await.unwrap();
        let id = begun["ImportId"].as_str();
        assert_eq!(cves(&server, &node).await[0], json!(["CVE-2026-0001"]));
        let refused = async |request: Value, about: &str| {
            let (code, message) = import(request).await.unwrap_err();
            assert!(code == "AdvisoryImportException" && message.contains(about), "{code}: {message}");
        };
        refused(part("debian", id, 2, &new, true), "awaits part 1, not 2").await;
        refused(part("other", id, 1, &new, true), "another feed").await;
        refused(part("debian", Some("999"), 1, &new, true), "no import 999").await;
        refused(part("debian", None, 1, &new, true), "names no ImportId").await;
        refused(part("empty", None, 0, &[], true), "says nothing").await;
        let mut bad = part("debian", id, 1, &new, true);
        bad["Statements"][0]["CveId"] = json!("CVE-1");
        let (code, message) = import(bad).await.unwrap_err();
        assert!(
            code == "ValidationException" && message.to_lowercase().contains("cveid"),
            "{code}: {message}"
        );

        // A part whose answer was lost is sent again; so is the last one.
        assert_eq!(import(part("debian", id, 0, &new, false)).await.unwrap()["Statements"], json!(1));
        for _ in 0..2 {
            let whole = import(part("debian", id, 1, &new, true)).await.unwrap();
            assert_eq!(
                (&whole["Statements"], &whole["InForce"]),
                (&json!(1), &json!(true)),
                "said twice, kept once"
            );
        }
        assert_eq!(cves(&server, &node).await[0], json!(["CVE-2026-0009"]));

        let gone = fettle(&server, "DeleteAdvisoryFeed", json!({"Feed": "debian"})).await;
        assert!(gone.is_ok());
        assert_eq!(cves(&server, &node).await[0], Value::Null);
        let gone = fettle(&server, "DeleteAdvisoryFeed", json!({"Feed": "debian"})).await;
        assert_eq!(gone.unwrap_err().0, "ResourceNotFoundException");
        let mut rounds = 0;
        while forget_advisories::run_once(std::sync::Arc::clone(&server.app), server.now.plus_seconds(7200))
            .await
            .unwrap()
            > 0
        {
            rounds += 1;
            assert!(rounds < 20, "forgetting ends");
        }
        assert!(rounds >= 3, "replaced, deleted and given up imports go");
        import(part("debian", None, 0, &old, true)).await.unwrap();
        assert_eq!(cves(&server, &node).await[0], json!(["CVE-2026-0001"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cve_or_a_package_leads_to_nodes() {
    for server in TestServer::on_each_engine().await {
        let node = node(&server).await;
        let nobody = server.add_node(2).await;
        let describe = async |request: Value| fettle(&server, "DescribeAdvisories", request).await;
        let none = describe(json!({"CveId": "CVE-2026-0001"})).await.unwrap();
        assert_eq!((&none["Feeds"], &none["AffectedNodes"]), (&json!([]), &json!([])));
        let statements = [
            said("CVE-2026-0001", "debian:bookworm", Some("7.88.1-10+deb12u5")),
            said("CVE-2026-0001", "debian:bullseye", Some("7.74.0-1.3+deb11u9")),
            said("CVE-2026-0002", "debian:bookworm", Some("7.88.1-1")),
        ];
        fettle(&server, "ImportAdvisories", part("debian", None, 0, &statements, true)).await.unwrap();

        let told = describe(json!({"CveId": "CVE-2026-0001"})).await.unwrap();
        assert_eq!(told["Advisories"].as_array().unwrap().len(), 2);
        let affected = told["AffectedNodes"].as_array().unwrap();
        assert_eq!((affected.len(), &affected[0]["InstanceId"]), (1, &json!(node)));
        assert_eq!(
            (&affected[0]["InstalledVersion"], &affected[0]["FixedVersion"], &affected[0]["Feed"]),
            (&json!("7.88.1-10"), &json!("7.88.1-10+deb12u5"), &json!("debian"))
        );
        assert_eq!(describe(json!({"CveId": "CVE-2026-0002"})).await.unwrap()["AffectedNodes"], json!([]));
        let package = describe(json!({"Package": "curl"})).await.unwrap();
        assert_eq!(
            (
                package["Advisories"].as_array().unwrap().len(),
                package["AffectedNodes"].as_array().unwrap().len()
            ),
            (3, 1)
        );
        assert_eq!(describe(json!({})).await.unwrap_err().0, "ValidationException");

        // One affected node a page.
        let (mut found, mut pages, mut token) = (Vec::new(), 0, Value::Null);
        loop {
            let mut request = json!({"CveId": "CVE-2026-0001", "MaxResults": 1});
            if !token.is_null() {
                request["NextToken"] = token.clone();
            }
            let page = describe(request).await.unwrap();
            pages += 1;
            found.extend(
                page["AffectedNodes"].as_array().unwrap().iter().map(|row| row["InstanceId"].clone()),
            );
            token = page["NextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        assert_eq!((pages, found), (1, vec![json!(node)]), "{nobody} has no facts");
        let bad = json!({"CveId": "CVE-2026-0001", "NextToken": "x"});
        assert_eq!(describe(bad).await.unwrap_err().0, "InvalidNextToken");
    }
}

/// Facts other than those of [`facts`].
fn put_own(node: &NodeId, at: &str, set: &FactSet) -> Value {
    let mut request = put(node, at, Some(set));
    request["FactsHash"] = json!(content_hash(&set.to_canonical_json()));
    request
}

fn curl(version: &str) -> FactSet {
    let mut set = facts();
    set.packages[0].version = version.to_owned();
    set
}

/// The index follows what nodes know, whichever server was told.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_affected_follows_the_nodes() {
    const LATER: &str = "2026-03-02T12:00:00Z";
    const EARLIER: &str = "2020-03-02T12:00:00Z";
    for server in TestServer::on_each_engine().await {
        let (first, second) = (server.add_node(1).await, server.add_node(2).await);
        let other = server.another().await;
        let ask = async |app: &std::sync::Arc<crate::App>, cve: &str| -> Vec<String> {
            let ctx = crate::Ctx { app: std::sync::Arc::clone(app), ..server.root() };
            let told =
                call(&ctx, Service::Fettle, "DescribeAdvisories", json!({"CveId": cve})).await.unwrap();
            let rows = told["AffectedNodes"].as_array().unwrap();
            rows.iter().map(|row| row["InstanceId"].as_str().unwrap().to_owned()).collect()
        };
        let affected = async |cve: &str, expected: &[&NodeId]| {
            let expected: Vec<String> = expected.iter().map(|node| node.to_string()).collect();
            for app in [&server.app, &other] {
                assert_eq!(ask(app, cve).await, expected, "{cve}");
            }
        };
        let tell = async |request: Value| fettle(&server, "PutNodeFacts", request).await.unwrap();
        const CVE: &str = "CVE-2026-0001";
        let said = [said(CVE, "debian:bookworm", Some("7.88.1-10+deb12u5"))];
        fettle(&server, "ImportAdvisories", part("debian", None, 0, &said, true)).await.unwrap();
        affected(CVE, &[]).await;
        tell(put(&first, AT, Some(&facts()))).await;
        affected(CVE, &[&first]).await;
        tell(put(&second, AT, None)).await;
        affected(CVE, &[&first, &second]).await;
        tell(put_own(&first, LATER, &curl("7.88.1-10+deb12u5"))).await;
        affected(CVE, &[&second]).await;
        // A late word of what was true before changes nothing; the same again neither.
        tell(put_own(&first, EARLIER, &curl("7.0-1"))).await;
        tell(put_own(&first, LATER, &curl("7.88.1-10+deb12u5"))).await;
        affected(CVE, &[&second]).await;

        // What the node's own repositories publish needs no feed.
        let mut rpm = curl("7.76.1-14.el9");
        rpm.os = OsRelease { id: "rhel".to_owned(), version_id: "9.4".to_owned(), ..OsRelease::default() };
        rpm.advisories = vec![Advisory {
            id: "A-1".to_owned(),
            cve_ids: vec!["CVE-2026-0002".to_owned()],
            ..Advisory::default()
        }];
        rpm.packages[0].notices = vec![Notice { advisory: 0, version: "7.76.1-15.el9".to_owned() }];
        tell(put_own(&first, "2026-03-03T12:00:00Z", &rpm)).await;
        affected("CVE-2026-0002", &[&first]).await;
        let told = fettle(&server, "DescribeAdvisories", json!({"CveId": "CVE-2026-0002"})).await.unwrap();
        let row = &told["AffectedNodes"][0];
        assert_eq!(
            (&row["AdvisoryId"], &row["FixedVersion"], row.get("Feed")),
            (&json!("A-1"), &json!("7.76.1-15.el9"), None)
        );

        server.answer("DeregisterManagedInstance", json!({"InstanceId": second})).await;
        affected(CVE, &[]).await;
    }
}

/// Feeds say which of the versions on offer fix what.
#[tokio::test(flavor = "multi_thread")]
async fn available_versions_name_the_cves_they_fix() {
    for server in TestServer::on_each_engine().await {
        node(&server).await;
        let statements = [
            said("CVE-2026-0001", "debian:bookworm", Some("7.88.1-10+deb12u5")),
            said("CVE-2026-0002", "debian:12", Some("7.88.1-10+deb12u5")),
            said("CVE-2026-0003", "debian:trixie", Some("7.88.1-10+deb12u5")),
            said("CVE-2026-0004", "debian:bookworm", Some("7.88.1-9")),
        ];
        let available = async |filters: Value| -> Vec<Value> {
            let patches = server.answer("DescribeAvailablePatches", json!({"Filters": filters})).await;
            patches["Patches"].as_array().unwrap().clone()
        };
        assert!(available(json!([])).await.iter().all(|patch| patch.get("CVEIds").is_none()));
        fettle(&server, "ImportAdvisories", part("debian", None, 0, &statements, true)).await.unwrap();
        let all = available(json!([])).await;
        let of = |release: &str| {
            all.iter().find(|patch| patch["Release"] == release).map(|patch| patch["CVEIds"].clone())
        };
        assert_eq!(of("10+deb12u5"), Some(json!(["CVE-2026-0001", "CVE-2026-0002"])));
        assert_eq!(of("10"), Some(Value::Null));
        let found = available(json!([{"Key": "CVE_ID", "Values": ["CVE-2026-0002"]}])).await;
        assert_eq!((found.len(), &found[0]["Release"]), (1, &json!("10+deb12u5")));
        assert_eq!(available(json!([{"Key": "CVE_ID", "Values": ["CVE-2026-0003"]}])).await.len(), 0);
    }
}

/// Where a feed has the publisher's own notices, patches are told by them; where none has, nothing is said of any.
#[tokio::test(flavor = "multi_thread")]
async fn notices_are_told_where_a_feed_has_them() {
    for server in TestServer::on_each_engine().await {
        let node = node(&server).await;
        let notice = |id: &str, distribution: &str, version: &str| json!({"AdvisoryId": id, "Distribution": distribution, "Package": "curl", "Version": version});
        let told = async || {
            let report = fettle(&server, "GetNodeReport", json!({"InstanceId": node})).await.unwrap();
            report["Missing"][0]["AdvisoryIds"].clone()
        };
        let available = async |filters: Value| -> Vec<Value> {
            let patches = server.answer("DescribeAvailablePatches", json!({"Filters": filters})).await;
            patches["Patches"].as_array().unwrap().clone()
        };
        let of_fix = async || {
            let all = available(json!([])).await;
            all.iter().find(|patch| patch["Release"] == "10+deb12u5").unwrap()["AdvisoryIds"].clone()
        };
        let holes = [said("CVE-2026-0001", "debian:bookworm", Some("7.88.1-10+deb12u5"))];
        fettle(&server, "ImportAdvisories", part("debian", None, 0, &holes, true)).await.unwrap();
        assert_eq!((told().await, of_fix().await), (Value::Null, Value::Null), "no notices is no data");

        let mut import = part("debian", None, 0, &holes, true);
        import["Notices"] = json!([
            notice("DSA-5000-1", "debian:bookworm", "7.88.1-10+deb12u5"),
            notice("DSA-4999-1", "debian:12", "7.88.1-10+deb12u4"),
            notice("DSA-4000-1", "debian:bookworm", "7.88.1-9"),
            notice("USN-7000-1", "ubuntu:jammy", "7.88.1-10+deb12u5"),
        ]);
        let answer = fettle(&server, "ImportAdvisories", import).await.unwrap();
        assert_eq!(answer["Statements"], json!(5));
        // Installing the missing version brings what was announced on the way to it; an offer is what its own notice says.
        assert_eq!(told().await, json!(["DSA-4999-1", "DSA-5000-1"]));
        assert_eq!(of_fix().await, json!(["DSA-5000-1"]));
        let by_id = async |id: &str| available(json!([{"Key": "ADVISORY_ID", "Values": [id]}])).await.len();
        assert_eq!((by_id("DSA-5000-1").await, by_id("USN-7000-1").await), (1, 0));
        let why = fettle(&server, "ExplainNodeCompliance", json!({"InstanceId": node})).await.unwrap();
        let why = why.to_string();
        assert!(why.contains("brings what DSA-4999-1, DSA-5000-1 announced"), "{why}");
        let known = fettle(&server, "DescribeAdvisories", json!({"CveId": "CVE-2026-0001"})).await.unwrap();
        assert_eq!(known["Advisories"][0]["AdvisoryIds"], json!(["DSA-5000-1"]));

        // A notice alone is something to say; what replaces it takes it away.
        let mut alone = part("notices", None, 0, &[], true);
        alone["Notices"] = json!([notice("DSA-5001-1", "debian:bookworm", "7.88.1-10+deb12u5")]);
        fettle(&server, "ImportAdvisories", alone).await.unwrap();
        assert_eq!(of_fix().await, json!(["DSA-5000-1", "DSA-5001-1"]));
        fettle(&server, "ImportAdvisories", part("debian", None, 0, &holes, true)).await.unwrap();
        assert_eq!(of_fix().await, json!(["DSA-5001-1"]));
        let forget = async || {
            let app = std::sync::Arc::clone(&server.app);
            forget_advisories::run_once(app, server.now.plus_seconds(7200)).await.unwrap()
        };
        let mut rounds = 0;
        while forget().await > 0 {
            rounds += 1;
            assert!(rounds < 20, "forgetting ends");
        }
        // Statements, notices and the import itself go a part at a time.
        assert!(rounds >= 3, "{rounds}");
        assert_eq!(of_fix().await, json!(["DSA-5001-1"]));
    }
}
