//! What is checked before an association is made or changed, beyond what the model says of each member.
//! Source: systems-manager.md 3.1.

use api::ssm::{AssociationComplianceSeverity, AssociationSyncCompliance, ErrorCode};
use domain::association::{Kind, Rules};
use domain::document::SchemaVersion;
use domain::ids::{AssociationId, CommandId, NodeId};
use domain::schedule::Schedule;
use domain::target::{Target, Targets};
use store::associations::{Association, AssociationKey, Settings};
use store::{Tx, nodes};

use crate::associations::{addressed, calendars, in_own_words, request, runbook};
use crate::automations::refuse_elsewhere;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::groups;
use crate::keyring::random;
use crate::operations::commands::make::{self, Origin, Prepared};
use crate::operations::commands::{check_output, refuse_platforms};

/// An association must address somebody when it is made; a change may leave it with nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nobody {
    Refused,
    Allowed,
}

/// Checks the settings, and fills in what they leave open.
pub async fn check(
    ctx: &Ctx,
    id: &AssociationId,
    mut settings: Settings,
    nobody: Nobody,
) -> Result<Settings, ApiError> {
    refuse_unserved(ctx, &settings)?;
    let schedule = settings.schedule_expression.as_deref().map(Schedule::parse_for_association).transpose();
    let rules = rules(&settings, schedule.as_ref().ok().and_then(|schedule| schedule.as_ref()));
    if schedule.is_ok() {
        rules.check().map_err(|error| error::validation(error.to_string()))?;
    }
    settings.document_version.get_or_insert_with(|| "$DEFAULT".to_owned());
    settings.compliance_severity.get_or_insert(AssociationComplianceSeverity::Unspecified);
    settings.sync_compliance.get_or_insert(AssociationSyncCompliance::Auto);
    settings.apply_only_at_cron_interval.get_or_insert(false);

    if let Some(reference) = runbook::find(ctx, &settings).await? {
        schedule.map_err(|error| ApiError::new(ErrorCode::InvalidSchedule, error.to_string()))?;
        runbook::check(ctx, &settings).await?;
        check_calendars(ctx, &settings).await?;
        return Ok(Settings { name: reference, ..settings });
    }
    refuse_runbooks_own(&settings)?;
    let prepared = prepare(ctx, id, &settings).await?;
    settings.name.clone_from(&prepared.found.reference);
    schedule.map_err(|error| ApiError::new(ErrorCode::InvalidSchedule, error.to_string()))?;
    let targets = addressed(&settings)?;
    if targets.is_none() && nobody == Nobody::Refused {
        return Err(error::validation("give Targets: an association without any runs nowhere"));
    }
    check_calendars(ctx, &settings).await?;
    check_in_store(ctx, &prepared, &settings, targets.as_ref()).await?;
    Ok(settings)
}

async fn check_calendars(ctx: &Ctx, settings: &Settings) -> Result<(), ApiError> {
    for name in settings.calendar_names.iter().flatten() {
        calendars::read(ctx, name).await?;
    }
    Ok(())
}

fn rules(settings: &Settings, schedule: Option<&Schedule>) -> Rules {
    let beyond = [
        ("ScheduleExpression", settings.schedule_expression.is_some()),
        ("OutputLocation", settings.output_location.is_some()),
        ("AssociationName", settings.association_name.is_some()),
        ("MaxErrors", settings.max_errors.is_some()),
        ("MaxConcurrency", settings.max_concurrency.is_some()),
    ];
    Rules {
        schedule: schedule.map(Kind::of),
        has_targets: settings.targets.as_ref().is_some_and(|targets| !targets.is_empty()),
        has_target_maps: settings.target_maps.as_ref().is_some_and(|maps| !maps.is_empty()),
        only_at_interval: settings.apply_only_at_cron_interval.unwrap_or_default(),
        has_offset: settings.schedule_offset.is_some(),
        has_duration: settings.duration.is_some(),
        is_legacy: settings.instance_id.is_some(),
        beyond_legacy: beyond.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name),
    }
}

