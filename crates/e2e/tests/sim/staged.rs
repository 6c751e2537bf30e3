//! Staged rollouts in a world: an operator who starts them in rings and says a word to them now and then, and what must hold
//! of them: no node of a ring is touched before the rings before it have passed, budgets and limits are kept, and every one
//! of them ends. The rules speak of committed rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use api::Timestamp;
use api::fettle::{RolloutPlan, RolloutRing};
use domain::command::InvocationStatus;
use domain::rollout::Limit;
use serde_json::{Value, json};
use server::testing::simulation::As;
use store::Tx;
use tokio::time::sleep;

use crate::world::World;

const LOOK_EVERY: Duration = Duration::from_millis(400);
const SECOND: Duration = Duration::from_secs(1);
const TAG: &str = "Zone";
/// Servers' clocks are off by 20 seconds, or by 40 the other way, and one of them may have seen what another acts on.
const CLOCKS_DIFFER_MS: i64 = 60_000;

/// Nodes of two zones, and one that goes first.
pub async fn prepare(world: &World) {
    for (number, place) in world.nodes.iter().enumerate() {
        let zone = if number % 2 == 0 { "a" } else { "b" };
        let env = if number == 0 { "canary" } else { "prod" };
        let tags = json!([{"Key": TAG, "Value": zone}, {"Key": "Env", "Value": env}]);
        let request =
            json!({"ResourceType": "ManagedInstance", "ResourceId": place.id.as_str(), "Tags": tags});
        world.answer("AddTagsToResource", &request).await;
    }
}

fn plan(world: &World) -> Value {
    let ring = |name: &str, more: Value| {
        let mut ring = json!({"Name": name, "SoakMinutes": world.pick(&[0, 0, 5, 30]),
            "MaxConcurrency": world.pick(&["1", "2", "50%", "100%"]), "WaitHours": 1});
        let gates = match world.roll(5) {
            0 => json!({"MaxFailures": 0, "NodesBack": true}),
            1 => {
                let commands = json!({"commands": ["true"]});
                json!({"MaxFailures": 2, "Probe": {"DocumentName": "AWS-RunShellScript", "Parameters": commands,
                    "MaxFailures": 2}})
            }
            _ => json!({"MaxFailures": world.pick(&[0, 1, 4])}),
        };
        ring["Gates"] = gates;
        ring.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ring
    };
    let canary = match world.one_in(2) {
        true => json!({"Targets": [{"Key": "tag:Env", "Values": ["canary"]}]}),
        false => json!({"Percent": 20}),
    };
    let mut rings = vec![ring("canary", canary)];
    if world.one_in(2) {
        rings.push(ring("some", json!({"Percent": 40})));
    }
    if world.one_in(4) {
        rings[0]["RequireApproval"] = true.into();
    }
    rings.push(ring("rest", json!({})));
    let mut plan = json!({"Rings": rings, "EndsAfterHours": world.pick(&[1, 24, 720]),
        "OnGateFailed": world.pick(&["Pause", "Stop"])});
    if !world.one_in(4) {
        plan["Budgets"] = json!([{"TagKey": TAG, "Limit": world.pick(&["1", "2", "50%"])}]);
    }
    plan
}

/// Starts a rollout and sometimes another one, and meddles with whatever there is.
pub async fn operate(world: Arc<World>) {
    for _ in 0..2 {
        world.pause(5 * SECOND).await;
        if !world.one_in(3) {
            start(&world).await;
        }
        world.pause(5 * SECOND).await;
        let known: Vec<String> = world.truth().rollouts.iter().cloned().collect();
        if known.is_empty() || world.one_in(2) {
            continue;
        }
        let (id, signal) =
            (world.pick(&known), *world.pick(&["Approve", "Approve", "Resume", "Pause", "Stop"]));
        world.note(&format!("the operator says {signal} to the rollout {id}"));
        // Where there is nothing to approve it is refused.
        let _ =
            world.call(As::Root, "Fettle.SignalRollout", &json!({"RolloutId": id, "Signal": signal})).await;
    }
}

