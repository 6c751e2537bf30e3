//! How an execution comes to be: the runbook with its parameters and targets, the rows.
//! Source: systems-manager.md 7.3.

use std::collections::{BTreeMap, BTreeSet};

use api::ssm::{DocumentType, ErrorCode, ExecutionMode, StartAutomationExecutionRequest, TargetLocation};
use domain::automation::{Mode, Progress, Rollout, Runbook, StepRun, TargetValues};
use domain::document::value_of;
use domain::ids::{AutomationExecutionId, StepExecutionId};
use domain::parameter::references;
use serde_json::{Map, Value};
use store::Tx;
use store::automations::{self, Automation, AutomationKey};
use store::tags::{self, Tagged};

use super::targets;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::keyring::random;
use crate::operations::documents;
use crate::operations::parameters::references::look_up;
use crate::operations::tags::checked_tags;

/// That nobody else started and that have not ended, in one account and region.
pub const MOST_OPEN: i64 = 1000;
/// At the start of one.
const MOST_TAGS: usize = 5;

/// An execution that may begin: what was asked for, with its runbook, read and checked.
#[derive(Clone)]
pub struct Order {
    request: StartAutomationExecutionRequest,
    document: String,
    version: String,
    runbook: Runbook,
    text: String,
    parameters: Map<String, Value>,
    /// Of one that starts others.
    targets: Option<Vec<(String, TargetValues)>>,
    tags: BTreeMap<String, String>,
}

impl Order {
    pub fn runbook(&self) -> &Runbook {
        &self.runbook
    }

    /// As a maintenance window shows what it began.
    pub fn shown(&self) -> String {
        let parameters = self.request.parameters.clone().unwrap_or_default();
        let request = serde_json::json!({"documentName": self.request.document_name,
            "documentVersion": self.version, "parameters": parameters});
        request.to_string()
    }

    pub fn targets(&self) -> Option<&[(String, TargetValues)]> {
        self.targets.as_deref()
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidAutomationExecutionParametersException, message)
}

/// Reads in transactions of its own: what it finds goes into the execution whole.
pub async fn prepare(ctx: &Ctx, request: StartAutomationExecutionRequest) -> Result<Order, ApiError> {
    refuse_unserved(ctx, &request)?;
    let Found { document, version, text, runbook } = find(ctx, &request).await?;
    let given = request.parameters.clone().unwrap_or_default();
    let targets = targets::resolve(ctx, &request, &runbook).await?;
    let mut tx = ctx.store.read_each().await?;
    let parameters = match &targets {
        // Each of them gets what it lacks from its target.
        Some(targets) => {
            for (_, values) in targets {
                resolve(ctx, &mut tx, &runbook, &merged(&given, values)).await?;
            }
            Map::new()
        }
        None => resolve(ctx, &mut tx, &runbook, &given).await?,
    };
    drop(tx);
    let tags = request.tags.as_deref().unwrap_or_default();
    if tags.len() > MOST_TAGS {
        return Err(error::validation(format!("an execution is started with at most {MOST_TAGS} tags")));
    }
    let tags = checked_tags(tags)?;
    Ok(Order { request, document, version, runbook, text, parameters, targets, tags })
}

/// What would be silently left undone is refused instead.
fn refuse_unserved(ctx: &Ctx, request: &StartAutomationExecutionRequest) -> Result<(), ApiError> {
    if request.alarm_configuration.is_some() {
        return Err(error::validation("this server has no alarms: leave out AlarmConfiguration"));
    }
    if request.target_locations_url.is_some() {
        let message = "TargetLocationsURL: this server fetches no lists of locations: give TargetLocations";
        return Err(ApiError::new(ErrorCode::InvalidTarget, message));
    }
    refuse_elsewhere(ctx, request.target_locations.as_deref().unwrap_or_default())
        .map_err(|message| ApiError::new(ErrorCode::InvalidTarget, message))
}

