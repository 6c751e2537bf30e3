//! Starts a run of an association: a command for its nodes, all rows in one transaction, and only then are nodes told.
//! Source: systems-manager.md 3.2, 3.3.

use std::sync::Arc;

use api::Timestamp;
use api::ssm::{ErrorCode, SendCommandRequest, Target};
use domain::association::{Counts, ExecutionStatus, OnlyAtInterval, Timing};
use domain::command::InvocationStatus;
use domain::ids::CommandId;
use domain::schedule::Schedule;
use domain::target::Targets;
use store::associations::executions::{self, Execution, Superseded};
use store::associations::{self, Association, Settings, standing};
use store::commands::CommandKey;
use store::node_messages::NodeKey;
use store::nodes::Node;
use store::{StoreError, Tx, rollouts};

use super::{calendars, follow, runbook};
use crate::app::App;
use crate::automations as runbooks;
use crate::caller::Caller;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::keyring::random;
use crate::operations::commands::make::{self, Origin, Prepared};
use crate::operations::commands::targets;
use crate::rollouts::{self as staged, Staged};

/// Where a run does not end it sooner, nodes may come back for so long: a month, the most that a command may wait.
const WAIT_SECONDS: i32 = 2_592_000;
const DEFAULT_CONCURRENCY: &str = "50";
const DEFAULT_ERRORS: &str = "100%";

/// Whom a run addresses.
pub enum Reach {
    /// Everybody who matches the targets now.
    All,
    /// Nodes that earlier runs did not reach.
    Nodes(Vec<Node>),
}

/// Why a run does nothing.
struct Omitted {
    status: ExecutionStatus,
    reason: String,
}

/// What was written, for after the commit.
pub struct Written {
    execution: Execution,
    woken: Vec<NodeKey>,
    superseded: Vec<CommandKey>,
}

impl Written {
    /// After the commit: who has something to fetch is told, and what is known already is counted.
    pub async fn tell(self, app: &Arc<App>, now: Timestamp) -> Result<(), ApiError> {
        self.woken.iter().for_each(|node| app.agents.hub.wake(node));
        self.superseded.into_iter().for_each(|command| app.agents.touch(command));
        follow(app, &self.execution, now).await?;
        app.agents.settle(app).await;
        Ok(())
    }
}

/// Starts the next run of an association, unless somebody else did. Whether it was started.
pub async fn start(
    app: &Arc<App>,
    association: &Association,
    reach: Reach,
    now: Timestamp,
) -> Result<bool, ApiError> {
    let ctx = Ctx::of_job(app, association.key.scope(), now);
    let run = CommandId::mint(random());
    let prepared = prepare(&ctx, association, &run).await?;
    // Whoever was missed is asked for again and again: that is no run to be told of. Where runs go by rings, a node that
    // comes later waits for the next: it would be changed without the evidence.
    let is_for_all = !matches!(prepared, Ok(Planned::Command(_, None)));
    if is_for_all && matches!(reach, Reach::Nodes(_)) {
        return Ok(false);
    }
    // By locks: the rows are new, and the one that is not is taken by its number.
    let mut tx = ctx.store.write_by_locks().await?;
    let is_runbook = matches!(prepared, Ok(Planned::Runbook(_)));
    let written = match prepared {
        Ok(Planned::Command(prepared, staged)) => {
            write(&ctx, &mut tx, association, (&prepared, run.clone(), staged.as_deref()), reach).await
        }
        Ok(Planned::Runbook(order)) => {
            write_runbook(&ctx, &mut tx, association, (Some(&order), run.clone())).await
        }
        Ok(Planned::Nothing) => write_runbook(&ctx, &mut tx, association, (None, run.clone())).await,
        Err(omitted) => write_omitted(&mut tx, association, (omitted, run.clone()), now).await,
    };
    let written = match written {
        Err(error) if !is_ours(&error) => {
            // Nothing of the attempt remains.
            drop(tx);
            tx = ctx.store.write_by_locks().await?;
            write_omitted(&mut tx, association, (refused(association, &error), run), now).await?
        }
        outcome => outcome?,
    };
    let Some(written) = written else { return Ok(false) };
    tx.commit().await?;
    if is_runbook {
        runbook::stop_earlier(&ctx, &written.execution).await?;
    }
    written.tell(app, now).await?;
    Ok(true)
}

