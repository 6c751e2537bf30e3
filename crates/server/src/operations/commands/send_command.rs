//! SendCommand: a command and its invocations become rows; agents are told after the commit.
//! Source: API reference, SendCommand; systems-manager.md 1.2, 1.3.

use api::Timestamp;
use api::agent::SendCommandPayload;
use api::ssm::{self, DocumentType, ErrorCode, SendCommandRequest, SendCommandResult};
use domain::command::{CommandStatus, Event, InvocationStatus};
use domain::document::{Document, Parameters, Platform};
use domain::ids::CommandId;
use domain::object::{BucketName, ObjectKey};
use domain::rollout::RolloutLimits;
use store::Tx;
use store::commands::{self, Command, CommandKey, Counters, Step};
use store::invocations::{self, Invocation, InvocationKey};
use store::node_messages::NodeKey;
use store::nodes::Node;
use store::objects::buckets;

use super::targets::{self, Addressed};
use super::to_wire;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::keyring::random;
use crate::operations::documents::{self, Found};
use crate::progress;

const DEFAULT_TIMEOUT_SECONDS: i32 = 3600;
/// Of the payload: the document with its parameters.
const MAX_CONTENT_BYTES: usize = 64 * 1024;

/// Command, node, plugin, step and stream in the key of an output.
const LONGEST_OUTPUT_NAME: usize = 400;

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

/// A document with the parameters of this command.
#[derive(Clone)]
struct Prepared {
    found: Found,
    document: Document,
    parameters: Parameters,
    /// For a restart at a time that some step may ask for.
    wait_seconds: i64,
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
    let prepared = read_document(ctx, &request).await?;
    Ok(Order { addressed, prepared, request, begins_before: None })
}

/// Writes the command with its invocations, after the checks that need the store: a refusal has written nothing.
pub async fn place(ctx: &Ctx, tx: &mut Tx, order: Order) -> Result<Placed, ApiError> {
    let Order { addressed, prepared, request, begins_before } = order;
    let nodes = targets::resolve(ctx, tx, &addressed).await?;
    if matches!(addressed, Addressed::Listed(_)) {
        refuse_platforms(&prepared, &nodes)?;
    }
    refuse_unserved(&request)?;
    check_output(ctx, tx, &request).await?;
    let mut command = command(ctx, &prepared, request, begins_before);
    let payload = payload(&prepared, &command)?;
    let invocations: Vec<Invocation> =
        nodes.iter().map(|node| invocation(&command, &prepared.document, node, ctx.now)).collect();

    commands::insert(tx, &command, &payload).await?;
    invocations::insert_many(tx, &invocations).await?;
    let mut answer = to_wire(command.clone());
    let woken = progress::advance_in(tx, &mut command, ctx.now).await?;
    commands::update_progress(tx, &command).await?;
    if let Addressed::Listed(ids) = addressed {
        answer.target_count = i32::try_from(ids.len()).ok();
    }
    Ok(Placed { id: command.key.id, answer, woken })
}

async fn read_document(ctx: &Ctx, request: &SendCommandRequest) -> Result<Prepared, ApiError> {
    let version = request.document_version.as_deref();
    let found = documents::find(ctx, &request.document_name, version, None).await?;
    let refusal = |reason: String| {
        let message = format!("document `{}` {reason}", found.reference);
        ApiError::new(ErrorCode::InvalidDocument, message)
    };
    if found.document_type() != DocumentType::Command {
        return Err(refusal(format!(
            "is of type {}; only Command documents are run",
            found.document.document_type
        )));
    }
    let is_other = |hash: &String| !hash.eq_ignore_ascii_case(&found.version.sha256);
    if request.document_hash.as_ref().is_some_and(is_other) {
        return Err(refusal("has another hash".to_owned()));
    }
    let given = request.parameters.clone().unwrap_or_default();
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidParameters, message);
    let is_reference = |value: &String| value.contains("{{ssm:") || value.contains("{{ ssm:");
    if let Some((name, _)) = given.iter().find(|(_, values)| values.iter().any(is_reference)) {
        return Err(invalid(format!("the parameter `{name}` refers to Parameter Store, which is empty")));
    }
    let document = found.command()?;
    let parameters = document.resolve_parameters(&given).map_err(|error| invalid(error.to_string()))?;
    let wait_seconds = document.restart_wait_seconds(&parameters, ctx.now);
    let wait_seconds = wait_seconds.map_err(|error| invalid(format!("the time of the restart: {error}")))?;
    Ok(Prepared { found, document, parameters, wait_seconds })
}

/// `None`: the node has not said what it is, or it fits.
fn mismatch(document: &Document, node: &Node) -> Option<String> {
    let platform = node.information.platform_type.as_deref()?;
    let fits = |platform: Platform| document.platforms().contains(&platform);
    (!Platform::parse(platform).is_some_and(fits)).then(|| platform.to_owned())
}

