//! ListResourceComplianceSummaries: per resource and compliance type, how many items are compliant.
//! Source: API reference, ListResourceComplianceSummaries; patch-manager.md 6.2.

use api::ssm::{
    ComplianceSeverity, ComplianceStatus, ListResourceComplianceSummariesRequest,
    ListResourceComplianceSummariesResult, ResourceComplianceSummaryItem,
};
use store::compliance::{self, After, Summary};

use super::{DEFAULT_PAGE, RESOURCE_TYPE, execution_summary, filters};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

pub async fn list_resource_compliance_summaries(
    ctx: &Ctx,
    request: ListResourceComplianceSummariesRequest,
) -> Result<ListResourceComplianceSummariesResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "ListResourceComplianceSummaries", &request.filters, token, size)?;
    let conditions = filters::on_summaries(&filters::parse(request.filters.as_deref())?)?;

    let rows = match conditions {
        Some(conditions) => {
            let key = page.after.as_deref().and_then(|key| key.split_once('\n'));
            let after = key.map(|(resource_id, compliance_type)| After { resource_id, compliance_type });
            let mut tx = ctx.store.read_each().await?;
            compliance::list(&mut tx, (&ctx.account, &ctx.region), &conditions, after, page.fetch()).await?
        }
        None => Vec::new(),
    };
    let cut = page.cut(ctx, rows, |row| format!("{}\n{}", row.resource_id, row.compliance_type));
    Ok(ListResourceComplianceSummariesResult {
        resource_compliance_summary_items: Some(cut.rows.into_iter().map(to_wire).collect()),
        next_token: cut.next_token,
    })
}

fn to_wire(row: Summary) -> ResourceComplianceSummaryItem {
    ResourceComplianceSummaryItem {
        execution_summary: Some(execution_summary(&row)),
        compliance_type: Some(row.compliance_type),
        resource_type: Some(RESOURCE_TYPE.to_owned()),
        resource_id: Some(row.resource_id),
        status: Some(ComplianceStatus::from(row.status.as_str())),
        overall_severity: Some(ComplianceSeverity::from(row.overall_severity.as_str())),
        compliant_summary: Some(row.compliant.to_compliant_summary()),
        non_compliant_summary: Some(row.non_compliant.to_non_compliant_summary()),
    }
}
