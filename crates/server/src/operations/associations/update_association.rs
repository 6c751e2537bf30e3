//! UpdateAssociation: a new version, which takes the place of all that the one before said, and runs.
//! Source: API reference, UpdateAssociation; systems-manager.md 3.2, 3.3.

use api::ssm::{ErrorCode, UpdateAssociationRequest, UpdateAssociationResult};
use store::StoreError;
use store::associations::{self, Association, Settings};

use super::check::{Nobody, check};
use super::create_association::refuse_dispatch_role;
use super::{describe, existing};
use crate::associations::timing;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::fettle::patch_now::is_patch_now;

/// Of one association.
const MAX_VERSIONS: i64 = 1_000;

pub async fn update_association(
    ctx: &Ctx,
    request: UpdateAssociationRequest,
) -> Result<UpdateAssociationResult, ApiError> {
    refuse_dispatch_role(request.association_dispatch_assume_role.as_deref())?;
    let mut tx = ctx.store.read().await?;
    let before = existing(ctx, &mut tx, &request.association_id).await?;
    drop(tx);
    if is_patch_now(&before.settings) {
        let message = format!(
            "association `{}` is a Patch now, which runs once and stays what it was: order another one",
            before.key.id
        );
        return Err(ApiError::new(ErrorCode::InvalidUpdate, message));
    }
    check_version(&before, request.association_version.as_deref())?;
    let settings = check(ctx, &before.key.id, settings(request, &before.settings), Nobody::Allowed).await;
    let settings = settings.map_err(declared)?;

    let mut tx = ctx.store.write().await?;
    // Somebody else may have changed it since it was read.
    let association = existing(ctx, &mut tx, before.key.id.as_str()).await?;
    if association.version != before.version {
        return Err(ApiError::new(
            ErrorCode::TooManyUpdates,
            format!("association `{}` is being changed by another request: try again", before.key.id),
        ));
    }
    let association = revise(ctx, association, settings)?;
    associations::update(&mut tx, &association).await?;
    tx.commit().await?;
    Ok(UpdateAssociationResult { association_description: Some(describe(&association)) })
}

/// The next version, with settings that were checked; not yet stored.
pub fn revise(ctx: &Ctx, before: Association, settings: Settings) -> Result<Association, ApiError> {
    let timing = timing(&settings, ctx.now).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(Association {
        version: before.version + 1,
        settings,
        updated_at: ctx.now,
        next_run_at: timing.first(ctx.now),
        made_by: ctx.caller.user_arn().map(str::to_owned),
        ..before
    })
}

/// The version that the caller believes to change.
fn check_version(association: &Association, asked: Option<&str>) -> Result<(), ApiError> {
    let newest = association.version;
    if asked.is_some_and(|asked| asked != "$LATEST" && asked != newest.to_string()) {
        let message = format!(
            "version {} of association `{}` is not the newest, which is {newest}",
            asked.unwrap_or_default(),
            association.key.id
        );
        return Err(ApiError::new(ErrorCode::InvalidAssociationVersion, message));
    }
    if newest >= MAX_VERSIONS {
        let message =
            format!("association `{}` has {MAX_VERSIONS} versions, which is the limit", association.key.id);
        return Err(ApiError::new(ErrorCode::AssociationVersionLimitExceeded, message));
    }
    Ok(())
}

/// What is not given is cleared, but for the document; the node of the old form stays until there are targets.
fn settings(request: UpdateAssociationRequest, before: &Settings) -> Settings {
    let instance_id = before.instance_id.clone().filter(|_| request.targets.is_none());
    Settings {
        name: request.name.unwrap_or_else(|| before.name.clone()),
        document_version: request.document_version,
        instance_id,
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
    }
}

/// This operation has one code for nodes that do not fit.
fn declared(error: ApiError) -> ApiError {
    let codes = [ErrorCode::InvalidInstanceId, ErrorCode::UnsupportedPlatformType];
    match codes.into_iter().any(|code| error.code == code.into()) {
        true => ApiError::new(ErrorCode::InvalidTarget, error.message),
        false => error,
    }
}