/// A location may be the account and region of the request, where everything is run. Others are named.
pub fn refuse_elsewhere(ctx: &Ctx, locations: &[TargetLocation]) -> Result<(), String> {
    for location in locations {
        let mut accounts = location.accounts.iter().flatten();
        if let Some(other) = accounts.find(|account| *account != ctx.account.as_str()) {
            return Err(format!(
                "TargetLocations: this server runs nothing in the account `{other}`, from {}",
                ctx.account
            ));
        }
        let mut regions = location.regions.iter().flatten();
        if let Some(other) = regions.find(|region| *region != ctx.region.as_str()) {
            return Err(format!(
                "TargetLocations: this server runs nothing in the region `{other}`, from {}: start it there",
                ctx.region
            ));
        }
        let more = [
            ("ExcludeAccounts", location.exclude_accounts.as_ref().is_some_and(|list| !list.is_empty())),
            ("IncludeChildOrganizationUnits", location.include_child_organization_units == Some(true)),
            ("TargetLocationAlarmConfiguration", location.target_location_alarm_configuration.is_some()),
            ("Targets", location.targets.as_ref().is_some_and(|list| !list.is_empty())),
        ];
        if let Some((member, _)) = more.into_iter().find(|(_, is_given)| *is_given) {
            return Err(format!("TargetLocations: {member} is not served here: leave it out"));
        }
    }
    match locations {
        [] | [_] => Ok(()),
        _ => Err("TargetLocations: more than one location is the same account and region".to_owned()),
    }
}

/// A runbook that can be run, of whatever parameters.
struct Found {
    document: String,
    version: String,
    text: String,
    runbook: Runbook,
}

/// That there is such a runbook, for who will want it later.
pub async fn check(ctx: &Ctx, name: &str, version: Option<String>) -> Result<(), ApiError> {
    let request = StartAutomationExecutionRequest {
        document_name: name.to_owned(),
        document_version: version,
        ..StartAutomationExecutionRequest::default()
    };
    find(ctx, &request).await.map(drop)
}

async fn find(ctx: &Ctx, request: &StartAutomationExecutionRequest) -> Result<Found, ApiError> {
    let name = &request.document_name;
    let not_found =
        |message: String| ApiError::new(ErrorCode::AutomationDefinitionNotFoundException, message);
    // The reference may carry the version, as in the ARN of an automation definition.
    let (plain, labelled) = match name.rsplit_once(":automation-definition/") {
        Some((_, definition)) => match definition.split_once(':') {
            Some((plain, version)) => (plain, Some(version)),
            None => (definition, None),
        },
        None => (name.as_str(), None),
    };
    let version = request.document_version.as_deref().or(labelled);
    let found = documents::find(ctx, plain, version, None).await.map_err(|error| match error.code.name {
        "InvalidDocument" => not_found(error.message),
        "InvalidDocumentVersion" => {
            ApiError::new(ErrorCode::AutomationDefinitionVersionNotFoundException, error.message)
        }
        _ => error,
    })?;
    if found.document_type() != DocumentType::Automation {
        let kind = &found.document.document_type;
        return Err(not_found(format!(
            "document `{name}` is of type {kind}; only Automation documents are executed"
        )));
    }
    let value = value_of(&found.version.content, &found.format());
    let value = value.map_err(|error| not_found(format!("document `{name}`: {error}")))?;
    let value = value.ok_or_else(|| not_found(format!("document `{name}` is plain text")))?;
    let root = value.as_object().ok_or_else(|| not_found(format!("document `{name}` is no object")))?;
    let runbook = Runbook::read(root)
        .map_err(|error| not_found(format!("the runbook `{name}` cannot be run: {error}")))?;
    let version = found.version.version.to_string();
    Ok(Found { document: found.reference, version, text: value.to_string(), runbook })
}

/// Defaults may refer to Parameter Store, whose values the execution gets; what is given may not.
async fn resolve(
    ctx: &Ctx,
    tx: &mut Tx,
    runbook: &Runbook,
    given: &BTreeMap<String, Vec<String>>,
) -> Result<Map<String, Value>, ApiError> {
    let parameters = runbook.resolve_parameters(given).map_err(|error| invalid(error.to_string()))?;
    let mut found = BTreeSet::new();
    for (name, value) in &parameters {
        let mut of_it = BTreeSet::new();
        references(value, &mut of_it);
        let is_given = given.contains_key(name) && !of_it.is_empty();
        found.append(&mut of_it);
        if is_given {
            return Err(invalid(format!(
                "the parameter `{name}` refers to Parameter Store: only defaults of a runbook's parameters may"
            )));
        }
    }
    if let Some(secret) = found.iter().find(|reference| reference.is_secure) {
        return Err(invalid(format!("{{{{ssm-secure:{}}}}}: runbooks have no secrets", secret.name)));
    }
    if found.is_empty() {
        return Ok(parameters);
    }
    let stored = look_up(ctx, tx, &found, &|message: String| invalid(message)).await?;
    runbook.resolve_stored(given, &stored).map_err(|error| invalid(error.to_string()))
}

