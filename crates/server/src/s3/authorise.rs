//! Who may do what in the object store. People with an access key: everything in their account. A node: what a command
//! that is with it right now asks it to read, in its parameters or its steps, and its own output of such a command.
//! Source: docs/decisions, what nodes may do in the object store.

use api::agent::SendCommandPayload;
use domain::agent_build::BUILD_BUCKET;
use domain::document::{Document, Parameters};
use domain::ids::NodeId;
use domain::object::{BucketName, LOG_BUCKET, ObjectAddress, ObjectKey, output_prefix};
use serde_json::Value;
use store::commands::{self, Command, CommandKey};
use store::{Tx, invocations};

use super::error::S3Error;
use super::request::{Operation, Target};
use crate::caller::Caller;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::commands::logs;
use crate::operations::permission;

/// More than a node takes at a time.
const COMMANDS_AT_ONCE: i64 = 100;

pub async fn authorise(ctx: &Ctx, operation: Operation, target: &Target) -> Result<(), S3Error> {
    let node = match &ctx.caller {
        Caller::User { .. } => return of_user(ctx, operation, target).await,
        Caller::Anonymous => return Err(S3Error::access_denied("the request is not signed")),
        Caller::Node { node, .. } => node,
    };
    let Some(bucket) = &target.bucket else { return Err(denied(ctx, operation, None)) };
    let mut tx = ctx.store.read().await?;
    let scope = (&ctx.account, &ctx.region);
    let keys = invocations::list_commands_at(&mut tx, scope, node, COMMANDS_AT_ONCE).await?;
    let commands = commands::find_many(&mut tx, &keys).await?;
    let may = |allows: &dyn Fn(&Command) -> bool| commands.iter().any(allows);
    let is_allowed = match (operation, &target.key) {
        // Builds of the agent are for every node of the account.
        (Operation::GetObject | Operation::HeadObject, Some(_)) if bucket.as_str() == BUILD_BUCKET => true,
        (Operation::GetObject | Operation::HeadObject, Some(key)) => {
            may(&|command| asks_to_read(ctx, command, bucket, key) || puts_out(command, node, bucket, key))
                || named(ctx, &mut tx, &keys)
                    .await?
                    .iter()
                    .any(|address| covers(address, bucket, key.as_str()))
        }
        (Operation::ListObjectsV2, None) => {
            let prefix = target.query.get("prefix").unwrap_or_default();
            let is_folder = |address: &ObjectAddress| address.key.as_str().ends_with('/');
            let named = named(ctx, &mut tx, &keys).await?;
            named.iter().any(|address| is_folder(address) && covers(address, bucket, prefix))
        }
        (
            Operation::PutObject
            | Operation::CreateMultipartUpload
            | Operation::UploadPart
            | Operation::CompleteMultipartUpload
            | Operation::AbortMultipartUpload,
            Some(key),
        ) => may(&|command| puts_out(command, node, bucket, key)),
        (Operation::HeadBucket | Operation::GetBucketLocation, _) => {
            may(&|command| {
                output_bucket(command) == Some(bucket.as_str())
                    || (bucket.as_str() == LOG_BUCKET && logs::group(&command.request).is_some())
                    || addresses(ctx, command).any(|address| address.bucket == *bucket)
            }) || named(ctx, &mut tx, &keys).await?.iter().any(|address| address.bucket == *bucket)
        }
        _ => false,
    };
    if is_allowed { Ok(()) } else { Err(denied(ctx, operation, target.key.as_ref())) }
}

/// As policies name what is done and to what.
async fn of_user(ctx: &Ctx, operation: Operation, target: &Target) -> Result<(), S3Error> {
    let action = match operation {
        Operation::ListBuckets => "s3:ListAllMyBuckets",
        Operation::CreateBucket => "s3:CreateBucket",
        Operation::DeleteBucket => "s3:DeleteBucket",
        Operation::GetBucketLocation => "s3:GetBucketLocation",
        Operation::HeadBucket | Operation::ListObjectsV2 => "s3:ListBucket",
        Operation::GetObject | Operation::HeadObject => "s3:GetObject",
        Operation::DeleteObject | Operation::DeleteObjects => "s3:DeleteObject",
        Operation::AbortMultipartUpload => "s3:AbortMultipartUpload",
        Operation::PutObject
        | Operation::CopyObject
        | Operation::CreateMultipartUpload
        | Operation::UploadPart
        | Operation::CompleteMultipartUpload => "s3:PutObject",
    };
    let outcome = match (&target.bucket, &target.key) {
        (None, _) => permission::require(ctx, action, "*".to_owned()).await,
        (Some(bucket), Some(key)) => permission::require(ctx, action, arn(bucket, key)).await,
        // Which objects a list names is in the body: all that there may be have to be allowed.
        (Some(bucket), None) if operation == Operation::DeleteObjects => {
            permission::require_within(ctx, action, format!("arn:aws:s3:::{bucket}/")).await
        }
        (Some(bucket), None) => permission::require(ctx, action, format!("arn:aws:s3:::{bucket}")).await,
    };
    outcome.map_err(refused)
}

/// A copy reads as well; what, is in a header.
pub async fn may_copy(ctx: &Ctx, bucket: &BucketName, key: &ObjectKey) -> Result<(), S3Error> {
    permission::require(ctx, "s3:GetObject", arn(bucket, key)).await.map_err(refused)
}

