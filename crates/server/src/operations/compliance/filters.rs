//! The filters of the compliance lists: conditions on summaries, and on single items.
//! Source: systems-manager.md 6, patch-manager.md 6.2.

use api::Timestamp;
use api::ssm::{ComplianceQueryOperatorType, ComplianceStringFilter, ErrorCode};
use store::clause::Comparison;
use store::compliance::{NodeAttribute, SummaryCondition, SummaryField};

use super::RESOURCE_TYPE;
use crate::error::ApiError;

/// A filter, understood as far as both kinds of list do.
#[derive(Clone, Debug)]
pub struct Filter {
    pub key: String,
    pub comparison: Comparison,
    pub values: Vec<String>,
}

pub fn parse(filters: Option<&[ComplianceStringFilter]>) -> Result<Vec<Filter>, ApiError> {
    filters.unwrap_or_default().iter().map(parse_one).collect()
}

fn parse_one(filter: &ComplianceStringFilter) -> Result<Filter, ApiError> {
    let key = filter.key.clone().ok_or_else(|| invalid_filter("a filter has no Key"))?;
    let values = filter.values.clone().filter(|values| !values.is_empty());
    let values = values.ok_or_else(|| invalid_filter(format!("the filter on {key} has no Values")))?;
    if values.iter().chain([&key]).any(|text| text.contains('\0')) {
        return Err(invalid_filter("text cannot hold the character U+0000"));
    }
    let comparison = match &filter.r#type {
        None | Some(ComplianceQueryOperatorType::Equal) => Comparison::Equal,
        Some(ComplianceQueryOperatorType::NotEqual) => Comparison::NotEqual,
        Some(ComplianceQueryOperatorType::BeginWith) => Comparison::BeginWith,
        Some(ComplianceQueryOperatorType::LessThan) => Comparison::LessThan,
        Some(ComplianceQueryOperatorType::GreaterThan) => Comparison::GreaterThan,
        Some(ComplianceQueryOperatorType::Unknown(other)) => {
            return Err(invalid_filter(format!("`{other}` is not a filter type")));
        }
    };
    Ok(Filter { key, comparison, values })
}

pub fn invalid_filter(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidFilter, message)
}

/// What a filter means for a summary.
#[derive(Clone, Debug)]
pub enum OnSummary {
    Condition(SummaryCondition),
    /// Every resource there is passes, or none does.
    Always(bool),
}

impl Filter {
    /// `None` when the key is none of a summary.
    pub fn on_summary(&self) -> Result<Option<OnSummary>, ApiError> {
        let field = match self.key.as_str() {
            "ComplianceType" => SummaryField::ComplianceType,
            "Status" => SummaryField::Status,
            "Severity" | "OverallSeverity" => SummaryField::OverallSeverity,
            "ResourceId" => SummaryField::ResourceId,
            "ExecutionId" => SummaryField::ExecutionId,
            "ExecutionType" => SummaryField::ExecutionType,
            "ExecutionTime" => return self.on_time().map(Some),
            "PatchGroup" => SummaryField::PatchGroup,
            "PatchBaselineId" => SummaryField::BaselineId,
            "ResourceType" => return Ok(Some(OnSummary::Always(self.holds(RESOURCE_TYPE)))),
            key => match key.strip_prefix("AWS:InstanceInformation.") {
                Some("ResourceType") => return Ok(Some(OnSummary::Always(self.holds(RESOURCE_TYPE)))),
                Some(attribute) => SummaryField::Node(node_attribute(attribute)?),
                None => return Ok(None),
            },
        };
        let (comparison, values) = (self.comparison, self.values.clone());
        Ok(Some(OnSummary::Condition(SummaryCondition { field, comparison, values })))
    }

    fn on_time(&self) -> Result<OnSummary, ApiError> {
        let ms = |text: &String| {
            let at = Timestamp::parse(text);
            let at = at
                .ok_or_else(|| invalid_filter(format!("`{text}` is not a time like 2026-01-31T12:00:00Z")))?;
            Ok(at.as_millis().to_string())
        };
        let values = self.values.iter().map(ms).collect::<Result<_, ApiError>>()?;
        let (field, comparison) = (SummaryField::ExecutionTime, self.comparison);
        Ok(OnSummary::Condition(SummaryCondition { field, comparison, values }))
    }

    /// Whether a text passes.
    pub fn holds(&self, text: &str) -> bool {
        let mut values = self.values.iter().map(String::as_str);
        match self.comparison {
            Comparison::Equal => values.any(|value| text == value),
            Comparison::NotEqual => values.all(|value| text != value),
            Comparison::BeginWith => values.any(|value| text.starts_with(value)),
            Comparison::LessThan => values.any(|value| text < value),
            Comparison::GreaterThan => values.any(|value| text > value),
        }
    }
}

fn node_attribute(name: &str) -> Result<NodeAttribute, ApiError> {
    Ok(match name {
        "AgentType" => NodeAttribute::AgentType,
        "AgentVersion" => NodeAttribute::AgentVersion,
        "ComputerName" => NodeAttribute::ComputerName,
        "InstanceId" => NodeAttribute::InstanceId,
        "IpAddress" | "IPAddress" => NodeAttribute::IpAddress,
        "PlatformName" => NodeAttribute::PlatformName,
        "PlatformType" => NodeAttribute::PlatformType,
        "PlatformVersion" => NodeAttribute::PlatformVersion,
        _ => {
            return Err(invalid_filter(format!(
                "AWS:InstanceInformation has no attribute `{name}` to filter by"
            )));
        }
    })
}

/// Conditions of a list of summaries; `None` when nothing can pass.
pub fn on_summaries(filters: &[Filter]) -> Result<Option<Vec<SummaryCondition>>, ApiError> {
    let mut conditions = Vec::new();
    for filter in filters {
        match filter.on_summary()? {
            Some(OnSummary::Condition(condition)) => conditions.push(condition),
            Some(OnSummary::Always(true)) => {}
            Some(OnSummary::Always(false)) => return Ok(None),
            None => return Err(invalid_filter(format!("`{}` is not a key to filter by", filter.key))),
        }
    }
    Ok(Some(conditions))
}
