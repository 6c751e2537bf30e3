//! ExportPatchReport: the patch compliance of nodes as CSV, into a bucket of the object store. The columns are those of the
//! report that AWS's console exports.
//! Source: patch-manager.md 7.3; decision: docs/decisions/0037-shipped-runbooks.md.

mod csv;

use std::collections::{BTreeMap, BTreeSet};

use api::Timestamp;
use api::fettle::{ExportPatchReportRequest, ExportPatchReportResponse};
use domain::compliance::{ComplianceLevel, PatchItem};
use domain::ids::NodeId;
use domain::object::{BucketName, ObjectKey};
use domain::target::{Target, Targets};
use store::clause::Comparison;
use store::compliance::{self, After, Summary, SummaryCondition, SummaryField};
use store::nodes::Node;
use store::objects::ObjectRef;
use store::objects::buckets;
use store::{Tx, patch_states, report_items};

use super::advisories;
use super::not_found;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::objects::{discard, etag_of, put_whole, write_whole};
use crate::operations::commands::targets::matching;
use crate::operations::{patch_states as states, permission};
use csv::Table;

const DEFAULT_NAME: &str = "patch-report";
/// Summaries read at once.
const CHUNK: i64 = 1_000;

const OF_NODES: [&str; 17] = [
    "Index",
    "Instance ID",
    "Instance name",
    "Instance IP",
    "Platform name",
    "Platform version",
    "SSM Agent version",
    "Patch baseline",
    "Patch group",
    "Compliance status",
    "Compliance severity",
    "Noncompliant Critical severity patch count",
    "Noncompliant High severity patch count",
    "Noncompliant Medium severity patch count",
    "Noncompliant Low severity patch count",
    "Noncompliant Informational severity patch count",
    "Noncompliant Unspecified severity patch count",
];
const OF_PATCHES: [&str; 16] = [
    "Index",
    "Instance ID",
    "Instance name",
    "Patch name",
    "KB ID/Patch ID",
    "Patch state",
    "Last report time",
    "Compliance level",
    "Patch severity",
    "Patch classification",
    "CVE ID",
    "Patch baseline",
    "Instance IP",
    "Platform name",
    "Platform version",
    "SSM Agent version",
];

pub async fn export_patch_report(
    ctx: &Ctx,
    request: ExportPatchReportRequest,
) -> Result<ExportPatchReportResponse, ApiError> {
    let at = place(ctx, &request)?;
    let arn = format!("arn:aws:s3:::{}/{}", at.bucket, at.key);
    permission::require(ctx, "s3:PutObject", arn).await?;
    let mut tx = ctx.store.read().await?;
    let nodes = nodes(ctx, &mut tx, request.nodes.as_deref().unwrap_or("*")).await?;
    refuse_missing_bucket(&mut tx, &at).await?;
    let table = match &nodes[..] {
        [node] if request.nodes.as_deref().is_some_and(|named| !named.ends_with('*')) => {
            of_one(ctx, &mut tx, node).await?
        }
        nodes => of_all(ctx, &mut tx, nodes).await?,
    };
    drop(tx);

    let rows = i32::try_from(table.rows()).unwrap_or(i32::MAX);
    let bytes = table.into_text().into_bytes();
    let content = write_whole(&ctx.app, &bytes).await?;
    let kept = async {
        let mut tx = ctx.store.write().await?;
        refuse_missing_bucket(&mut tx, &at).await?;
        put_whole(ctx, &mut tx, &at, (&content, &etag_of(&bytes)), "text/csv").await?;
        Ok::<_, ApiError>(tx.commit().await?)
    };
    if let Err(error) = kept.await {
        discard(&ctx.app, &content.id).await;
        return Err(error);
    }
    Ok(ExportPatchReportResponse {
        bucket_name: at.bucket.to_string(),
        key: at.key.as_str().to_owned(),
        rows,
    })
}

/// By the name and the time, so that a report does not take the place of the one before.
fn place(ctx: &Ctx, request: &ExportPatchReportRequest) -> Result<ObjectRef, ApiError> {
    let bucket: BucketName =
        request.bucket_name.parse().map_err(|error| error::validation(format!("BucketName: {error}")))?;
    let name = request.report_name.as_deref().unwrap_or(DEFAULT_NAME);
    let at = ctx.now.to_iso_seconds().replace([':', '-'], "");
    let key = match request.key_prefix.as_deref().map(|prefix| prefix.trim_matches('/')) {
        None | Some("") => format!("{name}-{at}.csv"),
        Some(prefix) => format!("{prefix}/{name}-{at}.csv"),
    };
    let key: ObjectKey = key.parse().map_err(|error| error::validation(format!("KeyPrefix: {error}")))?;
    Ok(ObjectRef { account: ctx.account.clone(), bucket, key })
}

async fn refuse_missing_bucket(tx: &mut Tx, at: &ObjectRef) -> Result<(), ApiError> {
    match buckets::find(tx, &at.account, &at.bucket).await? {
        Some(_) => Ok(()),
        None => Err(not_found(format!("there is no bucket `{}`: make it first", at.bucket))),
    }
}

