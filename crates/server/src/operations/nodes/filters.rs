//! The filters of DescribeInstanceInformation and DescribeInstanceProperties, as conditions on nodes.
//! Source: systems-manager.md 15.2.

use api::ssm::ErrorCode;
use domain::ids::NodeId;
use store::clause::Comparison;
use store::nodes::{self, Node, NodeCondition, NodeField};

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::page::Page;

/// Values every node of ours has, so that a filter on them is decided without the store.
const RESOURCE_TYPE: &str = "ManagedInstance";
const SOURCE_TYPE: &str = "AWS::SSM::ManagedInstance";

/// Filters in the store's terms.
#[derive(Debug, Default)]
pub struct Conditions {
    pub list: Vec<NodeCondition>,
    /// Some filter excludes every node there can be.
    pub is_never: bool,
}

/// A filter of either operation: its key, how it compares, its values.
pub struct Filter<'a> {
    pub key: &'a str,
    pub comparison: Comparison,
    pub values: Vec<String>,
}

/// What the two operations call their errors.
#[derive(Clone, Copy)]
pub struct Errors {
    pub bad_value: ErrorCode,
}

impl Conditions {
    pub fn parse(filters: Vec<Filter<'_>>, errors: Errors) -> Result<Self, ApiError> {
        let has_tag = filters.iter().any(|filter| is_tag(filter.key));
        if has_tag && filters.len() > 1 {
            let message = "a filter on tags cannot be combined with other filters";
            return Err(ApiError::new(ErrorCode::InvalidFilterKey, message));
        }
        let mut conditions = Self::default();
        for filter in filters {
            conditions.add(filter, errors)?;
        }
        Ok(conditions)
    }

    fn add(&mut self, filter: Filter<'_>, errors: Errors) -> Result<(), ApiError> {
        let field = match filter.key {
            "InstanceIds" | "SourceIds" => {
                check_ids(&filter)?;
                NodeField::Id
            }
            "AgentVersion" => NodeField::AgentVersion,
            "PingStatus" => {
                check_values(&filter, &["Online", "ConnectionLost", "Inactive"], errors)?;
                NodeField::PingStatus
            }
            "PlatformTypes" => {
                check_values(&filter, &["Windows", "Linux", "MacOS"], errors)?;
                NodeField::PlatformType
            }
            "PlatformName" => NodeField::PlatformName,
            "PlatformVersion" => NodeField::PlatformVersion,
            "ActivationIds" => NodeField::ActivationId,
            "IamRole" => NodeField::IamRole,
            "ComputerName" => NodeField::ComputerName,
            "IPAddress" => NodeField::IpAddress,
            "Name" => NodeField::Name,
            "ResourceType" => {
                check_values(&filter, &["ManagedInstance", "EC2Instance"], errors)?;
                return self.constant(&filter, RESOURCE_TYPE);
            }
            "SourceTypes" => return self.constant(&filter, SOURCE_TYPE),
            "AssociationStatus" => NodeField::AssociationStatus,
            "tag-key" => NodeField::TagKey,
            key => match key.strip_prefix("tag:") {
                Some(tag) if !tag.is_empty() => NodeField::Tag(tag.to_owned()),
                _ => return Err(unknown_key(key)),
            },
        };
        self.list.push(NodeCondition { field, comparison: filter.comparison, values: filter.values });
        Ok(())
    }

    fn constant(&mut self, filter: &Filter<'_>, ours: &str) -> Result<(), ApiError> {
        let matches = |value: &String| match filter.comparison {
            Comparison::BeginWith => ours.starts_with(value.as_str()),
            Comparison::LessThan => ours < value.as_str(),
            Comparison::GreaterThan => ours > value.as_str(),
            Comparison::Equal | Comparison::NotEqual => ours == value.as_str(),
        };
        let some = filter.values.iter().any(matches);
        let passes = if filter.comparison == Comparison::NotEqual { !some } else { some };
        self.is_never |= !passes;
        Ok(())
    }
}

/// The nodes of a page that pass the filters, by id.
pub async fn select(
    ctx: &Ctx,
    filters: Vec<Filter<'_>>,
    errors: Errors,
    page: &Page,
) -> Result<Vec<Node>, ApiError> {
    let conditions = Conditions::parse(filters, errors)?;
    if conditions.is_never {
        return Ok(Vec::new());
    }
    let mut tx = ctx.store.read_each().await?;
    let scope = (&ctx.account, &ctx.region);
    Ok(nodes::list(&mut tx, scope, &conditions.list, ctx.now, page.after.as_deref(), page.fetch()).await?)
}

fn is_tag(key: &str) -> bool {
    key == "tag-key" || key.starts_with("tag:")
}

fn unknown_key(key: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidFilterKey, format!("filter key `{key}` is not one of this operation"))
}

fn check_ids(filter: &Filter<'_>) -> Result<(), ApiError> {
    match filter.values.iter().find(|id| id.parse::<NodeId>().is_err()) {
        Some(id) if filter.comparison == Comparison::Equal => {
            Err(ApiError::new(ErrorCode::InvalidInstanceId, format!("`{id}` is not a node id")))
        }
        _ => Ok(()),
    }
}

fn check_values(filter: &Filter<'_>, allowed: &[&str], errors: Errors) -> Result<(), ApiError> {
    match filter.values.iter().find(|value| !allowed.contains(&value.as_str())) {
        Some(value) if matches!(filter.comparison, Comparison::Equal | Comparison::NotEqual) => {
            let message =
                format!("`{value}` is not a value of {}: expected {}", filter.key, allowed.join(", "));
            Err(ApiError::new(errors.bad_value, message))
        }
        _ => Ok(()),
    }
}
