//! The pieces of work of a task, in their order: one for each registered target or list of nodes, or where a webhook is called
//! or a runbook executed one for each node. Source: spec systems-manager 4.3, 4.4.

use std::collections::BTreeMap;

use api::ssm::{self, MaintenanceWindowTaskType as TaskType};
use serde::{Deserialize, Serialize};

use super::task::{INSTANCE_IDS, WINDOW_TARGET_IDS};
use crate::ids::NodeId;

/// Nodes that a webhook is called for or a runbook is executed for, in one task.
pub const MAX_RESOURCES: usize = 1000;

/// The nodes that registered targets mean at the moment, by the ids of the targets.
pub type NodesOfTargets = BTreeMap<String, Vec<NodeId>>;

/// Stored with the run: what is registered may change while it goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedInvocation {
    pub window_target_id: Option<String>,
    /// As SendCommand takes them.
    pub targets: Vec<ssm::Target>,
    pub owner_information: Option<String>,
    /// `INSTANCE` or `RESOURCE_GROUP`.
    pub target_type: String,
    /// The node that it is for, where it is for one.
    pub resource_id: Option<String>,
    /// Which of the task's targets it belongs to: these are handled one after the other.
    pub batch: usize,
    /// Why this can only fail.
    pub fault: Option<String>,
}

/// Never empty: a task of which nothing can be done says so in an invocation that fails.
pub fn plan(
    task: &ssm::GetMaintenanceWindowTaskResult,
    registered: &[ssm::MaintenanceWindowTarget],
    nodes: &NodesOfTargets,
) -> Vec<PlannedInvocation> {
    let kind = task.task_type.clone().unwrap_or_default();
    let targets = task.targets.as_deref().unwrap_or_default();
    let mut planned = match kind {
        TaskType::RunCommand if targets.is_empty() => vec![failing("The task has no targets.".to_owned())],
        TaskType::RunCommand => of_targets(targets, registered),
        TaskType::Unknown(kind) => {
            vec![failing(format!("This server does not run tasks of type {kind}; nothing was done."))]
        }
        _ if targets.is_empty() => vec![PlannedInvocation::default()],
        _ => of_resources(&of_targets(targets, registered), nodes),
    };
    if planned.len() > MAX_RESOURCES {
        let fault = format!(
            "The targets mean {} nodes, and a task of this type is run for at most {MAX_RESOURCES}; nothing was done.",
            planned.len()
        );
        planned = vec![failing(fault)];
    }
    planned
}

/// As many as targets were named.
fn of_targets(
    targets: &[ssm::Target],
    registered: &[ssm::MaintenanceWindowTarget],
) -> Vec<PlannedInvocation> {
    let mut planned = Vec::new();
    for target in targets {
        let values = target.values.as_deref().unwrap_or_default();
        match target.key.as_deref() {
            Some(WINDOW_TARGET_IDS) => planned.extend(values.iter().map(|id| of_registered(id, registered))),
            Some(key) if key.eq_ignore_ascii_case(INSTANCE_IDS) => planned.push(PlannedInvocation {
                targets: vec![target.clone()],
                target_type: ssm::MaintenanceWindowResourceType::Instance.to_string(),
                ..PlannedInvocation::default()
            }),
            other => {
                planned.push(failing(format!("A task has no targets by {}.", other.unwrap_or_default())))
            }
        }
    }
    (0..).zip(planned).map(|(batch, planned)| PlannedInvocation { batch, ..planned }).collect()
}

/// One for each node of each target; a target without nodes fails.
fn of_resources(of_targets: &[PlannedInvocation], nodes: &NodesOfTargets) -> Vec<PlannedInvocation> {
    let mut planned = Vec::new();
    for target in of_targets {
        let found: Vec<String> = match &target.window_target_id {
            Some(id) => nodes.get(id).into_iter().flatten().map(NodeId::to_string).collect(),
            None => {
                target.targets.iter().flat_map(|target| target.values.iter().flatten()).cloned().collect()
            }
        };
        if target.fault.is_none() && !found.is_empty() {
            planned.extend(found.into_iter().map(|id| of_node(target, id)));
        } else {
            let fault = target.fault.clone().or_else(|| Some("The target means no node.".to_owned()));
            planned.push(PlannedInvocation { fault, ..target.clone() });
        }
    }
    planned
}

fn of_node(target: &PlannedInvocation, id: String) -> PlannedInvocation {
    let by_id = ssm::Target { key: Some(INSTANCE_IDS.to_owned()), values: Some(vec![id.clone()]) };
    PlannedInvocation { targets: vec![by_id], resource_id: Some(id), ..target.clone() }
}

fn failing(fault: String) -> PlannedInvocation {
    PlannedInvocation { fault: Some(fault), ..PlannedInvocation::default() }
}

fn of_registered(id: &str, registered: &[ssm::MaintenanceWindowTarget]) -> PlannedInvocation {
    let Some(target) = registered.iter().find(|target| target.window_target_id.as_deref() == Some(id)) else {
        let fault = format!("The target {id} is not registered with the window any more.");
        return PlannedInvocation { window_target_id: Some(id.to_owned()), ..failing(fault) };
    };
    PlannedInvocation {
        window_target_id: Some(id.to_owned()),
        targets: target.targets.clone().unwrap_or_default(),
        owner_information: target.owner_information.clone(),
        target_type: target.resource_type.clone().unwrap_or_default().to_string(),
        ..PlannedInvocation::default()
    }
}
