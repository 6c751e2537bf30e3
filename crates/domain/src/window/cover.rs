//! Whether what is registered with a window covers a node, or what a request describes.
//! Source: API reference, DescribeMaintenanceWindowsForTarget; spec systems-manager 4.1, 4.3.

use std::collections::{BTreeMap, BTreeSet};

use api::ssm;

use super::task::INSTANCE_IDS;
use crate::ids::NodeId;
use crate::target::Targets;

/// The tags of each node that is asked about; one that is not known has none.
pub type TagsOfNodes = BTreeMap<NodeId, BTreeMap<String, String>>;

fn is_by_id(target: &ssm::Target) -> bool {
    target.key.as_deref().is_some_and(|key| key.eq_ignore_ascii_case(INSTANCE_IDS))
}

fn values(target: &ssm::Target) -> &[String] {
    target.values.as_deref().unwrap_or_default()
}

/// The nodes that targets name by id; a text that is no node's id names nobody.
pub fn named_nodes(targets: &[ssm::Target]) -> BTreeSet<NodeId> {
    let by_id = targets.iter().filter(|target| is_by_id(target));
    by_id.flat_map(values).filter_map(|id| id.parse().ok()).collect()
}

/// Whether registered targets contain a node.
pub fn contains(registered: &ssm::MaintenanceWindowTarget, node: &NodeId, tags: &TagsOfNodes) -> bool {
    let none = BTreeMap::new();
    let tags = tags.get(node).unwrap_or(&none);
    Targets::parse(registered.targets.as_deref().unwrap_or_default())
        .is_ok_and(|targets| targets.matches(node, tags))
}

/// Whether registered targets cover each of what is asked for: nodes by what they are, all else by the same words.
pub fn covers(
    registered: &ssm::MaintenanceWindowTarget,
    kind: &ssm::MaintenanceWindowResourceType,
    wanted: &[ssm::Target],
    tags: &TagsOfNodes,
) -> bool {
    registered.resource_type.as_ref() == Some(kind)
        && wanted.iter().all(|wanted| {
            if is_by_id(wanted) {
                let nodes = values(wanted).iter().filter_map(|id| id.parse().ok());
                return nodes.into_iter().any(|node| contains(registered, &node, tags));
            }
            let said = registered.targets.as_deref().unwrap_or_default().iter();
            let of_key = said.filter(|target| target.key == wanted.key);
            of_key.flat_map(values).any(|value| values(wanted).contains(value))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &str = "mi-0123456789abcdef0";

    fn target(key: &str, value: &str) -> ssm::Target {
        ssm::Target { key: Some(key.into()), values: Some(vec![value.into()]) }
    }

    #[test]
    fn nodes_are_covered_by_what_they_are() {
        use ssm::MaintenanceWindowResourceType::{Instance, ResourceGroup};
        let tags = [(NODE.parse().unwrap(), [("Env".to_owned(), "prod".to_owned())].into())].into();
        let rows = [
            (target("tag:Env", "prod"), Instance, target("InstanceIds", NODE), true),
            (target("tag:Env", "test"), Instance, target("InstanceIds", NODE), false),
            (target("InstanceIds", NODE), Instance, target("instanceids", NODE), true),
            (target("InstanceIds", NODE), Instance, target("InstanceIds", "i-0123abcd"), false),
            (target("tag:Env", "test"), Instance, target("tag:Env", "test"), true),
            (target("tag:Env", "test"), ResourceGroup, target("tag:Env", "test"), false),
            (target("InstanceIds", NODE), Instance, target("InstanceIds", "nonsense"), false),
        ];
        for (said, kind, wanted, expected) in rows {
            let registered = ssm::MaintenanceWindowTarget {
                resource_type: Some(Instance),
                targets: Some(vec![said.clone()]),
                ..ssm::MaintenanceWindowTarget::default()
            };
            assert_eq!(
                covers(&registered, &kind, std::slice::from_ref(&wanted), &tags),
                expected,
                "{said:?} {wanted:?}"
            );
        }
    }
}
