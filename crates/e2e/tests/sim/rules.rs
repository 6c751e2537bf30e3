//! What must hold in every world: looked at all the time, and once more when all is over. The rules speak of committed rows
//! and of what nodes really did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use api::Timestamp;
use api::agent::{DocumentStatus, JobId};
use domain::command::InvocationStatus;
use domain::rollout::RolloutLimits;
use store::{Tx, Value};
use tokio::time::sleep;

use crate::staged;
use crate::world::World;

const LOOK_EVERY: Duration = Duration::from_millis(400);

/// An invocation as it is committed.
struct Row {
    command: String,
    node: String,
    status: InvocationStatus,
    is_released: bool,
    is_finished: bool,
}

/// What is known of a command over time.
#[derive(Default)]
struct Followed {
    released: BTreeSet<String>,
    /// Taken back because the node seemed gone; it may have begun all the same, and keeps no place.
    withheld: BTreeSet<String>,
    /// Nothing else may be released.
    is_stopped: bool,
}

pub async fn watch(world: Arc<World>) {
    let mut followed: BTreeMap<String, Followed> = BTreeMap::new();
    let mut limits: BTreeMap<String, RolloutLimits> = BTreeMap::new();
    while world.first_broken().is_none() {
        sleep(LOOK_EVERY).await;
        let mut tx = world.store.read().await.unwrap();
        let rows = invocations(&mut tx).await;
        for (command, rows) in by_command(&rows) {
            if !limits.contains_key(command) {
                limits.insert(command.to_owned(), limits_of(&mut tx, command).await);
            }
            look(&world, command, &rows, limits[command], followed.entry(command.to_owned()).or_default());
        }
    }
}

/// Never more than MaxConcurrency at work, and no new start past MaxErrors.
fn look(world: &World, command: &str, rows: &[&Row], limits: RolloutLimits, followed: &mut Followed) {
    let targets = u32::try_from(rows.len()).unwrap();
    let released: BTreeSet<String> =
        rows.iter().filter(|row| row.is_released).map(|row| row.node.clone()).collect();
    followed.withheld.extend(followed.released.difference(&released).cloned());
    let at_work: Vec<&str> = rows
        .iter()
        .filter(|row| row.is_released && !row.is_finished && !followed.withheld.contains(&row.node))
        .map(|row| row.node.as_str())
        .collect();
    let most = limits.concurrency(targets);
    if at_work.len() > most as usize {
        world.broken(format!(
            "{command}: {most} may be at work, and there are {}: {at_work:?}",
            at_work.len()
        ));
    }
    let new: Vec<&String> =
        released.difference(&followed.released).filter(|node| !followed.withheld.contains(*node)).collect();
    if followed.is_stopped && !new.is_empty() {
        world.broken(format!("{command} was let start on {new:?} past its errors"));
    }
    let errors = rows.iter().filter(|row| row.status.is_error()).count();
    followed.is_stopped |= errors > limits.errors(targets) as usize;
    followed.released = released;
}

/// When all is well and every deadline of what was begun before `skipped_at` has passed.
pub async fn conclude(world: &Arc<World>, skipped_at: Timestamp) {
    let mut tx = world.store.read().await.unwrap();
    everything_has_ended(world, &mut tx, skipped_at).await;
    nothing_was_lost(world, &mut tx).await;
    windows_were_kept(world, &mut tx).await;
    staged::conclude(world, &mut tx, skipped_at).await;
}

async fn everything_has_ended(world: &World, tx: &mut Tx, skipped_at: Timestamp) {
    let open = [
        (
            "SELECT command_id, node_id, status FROM invocations WHERE finished_at IS NULL AND requested_at < $1",
            "invocation",
        ),
        (
            "SELECT command_id, document_name, status FROM commands WHERE finished_at IS NULL AND requested_at < $1",
            "command",
        ),
        (
            "SELECT window_execution_id, window_id, status FROM window_executions
            WHERE finished_at IS NULL AND started_at < $1",
            "run of a window",
        ),
        (
            "SELECT execution_id, association_id, status FROM association_executions
            WHERE finished_at IS NULL AND created_at < $1",
            "run of an association",
        ),
    ];
    for (sql, what) in open {
        for row in tx.query(sql, &[skipped_at.into()]).await.unwrap() {
            let part = |at| row.get::<String>(at).unwrap();
            world.broken(format!("the {what} {} ({}) is still {}", part(0), part(1), part(2)));
        }
    }
}

async fn nothing_was_lost(world: &World, tx: &mut Tx) {
    compare_commands(world, &invocations(tx).await);
    let (steps, reports) = {
        let truth = world.truth();
        (truth.steps.clone(), truth.reports.clone())
    };
    let kept = pairs(tx, "SELECT command_id, node_id FROM step_results").await;
    for job in &steps {
        let id: JobId = job.parse().unwrap();
        if !kept.contains(&(id.command_id, id.instance_id)) {
            world.broken(format!("a step of {job} was acknowledged and is not there"));
        }
    }
    let sql = "SELECT node_id, snapshot_id FROM patch_reports";
    let all = tx.query(sql, &[]).await.unwrap().len();
    let kept = pairs(tx, sql).await;
    if all != kept.len() {
        world.broken(format!("{all} patch reports are kept of {} runs", kept.len()));
    }
    for lost in reports.difference(&kept) {
        world.broken(format!("the report {lost:?} was answered and is not there"));
    }
}

