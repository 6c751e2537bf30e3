//! What is available and what a baseline says of it, through the dispatcher, on each engine.

use std::io::Write;

use api::{Blob, Timestamp};
use domain::facts::*;
use domain::ids::NodeId;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::operations::Service;
use crate::testing::{TestServer, call};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

async fn put(server: &TestServer, node: &NodeId, facts: &FactSet) {
    let json = facts.to_canonical_json();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&json).unwrap();
    let observation = Observation { captured_at: at("2026-03-01T11:00:00Z"), ..Observation::default() };
    let request = json!({
        "InstanceId": node,
        "FactsHash": content_hash(&json),
        "Facts": Blob(encoder.finish().unwrap()),
        "Observation": serde_json::to_string(&observation).unwrap(),
    });
    call(&server.root(), Service::Fettle, "PutNodeFacts", request).await.unwrap();
}

/// `bind-libs` with a fix that an advisory lists.
fn rpm() -> FactSet {
    let offer = |version: &str| AvailableVersion {
        version: version.to_owned(),
        repositories: vec![0],
        ..AvailableVersion::default()
    };
    FactSet {
        os: OsRelease { id: "rhel".to_owned(), version_id: "9.99".to_owned(), ..OsRelease::default() },
        repositories: vec![Repository { suite: "baseos".to_owned(), ..Repository::default() }],
        packages: vec![PackageFact {
            name: "bind-libs".to_owned(),
            arch: "x86_64".to_owned(),
            version: "32:9.16-1.el9".to_owned(),
            available: vec![offer("32:9.16-2.el9"), offer("32:9.16-1.el9")],
            notices: vec![Notice { advisory: 0, version: "32:9.16-2.el9".to_owned() }],
            ..PackageFact::default()
        }],
        advisories: vec![Advisory {
            id: "RHSA-2026:1".to_owned(),
            kind: "security".to_owned(),
            severity: "important".to_owned(),
            updated_at: Some(at("2026-02-01T00:00:00Z")),
            cve_ids: vec!["CVE-2026-1".to_owned()],
            bugzilla_ids: vec!["1234567".to_owned()],
            ..Advisory::default()
        }],
        ..FactSet::default()
    }
}

fn update(kb: &str, released: &str, product: &str, family: &str) -> UpdateFact {
    UpdateFact {
        id: format!("guid-{kb}"),
        title: format!("2026-02 Update ({kb})"),
        kb_ids: vec![kb.to_owned()],
        classification: "SecurityUpdates".to_owned(),
        severity: "Critical".to_owned(),
        products: vec![product.to_owned()],
        product_families: vec![family.to_owned()],
        released_at: Some(at(released)),
        ..UpdateFact::default()
    }
}

fn windows(server_now: &str) -> FactSet {
    let newer = UpdateFact {
        supersedes: vec!["guid-KB1".to_owned()],
        ..update("KB2", "2026-01-01T00:00:00Z", "WindowsServer2019", "Windows")
    };
    let mut updates = vec![
        update("KB1", "2025-12-01T00:00:00Z", "WindowsServer2019", "Windows"),
        newer,
        update("KB3", server_now, "WindowsServer2019", "Windows"),
        update("KB4", "2026-01-01T00:00:00Z", "Visio 2016", "Office"),
    ];
    updates.sort_by(|a, b| a.id.cmp(&b.id));
    FactSet {
        os: OsRelease {
            id: "windows".to_owned(),
            name: "Microsoft Windows Server 2019 Datacenter".to_owned(),
            ..OsRelease::default()
        },
        updates,
        ..FactSet::default()
    }
}

