//! ListComplianceSummaries: per compliance type, how many resources are compliant and how bad the
//! others are.
//! Source: API reference, ListComplianceSummaries; patch-manager.md 6.2.

use api::ssm::{ComplianceSummaryItem, ListComplianceSummariesRequest, ListComplianceSummariesResult};
use domain::compliance::{ComplianceLevel, ComplianceStatus, SeverityCounts};
use store::compliance::{self, TypeCount};

use super::{DEFAULT_PAGE, filters};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::{Page, page_size};

pub async fn list_compliance_summaries(
    ctx: &Ctx,
    request: ListComplianceSummariesRequest,
) -> Result<ListComplianceSummariesResult, ApiError> {
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let token = request.next_token.as_deref();
    let page = Page::open(ctx, "ListComplianceSummaries", &request.filters, token, size)?;
    let conditions = filters::on_summaries(&filters::parse(request.filters.as_deref())?)?;

    let counts = match conditions {
        Some(conditions) => {
            let mut tx = ctx.store.read_each().await?;
            compliance::count_by_type(&mut tx, (&ctx.account, &ctx.region), &conditions).await?
        }
        None => Vec::new(),
    };
    let after = page.after.as_deref().unwrap_or_default();
    let rows = sum(counts).into_iter().filter(|row| row.name.as_str() > after).take(size + 1).collect();
    let cut = page.cut(ctx, rows, |row| row.name.clone());
    Ok(ListComplianceSummariesResult {
        compliance_summary_items: Some(cut.rows.into_iter().map(to_wire).collect()),
        next_token: cut.next_token,
    })
}

/// One type, counting resources.
struct Type {
    name: String,
    compliant: SeverityCounts,
    non_compliant: SeverityCounts,
}

/// By name of the type. Compliant resources count as unspecified: nothing about them is severe.
fn sum(mut counts: Vec<TypeCount>) -> Vec<Type> {
    counts.sort_by(|a, b| a.compliance_type.cmp(&b.compliance_type));
    let mut types: Vec<Type> = Vec::new();
    for count in counts {
        if types.last().is_none_or(|last| last.name != count.compliance_type) {
            let (compliant, non_compliant) = Default::default();
            types.push(Type { name: count.compliance_type.clone(), compliant, non_compliant });
        }
        let Some(last) = types.last_mut() else { continue };
        match count.status {
            ComplianceStatus::Compliant => last.compliant.unspecified += count.resources,
            ComplianceStatus::NonCompliant => {
                *level(&mut last.non_compliant, count.overall_severity) += count.resources;
            }
        }
    }
    types
}

fn level(counts: &mut SeverityCounts, level: ComplianceLevel) -> &mut i64 {
    match level {
        ComplianceLevel::Critical => &mut counts.critical,
        ComplianceLevel::High => &mut counts.high,
        ComplianceLevel::Medium => &mut counts.medium,
        ComplianceLevel::Low => &mut counts.low,
        ComplianceLevel::Informational => &mut counts.informational,
        ComplianceLevel::Unspecified => &mut counts.unspecified,
    }
}

fn to_wire(row: Type) -> ComplianceSummaryItem {
    ComplianceSummaryItem {
        compliance_type: Some(row.name),
        compliant_summary: Some(row.compliant.to_compliant_summary()),
        non_compliant_summary: Some(row.non_compliant.to_non_compliant_summary()),
    }
}