/// All, or those that are named, each of which must be there.
async fn nodes(ctx: &Ctx, tx: &mut Tx, named: &str) -> Result<Vec<Node>, ApiError> {
    let plain = match named.split_once('=') {
        Some((key, rest)) if key.eq_ignore_ascii_case("instanceids") => rest,
        Some((key, _)) => {
            return Err(error::validation(format!(
                "Nodes: `{key}=` is not known here: expected instanceids=, with * or ids separated by commas"
            )));
        }
        None => named,
    };
    if plain.trim() == "*" {
        return matching(ctx, tx, &Targets::selecting(vec![Target::AnyNode])).await;
    }
    let mut wanted = BTreeSet::new();
    for id in plain.split(',').map(str::trim) {
        let id: NodeId = id.parse().map_err(|error| error::validation(format!("Nodes: {error}")))?;
        wanted.insert(id);
    }
    let found = matching(ctx, tx, &Targets::selecting(vec![Target::Nodes(wanted.clone())])).await?;
    match wanted.iter().find(|id| !found.iter().any(|node| node.id == **id)) {
        Some(missing) => Err(not_found(format!("`{missing}` is not a managed node"))),
        None => Ok(found),
    }
}

/// What both reports say of a node: name, address, platform, its version, the agent's version.
fn said(node: &Node) -> [String; 5] {
    let said = &node.information;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let name = node.name.clone().or_else(|| said.computer_name.clone()).unwrap_or_default();
    [
        name,
        text(&said.ip_address),
        text(&said.platform_name),
        text(&said.platform_version),
        text(&said.agent_version),
    ]
}

async fn of_all(ctx: &Ctx, tx: &mut Tx, nodes: &[Node]) -> Result<Table, ApiError> {
    let summaries = summaries(ctx, tx).await?;
    let mut table = Table::new(&OF_NODES);
    for node in nodes {
        let [name, address, platform, version, agent] = said(node);
        let summary = summaries.get(node.id.as_str());
        let of = |text: fn(&Summary) -> Option<String>| summary.and_then(text).unwrap_or_default();
        let mut row = vec![
            node.id.to_string(),
            name,
            address,
            platform,
            version,
            agent,
            of(|summary| summary.baseline_id.clone()),
            of(|summary| summary.patch_group.clone()),
            // Unknown is never shown as compliant.
            summary.map_or("UNKNOWN", |summary| summary.status.as_str()).to_owned(),
            of(|summary| Some(summary.overall_severity.as_str().to_owned())),
        ];
        let count = |level| summary.map(|summary| summary.non_compliant.of(level).to_string());
        row.extend(ComplianceLevel::ALL.map(|level| count(level).unwrap_or_default()));
        table.push(row);
    }
    Ok(table)
}

/// The patch compliance of every resource.
async fn summaries(ctx: &Ctx, tx: &mut Tx) -> Result<BTreeMap<String, Summary>, ApiError> {
    let patch = [SummaryCondition {
        field: SummaryField::ComplianceType,
        comparison: Comparison::Equal,
        values: vec!["Patch".to_owned()],
    }];
    let mut all = BTreeMap::new();
    let mut last: Option<String> = None;
    loop {
        let after = last.as_deref().map(|resource_id| After { resource_id, compliance_type: "Patch" });
        let chunk = compliance::list(tx, (&ctx.account, &ctx.region), &patch, after, CHUNK).await?;
        let is_last = i64::try_from(chunk.len()).is_ok_and(|count| count < CHUNK);
        last = chunk.last().map(|summary| summary.resource_id.clone());
        all.extend(chunk.into_iter().map(|summary| (summary.resource_id.clone(), summary)));
        if is_last {
            return Ok(all);
        }
    }
}

async fn of_one(ctx: &Ctx, tx: &mut Tx, node: &Node) -> Result<Table, ApiError> {
    let scope = (&ctx.account, &ctx.region);
    let mut table = Table::new(&OF_PATCHES);
    let Some(report) = patch_states::find(tx, scope, &node.id).await? else { return Ok(table) };
    let mut items = report_items::load(tx, scope, &report.items_hash).await?;
    items.sort_by(|a, b| a.id.cmp(&b.id));
    let (facts, known) = states::about(ctx, tx, &report, &items).await?;
    let [name, address, platform, version, agent] = said(node);
    let at = report.key.ended_at;
    for item in &items {
        let cves = advisories::cves(item, facts.as_ref(), known.as_ref()).unwrap_or_default();
        let mut row = vec![node.id.to_string(), name.clone()];
        row.extend(of_patch(item, at, &cves));
        row.push(report.summary.frame.baseline_id.clone());
        row.extend([address.clone(), platform.clone(), version.clone(), agent.clone()]);
        table.push(row);
    }
    Ok(table)
}

fn of_patch(item: &PatchItem, at: Timestamp, cves: &[String]) -> [String; 8] {
    [
        item.title.clone(),
        item.id.clone(),
        item.state.as_str().to_owned(),
        at.to_iso_seconds(),
        item.compliance_level.as_str().to_owned(),
        item.severity.clone(),
        item.classification.clone(),
        cves.join(","),
    ]
}

