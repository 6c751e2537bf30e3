//! StartExecutionPreview: what an execution of a runbook would touch, counted without starting it.
//! Source: API reference, StartExecutionPreview; systems-manager.md 7.3.

use std::collections::BTreeMap;

use api::ssm::{
    AutomationExecutionPreview, ExecutionInputs, ExecutionPreview, ExecutionPreviewStatus,
    GetExecutionPreviewResponse, StartAutomationExecutionRequest, StartExecutionPreviewRequest,
    StartExecutionPreviewResponse, TargetPreview,
};
use domain::automation::impact;
use store::automations;

use crate::automations::prepare;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};

pub async fn start_execution_preview(
    ctx: &Ctx,
    request: StartExecutionPreviewRequest,
) -> Result<StartExecutionPreviewResponse, ApiError> {
    let order = prepare(ctx, execution(request)).await;
    // The operation declares no other refusal.
    let order = order.map_err(|error| match error.code.status {
        500.. => error,
        _ => error::validation(error.message),
    })?;
    let mut counts: BTreeMap<String, i32> = BTreeMap::new();
    for step in order.runbook().all_steps() {
        *counts.entry(impact(step).as_str().to_owned()).or_default() += 1;
    }
    let targets = order.targets().map(|targets| TargetPreview {
        count: i32::try_from(targets.len()).ok(),
        target_type: Some("AWS::SSM::ManagedInstance".to_owned()),
    });
    let id = uuid::Builder::from_random_bytes(crate::keyring::random()).into_uuid().to_string();
    let preview = GetExecutionPreviewResponse {
        execution_preview_id: Some(id.clone()),
        ended_at: Some(ctx.now),
        status: Some(ExecutionPreviewStatus::Success),
        status_message: None,
        execution_preview: Some(ExecutionPreview {
            automation: Some(AutomationExecutionPreview {
                step_previews: Some(counts.into_iter().map(|(kind, count)| (kind.into(), count)).collect()),
                regions: Some(vec![ctx.region.to_string()]),
                target_previews: Some(targets.into_iter().collect()),
                total_accounts: Some(1),
            }),
        }),
    };
    let mut tx = ctx.store.write_by_locks().await?;
    automations::insert_preview(&mut tx, (&ctx.account, &ctx.region), &id, &preview, ctx.now).await?;
    tx.commit().await?;
    Ok(StartExecutionPreviewResponse { execution_preview_id: Some(id) })
}

/// The execution that is meant.
fn execution(request: StartExecutionPreviewRequest) -> StartAutomationExecutionRequest {
    let inputs = request.execution_inputs.and_then(|ExecutionInputs { automation }| automation);
    let inputs = inputs.unwrap_or_default();
    StartAutomationExecutionRequest {
        document_name: request.document_name,
        document_version: request.document_version,
        parameters: inputs.parameters,
        target_parameter_name: inputs.target_parameter_name,
        targets: inputs.targets,
        target_maps: inputs.target_maps,
        target_locations: inputs.target_locations,
        target_locations_url: inputs.target_locations_url,
        ..StartAutomationExecutionRequest::default()
    }
}