/// What was accepted, what began and what ended, against the rows.
fn compare_commands(world: &World, rows: &[Row]) {
    let known: BTreeSet<&str> = rows.iter().map(|row| row.command.as_str()).collect();
    let by_job: BTreeMap<String, &Row> =
        rows.iter().map(|row| (job_id(&row.command, &row.node), row)).collect();
    let truth = world.truth();
    for command in &truth.accepted {
        if !known.contains(command.as_str()) {
            world.broken(format!("{command} was accepted and is not there"));
        }
    }
    for (job, said) in &truth.acknowledged {
        let Some(row) = by_job.get(job) else {
            world.broken(format!("{job} was acknowledged and is not there"));
            continue;
        };
        if !may_follow(said, row.status) {
            world.broken(format!("{job} ended {said:?}, was acknowledged, and is {:?}", row.status));
        }
    }
    for (job, begun) in &truth.begun {
        if !by_job.contains_key(job) {
            world.broken(format!("{job} began {begun} times and nobody sent it"));
        }
    }
}

/// What the rows may say of an end that was acknowledged: it, or what the server had decided before it heard of it.
fn may_follow(said: &DocumentStatus, status: InvocationStatus) -> bool {
    use InvocationStatus::{Cancelled, DeliveryTimedOut, ExecutionTimedOut, Failed, Success, Terminated};
    let decided = matches!(status, Cancelled | DeliveryTimedOut | Terminated);
    decided
        || match said {
            DocumentStatus::Success => status == Success,
            DocumentStatus::Failed => status == Failed,
            DocumentStatus::TimedOut => status == ExecutionTimedOut,
            _ => false,
        }
}

/// No window opens before its time, by the clock of the server that opens it, and no node is told from its cut-off on, by the
/// clock of the server that tells it. What is of a window is there only once it has opened.
async fn windows_were_kept(world: &World, tx: &mut Tx) {
    let sql = "SELECT i.command_id, e.due_at, e.cutoff_at, e.started_at FROM window_invocations i
        JOIN window_executions e ON e.account = i.account AND e.region = i.region
            AND e.window_execution_id = i.window_execution_id WHERE i.command_id IS NOT NULL";
    let rows = tx.query(sql, &[]).await.unwrap();
    let truth = world.truth();
    for row in rows {
        let command: String = row.get(0).unwrap();
        let at = |column| row.get::<Timestamp>(column).unwrap();
        let (due_at, cutoff_at, started_at) = (at(1), at(2), at(3));
        if started_at < due_at {
            world.broken(format!("the window of {command} opened at {started_at}, not at {due_at}"));
        }
        for sent_at in truth.sent.get(&command).into_iter().flatten() {
            if *sent_at >= cutoff_at {
                world.broken(format!(
                    "{command} was sent at {sent_at}, the cut-off of its window is {cutoff_at}"
                ));
            }
        }
    }
}

async fn invocations(tx: &mut Tx) -> Vec<Row> {
    let sql = "SELECT command_id, node_id, status, released_at, finished_at FROM invocations";
    let rows = tx.query(sql, &[]).await.unwrap();
    rows.iter()
        .map(|row| Row {
            command: row.get(0).unwrap(),
            node: row.get(1).unwrap(),
            status: InvocationStatus::parse(&row.get::<String>(2).unwrap()).unwrap(),
            is_released: row.get::<Option<i64>>(3).unwrap().is_some(),
            is_finished: row.get::<Option<i64>>(4).unwrap().is_some(),
        })
        .collect()
}

fn by_command(rows: &[Row]) -> BTreeMap<&str, Vec<&Row>> {
    let mut commands: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    rows.iter().for_each(|row| commands.entry(&row.command).or_default().push(row));
    commands
}

async fn limits_of(tx: &mut Tx, command: &str) -> RolloutLimits {
    let sql = "SELECT request FROM commands WHERE command_id = $1";
    let row = tx.query_opt(sql, &[Value::from(command)]).await.unwrap().unwrap();
    let request: serde_json::Value = serde_json::from_str(&row.get::<String>(0).unwrap()).unwrap();
    let limit = |name: &str| request[name].as_str().unwrap().parse().unwrap();
    RolloutLimits { max_concurrency: limit("MaxConcurrency"), max_errors: limit("MaxErrors") }
}

async fn pairs(tx: &mut Tx, sql: &str) -> BTreeSet<(String, String)> {
    let rows = tx.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap())).collect()
}

fn job_id(command: &str, node: &str) -> String {
    JobId { command_id: command.to_owned(), instance_id: node.to_owned() }.to_string()
}
