//! CreateAssociation: a document that is to be applied to nodes, now and by its schedule.
//! Source: API reference, CreateAssociation; systems-manager.md 3.1, 3.2.

use std::collections::BTreeMap;

use api::ssm::{CreateAssociationRequest, CreateAssociationResult, ErrorCode};
use domain::ids::{AssociationId, NodeId};
use store::associations::{self, Association, AssociationKey, Settings};
use store::{StoreError, Tx, tags};

use super::check::{Nobody, check};
use super::{MAX_ASSOCIATIONS, describe, tagged};
use crate::associations::timing;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::keyring::random;
use crate::operations::tags::checked_tags;

pub async fn create_association(
    ctx: &Ctx,
    request: CreateAssociationRequest,
) -> Result<CreateAssociationResult, ApiError> {
    let invalid_tag = |error: ApiError| ApiError::new(ErrorCode::InvalidTag, error.message);
    let given = checked_tags(request.tags.as_deref().unwrap_or_default()).map_err(invalid_tag)?;
    let association = new(ctx, settings(request)?).await?;
    let mut tx = ctx.store.write().await?;
    insert(ctx, &mut tx, &association, &given).await?;
    tx.commit().await?;
    Ok(CreateAssociationResult { association_description: Some(describe(&association)) })
}

fn settings(request: CreateAssociationRequest) -> Result<Settings, ApiError> {
    refuse_dispatch_role(request.association_dispatch_assume_role.as_deref())?;
    Ok(Settings {
        name: request.name,
        document_version: request.document_version,
        instance_id: request.instance_id,
        parameters: request.parameters,
        targets: request.targets,
        schedule_expression: request.schedule_expression,
        output_location: request.output_location,
        association_name: request.association_name,
        automation_target_parameter_name: request.automation_target_parameter_name,
        max_errors: request.max_errors,
        max_concurrency: request.max_concurrency,
        compliance_severity: request.compliance_severity,
        sync_compliance: request.sync_compliance,
        apply_only_at_cron_interval: request.apply_only_at_cron_interval,
        calendar_names: request.calendar_names,
        target_locations: request.target_locations,
        schedule_offset: request.schedule_offset,
        duration: request.duration,
        target_maps: request.target_maps,
        alarm_configuration: request.alarm_configuration,
    })
}

/// Commands go out as the server's own; there is no role to take on.
pub fn refuse_dispatch_role(role: Option<&str>) -> Result<(), ApiError> {
    match role {
        None => Ok(()),
        Some(_) => Err(error::validation(
            "AssociationDispatchAssumeRole: this server takes on no roles to send commands: leave it out",
        )),
    }
}

/// Checked, and due for its first run; not yet stored.
pub async fn new(ctx: &Ctx, settings: Settings) -> Result<Association, ApiError> {
    let id = AssociationId::mint(random());
    let settings = check(ctx, &id, settings, Nobody::Refused).await?;
    let timing = timing(&settings, ctx.now).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(Association {
        key: AssociationKey { account: ctx.account.clone(), region: ctx.region.clone(), id },
        version: 1,
        settings,
        legacy_status: None,
        created_at: ctx.now,
        updated_at: ctx.now,
        runs_made: 0,
        next_run_at: timing.first(ctx.now),
        last_run_at: None,
        last_success_at: None,
        counts: Default::default(),
        made_by: ctx.caller.user_arn().map(str::to_owned),
    })
}

pub async fn insert(
    ctx: &Ctx,
    tx: &mut Tx,
    association: &Association,
    given: &BTreeMap<String, String>,
) -> Result<(), ApiError> {
    let scope = (&ctx.account, &ctx.region);
    if associations::count(tx, scope).await? >= MAX_ASSOCIATIONS {
        let message = format!("there are {MAX_ASSOCIATIONS} associations, which is the limit");
        return Err(ApiError::new(ErrorCode::AssociationLimitExceeded, message));
    }
    if let Some(id) = &association.settings.instance_id {
        let node: NodeId = id.parse()?;
        let document = &association.settings.name;
        if associations::find_legacy(tx, scope, document, &node).await?.is_some() {
            let message = format!("document `{document}` is associated with instance `{id}` already");
            return Err(ApiError::new(ErrorCode::AssociationAlreadyExists, message));
        }
    }
    associations::insert(tx, association).await?;
    Ok(tags::put(tx, tagged(ctx, &association.key), given).await?)
}
