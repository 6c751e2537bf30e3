//! Word from one server to the others that there is something to deliver, so that a command given
//! here reaches a node that is connected there at once. Only PostgreSQL carries it; it may be lost
//! with a connection, so that everybody polls as well. The rows say what is to be delivered.

use std::future::poll_fn;
use std::pin::pin;

use futures_util::future::{Either, select};
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Socket};

use crate::node_messages::NodeKey;
use crate::tx::Engine;
use crate::{Result, Store, StoreError, Tx};

const CHANNEL: &str = "fettle_node_messages";
const LISTEN: &str = "LISTEN fettle_node_messages";
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

/// A connection of its own that listens.
pub struct Wakeups {
    /// Keeps the connection open.
    _client: Client,
    connection: Connection<Socket, NoTlsStream>,
}

impl Store {
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
        Ok(Some(Wakeups { _client: client, connection }))
    }
}

impl Wakeups {
    /// Waits for the next word: the nodes there is something for. After an error a new connection is
    /// needed, and what was said in between is lost.
    pub async fn next(&mut self) -> Result<Vec<NodeKey>> {
        loop {
            match poll_fn(|context| self.connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notification(word))) => {
                    return Ok(word.payload().lines().filter_map(read).collect());
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(closed_by_database()),
            }
        }
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
