//! Word from one server to the others: that there is something to deliver, so that a command given here reaches a node
//! that is connected there at once, and that a table was written whose rows the others may remember. Only PostgreSQL
//! carries it; it may be lost with a connection, so that everybody polls as well, and remembers only while the connection
//! is known to live. The rows say what is to be delivered.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Socket};

use crate::changes::Topics;
use crate::memory::{Memory, Tables};
use crate::node_messages::NodeKey;
use crate::tx::Engine;
use crate::{Result, Store, StoreError, Tx};

const CHANNEL: &str = "fettle_node_messages";
/// Names of tables that were written.
const WRITES: &str = "fettle_writes";
/// The server that says so, and topics of what it changed.
const CHANGES: &str = "fettle_changes";
const LISTEN: &str = "LISTEN fettle_node_messages; LISTEN fettle_writes; LISTEN fettle_changes";
/// How often the connection is asked whether it lives; well below `memory::HEARD_FOR`.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// PostgreSQL carries less than 8,000 bytes at a time; a node takes some 50.
const NODES_AT_ONCE: usize = 100;

/// Tells whoever listens once the transaction is committed, and never if it is not.
pub(crate) async fn announce(tx: &mut Tx, nodes: &[&NodeKey]) -> Result<()> {
    if !tx.is_postgres() {
        return Ok(());
    }
    for chunk in nodes.chunks(NODES_AT_ONCE) {
        let lines: Vec<String> =
            chunk.iter().map(|key| format!("{} {} {}", key.account, key.region, key.node)).collect();
        let sql = "SELECT pg_notify($1, $2)";
        tx.execute(sql, &[CHANNEL.into(), lines.join("\n").into()]).await?;
    }
    Ok(())
}

/// With the commit of `tx`, as [`announce`] does.
pub(crate) async fn announce_writes(tx: &mut Tx, tables: Tables) -> Result<()> {
    let sql = "SELECT pg_notify($1, $2)";
    tx.execute(sql, &[WRITES.into(), tables.to_text().into()]).await.map(drop)
}

/// What other servers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// There is something for these nodes.
    Nodes(Vec<NodeKey>),
    /// A server changed something of these topics.
    Changed { server_id: String, topics: Topics },
}

/// A connection of its own that listens.
pub struct Wakeups {
    client: Arc<Client>,
    connection: Connection<Socket, NoTlsStream>,
    memory: Arc<Memory>,
    next_question: Interval,
    question: Option<Question>,
}

/// Whether the connection lives, asked at that moment. What was announced before is delivered before the answer.
type Question = (Instant, Pin<Box<dyn Future<Output = Result<()>> + Send>>);

impl Store {
    /// Tells other servers what this one changed, apart from the transactions that did: many of them are one word.
    pub async fn announce_topics(&self, server_id: &str, topics: Topics) -> Result<()> {
        if self.is_embedded() || topics.is_empty() {
            return Ok(());
        }
        let text = format!("{server_id} {}", topics.to_text());
        let mut tx = self.read_each().await?;
        tx.query("SELECT pg_notify($1, $2)", &[CHANGES.into(), text.into()]).await.map(drop)
    }

    /// `None` where one process has the database for itself: it knows what it wrote.
    pub async fn wakeups(&self) -> Result<Option<Wakeups>> {
        let Engine::Postgres(engine) = self.engine() else { return Ok(None) };
        let (client, mut connection) = engine.config().connect(NoTls).await?;
        let listening = client.batch_execute(LISTEN);
        // A connection gets on only while someone reads from it.
        let closed = async {
            loop {
                match poll_fn(|context| connection.poll_message(context)).await {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return StoreError::from(error),
                    None => return closed_by_database(),
                }
            }
        };
        match select(pin!(listening), pin!(closed)).await {
            Either::Left((listening, _)) => listening?,
            Either::Right((error, _)) => return Err(error),
        }
        let mut next_question = interval(ASK_EVERY);
        next_question.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (client, memory) = (Arc::new(client), Arc::clone(self.memory()));
        Ok(Some(Wakeups { client, connection, memory, next_question, question: None }))
    }
}

impl Wakeups {
    /// Waits for the next word. Words of writes are taken in on the way. After an error
    /// a new connection is needed, and what was said in between is lost.
    pub async fn next(&mut self) -> Result<Word> {
        loop {
            let Self { client, connection, memory, next_question, question } = self;
            tokio::select! {
                message = poll_fn(|context| connection.poll_message(context)) => match message {
                    Some(Ok(AsyncMessage::Notification(word))) if word.channel() == WRITES => {
                        memory.forget(Tables::from_text(word.payload()));
                    }
                    Some(Ok(AsyncMessage::Notification(word))) if word.channel() == CHANGES => {
                        let (server_id, topics) = word.payload().split_once(' ').unwrap_or_default();
                        let topics = Topics::from_text(topics);
                        return Ok(Word::Changed { server_id: server_id.to_owned(), topics });
                    }
                    Some(Ok(AsyncMessage::Notification(word))) => {
                        return Ok(Word::Nodes(word.payload().lines().filter_map(read).collect()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                    None => return Err(closed_by_database()),
                },
                _ = next_question.tick(), if question.is_none() => {
                    let client = Arc::clone(client);
                    let ask = async move { Ok(client.batch_execute("SELECT 1").await?) };
                    *question = Some((Instant::now(), Box::pin(ask)));
                }
                (asked, outcome) = answer(question), if question.is_some() => {
                    *question = None;
                    outcome?;
                    memory.heard(asked);
                }
            }
        }
    }
}

impl Drop for Wakeups {
    fn drop(&mut self) {
        self.memory.deafen();
    }
}

async fn answer(question: &mut Option<Question>) -> (Instant, Result<()>) {
    match question {
        Some((asked, answer)) => (*asked, answer.await),
        None => std::future::pending().await,
    }
}

fn closed_by_database() -> StoreError {
    StoreError::Unavailable("the database closed the listening connection".into())
}

/// What cannot be read is from another release: polling finds it.
fn read(line: &str) -> Option<NodeKey> {
    let mut parts = line.split(' ');
    let mut part = || parts.next();
    Some(NodeKey {
        account: part()?.parse().ok()?,
        region: part()?.parse().ok()?,
        node: part()?.parse().ok()?,
    })
}
