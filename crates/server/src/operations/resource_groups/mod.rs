//! Resource groups: named selections of nodes, by a query over their tags or by a list. Whom a group means when it is a
//! target is `crate::groups`'.
//! Source: API reference of AWS Resource Groups; systems-manager.md 0.7. Decision: docs/decisions/0034-resource-groups.md.

mod check;
mod create_group;
mod delete_group;
mod dispatch;
mod get_group;
mod get_group_configuration;
mod get_group_query;
mod get_tags;
mod group_resources;
mod list_group_resources;
mod list_groups;
mod search_resources;
mod tag;
#[cfg(test)]
mod tests;
mod ungroup_resources;
mod untag;
mod update_group;
mod update_group_query;

pub use create_group::create_group;
pub use delete_group::delete_group;
pub use dispatch::dispatch;
pub use get_group::get_group;
pub use get_group_configuration::get_group_configuration;
pub use get_group_query::get_group_query;
pub use get_tags::get_tags;
pub use group_resources::group_resources;
pub use list_group_resources::list_group_resources;
pub use list_groups::list_groups;
pub use search_resources::search_resources;
pub use tag::tag;
pub use ungroup_resources::ungroup_resources;
pub use untag::untag;
pub use update_group::update_group;
pub use update_group_query::update_group_query;

use std::collections::{BTreeMap, BTreeSet};

use api::resourcegroups::{
    self as wire, ErrorCode, FailedResource, QueryError, QueryErrorCode, ResourceFilter, ResourceIdentifier,
};
use api::ssm;
use domain::ids::{Arn, NodeId};
use domain::resource_group::{Members, NodeKind, Query, arn_of, node_of};
use domain::target::Targets;
use store::resource_groups::{self as rows, Group, GroupKey};
use store::tags::Tagged;
use store::{Tx, nodes};

use super::RESOURCE_GROUPS;
use super::page::{Cut, Page};
use super::tags::checked_tags;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::groups;

const RESOURCE: &str = "group/";
/// Of lists, where a request names no other: also the most.
const DEFAULT_PAGE: i32 = 50;

fn refusal(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::BadRequestException, message)
}

fn key(ctx: &Ctx, name: &str) -> GroupKey {
    GroupKey { account: ctx.account.clone(), region: ctx.region.clone(), name: name.to_owned() }
}

fn arn(key: &GroupKey) -> String {
    format!("arn:aws:{RESOURCE_GROUPS}:{}:{}:{RESOURCE}{}", key.region, key.account, key.name)
}

/// The group of the caller's account and region that a request names, by its name or its ARN.
async fn existing(ctx: &Ctx, tx: &mut Tx, text: &str) -> Result<Group, ApiError> {
    let missing = || {
        ApiError::new(
            ErrorCode::NotFoundException,
            format!("there is no resource group `{text}` in {}", ctx.region),
        )
    };
    let name = match Arn::parse(text) {
        None => text,
        Some(parsed) => {
            let is_here = parsed.service == RESOURCE_GROUPS
                && parsed.account == ctx.account.as_str()
                && parsed.region == ctx.region.as_str();
            parsed.resource.strip_prefix(RESOURCE).filter(|_| is_here).ok_or_else(missing)?
        }
    };
    rows::find(tx, &key(ctx, name)).await?.ok_or_else(missing)
}

/// Of requests that take a group under its new or its old member.
async fn named(
    ctx: &Ctx,
    tx: &mut Tx,
    (group, group_name): (Option<&str>, Option<&str>),
) -> Result<Group, ApiError> {
    match (group, group_name) {
        (Some(text), None) | (None, Some(text)) => existing(ctx, tx, text).await,
        (Some(_), Some(_)) => Err(refusal("give Group or GroupName, not both")),
        (None, None) => Err(refusal("give Group: the name or the ARN of a resource group")),
    }
}

fn to_wire(group: &Group) -> wire::Group {
    let settings = group.settings.clone();
    wire::Group {
        group_arn: arn(&group.key),
        name: group.key.name.clone(),
        description: settings.description,
        criticality: settings.criticality,
        owner: settings.owner,
        display_name: settings.display_name,
        application_tag: None,
    }
}

