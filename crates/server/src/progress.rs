//! How commands get on: events applied to invocations, invocations counted, the next ones let start.
//! Which state follows which, and how many may start, is decided in `domain`.
//! Source: systems-manager.md 0.8, 1.3, 1.4.

use api::Timestamp;
use domain::command::{Circumstance, CommandStatus, Event, InvocationStatus, Tally};
use domain::ids::{AssociationId, NodeId};
use domain::rollout::{Batch, RolloutLimits, RolloutProgress, next_batch};
use store::commands::{self, Command, CommandKey, Counters};
use store::invocations::{self, Invocation, StateCount};
use store::node_messages::{self, MessageKind, NodeKey, NodeMessage};
use store::{Store, Tx, rollouts};

use crate::agents::delivery::job_id;
use crate::associations::fetched;
use crate::error::ApiError;

/// A node that was let start in a run of an association has so long to take it and to begin, beside what the document
/// itself takes: the run as a whole may wait for months.
const REPORT_SECONDS: i64 = 24 * 3600;

/// Applies an event to a row that was read; whether that changed it. Writing it is the caller's.
pub fn apply(invocation: &mut Invocation, event: Event, now: Timestamp) -> bool {
    let Some(status) = invocation.status.after(event) else {
        return false;
    };
    invocation.status = status;
    if matches!(event, Event::PickedUp | Event::Ended(_) | Event::Refused) {
        invocation.delivered_at.get_or_insert(now);
        // Also where it was taken back meanwhile, because the node seemed gone.
        invocation.released_at.get_or_insert(now);
    }
    if status.is_terminal() {
        invocation.finished_at = Some(now);
        invocation.deadline_at = None;
    } else if invocation.delivered_at.is_some() {
        invocation.deadline_at = Some(invocation.expires_at);
    }
    true
}

/// What came of counting a command anew.
#[derive(Debug, Default)]
pub struct Advanced {
    /// They have something to fetch now.
    pub nodes: Vec<NodeKey>,
    /// Whose run the command is: how its targets stand is to be followed.
    pub association: Option<AssociationId>,
    pub targets: u32,
}

/// Counts a command's invocations anew, lets more of them start, ends it when all have ended.
pub async fn advance(store: &Store, key: &CommandKey, now: Timestamp) -> Result<Advanced, ApiError> {
    let mut tx = store.write().await?;
    let Some(mut command) = commands::find(&mut tx, key).await? else {
        return Ok(Advanced::default());
    };
    let before = command.clone();
    let nodes = advance_in(&mut tx, &mut command, now).await?;
    if command != before {
        commands::update_progress(&mut tx, &command).await?;
    }
    tx.commit().await?;
    let targets = small(command.counters.targets);
    Ok(Advanced { nodes, association: command.association, targets })
}

/// Whether [`advance`] would change anything; asked first, because readers do not wait for the writer.
pub async fn is_behind(store: &Store, key: &CommandKey, now: Timestamp) -> Result<bool, ApiError> {
    let mut tx = store.read().await?;
    let Some(command) = commands::find(&mut tx, key).await? else {
        return Ok(false);
    };
    if command.association.is_some() && invocations::has_released_offline(&mut tx, key, now).await? {
        return Ok(true);
    }
    let counts = invocations::count_by_state(&mut tx, key).await?;
    let limits = limits(&command);
    if matches!(batch(&mut tx, &command, &counts, now).await?, Batch::Start(_) | Batch::Stop) {
        return Ok(true);
    }
    let tally = tally(&counts);
    let mut counted = command.clone();
    conclude(&mut counted, &tally, limits.errors(tally.total()), now);
    Ok(counted != command)
}

/// The same within a transaction; the caller writes `command`.
pub async fn advance_in(
    tx: &mut Tx,
    command: &mut Command,
    now: Timestamp,
) -> Result<Vec<NodeKey>, ApiError> {
    if command.finished_at.is_some() {
        return Ok(Vec::new());
    }
    if command.association.is_some() {
        invocations::withhold_offline(tx, &command.key, now).await?;
    }
    let counts = invocations::count_by_state(tx, &command.key).await?;
    let limits = limits(command);
    let mut tally = tally(&counts);
    let started = match batch(tx, command, &counts, now).await? {
        Batch::Start(count) => start(tx, command, count, now).await?,
        Batch::Stop => {
            let status = InvocationStatus::Terminated;
            invocations::end_held(tx, &command.key, status, now).await?;
            tally = tally_after_stop(&counts);
            Vec::new()
        }
        Batch::Wait | Batch::Done => Vec::new(),
    };
    conclude(command, &tally, limits.errors(tally.total()), now);
    Ok(started)
}

