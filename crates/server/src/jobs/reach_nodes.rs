//! Applies associations to nodes that no run has reached: new ones, newly tagged ones, and ones that were away for so long
//! that their run was over. Source: systems-manager.md 3.2, no. 7.

use std::sync::Arc;

use api::Timestamp;
use domain::command::InvocationStatus;
use store::associations::{self, Association};
use store::clause::Comparison;
use store::nodes::{self, Node, NodeCondition, NodeField};

use crate::agents::retry;
use crate::app::App;
use crate::associations::{Reach, addressed, start};
use crate::error::ApiError;
use crate::groups;

/// Associations read at once.
const CHUNK: i64 = 100;
/// Nodes of one run; the others are reached at the next look.
const NODES: i64 = 1_000;

pub async fn run_once(app: Arc<App>, now: Timestamp) -> Result<u64, ApiError> {
    let mut reached = 0;
    let mut last = None;
    loop {
        let mut tx = app.store().read_each().await?;
        let chunk = associations::list_all(&mut tx, last.as_ref(), CHUNK).await?;
        drop(tx);
        for association in &chunk {
            // What is due runs for everybody, and what runs at its times only waits for them.
            let is_due = association.next_run_at.is_some_and(|due| due <= now);
            // Runbooks run at their times alone.
            let is_runbook = association.settings.automation_target_parameter_name.is_some();
            if is_due || is_runbook || association.settings.apply_only_at_cron_interval.unwrap_or_default() {
                continue;
            }
            let nodes = unreached(&app, association, now).await?;
            let count = nodes.len() as u64;
            if count > 0 && retry(&app, || start(&app, association, Reach::Nodes(nodes.clone()), now)).await?
            {
                reached += count;
            }
        }
        let is_last = i64::try_from(chunk.len()).is_ok_and(|count| count < CHUNK);
        last = chunk.into_iter().next_back().map(|association| association.key);
        if is_last {
            return Ok(reached);
        }
    }
}

/// Only nodes that are there: the others are reached when they are. Where every node was reached, none is looked at.
async fn unreached(app: &App, association: &Association, now: Timestamp) -> Result<Vec<Node>, ApiError> {
    let Some(targets) = addressed(&association.settings)? else { return Ok(Vec::new()) };
    let equal = |field, value: &str| NodeCondition {
        field,
        comparison: Comparison::Equal,
        values: vec![value.to_owned()],
    };
    let mut tx = app.store().read_each().await?;
    let (counts, scope) = (association.counts, association.key.scope());
    let has_missed = counts.count(InvocationStatus::DeliveryTimedOut) > 0;
    if !has_missed && i64::from(counts.total()) >= nodes::count(&mut tx, scope).await? {
        return Ok(Vec::new());
    }
    let targets = groups::resolve_what_is_there(&mut tx, scope, &targets).await?;
    let mut conditions = groups::conditions(&mut tx, scope, &targets).await?;
    conditions.push(equal(NodeField::PingStatus, "Online"));
    conditions.push(equal(NodeField::NotReachedBy, association.key.id.as_str()));
    Ok(nodes::list(&mut tx, scope, &conditions, now, None, NODES).await?)
}