/// What a run does.
enum Planned {
    /// By these rings, where it has any.
    Command(Box<Prepared>, Option<Box<Staged>>),
    Runbook(Box<runbooks::Order>),
    /// A runbook whose targets nobody matches.
    Nothing,
}

async fn prepare(
    ctx: &Ctx,
    association: &Association,
    run: &CommandId,
) -> Result<Result<Planned, Omitted>, ApiError> {
    if let Some(reason) = under_way(ctx, association).await? {
        return Ok(Err(Omitted { status: ExecutionStatus::Skipped, reason }));
    }
    let names = association.settings.calendar_names.as_deref().unwrap_or_default();
    let outcome = match calendars::hindrance(ctx, names).await {
        Ok(None) => plan(ctx, association, run).await,
        Ok(Some(reason)) => return Ok(Err(Omitted { status: ExecutionStatus::Skipped, reason })),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(prepared) => Ok(Ok(prepared)),
        Err(error) if is_ours(&error) => Err(error),
        Err(error) => Ok(Err(refused(association, &error))),
    }
}

async fn plan(ctx: &Ctx, association: &Association, run: &CommandId) -> Result<Planned, ApiError> {
    let settings = &association.settings;
    if runbook::find(ctx, settings).await?.is_some() {
        if runbook::is_for_nobody(ctx, settings).await? {
            return Ok(Planned::Nothing);
        }
        let order = runbook::prepare(&maker(ctx, association), settings).await?;
        return Ok(Planned::Runbook(Box::new(order)));
    }
    let origin = Origin::Association { id: &association.key.id, run };
    // What its parameters refer to, its maker must be allowed to read.
    let prepared = make::prepare(&maker(ctx, association), &request(association), &origin).await?;
    let staged = staged::plan_of(ctx, association).await?;
    Ok(Planned::Command(Box::new(prepared), staged.map(Box::new)))
}

/// The same moment, for whoever made the association: it may do what they may.
fn maker(ctx: &Ctx, association: &Association) -> Ctx {
    let caller = Caller::on_behalf_of(association.made_by.as_deref());
    Ctx { caller, ..Ctx::of_job(&ctx.app, association.key.scope(), ctx.now) }
}

/// A run would end what an earlier one has not done, so that a rollout that takes longer than the time between two runs would
/// never come to its end.
async fn under_way(ctx: &Ctx, association: &Association) -> Result<Option<String>, ApiError> {
    let mut tx = ctx.store.read_each().await?;
    let open = rollouts::find_open_of(&mut tx, association.key.scope(), &association.key.id).await?;
    Ok(open.map(|open| format!("RolloutUnderWay: the staged rollout {} has not ended", open.key.id)))
}

/// To be tried again, as against a refusal of what the association says.
fn is_ours(error: &ApiError) -> bool {
    error.is_conflict() || error.code.status >= 500
}

fn refused(association: &Association, error: &ApiError) -> Omitted {
    // It may repeat what a client said.
    let reason = error.to_string().replace('\0', " ");
    tracing::warn!(association_id = association.key.id.as_str(), reason, "the association cannot run");
    Omitted { status: ExecutionStatus::Failed, reason }
}

/// A run on exactly these nodes, of an association that is as it was read; `None`: it is not any more.
pub async fn write_run(
    ctx: &Ctx,
    tx: &mut Tx,
    association: &Association,
    of: (&Prepared, CommandId, Option<&Staged>),
    nodes: Vec<Node>,
) -> Result<Option<Written>, ApiError> {
    write(ctx, tx, association, of, Reach::Nodes(nodes)).await
}

