//! Compliance of resources by type: patches, associations, and what users define.
//! Source: systems-manager.md 6, patch-manager.md 6.

mod filters;
mod list_compliance_items;
mod list_compliance_summaries;
mod list_resource_compliance_summaries;
mod put_compliance_items;
pub mod record;

pub use list_compliance_items::list_compliance_items;
pub use list_compliance_summaries::list_compliance_summaries;
pub use list_resource_compliance_summaries::list_resource_compliance_summaries;
pub use put_compliance_items::put_compliance_items;

use api::ssm::{ComplianceExecutionSummary, ErrorCode};
use store::compliance::Summary;

use crate::error::ApiError;

/// The one type of resource that there is.
const RESOURCE_TYPE: &str = "ManagedInstance";
const DEFAULT_PAGE: i32 = 50;

fn invalid_resource_type(given: &str) -> ApiError {
    let message = format!("there is no resource type `{given}`, only {RESOURCE_TYPE}");
    ApiError::new(ErrorCode::InvalidResourceType, message)
}

fn invalid_resource_id(given: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidResourceId, format!("`{given}` is not a managed node"))
}

pub fn execution_summary(summary: &Summary) -> ComplianceExecutionSummary {
    ComplianceExecutionSummary {
        execution_time: summary.execution_at,
        execution_id: summary.execution_id.clone(),
        execution_type: summary.execution_type.clone(),
    }
}
