//! DescribeInstanceProperties: the same nodes, with operators in the filters.
//! Source: API reference, DescribeInstanceProperties; systems-manager.md 15.2.

use api::ssm::{
    DescribeInstancePropertiesRequest, DescribeInstancePropertiesResult, ErrorCode, InstanceProperty,
    InstancePropertyFilterOperator as Operator, PingStatus, PlatformType, SourceType,
};
use store::clause::Comparison;
use store::nodes::Node;

use super::association_state::{self, AssociationState};
use super::filters::{self, Errors, Filter};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 50;
const ERRORS: Errors = Errors { bad_value: ErrorCode::InvalidInstancePropertyFilterValue };

pub async fn describe_instance_properties(
    ctx: &Ctx,
    request: DescribeInstancePropertiesRequest,
) -> Result<DescribeInstancePropertiesResult, ApiError> {
    let scope = (&request.instance_property_filter_list, &request.filters_with_operator);
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "DescribeInstanceProperties", &scope, request.next_token.as_deref(), size)?;
    let rows = filters::select(ctx, filters(&request)?, ERRORS, &page).await?;
    let cut = page.cut(ctx, rows, |node| node.id.to_string());
    let mut associations = association_state::of_nodes(ctx, &cut.rows).await?;
    let to_wire = |node: Node| {
        let state = associations.remove(&node.id).unwrap_or_default();
        to_wire(ctx, node, state)
    };
    Ok(DescribeInstancePropertiesResult {
        instance_properties: Some(cut.rows.into_iter().map(to_wire).collect()),
        next_token: cut.next_token,
    })
}

fn filters(request: &DescribeInstancePropertiesRequest) -> Result<Vec<Filter<'_>>, ApiError> {
    let old = request.instance_property_filter_list.as_deref().unwrap_or_default();
    let new = request.filters_with_operator.as_deref().unwrap_or_default();
    if !old.is_empty() && !new.is_empty() {
        return Err(error::validation(
            "InstancePropertyFilterList and FiltersWithOperator cannot be used together",
        ));
    }
    let old = old.iter().map(|filter| Filter {
        key: filter.key.as_str(),
        comparison: Comparison::Equal,
        values: filter.value_set.clone(),
    });
    let new = new.iter().map(|filter| Filter {
        key: filter.key.as_str(),
        comparison: comparison(filter.operator.as_ref()),
        values: filter.values.clone(),
    });
    Ok(old.chain(new).collect())
}

fn comparison(operator: Option<&Operator>) -> Comparison {
    match operator {
        Some(Operator::NotEqual) => Comparison::NotEqual,
        Some(Operator::BeginWith) => Comparison::BeginWith,
        Some(Operator::LessThan) => Comparison::LessThan,
        Some(Operator::GreaterThan) => Comparison::GreaterThan,
        // The constraint check has refused unknown operators.
        Some(Operator::Equal | Operator::Unknown(_)) | None => Comparison::Equal,
    }
}

fn to_wire(ctx: &Ctx, node: Node, state: AssociationState) -> InstanceProperty {
    let online = node.is_online(ctx.now);
    let said = node.information;
    InstanceProperty {
        name: node.name,
        instance_id: Some(node.id.to_string()),
        ip_address: said.ip_address,
        ping_status: Some(if online { PingStatus::Online } else { PingStatus::ConnectionLost }),
        last_ping_date_time: node.last_seen_at,
        agent_version: said.agent_version,
        platform_type: said.platform_type.map(PlatformType::from),
        platform_name: said.platform_name,
        platform_version: said.platform_version,
        activation_id: node.activation_id.map(|id| id.to_string()),
        iam_role: Some(node.iam_role),
        registration_date: Some(node.registered_at),
        resource_type: Some("ManagedInstance".to_owned()),
        computer_name: said.computer_name,
        source_id: Some(node.id.to_string()),
        source_type: Some(SourceType::AwsSsmManagedInstance),
        association_status: state.status,
        last_association_execution_date: state.last_execution_at,
        last_successful_association_execution_date: state.last_success_at,
        association_overview: state.overview,
        ..InstanceProperty::default()
    }
}