fn refuse_platforms(prepared: &Prepared, nodes: &[Node]) -> Result<(), ApiError> {
    for node in nodes {
        if let Some(platform) = mismatch(&prepared.document, node) {
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
    let is_given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    if request.notification_config.as_ref().is_some_and(|config| is_given(&config.notification_arn)) {
        let message = "this server does not send notifications: leave out NotificationConfig";
        return Err(ApiError::new(ErrorCode::InvalidNotificationConfig, message));
    }
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
async fn check_output(ctx: &Ctx, tx: &mut Tx, request: &SendCommandRequest) -> Result<(), ApiError> {
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidOutputFolder, message);
    let prefix = request.output_s3_key_prefix.as_deref().unwrap_or_default();
    let Some(name) = request.output_s3_bucket_name.as_deref().filter(|name| !name.is_empty()) else {
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

fn command(
    ctx: &Ctx,
    prepared: &Prepared,
    mut request: SendCommandRequest,
    begins_before: Option<Timestamp>,
) -> Command {
    let timeout_seconds = *request.timeout_seconds.get_or_insert(DEFAULT_TIMEOUT_SECONDS);
    let limits = RolloutLimits::COMMAND_DEFAULT;
    request.max_concurrency.get_or_insert_with(|| limits.max_concurrency.to_string());
    request.max_errors.get_or_insert_with(|| limits.max_errors.to_string());
    request.document_version.get_or_insert_with(|| "$DEFAULT".to_owned());
    request.document_name = prepared.found.reference.clone();
    let execution_seconds = prepared.document.execution_timeout_seconds(&prepared.parameters);
    let timeout = ctx.now.plus_seconds(timeout_seconds.into());
    let deliver_until = begins_before.map_or(timeout, |end| timeout.min(end));
    let execution_seconds = i64::try_from(execution_seconds).unwrap_or(i64::MAX);
    let expires_at = deliver_until.plus_seconds(execution_seconds.saturating_add(prepared.wait_seconds));
    let steps = prepared.document.steps.iter();
    Command {
        key: CommandKey {
            account: ctx.account.clone(),
            region: ctx.region.clone(),
            id: CommandId::mint(random()),
        },
        document_name: prepared.found.document.name.clone(),
        requested_at: ctx.now,
        deliver_until,
        expires_at,
        request,
        steps: steps.map(|step| Step { name: step.name.clone(), plugin: step.action.clone() }).collect(),
        status: CommandStatus::Pending,
        counters: Counters::default(),
        cancelled_at: None,
        finished_at: None,
        association: None,
    }
}

fn payload(prepared: &Prepared, command: &Command) -> Result<String, ApiError> {
    let cloud_watch = command.request.cloud_watch_output_config.clone().unwrap_or_default();
    let is_enabled = cloud_watch.cloud_watch_output_enabled.unwrap_or_default();
    let payload = SendCommandPayload {
        command_id: command.key.id.to_string(),
        document_name: prepared.found.document.name.to_string(),
        document_content: prepared.document.content().clone(),
        parameters: prepared.parameters.values.clone(),
        output_s3_bucket_name: command.request.output_s3_bucket_name.clone().unwrap_or_default(),
        output_s3_key_prefix: command.request.output_s3_key_prefix.clone().unwrap_or_default(),
        cloud_watch_log_group_name: cloud_watch.cloud_watch_log_group_name.unwrap_or_default(),
        cloud_watch_output_enabled: is_enabled.to_string(),
    };
    let text = serde_json::to_string(&payload).map_err(|error| error::validation(error.to_string()))?;
    if text.len() > MAX_CONTENT_BYTES {
        let message = format!(
            "document and parameters have {} bytes together; at most {MAX_CONTENT_BYTES} are allowed",
            text.len()
        );
        return Err(ApiError::new(ErrorCode::MaxDocumentSizeExceeded, message));
    }
    Ok(text)
}

fn invocation(command: &Command, document: &Document, node: &Node, now: Timestamp) -> Invocation {
    let mut invocation = Invocation {
        key: InvocationKey { command: command.key.clone(), node: node.id.clone() },
        node_name: node.information.computer_name.clone().unwrap_or_default(),
        document_name: command.document_name.to_string(),
        requested_at: command.requested_at,
        status: InvocationStatus::Pending,
        released_at: None,
        delivered_at: None,
        finished_at: None,
        deliver_until: command.deliver_until,
        expires_at: command.expires_at,
        deadline_at: Some(command.deliver_until),
        trace_output: String::new(),
    };
    if mismatch(document, node).is_some() {
        progress::apply(&mut invocation, Event::PlatformMismatch, now);
    }
    invocation
}