/// How many may start. Of a run of an association no more than are online: who is not waits without keeping a place,
/// and starts when it is back. Where it goes by rings, none from here: `crate::rollouts` lets them.
async fn batch(
    tx: &mut Tx,
    command: &Command,
    counts: &[StateCount],
    now: Timestamp,
) -> Result<Batch, ApiError> {
    let batch = next_batch(&limits(command), &rollout_progress(counts));
    let (Batch::Start(count), Some(_)) = (batch, &command.association) else {
        return Ok(batch);
    };
    if rollouts::holds(tx, &command.key).await? {
        return Ok(Batch::Wait);
    }
    Ok(match invocations::count_held_online(tx, &command.key, now).await?.min(count) {
        0 => Batch::Wait,
        count => Batch::Start(count),
    })
}

/// As asked for; what was stored was checked when the command was made.
fn limits(command: &Command) -> RolloutLimits {
    let default = RolloutLimits::COMMAND_DEFAULT;
    let read = |text: &Option<String>, default| {
        text.as_deref().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    RolloutLimits {
        max_concurrency: read(&command.request.max_concurrency, default.max_concurrency),
        max_errors: read(&command.request.max_errors, default.max_errors),
    }
}

async fn start(tx: &mut Tx, command: &Command, count: u32, now: Timestamp) -> Result<Vec<NodeKey>, ApiError> {
    let count = i64::from(count);
    let nodes = match command.association {
        None => invocations::release(tx, &command.key, count, now).await?,
        Some(_) => {
            let expires_at = report_by(command, now);
            let nodes = invocations::release_online(tx, &command.key, count, now, expires_at).await?;
            fetched::without_fetchers(tx, command, nodes).await?
        }
    };
    send(tx, command, &nodes, now).await
}

/// Lets these nodes of an association's run start, which a staged rollout chose.
pub async fn start_listed(
    tx: &mut Tx,
    command: &Command,
    nodes: &[NodeId],
    now: Timestamp,
) -> Result<Vec<NodeKey>, ApiError> {
    let expires_at = report_by(command, now);
    let nodes = invocations::release_listed(tx, &command.key, nodes, now, expires_at).await?;
    let nodes = fetched::without_fetchers(tx, command, nodes).await?;
    send(tx, command, &nodes, now).await
}

fn report_by(command: &Command, now: Timestamp) -> Timestamp {
    let running = command.expires_at.millis_since(command.deliver_until);
    now.plus_seconds(REPORT_SECONDS).plus_millis(running)
}

async fn send(
    tx: &mut Tx,
    command: &Command,
    nodes: &[NodeId],
    now: Timestamp,
) -> Result<Vec<NodeKey>, ApiError> {
    let messages: Vec<NodeMessage> = nodes.iter().map(|node| message(command, node, now)).collect();
    node_messages::insert_many(tx, &messages).await?;
    Ok(messages.into_iter().map(|message| message.node).collect())
}

fn message(command: &Command, node: &NodeId, now: Timestamp) -> NodeMessage {
    let CommandKey { account, region, id } = command.key.clone();
    let node = NodeKey { account, region, node: node.clone() };
    NodeMessage {
        job_id: job_id(&command.key, &node),
        node,
        kind: MessageKind::Send,
        command_id: id,
        created_at: now,
        due_at: now,
        attempts: 0,
        deliver_until: command.deliver_until,
    }
}

fn tally(counts: &[StateCount]) -> Tally {
    let mut tally = Tally::default();
    counts.iter().for_each(|row| tally.add(row.status, small(row.count)));
    tally
}

fn is_held(row: &StateCount) -> bool {
    !row.is_released && !row.status.is_terminal()
}

fn tally_after_stop(counts: &[StateCount]) -> Tally {
    let mut tally = Tally::default();
    for row in counts {
        let status = if is_held(row) { InvocationStatus::Terminated } else { row.status };
        tally.add(status, small(row.count));
    }
    tally
}

fn rollout_progress(counts: &[StateCount]) -> RolloutProgress {
    let sum = |holds: &dyn Fn(&StateCount) -> bool| -> u32 {
        counts.iter().filter(|row| holds(row)).map(|row| small(row.count)).sum()
    };
    RolloutProgress {
        targets: sum(&|_| true),
        running: sum(&|row| row.is_released && !row.status.is_terminal()),
        waiting: sum(&is_held),
        errors: sum(&|row| row.status.is_error()),
    }
}

fn conclude(command: &mut Command, tally: &Tally, max_errors: u32, now: Timestamp) {
    let circumstance = match (tally.total(), command.cancelled_at) {
        (0, _) => Circumstance::NoTargets,
        (_, Some(_)) => Circumstance::CancelRequested,
        (_, None) => Circumstance::Ordinary,
    };
    command.status = CommandStatus::of(tally, max_errors, circumstance);
    command.counters = Counters {
        targets: tally.total().into(),
        completed: tally.completed().into(),
        errors: tally.errors().into(),
        delivery_timed_out: tally.delivery_timed_out().into(),
    };
    if command.status.is_terminal() {
        command.finished_at = Some(now);
    }
}

/// Counts of rows: far below the limit.
fn small(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
