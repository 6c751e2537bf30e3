//! Addresses of the output that nodes put into the object store: of what is there, and of nothing else.
//! Source: spec systems-manager 1.7.

use std::collections::{BTreeMap, BTreeSet};

use api::sigv4::percent_encode;
use domain::ids::NodeId;
use domain::object::{BucketName, ObjectKey, Stream, log_name, output_name, output_prefix};
use store::commands::{Command, Step};
use store::{Tx, objects};

use super::logs;
use crate::ctx::Ctx;
use crate::error::ApiError;

/// The output of some commands on some nodes.
#[derive(Debug, Default)]
pub struct OutputUrls {
    endpoint: String,
    there: BTreeSet<(BucketName, ObjectKey)>,
}

impl OutputUrls {
    /// Asks once for each bucket.
    pub async fn find<'a>(
        ctx: &Ctx,
        tx: &mut Tx,
        wanted: impl Iterator<Item = (&'a Command, &'a NodeId)>,
    ) -> Result<Self, ApiError> {
        let mut keys: BTreeMap<BucketName, Vec<ObjectKey>> = BTreeMap::new();
        for (command, node) in wanted {
            for step in &command.steps {
                for stream in Stream::ALL {
                    if let Some((bucket, key)) = object(command, node, step, stream) {
                        keys.entry(bucket).or_default().push(key);
                    }
                }
            }
        }
        let mut there = BTreeSet::new();
        for (bucket, keys) in keys {
            let found = objects::existing(tx, (&ctx.account, &bucket), &keys).await?;
            there.extend(found.into_iter().map(|key| (bucket.clone(), key)));
        }
        Ok(Self { endpoint: ctx.endpoint.clone(), there })
    }

    /// Empty when there is none.
    pub fn of(&self, command: &Command, node: &NodeId, step: &Step, stream: Stream) -> String {
        match object(command, node, step, stream) {
            Some(object) if self.there.contains(&object) => {
                let (bucket, key) = object;
                let key: Vec<String> = key.as_str().split('/').map(percent_encode).collect();
                format!("{}/{bucket}/{}", self.endpoint, key.join("/"))
            }
            _ => String::new(),
        }
    }
}

/// Where a step's stream is put, if the command asks for that: into a bucket, or else into the files of a log group.
fn object(command: &Command, node: &NodeId, step: &Step, stream: Stream) -> Option<(BucketName, ObjectKey)> {
    let request = &command.request;
    let Some(bucket) = request.output_s3_bucket_name.as_deref().filter(|name| !name.is_empty()) else {
        let key = format!("{}{}", logs::prefix(command, node)?, log_name(&step.plugin, &step.name, stream));
        return Some((logs::bucket(), key.parse().ok()?));
    };
    let bucket = bucket.parse().ok()?;
    let prefix = request.output_s3_key_prefix.as_deref().unwrap_or_default();
    let prefix = output_prefix(prefix, &command.key.id, node);
    let key = format!("{prefix}{}", output_name(&step.plugin, &step.name, stream)).parse().ok()?;
    Some((bucket, key))
}