fn tagged(key: &GroupKey) -> Tagged<'_> {
    Tagged {
        account: &key.account,
        region: &key.region,
        resource_type: "ResourceGroup",
        resource_id: &key.name,
    }
}

/// By the rules for all tags.
fn checked(given: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError> {
    let tag = |(key, value): (&String, &String)| ssm::Tag { key: key.clone(), value: value.clone() };
    let tags: Vec<ssm::Tag> = given.iter().map(tag).collect();
    checked_tags(&tags).map_err(|error| refusal(error.message))
}

/// Tokens have the characters that this service lets them have.
fn open_page(
    ctx: &Ctx,
    operation: &str,
    scope: &impl serde::Serialize,
    token: Option<&str>,
    size: usize,
) -> Result<Page, ApiError> {
    let token = token.map(|token| token.replace('+', "-").replace('/', "_"));
    Page::open(ctx, operation, scope, token.as_deref(), size)
        .map_err(|_| refusal("the NextToken is not one of this operation with these filters"))
}

fn token(sealed: Option<String>) -> Option<String> {
    sealed.map(|token| token.replace('-', "+").replace('_', "/"))
}

/// The types that filters leave; `None` for all.
fn types_of(filters: &[ResourceFilter]) -> Option<BTreeSet<String>> {
    let values = |filter: &ResourceFilter| filter.values.iter().cloned().collect::<BTreeSet<String>>();
    filters.iter().map(values).reduce(|all, more| all.intersection(&more).cloned().collect())
}

/// One page of the nodes that are members, by their ids.
async fn page_of(
    ctx: &Ctx,
    tx: &mut Tx,
    page: &Page,
    (members, only): (&Members, Option<&BTreeSet<String>>),
) -> Result<Cut<ResourceIdentifier>, ApiError> {
    let scope = (&ctx.account, &ctx.region);
    let targets = Targets::selecting(members.targets(only));
    let conditions = groups::conditions(tx, scope, &targets).await?;
    let found = nodes::list(tx, scope, &conditions, ctx.now, page.after.as_deref(), page.fetch()).await?;
    let cut = page.cut(ctx, found, |node| node.id.to_string());
    let identifier = |node: nodes::Node| ResourceIdentifier {
        resource_arn: Some(arn_of(&node.id, scope)),
        resource_type: Some(NodeKind::of(&node.id).resource_type().to_owned()),
    };
    let rows = cut.rows.into_iter().map(identifier).collect();
    Ok(Cut { rows, next_token: token(cut.next_token) })
}

/// What a query asks for that no node can be.
fn query_errors(query: &Query) -> Option<Vec<QueryError>> {
    let error = |name: &str| QueryError {
        error_code: Some(QueryErrorCode::ResourceTypeNotSupported),
        message: Some(format!("no resources of the type {name} are kept here")),
    };
    let errors: Vec<QueryError> = query.unserved().map(error).collect();
    (!errors.is_empty()).then_some(errors)
}

/// What a request about single members comes to.
#[derive(Default)]
struct Asked {
    nodes: BTreeSet<NodeId>,
    succeeded: Vec<String>,
    failed: Vec<FailedResource>,
}

impl Asked {
    /// ARNs of nodes that are there, and of others.
    async fn read(ctx: &Ctx, tx: &mut Tx, arns: &[String]) -> Result<Self, ApiError> {
        let scope = (&ctx.account, &ctx.region);
        let mut asked = Self::default();
        // At most ten.
        for arn in arns {
            let found = match node_of(arn, scope) {
                Some(id) => nodes::find(tx, scope.0, scope.1, &id).await?.map(|node| node.id),
                None => None,
            };
            match found {
                Some(id) => {
                    asked.nodes.insert(id);
                    asked.succeeded.push(arn.clone());
                }
                None => asked.failed.push(failed(
                    arn,
                    "RESOURCE_NOT_FOUND",
                    "no managed node of this region has this ARN",
                )),
            }
        }
        Ok(asked)
    }
}

fn failed(arn: &str, code: &str, message: &str) -> FailedResource {
    FailedResource {
        resource_arn: Some(arn.to_owned()),
        error_code: Some(code.to_owned()),
        error_message: Some(message.to_owned()),
    }
}
