//! The network between a node and a server: frames take their time, keep their order, and wait while nothing gets through.

use std::sync::Arc;
use std::time::Duration;

use api::Timestamp;
use api::agent::{AgentJob, AgentMessage, JobId, MessageType, TopicKind};
use server::testing::simulation::{Line, Word};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::world::{World, lock};

/// The longest that a frame takes where all is well.
const LATENCY: Duration = Duration::from_millis(30);

/// An open control channel, as the node has it. Dropping it hangs up.
pub struct Wire {
    pub to_server: UnboundedSender<Word>,
    pub from_server: UnboundedReceiver<Vec<u8>>,
    _pumps: JoinSet<()>,
}

/// `None` while there is no way to that server.
pub fn connect(world: &Arc<World>, node: usize, at: usize) -> Option<Wire> {
    let (place, host) = (&world.nodes[node], &world.hosts[at]);
    if place.silence.reigns() {
        return None;
    }
    let Line { to_server: line, from_server: mut from } = lock(&host.process).as_mut()?.connect(&place.id);
    let (to_server, mut outgoing) = unbounded_channel();
    let (incoming, from_server) = unbounded_channel();
    let mut pumps = JoinSet::new();
    let up = Arc::clone(world);
    pumps.spawn(async move {
        while let Some(word) = outgoing.recv().await {
            travel(&up, node).await;
            if line.send(word).is_err() {
                return;
            }
        }
    });
    let down = Arc::clone(world);
    pumps.spawn(async move {
        while let Some(frame) = from.recv().await {
            note_job(&down, node, at, &frame);
            travel(&down, node).await;
            if incoming.send(frame).is_err() {
                return;
            }
        }
    });
    world.note(&format!("node {node} connects to server {at}"));
    Some(Wire { to_server, from_server, _pumps: pumps })
}

async fn travel(world: &World, node: usize) {
    world.pause(LATENCY).await;
    world.nodes[node].silence.wait_for_end().await;
}

/// At the moment at which the server lets go of it: what the network does afterwards is not in its hands.
fn note_job(world: &World, node: usize, at: usize, frame: &[u8]) {
    let Ok(message) = AgentMessage::decode(frame) else {
        return world.broken("a frame without sense".to_owned());
    };
    if message.message_type != MessageType::AgentJob {
        return;
    }
    let job: AgentJob = serde_json::from_slice(&message.payload).unwrap();
    world.note(&format!("server {at} sends {} to node {node}", job.job_id));
    if TopicKind::parse(&job.topic) == Some(TopicKind::SendCommand) {
        let id: JobId = job.job_id.parse().unwrap();
        // As the server stamped it, by its own clock.
        let sent_at: Timestamp = message.created_at;
        world.truth().sent.entry(id.command_id).or_default().push(sent_at);
    }
}