async fn write(
    ctx: &Ctx,
    tx: &mut Tx,
    association: &Association,
    (prepared, run, staged): (&Prepared, CommandId, Option<&Staged>),
    reach: Reach,
) -> Result<Option<Written>, ApiError> {
    let (nodes, next_run_at, scope) = match reach {
        Reach::All => (
            matching(ctx, tx, &association.settings).await?,
            next(association, ctx.now)?,
            Superseded::Everywhere,
        ),
        Reach::Nodes(nodes) => (nodes, association.next_run_at, Superseded::OnItsNodes),
    };
    let started_at = (!nodes.is_empty()).then_some(ctx.now);
    if !associations::claim_run(tx, association, next_run_at, started_at).await? {
        return Ok(None);
    }
    let duration = association.settings.duration.map(|hours| ctx.now.plus_seconds(i64::from(hours) * 3600));
    let mut counts = Counts::default();
    counts.add(InvocationStatus::Pending, u32::try_from(nodes.len()).unwrap_or(u32::MAX));
    let execution = Execution {
        omitted: None,
        cancel_at: duration,
        counts,
        ..begun(association, run, ctx.now, ExecutionStatus::Pending)
    };
    let mut woken = Vec::new();
    if started_at.is_some() {
        executions::insert(tx, &execution).await?;
        let origin = Origin::Association { id: &association.key.id, run: &execution.id };
        let mut request = request(association);
        if let Some(staged) = staged {
            staged::begin(ctx, tx, (association, &execution.id), staged, &nodes).await?;
            let seconds = i32::try_from(staged.plan.ends_after_seconds).unwrap_or(WAIT_SECONDS);
            request.timeout_seconds = Some(seconds.min(WAIT_SECONDS));
        }
        let made = make::make(ctx, tx, prepared, (request, &origin), &nodes).await?;
        woken = made.1;
        standing::begin(tx, &execution).await?;
    }
    let superseded = executions::supersede(tx, &execution, scope, ctx.now).await?;
    if scope == Superseded::Everywhere {
        standing::leave_others(tx, &execution).await?;
    }
    let counts = standing::count(tx, &association.key).await?;
    standing::set_counts(tx, &association.key, &counts, None).await?;
    Ok(Some(Written { execution, woken, superseded }))
}

/// A run of a runbook; without an order it has no targets, and only the time goes on.
async fn write_runbook(
    ctx: &Ctx,
    tx: &mut Tx,
    association: &Association,
    (order, run): (Option<&runbooks::Order>, CommandId),
) -> Result<Option<Written>, ApiError> {
    let started_at = order.map(|_| ctx.now);
    if !associations::claim_run(tx, association, next(association, ctx.now)?, started_at).await? {
        return Ok(None);
    }
    let duration = association.settings.duration.map(|hours| ctx.now.plus_seconds(i64::from(hours) * 3600));
    let mut counts = Counts::default();
    counts.add(InvocationStatus::Pending, order.map_or(0, runbook::targets));
    let execution = Execution {
        cancel_at: duration,
        counts,
        ..begun(association, run, ctx.now, ExecutionStatus::Pending)
    };
    if let Some(order) = order {
        executions::insert(tx, &execution).await?;
        runbook::place(&maker(ctx, association), tx, &execution, order).await?;
    } else {
        // As a run that addresses nobody: what earlier ones said of nodes is taken back.
        standing::leave_others(tx, &execution).await?;
    }
    standing::set_counts(tx, &association.key, &execution.counts, None).await?;
    Ok(Some(Written { execution, woken: Vec::new(), superseded: Vec::new() }))
}