async fn start(world: &World) {
    let order = json!({"Order": {"Operation": "Install", "Targets": [{"Key": "InstanceIds", "Values": ["*"]}],
        "MaxConcurrency": "100%", "Rollout": plan(world)}});
    match world.call(As::Root, "Fettle.StartPatchNow", &order).await {
        Some(Ok(answer)) => {
            let id = answer["PatchNow"]["PatchNowId"].as_str().unwrap().to_owned();
            world.note(&format!("the operator starts the rollout {id}"));
            let mut truth = world.truth();
            truth.accepted.insert(id.clone());
            truth.rollouts.insert(id);
        }
        Some(Err((code, text))) if code != "InternalServerError" => {
            world.broken(format!("StartPatchNow {order}: {code}: {text}"));
        }
        // Whether it was taken, nobody knows.
        Some(Err(_)) | None => {}
    }
}

/// A node of a rollout as it is committed.
struct Member {
    node: String,
    zone: String,
    ring: usize,
    status: InvocationStatus,
    is_released: bool,
    is_delivered: bool,
    finished_at: Option<Timestamp>,
}

impl Member {
    fn is_at_work(&self) -> bool {
        self.is_released && self.finished_at.is_none()
    }

    /// It did something else than to succeed, of its own accord or by never being heard of again.
    fn has_failed(&self) -> bool {
        self.status.is_error() || self.is_delivered && self.status == InvocationStatus::DeliveryTimedOut
    }
}

struct Committed {
    id: String,
    plan: RolloutPlan,
    standing: String,
    ring: usize,
    ring_at: Timestamp,
    /// By ring: who approved it.
    approved: BTreeSet<usize>,
    has_ended: bool,
    members: Vec<Member>,
}

/// What is known of a rollout over time.
#[derive(Default)]
struct Followed {
    ring: usize,
    is_over: bool,
    released: BTreeSet<String>,
    /// Taken back because the node seemed gone; it may have begun all the same, and keeps no place.
    withheld: BTreeSet<String>,
}

pub async fn watch(world: Arc<World>) {
    let mut followed: BTreeMap<String, Followed> = BTreeMap::new();
    while world.first_broken().is_none() {
        sleep(LOOK_EVERY).await;
        let mut tx = world.store.read().await.unwrap();
        let rollouts = committed(&mut tx).await;
        for rollout in &rollouts {
            look(&world, rollout, followed.entry(rollout.id.clone()).or_default());
        }
        budgets_hold(&world, &rollouts, &followed);
    }
}

fn look(world: &World, rollout: &Committed, followed: &mut Followed) {
    let id = &rollout.id;
    let released: BTreeSet<String> = rollout
        .members
        .iter()
        .filter(|member| member.is_released)
        .map(|member| member.node.clone())
        .collect();
    followed.withheld.extend(followed.released.difference(&released).cloned());
    for member in rollout.members.iter().filter(|member| member.is_released) {
        if member.ring > rollout.ring {
            let (node, of) = (&member.node, member.ring);
            world.broken(format!("{node} of ring {of} of {id} was touched in ring {}", rollout.ring));
        }
    }
    let new: Vec<&String> =
        released.difference(&followed.released).filter(|node| !followed.withheld.contains(*node)).collect();
    if followed.is_over && !new.is_empty() {
        world.broken(format!("{id} was over and let {new:?} start"));
    }
    for passed in followed.ring..rollout.ring {
        has_passed(world, rollout, passed, &followed.withheld);
    }
    limit_holds(world, rollout, &followed.withheld);
    followed.ring = rollout.ring;
    followed.is_over = matches!(rollout.standing.as_str(), "Stopped" | "Succeeded");
    followed.released = released;
}

fn ring_of(rollout: &Committed, ring: usize) -> &RolloutRing {
    &rollout.plan.rings.as_deref().unwrap()[ring]
}