fn filters(pairs: &[(&str, &str)]) -> Value {
    let filter = |(key, value): &(&str, &str)| json!({"Key": key, "Values": [value]});
    json!({"Filters": pairs.iter().map(filter).collect::<Vec<_>>()})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nodes_are_offered_can_be_asked_for() {
    for server in TestServer::on_each_engine().await {
        let (one, two) = (server.add_node(1).await, server.add_node(2).await);
        put(&server, &one, &rpm()).await;
        put(&server, &two, &windows("2026-02-28T00:00:00Z")).await;
        let find = async |pairs: &[(&str, &str)]| {
            server.pages("DescribeAvailablePatches", filters(pairs), "Patches", 1).await
        };

        let product = ("PRODUCT", "RedhatEnterpriseLinux9.99");
        assert_eq!(find(&[product]).await.len(), 2);
        for pair in [
            ("ADVISORY_ID", "RHSA-2026:1"),
            ("CVE_ID", "CVE-2026-1"),
            ("BUGZILLA_ID", "1234567"),
            ("SEVERITY", "Important"),
            ("CLASSIFICATION", "Security"),
            ("RELEASE", "2.el9"),
        ] {
            let found = find(&[product, pair]).await;
            assert_eq!(found.len(), 1, "{pair:?}");
            assert_eq!(
                (&found[0]["Name"], &found[0]["Epoch"], &found[0]["Version"], &found[0]["Release"]),
                (&json!("bind-libs"), &json!(32), &json!("9.16"), &json!("2.el9"))
            );
            assert_eq!(found[0]["AdvisoryIds"], json!(["RHSA-2026:1"]));
            assert_eq!(
                (&found[0]["CVEIds"], &found[0]["Repository"]),
                (&json!(["CVE-2026-1"]), &json!("baseos"))
            );
        }
        assert_eq!(find(&[product, ("EPOCH", "32")]).await.len(), 2);
        assert!(find(&[product, ("CVE_ID", "CVE-2026-2")]).await.is_empty());

        let found = find(&[("PATCH_SET", "APPLICATION")]).await;
        assert_eq!(found.len(), 1);
        assert_eq!(
            (&found[0]["KbNumber"], &found[0]["Id"], &found[0]["ProductFamily"], &found[0]["MsrcSeverity"]),
            (&json!("KB4"), &json!("guid-KB4"), &json!("Office"), &json!("Critical"))
        );
        for (pair, count) in [
            (("PATCH_ID", "KB1"), 1),
            (("PATCH_ID", "1"), 1),
            (("PRODUCT_FAMILY", "Windows"), 3),
            (("MSRC_SEVERITY", "Critical"), 4),
            (("MSRC_SEVERITY", "Low"), 0),
        ] {
            assert_eq!(find(&[pair]).await.len(), count, "{pair:?}");
        }

        // Products that the catalogue does not list, seen on nodes.
        let ask = |os: &str| json!({"OperatingSystem": os, "Property": "PRODUCT"});
        let products =
            server.pages("DescribePatchProperties", ask("REDHAT_ENTERPRISE_LINUX"), "Properties", 50).await;
        assert!(products.contains(&json!({"Name": "RedhatEnterpriseLinux9.99"})));
        let products = server.pages("DescribePatchProperties", ask("WINDOWS"), "Properties", 50).await;
        assert!(products.contains(&json!({"Name": "Visio 2016"})));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn effective_patches_of_windows_baselines() {
    for server in TestServer::on_each_engine().await {
        let node = server.add_node(1).await;
        let fresh = server.root().now.plus_seconds(-86_400);
        put(&server, &node, &windows(&fresh.to_iso_seconds())).await;
        let operation = "DescribeEffectivePatchesForPatchBaseline";
        let default = server.answer("GetDefaultPatchBaseline", json!({"OperatingSystem": "WINDOWS"})).await;
        let id = default["BaselineId"].clone();
        let told = async |id: &Value| -> Vec<(Value, Value)> {
            let rows = server.pages(operation, json!({"BaselineId": id}), "EffectivePatches", 1).await;
            let row = |row: &Value| {
                (row["Patch"]["KbNumber"].clone(), row["PatchStatus"]["DeploymentStatus"].clone())
            };
            rows.iter().map(row).collect()
        };
        // KB1 is superseded, KB4 is an application's.
        assert_eq!(
            told(&id).await,
            [(json!("KB2"), json!("APPROVED")), (json!("KB3"), json!("PENDING_APPROVAL"))]
        );
        let own = json!({"Name": "lists", "ApprovedPatches": ["KB4"], "RejectedPatches": ["KB2"]});
        let own = server.answer("CreatePatchBaseline", own).await["BaselineId"].clone();
        assert_eq!(
            told(&own).await,
            [(json!("KB2"), json!("EXPLICIT_REJECTED")), (json!("KB4"), json!("EXPLICIT_APPROVED"))]
        );

        let refused = async |id: Value| server.refusal(operation, json!({"BaselineId": id})).await;
        assert_eq!(refused(json!("pb-0123456789abcdef0")).await, "DoesNotExistException");
        assert_eq!(refused(json!("no-baseline-of-this-kind")).await, "InvalidResourceId");
        let debian = server.answer("GetDefaultPatchBaseline", json!({"OperatingSystem": "DEBIAN"})).await;
        assert_eq!(refused(debian["BaselineId"].clone()).await, "UnsupportedOperatingSystem");
    }
}
