//! Associations whose document is a runbook: a run is an execution of the same id, with others for its targets where it
//! has any.
//! Source: systems-manager.md 3.1 to 3.3.

use api::ssm::{DocumentType, ErrorCode, StartAutomationExecutionRequest};
use domain::association::{Counts, ExecutionStatus};
use domain::automation::{Status, StopKind};
use domain::command::InvocationStatus;
use domain::ids::{AutomationExecutionId, NodeId};
use domain::target::Targets;
use store::associations::executions::{self, Execution, ExecutionFilter};
use store::associations::standing::Step;
use store::associations::{AssociationKey, Settings};
use store::automations::{self, Automation, AutomationKey};
use store::{StoreError, Tx};

use super::start;
use crate::automations as runbooks;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::commands::select_ids;
use crate::operations::{Service, documents, permission};

/// Earlier runs that are looked at: of them all but the newest have ended.
const EARLIER: i64 = 10;
/// A target of this key is values, and no nodes.
const VALUES: &str = "ParameterValues";

/// The runbook that the association runs, as callers name it; `None` for every other document. One that is not there is the
/// others' to refuse.
pub async fn find(ctx: &Ctx, settings: &Settings) -> Result<Option<String>, ApiError> {
    match documents::find(ctx, &settings.name, settings.document_version.as_deref(), None).await {
        Ok(found) if found.document_type() == DocumentType::Automation => Ok(Some(found.reference)),
        Ok(_) => Ok(None),
        Err(error) if error.code.status < 500 && !error.is_conflict() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a run executes.
pub fn request(settings: &Settings) -> StartAutomationExecutionRequest {
    StartAutomationExecutionRequest {
        document_name: settings.name.clone(),
        document_version: settings.document_version.clone(),
        parameters: settings.parameters.clone(),
        target_parameter_name: settings.automation_target_parameter_name.clone(),
        targets: settings.targets.clone(),
        target_maps: settings.target_maps.clone(),
        target_locations: settings.target_locations.clone(),
        max_concurrency: settings.max_concurrency.clone(),
        max_errors: settings.max_errors.clone(),
        ..StartAutomationExecutionRequest::default()
    }
}

/// Everything that a run needs, with the rights of who asks: those that StartAutomationExecution takes.
pub async fn prepare(ctx: &Ctx, settings: &Settings) -> Result<runbooks::Order, ApiError> {
    let asked = request(settings);
    let body = api::encode(&asked);
    permission::authorise(ctx, Service::Ssm, "StartAutomationExecution", &body).await?;
    runbooks::prepare(ctx, asked).await
}

/// What a run would be refused for is refused when the association is made, but that nobody is there yet.
pub async fn check(ctx: &Ctx, settings: &Settings) -> Result<(), ApiError> {
    let refuse = |message: &str| Err(error::validation(message.to_owned()));
    if settings.instance_id.is_some() {
        let message = format!(
            "document `{}` is a runbook, which no InstanceId takes: give Targets and AutomationTargetParameterName",
            settings.name
        );
        return Err(ApiError::new(ErrorCode::InvalidDocument, message));
    }
    if settings.output_location.is_some() {
        return refuse(
            "OutputLocation is of commands; a runbook's steps say themselves where their output goes",
        );
    }
    let targets = settings.targets.as_deref().unwrap_or_default();
    let maps = settings.target_maps.as_deref().unwrap_or_default();
    match (targets, maps, &settings.automation_target_parameter_name) {
        ([_, ..], _, None) => {
            return refuse(
                "Targets of a runbook need AutomationTargetParameterName: the parameter that each becomes",
            );
        }
        ([], _, Some(_)) => return refuse("AutomationTargetParameterName needs Targets"),
        _ => {}
    }
    let asked = request(settings);
    if is_for_nobody(ctx, settings).await? {
        let version = asked.document_version.clone();
        return runbooks::check(ctx, &asked.document_name, version).await.map_err(in_own_words);
    }
    prepare(ctx, settings).await.map(drop).map_err(in_own_words)
}

/// Nodes may come later.
pub async fn is_for_nobody(ctx: &Ctx, settings: &Settings) -> Result<bool, ApiError> {
    let targets = settings.targets.as_deref().unwrap_or_default();
    if targets.is_empty() || targets.iter().any(|target| target.key.as_deref() == Some(VALUES)) {
        return Ok(false);
    }
    let invalid =
        |error: domain::target::TargetError| ApiError::new(ErrorCode::InvalidTarget, error.to_string());
    let targets = Targets::parse(targets).map_err(invalid)?;
    let mut tx = ctx.store.read().await?;
    let found = select_ids(&mut tx, (&ctx.account, &ctx.region), &targets, ctx.now, 1).await;
    Ok(found.map_err(start::in_own_words)?.is_empty())
}

/// State Manager declares other codes than Automation.
fn in_own_words(error: ApiError) -> ApiError {
    let code = match error.code.name {
        "AutomationDefinitionNotFoundException" => ErrorCode::InvalidDocument,
        "AutomationDefinitionVersionNotFoundException" => ErrorCode::InvalidDocumentVersion,
        "InvalidAutomationExecutionParametersException" => ErrorCode::InvalidParameters,
        "InvalidTarget" if error.message.starts_with("TargetMaps") => ErrorCode::InvalidTargetMaps,
        _ => return error,
    };
    ApiError::new(code, error.message)
}

fn key(run: &Execution) -> Result<AutomationKey, ApiError> {
    let AssociationKey { account, region, .. } = run.association.clone();
    let id: Result<AutomationExecutionId, _> = run.id.as_str().parse();
    let id = id.map_err(|error| StoreError::Corrupt(format!("the id of a run: {error}")))?;
    Ok(AutomationKey { account, region, id })
}

/// The run's execution, and its targets by how far they are.
pub async fn count(tx: &mut Tx, run: &Execution) -> Result<Option<(Automation, Counts)>, ApiError> {
    let Some(automation) = automations::find(tx, &key(run)?).await? else { return Ok(None) };
    let mut counts = Counts::default();
    let Some(rollout) = &automation.progress.rollout else {
        counts.add(state(automation.progress.status), 1);
        return Ok(Some((automation, counts)));
    };
    let targets = u32::try_from(rollout.targets.len()).unwrap_or(u32::MAX);
    let mut begun = 0;
    for (status, count) in automations::count_children(tx, &automation.key).await? {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        counts.add(state(status), count);
        begun += count;
    }
    // Too many others had failed, or somebody stopped it.
    let rest = match automation.finished_at {
        Some(_) => InvocationStatus::Terminated,
        None => InvocationStatus::Pending,
    };
    counts.add(rest, targets.saturating_sub(begun));
    Ok(Some((automation, counts)))
}

/// Targets of the run that are nodes and have ended, a page of them, and where the next page begins.
pub async fn ended_nodes(
    tx: &mut Tx,
    run: &Execution,
    after: Option<&str>,
    limit: i64,
) -> Result<(Vec<Step>, Option<String>), ApiError> {
    let children = automations::list_children(tx, &key(run)?, after, limit).await?;
    let is_full = i64::try_from(children.len()) == Ok(limit);
    let last = children.last().map(|child| child.key.id.to_string()).filter(|_| is_full);
    let step = |child: Automation| {
        let node: NodeId = child.target.as_deref()?.parse().ok()?;
        Some(Step {
            node,
            status: state(child.progress.status),
            delivered_at: Some(child.started_at),
            finished_at: Some(child.finished_at?),
        })
    };
    Ok((children.into_iter().filter_map(step).collect(), last))
}

/// The words of targets are made of those of invocations.
pub fn state(status: Status) -> InvocationStatus {
    match status {
        Status::Pending => InvocationStatus::Pending,
        Status::InProgress | Status::Waiting => InvocationStatus::InProgress,
        Status::Success => InvocationStatus::Success,
        Status::TimedOut => InvocationStatus::ExecutionTimedOut,
        Status::Cancelling => InvocationStatus::Cancelling,
        Status::Cancelled => InvocationStatus::Cancelled,
        Status::Failed => InvocationStatus::Failed,
    }
}

/// Writes the execution of a run that was taken, under the run's id.
pub async fn place(ctx: &Ctx, tx: &mut Tx, run: &Execution, order: &runbooks::Order) -> Result<(), ApiError> {
    runbooks::place_as(ctx, tx, order, (None, key(run)?.id)).await.map(drop)
}

/// A run has one target at least: itself.
pub fn targets(order: &runbooks::Order) -> u32 {
    order.targets().map_or(1, |targets| u32::try_from(targets.len()).unwrap_or(u32::MAX))
}

/// What earlier runs have not done is not done any more.
pub async fn stop_earlier(ctx: &Ctx, newest: &Execution) -> Result<(), ApiError> {
    let mut tx = ctx.store.read_each().await?;
    let open = [ExecutionStatus::Pending.as_str(), ExecutionStatus::InProgress.as_str()];
    let filter = ExecutionFilter { statuses: Some(open.to_vec()), ..ExecutionFilter::default() };
    let found = executions::list(&mut tx, &newest.association, &filter, Some(newest.run), EARLIER).await?;
    drop(tx);
    for run in found {
        stop(ctx, &run).await?;
    }
    Ok(())
}

/// Whether the run is one of a runbook, which was asked to stop.
pub async fn stop(ctx: &Ctx, run: &Execution) -> Result<bool, ApiError> {
    Ok(runbooks::ask_to_stop(ctx, &key(run)?, StopKind::Cancel).await?.is_some())
}
