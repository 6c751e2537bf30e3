//! What the operations on registered targets share: what may be registered, and which windows cover whom.
//! Source: systems-manager.md 0.7, 4.2.

use std::collections::{BTreeMap, BTreeSet};

use api::ssm::{self, ErrorCode, MaintenanceWindowResourceType as ResourceType, MaintenanceWindowTarget};
use domain::ids::{NodeId, WindowId, WindowTargetId};
use domain::target::{GROUP_NAME, GROUP_TYPES, Target, Targets};
use domain::window::{TagsOfNodes, contains, covers, named_nodes};
use store::Tx;
use store::tags::{self, Tagged};
use store::window_parts::{TARGETS, TASKS};

use super::scope;
use crate::ctx::Ctx;
use crate::error::{self, ApiError};
use crate::groups::resolve_what_is_there;

const MAX_GROUP_TYPES: usize = 5;

/// Nodes by id or tag, or one resource group, as the type says.
pub fn check(kind: &ResourceType, targets: &[ssm::Target]) -> Result<(), ApiError> {
    if *kind == ResourceType::ResourceGroup {
        return check_group(targets);
    }
    let parsed = Targets::parse(targets).map_err(|error| error::validation(error.to_string()))?;
    if parsed.group().is_some() {
        return Err(error::validation(
            "Targets: a resource group is registered with the ResourceType RESOURCE_GROUP",
        ));
    }
    if parsed.entries().contains(&Target::AnyNode) {
        return Err(error::validation(
            "Targets: a maintenance window does not take `*`; select nodes by a tag",
        ));
    }
    Ok(())
}

fn check_group(targets: &[ssm::Target]) -> Result<(), ApiError> {
    let of_key =
        |key: &str| targets.iter().filter(|target| target.key.as_deref() == Some(key)).collect::<Vec<_>>();
    let (names, types) = (of_key(GROUP_NAME), of_key(GROUP_TYPES));
    let count = |targets: &[&ssm::Target]| -> usize {
        targets.iter().map(|target| target.values.as_deref().unwrap_or_default().len()).sum()
    };
    if names.len() + types.len() != targets.len() || count(&names) != 1 || count(&types) > MAX_GROUP_TYPES {
        return Err(error::validation(format!(
            "Targets: RESOURCE_GROUP takes the key {GROUP_NAME} with one value, and {GROUP_TYPES} with up to {MAX_GROUP_TYPES}"
        )));
    }
    Ok(())
}

pub async fn load(
    tx: &mut Tx,
    ctx: &Ctx,
    window: &WindowId,
    id: &str,
) -> Result<(WindowTargetId, MaintenanceWindowTarget), ApiError> {
    let id: WindowTargetId = id.parse()?;
    let found = TARGETS.find(tx, scope(ctx), window, &id).await?;
    let missing = || {
        let message = format!("the target `{id}` is not registered with maintenance window {window}");
        ApiError::new(ErrorCode::DoesNotExistException, message)
    };
    let target = found.ok_or_else(missing)?;
    Ok((id, target))
}

/// The tags of nodes that a request named: 50 to a target, five targets.
async fn tags_of(tx: &mut Tx, ctx: &Ctx, nodes: BTreeSet<NodeId>) -> Result<TagsOfNodes, ApiError> {
    let mut all = TagsOfNodes::new();
    for node in nodes {
        let tags = tags::list(tx, Tagged::node(&ctx.account, &ctx.region, &node)).await?;
        all.insert(node, tags);
    }
    Ok(all)
}

/// Those of `nodes` that no registered target of the window contains.
pub async fn unassociated(
    tx: &mut Tx,
    ctx: &Ctx,
    registered: &[MaintenanceWindowTarget],
    nodes: BTreeSet<NodeId>,
) -> Result<Vec<NodeId>, ApiError> {
    let tags = tags_of(tx, ctx, nodes.clone()).await?;
    let mut groups = Vec::new();
    for target in registered {
        let parsed = Targets::parse(target.targets.as_deref().unwrap_or_default());
        if let Some(targets) = parsed.ok().filter(|targets| targets.group().is_some()) {
            groups.push(resolve_what_is_there(tx, (&ctx.account, &ctx.region), &targets).await?);
        }
    }
    let none = BTreeMap::new();
    let is_covered = |node: &NodeId| {
        let tags_of_it = tags.get(node).unwrap_or(&none);
        groups.iter().any(|group| group.matches(node, tags_of_it))
            || registered.iter().any(|target| contains(target, node, &tags))
    };
    Ok(nodes.into_iter().filter(|node| !is_covered(node)).collect())
}

/// The windows of which a registered target, or the nodes that a task names, cover what is described.
pub async fn windows_covering(
    tx: &mut Tx,
    ctx: &Ctx,
    kind: &ResourceType,
    wanted: &[ssm::Target],
) -> Result<BTreeSet<WindowId>, ApiError> {
    let nodes = named_nodes(wanted);
    let tags = tags_of(tx, ctx, nodes.clone()).await?;
    let registered = TARGETS.list_all(tx, scope(ctx)).await?;
    let covering = registered.into_iter().filter(|(_, target)| covers(target, kind, wanted, &tags));
    let mut windows: BTreeSet<WindowId> = covering.map(|(window, _)| window).collect();
    for (window, task) in TASKS.list_all(tx, scope(ctx)).await? {
        let named = named_nodes(task.targets.as_deref().unwrap_or_default());
        if !named.is_disjoint(&nodes) {
            windows.insert(window);
        }
    }
    Ok(windows)
}