fn merged(given: &BTreeMap<String, Vec<String>>, target: &TargetValues) -> BTreeMap<String, Vec<String>> {
    let mut all = given.clone();
    all.extend(target.iter().map(|(name, values)| (name.clone(), values.clone())));
    all
}

fn mode(request: &StartAutomationExecutionRequest) -> Mode {
    match request.mode {
        Some(ExecutionMode::Interactive) => Mode::Interactive,
        _ => Mode::Auto,
    }
}

/// Writes the execution; it goes on by itself after the commit.
pub async fn place(
    ctx: &Ctx,
    tx: &mut Tx,
    order: &Order,
    parent: Option<&AutomationExecutionId>,
) -> Result<AutomationExecutionId, ApiError> {
    place_as(ctx, tx, order, (parent, AutomationExecutionId::mint(random()))).await
}

/// The same, with an id that the caller knows.
pub async fn place_as(
    ctx: &Ctx,
    tx: &mut Tx,
    order: &Order,
    (parent, id): (Option<&AutomationExecutionId>, AutomationExecutionId),
) -> Result<AutomationExecutionId, ApiError> {
    if parent.is_none() && automations::count_open(tx, (&ctx.account, &ctx.region)).await? >= MOST_OPEN {
        let message = format!("{MOST_OPEN} executions have not ended, which is the limit: stop some or wait");
        return Err(ApiError::new(ErrorCode::AutomationExecutionLimitExceededException, message));
    }
    let (progress, steps) = match &order.targets {
        Some(targets) => Rollout {
            max_concurrency: order.request.max_concurrency.clone(),
            max_errors: order.request.max_errors.clone(),
            targets: targets.iter().map(|(_, values)| values.clone()).collect(),
            names: targets.iter().map(|(name, _)| name.clone()).collect(),
        }
        .begin(),
        None => Progress::new(&order.runbook, order.parameters.clone(), mode(&order.request)),
    };
    let automation = Automation {
        key: AutomationKey { account: ctx.account.clone(), region: ctx.region.clone(), id },
        parent: parent.cloned(),
        document: order.document.clone(),
        document_version: order.version.clone(),
        started_at: ctx.now,
        finished_at: None,
        executed_by: ctx.caller.arn().to_owned(),
        request: order.request.clone(),
        target: None,
        runbook: Some(order.text.clone()),
        current: None,
        progress,
        due_at: Some(ctx.now),
    };
    insert(tx, &automation, steps).await?;
    let id = automation.key.id;
    let (account, region, resource_id) = (&ctx.account, &ctx.region, id.as_str());
    tags::put(tx, Tagged { account, region, resource_type: "Automation", resource_id }, &order.tags).await?;
    Ok(id)
}

fn key(ctx: &Ctx) -> AutomationKey {
    let id = AutomationExecutionId::mint(random());
    AutomationKey { account: ctx.account.clone(), region: ctx.region.clone(), id }
}

async fn insert(tx: &mut Tx, automation: &Automation, mut steps: Vec<StepRun>) -> Result<(), ApiError> {
    steps.iter_mut().for_each(|step| step.id = Some(StepExecutionId::mint(random())));
    Ok(automations::insert(tx, automation, &steps).await?)
}

/// The execution for one target of `parent`, whose runbook it runs.
pub async fn place_for_target(
    ctx: &Ctx,
    tx: &mut Tx,
    parent: &Automation,
    (runbook, place): (&Runbook, usize),
) -> Result<AutomationExecutionId, ApiError> {
    let rollout = parent.progress.rollout.as_ref();
    let target = rollout.and_then(|rollout| Some((rollout.names.get(place)?, rollout.targets.get(place)?)));
    let (name, values) = target.ok_or_else(|| invalid("the execution has no such target"))?;
    let given = merged(&parent.request.parameters.clone().unwrap_or_default(), values);
    let parameters = resolve(ctx, tx, runbook, &given).await?;
    let (progress, steps) = Progress::new(runbook, parameters, mode(&parent.request));
    let request = StartAutomationExecutionRequest {
        document_name: parent.request.document_name.clone(),
        document_version: parent.request.document_version.clone(),
        parameters: Some(given),
        mode: parent.request.mode.clone(),
        ..StartAutomationExecutionRequest::default()
    };
    let automation = Automation {
        key: key(ctx),
        parent: Some(parent.key.id.clone()),
        request,
        target: Some(name.clone()),
        started_at: ctx.now,
        finished_at: None,
        runbook: None,
        current: None,
        progress,
        due_at: Some(ctx.now),
        ..parent.clone()
    };
    insert(tx, &automation, steps).await?;
    Ok(automation.key.id)
}
