//! CloudWatchOutputConfig: log groups are folders of a bucket of this server, and their streams are files.
//! Nodes put the output there, `jobs::forget_logs` deletes it in time. Source: systems-manager.md 1.7; docs/decisions,
//! log groups as files.

use api::ssm::{CloudWatchOutputConfig, SendCommandRequest};
use domain::ids::NodeId;
use domain::object::{BucketName, LOG_BUCKET, ObjectKey, default_log_group, log_prefix};
use store::Tx;
use store::commands::Command;
use store::objects::buckets::{self, Bucket};

use super::send_command::LONGEST_OUTPUT_NAME;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};

/// The log group that a request of a command names, or was given by [`prepare`]; `None` without logs.
pub fn group(request: &SendCommandRequest) -> Option<&str> {
    let config = request.cloud_watch_output_config.as_ref()?;
    let is_enabled = config.cloud_watch_output_enabled.unwrap_or_default();
    let name = config.cloud_watch_log_group_name.as_deref();
    name.filter(|name| is_enabled && !name.is_empty())
}

/// Where the logs of a command on a node are.
pub fn prefix(command: &Command, node: &NodeId) -> Option<String> {
    Some(log_prefix(group(&command.request)?, &command.key.id, node))
}

pub fn bucket() -> BucketName {
    LOG_BUCKET.parse().expect("this is a name of a bucket, see the test beside it")
}

/// Gives a command that wants logs its group and the place for it.
pub async fn prepare(
    ctx: &Ctx,
    tx: &mut Tx,
    request: &mut SendCommandRequest,
    document_name: &str,
) -> Result<(), ApiError> {
    let Some(config) = &mut request.cloud_watch_output_config else { return Ok(()) };
    if !config.cloud_watch_output_enabled.unwrap_or_default() {
        return Ok(());
    }
    let group = named(config).unwrap_or_else(|| default_log_group(document_name));
    // What a node adds to it stands here in full length.
    let longest = format!("{}/{}", group.trim_matches('/'), "x".repeat(LONGEST_OUTPUT_NAME));
    if let Err(error) = longest.parse::<ObjectKey>() {
        let message = format!("CloudWatchLogGroupName `{group}` cannot be a folder of files: {error}");
        return Err(error::validation(message));
    }
    config.cloud_watch_log_group_name = Some(group);
    let bucket = Bucket { name: bucket(), region: ctx.region.clone(), created_at: ctx.now };
    buckets::insert(tx, &ctx.account, &bucket).await?;
    Ok(())
}

fn named(config: &CloudWatchOutputConfig) -> Option<String> {
    config.cloud_watch_log_group_name.clone().filter(|name| !name.trim_matches('/').is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::jobs::forget_logs;
    use crate::testing::TestServer;

    #[tokio::test]
    async fn commands_are_given_their_group_and_its_bucket() {
        for server in TestServer::on_each_engine().await {
            let node = server.add_node(1).await;
            let send = async |config: serde_json::Value| {
                let request = json!({"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["id"]},
                    "InstanceIds": [node.as_str()], "CloudWatchOutputConfig": config});
                server.call("SendCommand", request).await
            };
            let shown = send(json!({"CloudWatchOutputEnabled": true})).await.unwrap();
            let config = &shown["Command"]["CloudWatchOutputConfig"];
            assert_eq!(config["CloudWatchLogGroupName"], "/aws/ssm/AWS-RunShellScript");
            let shown = send(json!({"CloudWatchOutputEnabled": true, "CloudWatchLogGroupName": "ops"})).await;
            let config = &shown.unwrap()["Command"]["CloudWatchOutputConfig"];
            assert_eq!(config["CloudWatchLogGroupName"], "ops");
            let (code, message) =
                send(json!({"CloudWatchOutputEnabled": true, "CloudWatchLogGroupName": "a/../b"}))
                    .await
                    .unwrap_err();
            assert_eq!(code, "ValidationException");
            assert!(message.contains("`a/../b`"), "{message}");
            // Off: no group, whatever is named.
            let shown = send(json!({"CloudWatchLogGroupName": "a/../b"})).await.unwrap();
            assert_eq!(shown["Command"]["CloudWatchOutputConfig"]["CloudWatchOutputEnabled"], false);
        }
    }

    #[tokio::test]
    async fn files_go_when_they_are_old() {
        for server in TestServer::on_each_engine().await {
            let ctx = server.root();
            let mut tx = ctx.store.write().await.unwrap();
            for (bucket, key, age_days) in [
                (super::bucket(), "ops/old", 31),
                (super::bucket(), "ops/new", 1),
                ("other".parse().unwrap(), "old", 31),
            ] {
                let object = store::objects::Object {
                    key: key.parse().unwrap(),
                    size_bytes: 0,
                    contents: Vec::new(),
                    headers: std::collections::BTreeMap::new(),
                    etag: String::new(),
                    modified_at: server.now.plus_seconds(-age_days * 86_400),
                };
                store::objects::put(&mut tx, &ctx.account, &bucket, &object).await.unwrap();
            }
            tx.commit().await.unwrap();
            let forgotten = forget_logs::run_once(std::sync::Arc::clone(&server.app), server.now).await;
            assert_eq!(forgotten.unwrap(), 1);
            let mut tx = ctx.store.read().await.unwrap();
            let left =
                store::objects::list(&mut tx, (&ctx.account, &super::bucket()), b"", None, 9).await.unwrap();
            assert_eq!(left.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["ops/new"]);
        }
    }
}
