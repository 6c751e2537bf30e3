//! Whom targets mean at the moment: resource groups become what selects their members, and targets become conditions.
//! Source: systems-manager.md 0.7.

use domain::ids::NodeId;
use domain::resource_group::{Members, Query};
use domain::target::{Target, Targets};
use store::clause::Comparison;
use store::nodes::{NodeCondition, NodeField};
use store::resource_groups::{self as rows, Group, GroupKey};
use store::{Scope, StoreError, Tx};

use crate::error::{self, ApiError};

/// What was stored was checked when it came.
pub async fn members(tx: &mut Tx, group: &Group) -> Result<Members, ApiError> {
    match &group.settings.query {
        None => Ok(Members::Listed(rows::members(tx, &group.key).await?)),
        Some(query) => {
            let query = Query::parse(&query.query).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            Ok(Members::Query(query))
        }
    }
}

/// The same targets without groups. A group that is not there is the request's fault.
pub async fn resolve(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    targets: &Targets,
) -> Result<Targets, ApiError> {
    let Some(wanted) = targets.group() else { return Ok(targets.clone()) };
    let key = GroupKey { account: account.clone(), region: region.clone(), name: wanted.name.clone() };
    let Some(group) = rows::find(tx, &key).await? else {
        return Err(error::validation(format!(
            "Targets: there is no resource group `{}` in {region}: create it first, or name another",
            wanted.name
        )));
    };
    Ok(targets.resolve(&members(tx, &group).await?))
}

/// For those who look at targets again and again: of a group that is gone nobody is a member.
pub async fn resolve_what_is_there(
    tx: &mut Tx,
    scope: Scope<'_>,
    targets: &Targets,
) -> Result<Targets, ApiError> {
    match resolve(tx, scope, targets).await {
        Err(error) if error.code.status < 500 && !error.is_conflict() => {
            Ok(Targets::selecting(vec![Target::Nodes(Default::default())]))
        }
        outcome => outcome,
    }
}

/// What the nodes must meet that targets mean.
pub async fn conditions(
    tx: &mut Tx,
    scope: Scope<'_>,
    targets: &Targets,
) -> Result<Vec<NodeCondition>, ApiError> {
    let targets = resolve(tx, scope, targets).await?;
    Ok(targets.entries().iter().filter_map(condition).collect())
}

fn condition(target: &Target) -> Option<NodeCondition> {
    let with = |field, comparison, values| Some(NodeCondition { field, comparison, values });
    match target {
        Target::AnyNode => None,
        Target::Nodes(ids) => Some(by_id(ids.iter())),
        Target::Tag { key, values } => {
            with(NodeField::Tag(key.clone()), Comparison::Equal, values.iter().cloned().collect())
        }
        Target::TagKey(keys) => with(NodeField::TagKey, Comparison::Equal, keys.iter().cloned().collect()),
        Target::Kind(kind) => with(NodeField::Id, Comparison::BeginWith, vec![kind.prefix().to_owned()]),
        // Nobody, as before its members are known.
        Target::Group(_) => Some(by_id([].into_iter())),
    }
}

pub fn by_id<'a>(ids: impl Iterator<Item = &'a NodeId>) -> NodeCondition {
    let values = ids.map(NodeId::to_string).collect();
    NodeCondition { field: NodeField::Id, comparison: Comparison::Equal, values }
}
