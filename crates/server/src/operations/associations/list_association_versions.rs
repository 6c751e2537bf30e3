//! ListAssociationVersions: what an association said over time, newest first.
//! Source: API reference, ListAssociationVersions.

use api::ssm::{AssociationVersionInfo, ListAssociationVersionsRequest, ListAssociationVersionsResult};
use store::associations::{self, Version};

use super::{DEFAULT_PAGE, existing};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

pub async fn list_association_versions(
    ctx: &Ctx,
    request: ListAssociationVersionsRequest,
) -> Result<ListAssociationVersionsResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "ListAssociationVersions", &request.association_id, token, size)?;
    let before = page.after.as_deref().and_then(|version| version.parse().ok());

    let mut tx = ctx.store.read().await?;
    let association = existing(ctx, &mut tx, &request.association_id).await?;
    let rows = associations::list_versions(&mut tx, &association.key, before, page.fetch()).await?;
    let cut = page.cut(ctx, rows, |row| row.version.to_string());
    let id = association.key.id.as_str();
    Ok(ListAssociationVersionsResult {
        association_versions: Some(cut.rows.into_iter().map(|version| to_wire(id, version)).collect()),
        next_token: cut.next_token,
    })
}

fn to_wire(id: &str, Version { version, settings, created_at }: Version) -> AssociationVersionInfo {
    AssociationVersionInfo {
        association_id: Some(id.to_owned()),
        association_version: Some(version.to_string()),
        created_date: Some(created_at),
        name: Some(settings.name),
        document_version: settings.document_version,
        parameters: settings.parameters,
        targets: settings.targets,
        schedule_expression: settings.schedule_expression,
        output_location: settings.output_location,
        association_name: settings.association_name,
        max_errors: settings.max_errors,
        max_concurrency: settings.max_concurrency,
        compliance_severity: settings.compliance_severity,
        sync_compliance: settings.sync_compliance,
        apply_only_at_cron_interval: settings.apply_only_at_cron_interval,
        calendar_names: settings.calendar_names,
        schedule_offset: settings.schedule_offset,
        duration: settings.duration,
        ..AssociationVersionInfo::default()
    }
}
