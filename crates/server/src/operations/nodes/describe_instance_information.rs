//! DescribeInstanceInformation: the registered nodes and whether they are online.
//! Source: API reference, DescribeInstanceInformation; systems-manager.md 15.2; agent-protocol.md 2.4.

use api::ssm::{
    DescribeInstanceInformationRequest, DescribeInstanceInformationResult, ErrorCode, InstanceInformation,
    PingStatus, PlatformType, ResourceType, SourceType,
};
use store::clause::Comparison;
use store::nodes::Node;

use super::association_state::{self, AssociationState};
use super::filters::{self, Errors, Filter};
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::operations::page::{Page, page_size};

const DEFAULT_PAGE: i32 = 10;
const ERRORS: Errors = Errors { bad_value: ErrorCode::InvalidInstanceInformationFilterValue };

pub async fn describe_instance_information(
    ctx: &Ctx,
    request: DescribeInstanceInformationRequest,
) -> Result<DescribeInstanceInformationResult, ApiError> {
    let scope = (&request.instance_information_filter_list, &request.filters);
    let size = page_size(request.max_results, DEFAULT_PAGE);
    let page = Page::open(ctx, "DescribeInstanceInformation", &scope, request.next_token.as_deref(), size)?;
    let rows = filters::select(ctx, filters(&request)?, ERRORS, &page).await?;
    let cut = page.cut(ctx, rows, |node| node.id.to_string());
    let mut associations = association_state::of_nodes(ctx, &cut.rows).await?;
    let to_wire = |node: Node| {
        let state = associations.remove(&node.id).unwrap_or_default();
        to_wire(ctx, node, state)
    };
    Ok(DescribeInstanceInformationResult {
        instance_information_list: Some(cut.rows.into_iter().map(to_wire).collect()),
        next_token: cut.next_token,
    })
}

fn filters(request: &DescribeInstanceInformationRequest) -> Result<Vec<Filter<'_>>, ApiError> {
    let old = request.instance_information_filter_list.as_deref().unwrap_or_default();
    let new = request.filters.as_deref().unwrap_or_default();
    if !old.is_empty() && !new.is_empty() {
        return Err(error::validation("InstanceInformationFilterList and Filters cannot be used together"));
    }
    let old = old.iter().map(|filter| (filter.key.as_str(), &filter.value_set));
    let new = new.iter().map(|filter| (filter.key.as_str(), &filter.values));
    let equal = |(key, values): (_, &Vec<String>)| Filter {
        key,
        comparison: Comparison::Equal,
        values: values.clone(),
    };
    Ok(old.chain(new).map(equal).collect())
}

fn to_wire(ctx: &Ctx, node: Node, state: AssociationState) -> InstanceInformation {
    let online = node.is_online(ctx.now);
    let said = node.information;
    InstanceInformation {
        instance_id: Some(node.id.to_string()),
        ping_status: Some(if online { PingStatus::Online } else { PingStatus::ConnectionLost }),
        last_ping_date_time: node.last_seen_at,
        agent_version: said.agent_version,
        is_latest_version: None,
        platform_type: said.platform_type.map(PlatformType::from),
        platform_name: said.platform_name,
        platform_version: said.platform_version,
        activation_id: node.activation_id.map(|id| id.to_string()),
        iam_role: Some(node.iam_role),
        registration_date: Some(node.registered_at),
        resource_type: Some(ResourceType::ManagedInstance),
        name: node.name,
        ip_address: said.ip_address,
        computer_name: said.computer_name,
        source_id: Some(node.id.to_string()),
        source_type: Some(SourceType::AwsSsmManagedInstance),
        association_status: state.status,
        last_association_execution_date: state.last_execution_at,
        last_successful_association_execution_date: state.last_success_at,
        association_overview: state.overview,
        ..InstanceInformation::default()
    }
}