#[cfg(test)]
mod tests {
    use domain::compliance::ComplianceLevel::{Critical, High};
    use futures_util::StreamExt;
    use serde_json::{Value, json};
    use store::objects::buckets::Bucket;
    use store::objects::{self, ObjectRef};

    use super::*;
    use crate::caller::Caller;
    use crate::operations::Service;
    use crate::operations::inventory::tests::{report, upload};
    use crate::testing::{Refused, TestServer, call};

    async fn export(server: &TestServer, request: Value) -> Result<Value, Refused> {
        call(&server.root(), Service::Fettle, "ExportPatchReport", request).await
    }

    async fn bucket(server: &TestServer) {
        let ctx = server.root();
        let made =
            Bucket { name: "reports".parse().unwrap(), region: ctx.region.clone(), created_at: ctx.now };
        let mut tx = server.app.store().write().await.unwrap();
        buckets::insert(&mut tx, &ctx.account, &made).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn read(server: &TestServer, answer: &Value) -> Vec<String> {
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        let at = ObjectRef {
            account: server.root().account,
            bucket: text("BucketName").parse().unwrap(),
            key: text("Key").parse().unwrap(),
        };
        let mut tx = server.app.store().read().await.unwrap();
        let found = objects::find(&mut tx, &at).await.unwrap().unwrap();
        let content = &found.contents[0];
        let mut stream = server.app.objects.contents.read(&content.id, 0..content.size_bytes).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(part) = stream.next().await {
            bytes.extend(part.unwrap());
        }
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nodes_and_patches_become_rows() {
        for server in TestServer::on_each_engine().await {
            let (seen, unseen) = (server.add_node(1).await, server.add_node(2).await);
            let missing = [("curl", Critical), ("tar", High)];
            let scan = report("2026-11-20T10:00:00Z", &missing, "web");
            server.answer("PutInventory", upload(&seen, &scan, "hash")).await;
            let refused = export(&server, json!({"BucketName": "reports"})).await.unwrap_err();
            assert_eq!(refused.0, "ResourceNotFoundException", "no bucket");
            bucket(&server).await;

            let all =
                export(&server, json!({"BucketName": "reports", "Nodes": "instanceids=*"})).await.unwrap();
            assert_eq!(all["Rows"], 2);
            let lines = read(&server, &all).await;
            assert_eq!(lines[0], OF_NODES.join(","));
            let row = |node: &NodeId| lines.iter().find(|line| line.contains(node.as_str())).unwrap();
            assert!(
                row(&seen).contains(",pb-0123456789abcdef0,web,NON_COMPLIANT,CRITICAL,1,1,0,0,0,0"),
                "{lines:?}"
            );
            assert!(row(&unseen).ends_with(",,,UNKNOWN,,,,,,,"), "{lines:?}");

            let request = json!({"BucketName": "reports", "Nodes": seen.as_str(), "KeyPrefix": "/a/b/",
                "ReportName": "mine"});
            let one = export(&server, request).await.unwrap();
            assert!(one["Key"].as_str().unwrap().starts_with("a/b/mine-2"), "{one}");
            let lines = read(&server, &one).await;
            assert_eq!(
                (lines[0].as_str(), one["Rows"].as_u64().unwrap()),
                (&*OF_PATCHES.join(","), lines.len() as u64 - 1)
            );
            let curl = lines.iter().find(|line| line.contains("curl.amd64:1.0-1")).unwrap();
            assert!(curl.contains(",Missing,2026-11-20T10:00:00Z,CRITICAL,Important,"), "{curl}");

            for (nodes, code) in [
                ("mi-00000000000000000", "ResourceNotFoundException"),
                ("web1", "ValidationException"),
                ("tag:Env=prod", "ValidationException"),
            ] {
                let refused =
                    export(&server, json!({"BucketName": "reports", "Nodes": nodes})).await.unwrap_err();
                assert_eq!(refused.0, code, "{nodes}");
            }
        }
    }

    #[tokio::test]
    async fn who_may_not_write_there_writes_nothing() {
        for server in TestServer::on_each_engine().await {
            bucket(&server).await;
            let policy = json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "fettle:ExportPatchReport", "Resource": "*"},
                {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::reports/mine/*"}]});
            let request = json!({"UserName": "ann", "Policies": {"it": policy.to_string()}});
            call(&server.root(), Service::Fettle, "CreateUser", request).await.unwrap();
            let arn = "arn:aws:iam::123456789012:user/ann".to_owned();
            let ann = server.ctx(Caller::User { arn, access_key_id: "ASIAANN".to_owned() });
            for (prefix, expected) in [("mine", None), ("others", Some("AccessDeniedException"))] {
                let request = json!({"BucketName": "reports", "KeyPrefix": prefix});
                let outcome = call(&ann, Service::Fettle, "ExportPatchReport", request).await;
                assert_eq!(outcome.err().map(|(code, _)| code).as_deref(), expected, "{prefix}");
            }
        }
    }
}
