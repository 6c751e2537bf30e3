//! How a command comes to be: the document with its parameters, the rows, what agents are sent. For what people send
//! and for runs of associations alike; whom it addresses is decided before.
//! Source: systems-manager.md 1.2, 1.3.

use std::collections::{BTreeMap, BTreeSet};

use api::Timestamp;
use api::agent::SendCommandPayload;
use api::ssm::{DocumentType, ErrorCode, SendCommandRequest};
use domain::command::{CommandStatus, Event, InvocationStatus};
use domain::document::{Document, Parameters, Platform};
use domain::ids::{AssociationId, CommandId};
use domain::parameter::{references, references_in_text};
use domain::rollout::RolloutLimits;
use store::Tx;
use store::commands::{self, Command, CommandKey, Counters, Referred, Step};
use store::invocations::{self, Invocation, InvocationKey};
use store::node_messages::NodeKey;
use store::nodes::Node;

use super::logs;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::keyring::random;
use crate::operations::documents::{self, Found};
use crate::operations::parameters::fetched;
use crate::operations::parameters::references::look_up;
use crate::progress;

/// The longest that a command may wait for its nodes; runs of associations do.
const MAX_TIMEOUT_SECONDS: i32 = 2_592_000;
/// Of the payload: the document with its parameters.
const MAX_CONTENT_BYTES: usize = 64 * 1024;
/// A parameter that a document may declare to be told which association runs it.
const ASSOCIATION_PARAMETER: &str = "AssociationId";
/// The plugins that ask Parameter Store for secrets, and the one that runs documents with such steps.
const TAKE_SECRETS: [&str; 3] = ["aws:downloadContent", "aws:configurePackage", "aws:runDocument"];

/// Who wants the command.
#[derive(Clone, Debug)]
pub enum Origin<'a> {
    Request {
        /// No node begins from then on, whatever TimeoutSeconds allows.
        begins_before: Option<Timestamp>,
    },
    /// A run, whose id becomes the command's.
    Association { id: &'a AssociationId, run: &'a CommandId },
}

impl Origin<'_> {
    fn association(&self) -> Option<&AssociationId> {
        match self {
            Self::Request { .. } => None,
            Self::Association { id, .. } => Some(id),
        }
    }

    fn command_id(&self) -> CommandId {
        match self {
            Self::Request { .. } => CommandId::mint(random()),
            Self::Association { run, .. } => (*run).clone(),
        }
    }

    fn runs(&self, document_type: &DocumentType) -> bool {
        match self {
            Self::Request { .. } => *document_type == DocumentType::Command,
            Self::Association { .. } => matches!(document_type, DocumentType::Command | DocumentType::Policy),
        }
    }

    fn runs_text(&self) -> &'static str {
        match self {
            Self::Request { .. } => "only Command documents are run",
            Self::Association { .. } => {
                "associations run Command and Policy documents, this server no others"
            }
        }
    }

    fn deliver_until(&self, timeout: Timestamp) -> Timestamp {
        match self {
            Self::Request { begins_before: Some(end) } => timeout.min(*end),
            _ => timeout,
        }
    }

    /// An association need not be told its own id, which nobody knows before it is made.
    fn fill(&self, document: &Document, given: &mut BTreeMap<String, Vec<String>>) {
        let declares = || document.parameters.iter().any(|parameter| parameter.name == ASSOCIATION_PARAMETER);
        if let Some(id) = self.association()
            && declares()
        {
            given.entry(ASSOCIATION_PARAMETER.to_owned()).or_insert_with(|| vec![id.to_string()]);
        }
    }
}

/// A document with the parameters of this command.
#[derive(Clone)]
pub struct Prepared {
    pub found: Found,
    pub document: Document,
    parameters: Parameters,
    /// What they come to on a node now: with values in the place of references.
    filled: Parameters,
    /// What its nodes may read beside what stands in the document and the parameters.
    referred: Vec<Referred>,
    /// For a restart at a time that some step may ask for.
    wait_seconds: i64,
}

/// Writes the command, lets the first of its nodes start, and returns them: to be woken after the commit. The command is
/// returned as it was before that.
pub async fn make(
    ctx: &Ctx,
    tx: &mut Tx,
    prepared: &Prepared,
    (request, origin): (SendCommandRequest, &Origin<'_>),
    nodes: &[Node],
) -> Result<(Command, Vec<NodeKey>), ApiError> {
    let made = command(ctx, prepared, (request, origin));
    let payload = payload(prepared, &made)?;
    let invocations: Vec<Invocation> =
        nodes.iter().map(|node| invocation(&made, &prepared.document, node, ctx.now)).collect();
    commands::insert(tx, &made, &payload).await?;
    if !prepared.referred.is_empty() {
        commands::note_referred(tx, &made.key, &prepared.referred).await?;
    }
    invocations::insert_many(tx, &invocations).await?;
    let mut command = made.clone();
    let woken = progress::advance_in(tx, &mut command, ctx.now).await?;
    commands::update_progress(tx, &command).await?;
    Ok((made, woken))
}

/// Finds the document and puts the parameters into their types.
pub async fn prepare(
    ctx: &Ctx,
    request: &SendCommandRequest,
    origin: &Origin<'_>,
) -> Result<Prepared, ApiError> {
    let version = request.document_version.as_deref();
    let found = documents::find(ctx, &request.document_name, version, None).await?;
    let refusal = |reason: String| {
        let message = format!("document `{}` {reason}", found.reference);
        ApiError::new(ErrorCode::InvalidDocument, message)
    };
    if !origin.runs(&found.document_type()) {
        let (kind, runs) = (&found.document.document_type, origin.runs_text());
        return Err(refusal(format!("is of type {kind}; {runs}")));
    }
    let is_other = |hash: &String| !hash.eq_ignore_ascii_case(&found.version.sha256);
    if request.document_hash.as_ref().is_some_and(is_other) {
        return Err(refusal("has another hash".to_owned()));
    }
    let mut given = request.parameters.clone().unwrap_or_default();
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidParameters, message);
    let document = found.command()?;
    origin.fill(&document, &mut given);
    let parameters = document.resolve_parameters(&given).map_err(|error| invalid(error.to_string()))?;
    let (filled, referred) = filled(ctx, (&found, &document), (&given, &parameters), &invalid).await?;
    let wait_seconds = document.restart_wait_seconds(&filled, ctx.now);
    let wait_seconds = wait_seconds.map_err(|error| invalid(format!("the time of the restart: {error}")))?;
    Ok(Prepared { found, document, parameters, filled, referred, wait_seconds })
}