fn arn(bucket: &BucketName, key: &ObjectKey) -> String {
    format!("arn:aws:s3:::{bucket}/{key}")
}

fn refused(error: ApiError) -> S3Error {
    match error.code.status {
        500.. => S3Error::from(error),
        _ => S3Error::access_denied(error.message),
    }
}

/// The addresses among a command's parameters: `s3://BUCKET/KEY`, or this server's own `https://SERVER/BUCKET/KEY`.
fn addresses(ctx: &Ctx, command: &Command) -> impl Iterator<Item = ObjectAddress> {
    let values = command.request.parameters.iter().flat_map(|parameters| parameters.values().flatten());
    values.filter_map(|value| value.parse().ok().or_else(|| of_server(&ctx.endpoint, value)))
}

/// By the host alone: what ends TLS before this server makes another scheme of it.
pub fn of_server(endpoint: &str, url: &str) -> Option<ObjectAddress> {
    let (_, host) = endpoint.split_once("://")?;
    let rest = url.strip_prefix("https://")?.strip_prefix(host)?.strip_prefix('/')?;
    let (bucket, key) = rest.split_once('/')?;
    let key = String::from_utf8(api::sigv4::percent_decode_bytes(key)).ok()?;
    Some(ObjectAddress { bucket: bucket.parse().ok()?, key: key.parse().ok()? })
}

fn asks_to_read(ctx: &Ctx, command: &Command, bucket: &BucketName, key: &ObjectKey) -> bool {
    addresses(ctx, command).any(|address| address.bucket == *bucket && address.key == *key)
}

/// What the steps of the commands name, with the parameters in their places: addresses, also within JSON, as the source of
/// a download is written.
async fn named(ctx: &Ctx, tx: &mut Tx, keys: &[CommandKey]) -> Result<Vec<ObjectAddress>, S3Error> {
    let mut found = Vec::new();
    for payload in commands::find_payloads(tx, keys).await? {
        let Ok(payload) = serde_json::from_str::<SendCommandPayload>(&payload) else { continue };
        let Ok(document) = Document::from_json(payload.document_content) else { continue };
        let parameters = Parameters::from_payload(&document, payload.parameters);
        for step in &document.steps {
            step.resolved_inputs(&parameters).values().for_each(|value| collect(ctx, value, &mut found));
        }
    }
    Ok(found)
}

fn collect(ctx: &Ctx, value: &Value, found: &mut Vec<ObjectAddress>) {
    match value {
        Value::String(text) => {
            found.extend(text.parse().ok().or_else(|| of_server(&ctx.endpoint, text)));
            if text.starts_with(['{', '['])
                && let Ok(inner) = serde_json::from_str::<Value>(text)
            {
                collect(ctx, &inner, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(ctx, value, found)),
        Value::Object(members) => members.values().for_each(|value| collect(ctx, value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The object itself, or one below the folder that an address with a slash at its end names.
fn covers(address: &ObjectAddress, bucket: &BucketName, key: &str) -> bool {
    let named = address.key.as_str();
    address.bucket == *bucket && (named == key || (named.ends_with('/') && key.starts_with(named)))
}

fn output_bucket(command: &Command) -> Option<&str> {
    command.request.output_s3_bucket_name.as_deref()
}

fn puts_out(command: &Command, node: &NodeId, bucket: &BucketName, key: &ObjectKey) -> bool {
    let logs = logs::prefix(command, node);
    if logs.is_some_and(|prefix| bucket.as_str() == LOG_BUCKET && key.as_str().starts_with(&prefix)) {
        return true;
    }
    let prefix = command.request.output_s3_key_prefix.as_deref().unwrap_or_default();
    output_bucket(command) == Some(bucket.as_str())
        && key.as_str().starts_with(&output_prefix(prefix, &command.key.id, node))
}

fn denied(ctx: &Ctx, operation: Operation, key: Option<&ObjectKey>) -> S3Error {
    let key = key.map(|key| format!(" on {key}")).unwrap_or_default();
    S3Error::access_denied(format!(
        "{} is not authorized to perform s3:{}{key}: a node may read what a running command of its own names, and \
         write that command's output",
        ctx.caller.arn(),
        operation.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_covers_what_is_below_it_and_a_name_itself_alone() {
        let check = |address: &str, key: &str, expected: bool| {
            let address: ObjectAddress = address.parse().unwrap();
            assert_eq!(covers(&address, &"scripts".parse().unwrap(), key), expected, "{address} {key}");
        };
        check("s3://scripts/web/", "web/a/b.sh", true);
        check("s3://scripts/web/", "web/", true);
        check("s3://scripts/web/", "webs/a", false);
        check("s3://scripts/web/", "", false);
        check("s3://scripts/web", "web", true);
        check("s3://scripts/web", "web/a", false);
        check("s3://other/web/", "web/a", false);
    }

    #[test]
    fn knows_its_own_addresses() {
        let check = |url: &str, expected: Option<&str>| {
            let found = of_server("http://fettle.example:4510", url).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{url}");
        };
        check("https://fettle.example:4510/lists/a%20b", Some("s3://lists/a b"));
        check("https://fettle.example:45100/lists/a", None);
        check("https://fettle.example:4510.evil.example/lists/a", None);
        check("https://fettle.example:4510/lists/..%2Fa", None);
        check("http://fettle.example:4510/lists/a", None);
    }
}
