//! What happens in a world: an operator who sends commands, opens a window, makes an association and starts rollouts, and the
//! mishaps that befall servers, nodes, disks, clocks and the network meanwhile. In the end all is well again and time goes by.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use server::testing::simulation::As;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::node::live;
use crate::rules;
use crate::staged;
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);
/// First the commands, then, an hour later, the cut-off of the window.
const FIRST_ACT: Duration = Duration::from_secs(20);
const SECOND_ACT: Duration = Duration::from_secs(12);
/// For most of the work to end where nothing happens any more; the rest runs out.
const CALM: Duration = Duration::from_secs(12);
/// For what is overdue to be ended: jobs look every five seconds.
const LAST: Duration = Duration::from_secs(11);
/// Longer than any deadline.
const LONG: Duration = Duration::from_secs(32 * 86_400);

/// Lets everything happen; what was broken is in the world.
pub async fn tell(world: &Arc<World>) {
    let mut tasks = JoinSet::new();
    for at in 0..world.hosts.len() {
        world.start_server(at);
        tasks.spawn(burial(Arc::clone(world), at));
    }
    tasks.spawn(rules::watch(Arc::clone(world)));
    tasks.spawn(staged::watch(Arc::clone(world)));
    let mut nodes: Vec<JoinHandle<()>> =
        (0..world.nodes.len()).map(|number| tokio::spawn(live(Arc::clone(world), number))).collect();
    sleep(3 * SECOND).await;

    let cutoff_in = prepare(world).await;
    staged::prepare(world).await;
    let began_at = world.now();
    tasks.spawn(operate(Arc::clone(world)));
    tasks.spawn(staged::operate(Arc::clone(world)));
    mishaps(world, &mut nodes, FIRST_ACT).await;
    let passed = u64::try_from(world.now().millis_since(began_at)).unwrap();
    world.skip(cutoff_in.saturating_sub(Duration::from_millis(passed) + SECOND_ACT / 2));
    tasks.spawn(operate(Arc::clone(world)));
    tasks.spawn(staged::operate(Arc::clone(world)));
    mishaps(world, &mut nodes, SECOND_ACT).await;

    heal(world);
    sleep(CALM).await;
    let skipped_at = world.now();
    world.skip(LONG);
    sleep(LAST).await;
    rules::conclude(world, skipped_at).await;
    for node in nodes {
        node.abort();
    }
    for at in 0..world.hosts.len() {
        world.kill_server(at);
    }
    tasks.shutdown().await;
}

/// Ends a server whose time has come, and starts it again after a while.
async fn burial(world: Arc<World>, at: usize) {
    loop {
        world.hosts[at].disk.died.notified().await;
        world.kill_server(at);
        world.pause(8 * SECOND).await;
        world.start_server(at);
    }
}

/// A window that opens soon and an association; how long until the window's cut-off.
async fn prepare(world: &Arc<World>) -> Duration {
    let opens_in = 5 + world.roll(10);
    let opens_at = world.now().plus_seconds(i64::try_from(opens_in).unwrap()).to_iso_seconds();
    let window = json!({"Name": "night", "Schedule": format!("at({})", opens_at.trim_end_matches('Z')),
        "Duration": 2, "Cutoff": 1, "AllowUnassociatedTargets": true});
    let window = world.answer("CreateMaintenanceWindow", &window).await["WindowId"].clone();
    let targets = json!({"WindowId": window, "ResourceType": "INSTANCE",
        "Targets": [{"Key": "InstanceIds", "Values": some_nodes(world)}]});
    let target =
        world.answer("RegisterTargetWithMaintenanceWindow", &targets).await["WindowTargetId"].clone();
    for priority in 0..1 + world.roll(2) {
        let timeout = *world.pick(&[60, 600, 100_000]);
        let behaviour = *world.pick(&["CANCEL_TASK", "CONTINUE_TASK"]);
        let run = json!({"TimeoutSeconds": timeout, "Parameters": {"commands": ["true"]}});
        let mut task = json!({"WindowId": window, "TaskArn": "AWS-RunShellScript", "TaskType": "RUN_COMMAND",
            "Targets": [{"Key": "WindowTargetIds", "Values": [target]}], "Priority": priority,
            "CutoffBehavior": behaviour, "TaskInvocationParameters": {"RunCommand": run}});
        limit(world, &mut task);
        world.answer("RegisterTaskWithMaintenanceWindow", &task).await;
    }
    let mut association = json!({"Name": "AWS-RunShellScript", "Parameters": {"commands": ["true"]},
        "Targets": [{"Key": "InstanceIds", "Values": some_nodes(world)}]});
    limit(world, &mut association);
    if world.one_in(2) {
        association["ScheduleExpression"] = json!("rate(30 minutes)");
    }
    world.answer("CreateAssociation", &association).await;
    Duration::from_secs(opens_in + 3600)
}