/// The parameters with the values of Parameter Store that they refer to, after everything that the document and they refer to was
/// found and allowed; and what is referred to beside that: by names that parameters make, and in documents that steps fetch.
async fn filled(
    ctx: &Ctx,
    (of, document): (&Found, &Document),
    (given, parameters): (&BTreeMap<String, Vec<String>>, &Parameters),
    invalid: &(dyn Fn(String) -> ApiError + Send + Sync),
) -> Result<(Parameters, Vec<Referred>), ApiError> {
    let mut written = BTreeSet::new();
    given.values().flatten().for_each(|text| references_in_text(text, &mut written));
    // Defaults and steps.
    references(document.content(), &mut written);
    let mut found = written.clone();
    let inputs = document.steps.iter().flat_map(|step| step.resolved_inputs(parameters));
    inputs.for_each(|(_, value)| references(&value, &mut found));
    let takes_secrets = document.steps.iter().any(|step| TAKE_SECRETS.contains(&step.action.as_str()));
    if let Some(secret) = found.iter().find(|reference| reference.is_secure && !takes_secrets) {
        let (name, takers) = (&secret.name, TAKE_SECRETS.join(", "));
        return Err(invalid(format!(
            "{{{{ssm-secure:{name}}}}} is for documents with one of the steps {takers} alone"
        )));
    }
    let (mut filled, mut stored) = (parameters.clone(), BTreeMap::new());
    if !found.is_empty() {
        let mut tx = ctx.store.read().await?;
        stored = look_up(ctx, &mut tx, &found, invalid).await?;
        drop(tx);
        filled = document.resolve_stored(given, &stored).map_err(|error| invalid(error.to_string()))?;
    }
    let made = found.difference(&written);
    let mut referred: Vec<Referred> =
        made.map(|made| fetched::noted(&of.reference, of.version.version, made)).collect();
    referred.extend(fetched::referred_by_fetched(ctx, document, (&filled, &stored), invalid).await?);
    Ok((filled, referred))
}

/// `None`: the node has not said what it is, or it fits.
pub fn mismatch(document: &Document, node: &Node) -> Option<String> {
    let platform = node.information.platform_type.as_deref()?;
    let fits = |platform: Platform| document.platforms().contains(&platform);
    (!Platform::parse(platform).is_some_and(fits)).then(|| platform.to_owned())
}

fn command(
    ctx: &Ctx,
    prepared: &Prepared,
    (mut request, origin): (SendCommandRequest, &Origin<'_>),
) -> Command {
    let timeout_seconds = request.timeout_seconds.unwrap_or(MAX_TIMEOUT_SECONDS);
    let limits = RolloutLimits::COMMAND_DEFAULT;
    request.max_concurrency.get_or_insert_with(|| limits.max_concurrency.to_string());
    request.max_errors.get_or_insert_with(|| limits.max_errors.to_string());
    request.document_version.get_or_insert_with(|| "$DEFAULT".to_owned());
    request.document_name = prepared.found.reference.clone();
    let execution_seconds = prepared.document.execution_timeout_seconds(&prepared.filled);
    let deliver_until = origin.deliver_until(ctx.now.plus_seconds(timeout_seconds.into()));
    let execution_seconds = i64::try_from(execution_seconds).unwrap_or(i64::MAX);
    let expires_at = deliver_until.plus_seconds(execution_seconds.saturating_add(prepared.wait_seconds));
    let steps = prepared.document.steps.iter();
    Command {
        key: CommandKey { account: ctx.account.clone(), region: ctx.region.clone(), id: origin.command_id() },
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
        association: origin.association().cloned(),
    }
}

fn payload(prepared: &Prepared, command: &Command) -> Result<String, ApiError> {
    let payload = SendCommandPayload {
        command_id: command.key.id.to_string(),
        document_name: prepared.found.document.name.to_string(),
        document_content: prepared.document.content().clone(),
        parameters: prepared.parameters.values.clone(),
        output_s3_bucket_name: command.request.output_s3_bucket_name.clone().unwrap_or_default(),
        output_s3_key_prefix: command.request.output_s3_key_prefix.clone().unwrap_or_default(),
        cloud_watch_log_group_name: String::new(),
        cloud_watch_output_enabled: false.to_string(),
        fettle_log_group_name: logs::group(&command.request).unwrap_or_default().to_owned(),
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
