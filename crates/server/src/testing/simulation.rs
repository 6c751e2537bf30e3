//! A server that a simulation holds in its hand: the handlers, the channels and the jobs as they are, without sockets, over
//! a store and by a clock that are given. Dropping it is what `kill -9` is to a process: nothing that was under way goes on.
//! Everything happens on one thread and draws from one seed, so that a run repeats itself.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use api::Timestamp;
use axum::extract::ws::Message;
use domain::ids::NodeId;
use futures_util::{Sink, Stream};
use serde_json::Value;
use store::Store;
use store::node_messages::NodeKey;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::{REGION, Refused, as_node, call, ctx, root};
use crate::agents;
use crate::app::{App, Mode};
use crate::clock::Clock;
use crate::jobs::{self, Background};
use crate::keyring::Keyring;
use crate::objects::Objects;
use crate::operations::Service;
use crate::retention::Retention;
use crate::root_key::FIRST_ACCOUNT;
use crate::webhooks::Webhooks;

thread_local! {
    static DICE: RefCell<Option<Dice>> = const { RefCell::new(None) };
}

/// Repeatable randomness.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.number() % sides.max(1)
    }
}

/// From here on this thread's servers draw their ids, keys and pauses from a seed.
pub fn seed(dice: Dice) {
    DICE.set(Some(dice));
}

/// Whether this thread is a simulation's.
pub(crate) fn draw(bytes: &mut [u8]) -> bool {
    DICE.with_borrow_mut(|dice| {
        let Some(dice) = dice else { return false };
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&dice.number().to_le_bytes()[..chunk.len()]);
        }
        true
    })
}

/// One server process.
pub struct Server {
    app: Arc<App>,
    /// Requests and channels.
    tasks: JoinSet<()>,
    _jobs: Background,
}

/// Who calls.
#[derive(Clone, Debug)]
pub enum As {
    Root,
    Node(NodeId),
}

/// What an agent puts on its line.
#[derive(Clone, Debug)]
pub enum Word {
    Frame(Vec<u8>),
    Ping,
}

/// An agent's end of a control channel. Dropping it hangs up.
pub struct Line {
    pub to_server: UnboundedSender<Word>,
    pub from_server: UnboundedReceiver<Vec<u8>>,
}

impl Server {
    /// Starts on what is in the store, with all jobs.
    pub fn start(store: Store, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let (retention, webhooks) = (Retention::default(), Webhooks::default());
        let mut app =
            App::new(store, Keyring::ephemeral(), Mode::Durable, retention, Objects::in_memory(), webhooks);
        Arc::get_mut(&mut app).expect("nobody else has it yet").clock = Clock::Simulated(Box::new(clock));
        let jobs = jobs::start(Arc::clone(&app));
        Self { app, tasks: JoinSet::new(), _jobs: jobs }
    }

    pub fn now(&self) -> Timestamp {
        self.app.now()
    }

    /// One request of our own or of the public API; the answer is never sent when the server dies before.
    pub fn call(
        &mut self,
        caller: As,
        operation: &str,
        request: Value,
    ) -> oneshot::Receiver<Result<Value, Refused>> {
        let caller = match caller {
            As::Root => root(),
            As::Node(node) => as_node(&node),
        };
        let ctx = ctx(&self.app, caller, self.app.now());
        let (service, operation) = match operation.strip_prefix("Fettle.") {
            Some(own) => (Service::Fettle, own.to_owned()),
            None => (Service::Ssm, operation.to_owned()),
        };
        let (answer, answered) = oneshot::channel();
        self.tasks.spawn(async move {
            let outcome = call(&ctx, service, &operation, request).await;
            // A client that hung up does not wait for it.
            let _ = answer.send(outcome);
        });
        answered
    }

    /// Opens a node's control channel, past token and signature.
    pub fn connect(&mut self, node: &NodeId) -> Line {
        let (to_server, incoming) = unbounded_channel();
        let (outgoing, from_server) = unbounded_channel();
        let node = NodeKey {
            account: FIRST_ACCOUNT.parse().expect("an account"),
            region: REGION.parse().expect("a region"),
            node: node.clone(),
        };
        let (app, end) = (Arc::clone(&self.app), End { incoming, outgoing });
        self.tasks.spawn(async move { agents::serve(&app, node, "http://127.0.0.1:4510", end).await });
        Line { to_server, from_server }
    }
}

/// The server's end of a line, in place of a websocket.
struct End {
    incoming: UnboundedReceiver<Word>,
    outgoing: UnboundedSender<Vec<u8>>,
}

impl Stream for End {
    type Item = Result<Message, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.incoming.poll_recv(context).map(|word| {
            word.map(|word| {
                Ok(match word {
                    Word::Frame(bytes) => Message::Binary(bytes.into()),
                    Word::Ping => Message::Ping(Vec::new().into()),
                })
            })
        })
    }
}

impl Sink<Message> for End {
    type Error = axum::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), axum::Error> {
        match message {
            Message::Binary(bytes) => self
                .outgoing
                .send(bytes.into())
                .map_err(|_| axum::Error::new(std::io::Error::other("hung up"))),
            // The line closes when this end is dropped.
            _ => Ok(()),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        Poll::Ready(Ok(()))
    }
}