/// What would be silently left undone is refused instead.
fn refuse_unserved(ctx: &Ctx, settings: &Settings) -> Result<(), ApiError> {
    refuse_elsewhere(ctx, settings.target_locations.as_deref().unwrap_or_default())
        .map_err(error::validation)?;
    if settings.alarm_configuration.is_some() {
        return Err(error::validation("this server has no alarms: leave out AlarmConfiguration"));
    }
    Ok(())
}

/// What only runbooks have.
fn refuse_runbooks_own(settings: &Settings) -> Result<(), ApiError> {
    let has_targets = settings.targets.as_ref().is_some_and(|targets| !targets.is_empty());
    if settings.target_maps.as_ref().is_some_and(|maps| !maps.is_empty()) && !has_targets {
        let message = format!("TargetMaps are for runbooks, which `{}` is not: give Targets", settings.name);
        return Err(ApiError::new(ErrorCode::InvalidTargetMaps, message));
    }
    if settings.automation_target_parameter_name.is_some() {
        return Err(error::validation(format!(
            "AutomationTargetParameterName is for runbooks, which `{}` is not: leave it out",
            settings.name
        )));
    }
    Ok(())
}

/// The document and its parameters, as a run would find them now.
async fn prepare(ctx: &Ctx, id: &AssociationId, settings: &Settings) -> Result<Prepared, ApiError> {
    let key = AssociationKey { account: ctx.account.clone(), region: ctx.region.clone(), id: id.clone() };
    let run = CommandId::mint(random());
    let origin = Origin::Association { id, run: &run };
    let association = Association {
        key,
        version: 1,
        settings: settings.clone(),
        legacy_status: None,
        created_at: ctx.now,
        updated_at: ctx.now,
        runs_made: 0,
        next_run_at: None,
        last_run_at: None,
        last_success_at: None,
        counts: Default::default(),
        made_by: None,
    };
    let prepared = make::prepare(ctx, &request(&association), &origin).await?;
    if settings.instance_id.is_some() && prepared.document.schema_version != SchemaVersion::V1_2 {
        let name = &prepared.found.reference;
        let version = prepared.document.schema_version.as_str();
        let message = format!(
            "document `{name}` has schema version {version}; with InstanceId only those of 1.2 can be associated: \
             give Targets with the key InstanceIds instead"
        );
        return Err(ApiError::new(ErrorCode::InvalidDocument, message));
    }
    Ok(prepared)
}

async fn check_in_store(
    ctx: &Ctx,
    prepared: &Prepared,
    settings: &Settings,
    targets: Option<&Targets>,
) -> Result<(), ApiError> {
    let mut tx = ctx.store.read().await?;
    if let Some(output) = settings.output_location.as_ref().and_then(|output| output.s3_location.as_ref()) {
        let output = (output.output_s3_bucket_name.as_deref(), output.output_s3_key_prefix.as_deref());
        check_output(ctx, &mut tx, output, ErrorCode::InvalidOutputLocation).await?;
    }
    if let Some(id) = &settings.instance_id {
        let refusal = || error::node_not_managed(id, ctx.account.as_str());
        let node: NodeId = id.parse().map_err(|_| refusal())?;
        nodes::find(&mut tx, &ctx.account, &ctx.region, &node).await?.ok_or_else(refusal)?;
    }
    // A group must be there; tags and nodes may come later.
    if let Some(targets) = targets {
        groups::resolve(&mut tx, (&ctx.account, &ctx.region), targets).await.map_err(in_own_words)?;
    }
    refuse_unfit(ctx, &mut tx, prepared, targets).await
}

/// Nodes that are named must fit, as far as they are there: others may come.
async fn refuse_unfit(
    ctx: &Ctx,
    tx: &mut Tx,
    prepared: &Prepared,
    targets: Option<&Targets>,
) -> Result<(), ApiError> {
    let mut named: Vec<&NodeId> = Vec::new();
    for target in targets.map(Targets::entries).unwrap_or_default() {
        if let Target::Nodes(nodes) = target {
            named.extend(nodes);
        }
    }
    let mut found = Vec::new();
    // At most five entries of fifty.
    for node in named {
        found.extend(nodes::find(tx, &ctx.account, &ctx.region, node).await?);
    }
    refuse_platforms(prepared, &found)
}
