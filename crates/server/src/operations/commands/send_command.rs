//! SendCommand: a command and its invocations become rows; agents are told after the commit.
//! Source: API reference, SendCommand; systems-manager.md 1.2, 1.3.

use api::Timestamp;
use api::ssm::{self, ErrorCode, SendCommandRequest, SendCommandResult};
use domain::ids::CommandId;
use domain::object::{BucketName, ObjectKey};
use store::Tx;
use store::node_messages::NodeKey;
use store::nodes::Node;
use store::objects::buckets;

use super::make::{self, Origin, Prepared};
use super::targets::{self, Addressed};
use super::{logs, notifications, to_wire};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::permission;

const DEFAULT_TIMEOUT_SECONDS: i32 = 3600;
/// Command, node, plugin, step and stream in the key of an output.
pub(super) const LONGEST_OUTPUT_NAME: usize = 400;

/// A command that may be given: what its request says, with its document, read and checked.
#[derive(Clone)]
pub struct Order {
    addressed: Addressed,
    prepared: Prepared,
    request: SendCommandRequest,
    /// No node begins from then on, whatever TimeoutSeconds allows.
    begins_before: Option<Timestamp>,
}

impl Order {
    /// Nodes that have not been given the command by `end` are not given it any more.
    #[must_use]
    pub fn begun_before(self, end: Timestamp) -> Self {
        Self { begins_before: Some(end), ..self }
    }

    pub fn request(&self) -> &SendCommandRequest {
        &self.request
    }
}

/// A command that was given, as it is answered; after the commit these nodes have something to fetch.
pub struct Placed {
    pub id: CommandId,
    pub answer: ssm::Command,
    pub woken: Vec<NodeKey>,
}

pub async fn send_command(ctx: &Ctx, request: SendCommandRequest) -> Result<SendCommandResult, ApiError> {
    Ok(SendCommandResult { command: Some(issue(ctx, request).await?) })
}

/// Makes the command and starts it; for every operation that is carried out as one.
pub async fn issue(ctx: &Ctx, request: SendCommandRequest) -> Result<ssm::Command, ApiError> {
    let order = prepare(ctx, request).await?;
    // By locks: all rows it writes are its own and new, so that it races with nobody. Where everything is
    // serializable a small busy database refused it again and again, for commands of others.
    let mut tx = ctx.store.write_by_locks().await?;
    let placed = place(ctx, &mut tx, order).await?;
    tx.commit().await?;
    placed.woken.iter().for_each(|node| ctx.app.agents.hub.wake(node));
    Ok(placed.answer)
}

/// Reads in a transaction of its own: what it finds goes into the command whole.
pub async fn prepare(ctx: &Ctx, request: SendCommandRequest) -> Result<Order, ApiError> {
    let addressed = targets::parse(ctx, &request)?;
    let prepared = make::prepare(ctx, &request, &Origin::Request { begins_before: None }).await?;
    Ok(Order { addressed, prepared, request, begins_before: None })
}

/// Writes the command with its invocations, after the checks that need the store: a refusal has written nothing.
pub async fn place(ctx: &Ctx, tx: &mut Tx, order: Order) -> Result<Placed, ApiError> {
    let Order { addressed, prepared, mut request, begins_before } = order;
    let nodes = targets::resolve(ctx, tx, &addressed).await?;
    match addressed {
        Addressed::Listed(_) => refuse_platforms(&prepared, &nodes)?,
        Addressed::Selected(_) => {
            let ids = nodes.iter().map(|node| &node.id);
            permission::require_nodes(ctx, tx, "ssm:SendCommand", ids).await?;
        }
    }
    refuse_unserved(&request)?;
    let role = request.service_role_arn.as_deref();
    let wish = notifications::read(ctx, request.notification_config.as_ref(), role)?;
    let output = (request.output_s3_bucket_name.as_deref(), request.output_s3_key_prefix.as_deref());
    check_output(ctx, tx, output, ErrorCode::InvalidOutputFolder).await?;
    logs::prepare(ctx, tx, &mut request, prepared.found.document.name.as_str()).await?;
    request.timeout_seconds.get_or_insert(DEFAULT_TIMEOUT_SECONDS);
    let origin = Origin::Request { begins_before };
    let (command, woken) = make::make(ctx, tx, &prepared, (request, &origin), &nodes).await?;
    if let Some(wish) = &wish {
        notifications::write(tx, &command.key, wish, ctx.now).await?;
    }
    let id = command.key.id.clone();
    // As it was made; what has come of it is for those who ask.
    let mut answer = to_wire(command);
    if let Addressed::Listed(ids) = addressed {
        answer.target_count = i32::try_from(ids.len()).ok();
    }
    Ok(Placed { id, answer, woken })
}

pub fn refuse_platforms(prepared: &Prepared, nodes: &[Node]) -> Result<(), ApiError> {
    for node in nodes {
        if let Some(platform) = make::mismatch(&prepared.document, node) {
            let name = &prepared.found.reference;
            let message =
                format!("document `{name}` does not run on {platform}, as instance `{}` is", node.id);
            return Err(ApiError::new(ErrorCode::UnsupportedPlatformType, message));
        }
    }
    Ok(())
}

/// What would be silently left undone is refused instead.
fn refuse_unserved(request: &SendCommandRequest) -> Result<(), ApiError> {
    if let Some(role) = request.service_role_arn.as_deref().filter(|role| !role.is_empty())
        && domain::ids::Arn::parse(role).is_none_or(|arn| arn.service != "iam")
    {
        return Err(ApiError::new(ErrorCode::InvalidRole, format!("`{role}` is not the ARN of a role")));
    }
    if request.alarm_configuration.is_some() {
        return Err(error::validation("this server has no alarms: leave out AlarmConfiguration"));
    }
    Ok(())
}

/// Output goes into this server's object store: where nodes could not put it is said now.
pub async fn check_output(
    ctx: &Ctx,
    tx: &mut Tx,
    (bucket, prefix): (Option<&str>, Option<&str>),
    code: ErrorCode,
) -> Result<(), ApiError> {
    let invalid = |message: String| ApiError::new(code, message);
    let prefix = prefix.unwrap_or_default();
    let Some(name) = bucket.filter(|name| !name.is_empty()) else {
        if prefix.is_empty() {
            return Ok(());
        }
        return Err(invalid("OutputS3KeyPrefix needs OutputS3BucketName".to_owned()));
    };
    let bucket: BucketName = name.parse().map_err(|error| invalid(format!("OutputS3BucketName: {error}")))?;
    // What a node adds to it stands here in full length.
    let longest = format!("{}/{}", prefix.trim_matches('/'), "x".repeat(LONGEST_OUTPUT_NAME));
    let key: Result<ObjectKey, _> = longest.trim_start_matches('/').parse();
    key.map_err(|error| invalid(format!("OutputS3KeyPrefix `{prefix}`: {error}")))?;
    if buckets::find(tx, &ctx.account, &bucket).await?.is_none() {
        return Err(invalid(format!(
            "the bucket `{bucket}` is not in this server's object store: make it with `aws s3 mb s3://{bucket}`"
        )));
    }
    Ok(())
}