/// What must be so when the ring after `ring` begins.
fn has_passed(world: &World, rollout: &Committed, ring: usize, withheld: &BTreeSet<String>) {
    let wanted = ring_of(rollout, ring);
    let members = || rollout.members.iter().filter(|member| member.ring == ring);
    let short = |what: String| world.broken(format!("ring {ring} of {} has passed, and {what}", rollout.id));
    let at_work = members().filter(|member| member.is_at_work() && !withheld.contains(&member.node));
    if let Some(member) = at_work.into_iter().next() {
        short(format!("{} is at work", member.node));
    }
    let failed = members().filter(|member| member.has_failed()).count();
    let most = wanted.gates.as_ref().and_then(|gates| gates.max_failures).unwrap_or(i32::MAX);
    let is_lost = i32::try_from(failed).unwrap() > most;
    let is_approved = rollout.approved.contains(&ring);
    // One look may see two rings pass: the soak of the last of them is what is there to be seen.
    // One that seemed gone may end whenever it comes back: nobody waits for it.
    let last = members()
        .filter(|member| member.is_released && !withheld.contains(&member.node))
        .filter_map(|member| member.finished_at)
        .max();
    let soak_ms = i64::from(wanted.soak_minutes.unwrap_or_default()) * 60_000;
    // A ring that cannot pass any more is judged at once, and passes by somebody's word alone.
    if let Some(last) = last
        && !(is_lost && is_approved)
        && soak_ms > 0
        && ring + 1 == rollout.ring
        && rollout.ring_at.millis_since(last) < soak_ms - CLOCKS_DIFFER_MS
    {
        short(format!("its soak began at {last} and ended at {}", rollout.ring_at));
    }
    if is_approved {
        return;
    }
    if wanted.require_approval == Some(true) {
        short("nobody approved it".to_owned());
    }
    if is_lost {
        short(format!("{failed} nodes failed, not {most}"));
    }
    if !members().any(|member| member.status == InvocationStatus::Success) {
        short("nobody succeeded".to_owned());
    }
}

/// Never more of a ring at once than it says.
fn limit_holds(world: &World, rollout: &Committed, withheld: &BTreeSet<String>) {
    for (number, ring) in rollout.plan.rings.iter().flatten().enumerate() {
        let members = || rollout.members.iter().filter(|member| member.ring == number);
        let limit: Limit = ring.max_concurrency.as_deref().unwrap().parse().unwrap();
        let most = limit.of(u32::try_from(members().count()).unwrap()).max(1);
        let at_work = members().filter(|member| member.is_at_work() && !withheld.contains(&member.node));
        let at_work = at_work.count();
        if at_work > most as usize {
            world.broken(format!(
                "{at_work} nodes of ring {number} of {} are at work, not {most}",
                rollout.id
            ));
        }
    }
}

/// Of nodes of one zone never more at once, in all rollouts together, than the most that any open one lets itself have.
fn budgets_hold(world: &World, rollouts: &[Committed], followed: &BTreeMap<String, Followed>) {
    let open = || rollouts.iter().filter(|rollout| !rollout.has_ended);
    let mut zones: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut sizes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for rollout in open() {
        for member in &rollout.members {
            sizes.entry(&member.zone).or_default().insert(&member.node);
            if member.is_at_work() && !followed[&rollout.id].withheld.contains(&member.node) {
                zones.entry(&member.zone).or_default().insert(&member.node);
            }
        }
    }
    for (zone, at_work) in zones {
        let size = u32::try_from(sizes[zone].len()).unwrap();
        let limit_of = |rollout: &Committed| {
            let budget = rollout.plan.budgets.as_deref().and_then(|budgets| budgets.first())?;
            Some(budget.limit.parse::<Limit>().unwrap().of(size).max(1))
        };
        // One without a budget is held back by none.
        let limits: Option<Vec<u32>> = open().map(limit_of).collect();
        let most = limits.and_then(|limits| limits.into_iter().max());
        if let Some(most) = most.filter(|most| at_work.len() > *most as usize) {
            world.broken(format!("of zone {zone} {at_work:?} are at work, and not more than {most} may be"));
        }
    }
}