/// The run is told of, and that it did nothing.
async fn write_omitted(
    tx: &mut Tx,
    association: &Association,
    (omitted, run): (Omitted, CommandId),
    now: Timestamp,
) -> Result<Option<Written>, ApiError> {
    if !associations::claim_run(tx, association, next(association, now)?, None).await? {
        return Ok(None);
    }
    let execution = Execution {
        omitted: Some(omitted.reason),
        finished_at: Some(now),
        ..begun(association, run, now, omitted.status)
    };
    executions::insert(tx, &execution).await?;
    Ok(Some(Written { execution, woken: Vec::new(), superseded: Vec::new() }))
}

fn begun(association: &Association, id: CommandId, now: Timestamp, status: ExecutionStatus) -> Execution {
    Execution {
        association: association.key.clone(),
        id,
        run: association.runs_made + 1,
        version: association.version,
        created_at: now,
        omitted: None,
        cancel_at: None,
        counts: Counts::default(),
        status,
        finished_at: None,
    }
}

fn next(association: &Association, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    let timing = timing(&association.settings, association.updated_at);
    Ok(timing.map_err(|error| StoreError::Corrupt(error.to_string()))?.next(now))
}

/// `counts_from`: when the association was made or last changed.
pub fn timing(
    settings: &Settings,
    counts_from: Timestamp,
) -> Result<Timing, domain::schedule::ScheduleError> {
    let schedule =
        settings.schedule_expression.as_deref().map(Schedule::parse_for_association).transpose()?;
    let offset = settings.schedule_offset.and_then(|days| u8::try_from(days).ok());
    let only = match settings.apply_only_at_cron_interval {
        Some(true) => OnlyAtInterval::Yes,
        _ => OnlyAtInterval::No,
    };
    Ok(Timing::new(schedule, offset, only, counts_from))
}

async fn matching(ctx: &Ctx, tx: &mut Tx, settings: &Settings) -> Result<Vec<Node>, ApiError> {
    match addressed(settings)? {
        Some(targets) => targets::matching(ctx, tx, &targets).await.map_err(in_own_words),
        None => Ok(Vec::new()),
    }
}

/// State Manager's word for a resource group that is not there.
pub fn in_own_words(error: ApiError) -> ApiError {
    match error.code.name {
        "ValidationException" => ApiError::new(ErrorCode::InvalidTarget, error.message),
        _ => error,
    }
}

/// Whom an association addresses: its targets, or the one node of the old form. `None`: nobody.
pub fn addressed(settings: &Settings) -> Result<Option<Targets>, ApiError> {
    let one = settings
        .instance_id
        .as_ref()
        .map(|id| vec![Target { key: Some("InstanceIds".to_owned()), values: Some(vec![id.clone()]) }]);
    let targets = one.as_deref().or(settings.targets.as_deref()).unwrap_or_default();
    if targets.is_empty() {
        return Ok(None);
    }
    let invalid =
        |error: domain::target::TargetError| ApiError::new(ErrorCode::InvalidTarget, error.to_string());
    Targets::parse(targets).map(Some).map_err(invalid)
}

/// The command of a run.
pub fn request(association: &Association) -> SendCommandRequest {
    let settings = &association.settings;
    let output = settings.output_location.clone().and_then(|output| output.s3_location).unwrap_or_default();
    SendCommandRequest {
        document_name: settings.name.clone(),
        document_version: settings.document_version.clone(),
        parameters: settings.parameters.clone(),
        instance_ids: settings.instance_id.clone().map(|id| vec![id]),
        targets: settings.targets.clone(),
        comment: Some(format!("association {}", association.key.id)),
        timeout_seconds: Some(settings.duration.map_or(WAIT_SECONDS, |hours| hours * 3600)),
        max_concurrency: settings.max_concurrency.clone().or_else(|| Some(DEFAULT_CONCURRENCY.to_owned())),
        max_errors: settings.max_errors.clone().or_else(|| Some(DEFAULT_ERRORS.to_owned())),
        output_s3_region: output.output_s3_region,
        output_s3_bucket_name: output.output_s3_bucket_name,
        output_s3_key_prefix: output.output_s3_key_prefix,
        ..Default::default()
    }
}