fn limit(world: &World, request: &mut Value) {
    request["MaxConcurrency"] = json!(world.pick(&["1", "2", "3", "25%", "50%", "100%"]));
    request["MaxErrors"] = json!(world.pick(&["0", "1", "2", "25%", "100%"]));
}

/// At least one.
fn some_nodes(world: &World) -> Vec<String> {
    let ids: Vec<String> = world.nodes.iter().map(|place| place.id.to_string()).collect();
    let some: Vec<String> = ids.iter().filter(|_| !world.one_in(3)).cloned().collect();
    if some.is_empty() { ids } else { some }
}

/// A few commands, some of which are taken back.
async fn operate(world: Arc<World>) {
    for _ in 0..3 {
        world.pause(6 * SECOND).await;
        let timeout = *world.pick(&[30, 45, 120, 3600]);
        // Fifty may be listed; more are addressed as a window does it.
        let mut nodes = some_nodes(&world);
        nodes.truncate(50);
        let mut request = json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": nodes,
            "TimeoutSeconds": timeout, "Parameters": {"commands": ["true"], "executionTimeout": ["60"]}});
        limit(&world, &mut request);
        let command = match world.call(As::Root, "SendCommand", &request).await {
            Some(Ok(answer)) => answer["Command"]["CommandId"].as_str().unwrap().to_owned(),
            Some(Err((code, text))) => {
                if code != "InternalServerError" {
                    world.broken(format!("SendCommand: {code}: {text}"));
                }
                continue;
            }
            // Whether it was taken, nobody knows.
            None => continue,
        };
        world.note(&format!("the operator sends {command}"));
        world.truth().accepted.insert(command.clone());
        if world.one_in(4) {
            world.pause(6 * SECOND).await;
            world.note(&format!("the operator cancels {command}"));
            let _ = world.call(As::Root, "CancelCommand", &json!({"CommandId": command})).await;
        }
    }
}

async fn mishaps(world: &Arc<World>, nodes: &mut [JoinHandle<()>], time: Duration) {
    let until = world.now().plus_millis(i64::try_from(time.as_millis()).unwrap());
    while world.now() < until && world.first_broken().is_none() {
        world.pause(3 * SECOND).await;
        let at = usize::try_from(world.roll(world.hosts.len() as u64)).unwrap();
        let number = usize::try_from(world.roll(world.nodes.len() as u64)).unwrap();
        let (host, place) = (&world.hosts[at], &world.nodes[number]);
        match world.roll(8) {
            // In the middle of what it does next.
            0 | 1 => {
                let in_steps = i64::try_from(1 + world.roll(40)).unwrap();
                host.disk.dies_in.store(in_steps, Ordering::SeqCst);
            }
            2 | 3 => {
                nodes[number].abort();
                world.note(&format!("node {number} dies"));
                let world = Arc::clone(world);
                nodes[number] = tokio::spawn(async move {
                    world.pause(10 * SECOND).await;
                    world.note(&format!("node {number} is back"));
                    live(Arc::clone(&world), number).await;
                });
            }
            4 => {
                world.note(&format!("node {number} is cut off"));
                place.hang_up.notify_one();
            }
            5 => {
                let is_silent = !place.silence.reigns();
                world.note(&format!("node {number}: silent {is_silent}"));
                place.silence.set(is_silent);
            }
            6 => {
                let is_slow = !host.disk.is_slow.fetch_xor(true, Ordering::SeqCst);
                world.note(&format!("server {at}: slow disk {is_slow}"));
            }
            _ => {
                let off_by_ms = i64::try_from(world.roll(60_000)).unwrap() - 20_000;
                world.note(&format!("server {at}: its clock is off by {off_by_ms} ms"));
                host.off_by_ms.store(off_by_ms, Ordering::SeqCst);
            }
        }
    }
}

/// Servers and nodes that are down come back by themselves.
fn heal(world: &World) {
    world.note("all is well again");
    for host in &world.hosts {
        host.disk.is_slow.store(false, Ordering::SeqCst);
        host.disk.dies_in.store(0, Ordering::SeqCst);
        host.off_by_ms.store(0, Ordering::SeqCst);
    }
    for place in &world.nodes {
        place.silence.set(false);
    }
}

/// Where the databases and journals of runs lie: memory, where there is room for them.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}