/// When every deadline of what began before `skipped_at` has passed.
pub async fn conclude(world: &World, tx: &mut Tx, skipped_at: Timestamp) {
    let sql = "SELECT rollout_id, standing FROM rollouts WHERE ended_at IS NULL AND created_at < $1";
    for row in tx.query(sql, &[skipped_at.into()]).await.unwrap() {
        let (id, standing): (String, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        world.broken(format!("the rollout {id} is still {standing}"));
    }
    for rollout in committed(tx).await {
        let id = &rollout.id;
        world.note(&format!("the rollout {id} came to ring {} and ended {}", rollout.ring, rollout.standing));
        let is_open = |member: &&Member| member.finished_at.is_none();
        if rollout.standing == "Succeeded"
            && let Some(member) = rollout.members.iter().find(is_open)
        {
            world.broken(format!("{id} succeeded, and {} has not ended", member.node));
        }
    }
    let kept: BTreeSet<String> = committed(tx).await.into_iter().map(|rollout| rollout.id).collect();
    for lost in world.truth().rollouts.difference(&kept) {
        world.broken(format!("the rollout {lost} was accepted and is not there"));
    }
}

async fn committed(tx: &mut Tx) -> Vec<Committed> {
    let sql = "SELECT rollout_id, plan, standing, ring, ring_at, records, ended_at FROM rollouts ORDER BY rollout_id";
    let mut rollouts = Vec::new();
    for row in tx.query(sql, &[]).await.unwrap() {
        let (plan, records): (String, String) = (row.get(1).unwrap(), row.get(5).unwrap());
        let records: BTreeMap<usize, Value> = serde_json::from_str(&records).unwrap();
        let is_approved = |(ring, record): (usize, Value)| record["approved_by"].is_string().then_some(ring);
        let id: String = row.get(0).unwrap();
        rollouts.push(Committed {
            plan: serde_json::from_str(&plan).unwrap(),
            standing: row.get(2).unwrap(),
            ring: usize::try_from(row.get::<i64>(3).unwrap()).unwrap(),
            ring_at: row.get(4).unwrap(),
            approved: records.into_iter().filter_map(is_approved).collect(),
            has_ended: row.get::<Option<i64>>(6).unwrap().is_some(),
            members: members(tx, &id).await,
            id,
        });
    }
    rollouts
}

async fn members(tx: &mut Tx, id: &str) -> Vec<Member> {
    let sql =
        "SELECT n.node_id, t.tag_value, n.ring, i.status, i.released_at, i.delivered_at, i.finished_at FROM rollout_nodes n
        JOIN invocations i ON i.account = n.account AND i.region = n.region AND i.command_id = n.rollout_id
            AND i.node_id = n.node_id
        JOIN tags t ON t.account = n.account AND t.region = n.region AND t.resource_type = 'ManagedInstance'
            AND t.resource_id = n.node_id AND t.tag_key = 'Zone'
        WHERE n.rollout_id = $1 ORDER BY n.node_id";
    let rows = tx.query(sql, &[id.into()]).await.unwrap();
    rows.iter()
        .map(|row| Member {
            node: row.get(0).unwrap(),
            zone: row.get(1).unwrap(),
            ring: usize::try_from(row.get::<i64>(2).unwrap()).unwrap(),
            status: InvocationStatus::parse(&row.get::<String>(3).unwrap()).unwrap(),
            is_released: row.get::<Option<i64>>(4).unwrap().is_some(),
            is_delivered: row.get::<Option<i64>>(5).unwrap().is_some(),
            finished_at: row.get(6).unwrap(),
        })
        .collect()
}
