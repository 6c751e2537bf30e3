//! Which nodes are listening on this server right now: open control channels and waiting long polls.
//! In memory only; what must outlive the process is in `store::channels` and `store::node_messages`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::node_messages::NodeKey;
use tokio::sync::{Notify, watch};

use crate::keyring::random_uuid;

pub struct Hub {
    /// Names this process among those that share the store.
    server_id: String,
    channels: Mutex<BTreeMap<NodeKey, Arc<Channel>>>,
    polls: Mutex<BTreeMap<NodeKey, Waiting>>,
}

/// One open control channel.
pub struct Channel {
    pub connection_id: String,
    wake: Notify,
    closed: watch::Sender<bool>,
}

struct Waiting {
    wake: Arc<Notify>,
    polls: usize,
}

impl Channel {
    /// Resolves when there may be something to deliver. A wake-up that nobody awaited is kept, one at most.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Resolves when another channel of the node took this one's place.
    pub async fn replaced(&self) {
        // An error would mean that the sender is gone: it is in `self`.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }
}

impl Hub {
    pub fn new() -> Self {
        Self { server_id: random_uuid().to_string(), channels: Mutex::default(), polls: Mutex::default() }
    }

    pub fn server_id(&self) -> &str {
        &self.server_id
    }

    /// Puts a node's channel in the place of the one it had, which closes.
    pub fn open(&self, node: &NodeKey) -> Arc<Channel> {
        let channel = Arc::new(Channel {
            connection_id: random_uuid().to_string(),
            wake: Notify::new(),
            closed: watch::channel(false).0,
        });
        let before = lock(&self.channels).insert(node.clone(), Arc::clone(&channel));
        if let Some(before) = before {
            before.closed.send_replace(true);
        }
        channel
    }

    /// Forgets a channel that ended, unless the node has another by now.
    pub fn close(&self, node: &NodeKey, connection_id: &str) {
        if let Entry::Occupied(entry) = lock(&self.channels).entry(node.clone())
            && entry.get().connection_id == connection_id
        {
            entry.remove();
        }
    }

    /// Closes channels that another server has taken over.
    pub fn close_replaced(&self, connection_ids: &[String]) {
        for channel in lock(&self.channels).values() {
            if connection_ids.contains(&channel.connection_id) {
                channel.closed.send_replace(true);
            }
        }
    }

    pub fn connection_ids(&self) -> Vec<String> {
        lock(&self.channels).values().map(|channel| channel.connection_id.clone()).collect()
    }

    /// There may be something to deliver to the node.
    pub fn wake(&self, node: &NodeKey) {
        if let Some(channel) = lock(&self.channels).get(node) {
            channel.wake.notify_one();
        }
        if let Some(waiting) = lock(&self.polls).get(node) {
            waiting.wake.notify_waiters();
        }
    }

    #[cfg(test)]
    pub fn has_polls(&self) -> bool {
        !lock(&self.polls).is_empty()
    }

    /// Registers a long poll until the answer is dropped.
    pub fn poll(&self, node: &NodeKey) -> Poll<'_> {
        let mut polls = lock(&self.polls);
        let waiting = polls.entry(node.clone()).or_insert_with(|| Waiting { wake: Arc::default(), polls: 0 });
        waiting.polls += 1;
        Poll { hub: self, node: node.clone(), wake: Arc::clone(&waiting.wake) }
    }
}

/// A long poll that waits.
pub struct Poll<'a> {
    hub: &'a Hub,
    node: NodeKey,
    pub wake: Arc<Notify>,
}

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = lock(&self.hub.polls).entry(self.node.clone()) {
            entry.get_mut().polls -= 1;
            if entry.get().polls == 0 {
                entry.remove();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> NodeKey {
        NodeKey {
            account: "123456789012".parse().unwrap(),
            region: "eu-central-1".parse().unwrap(),
            node: "mi-0123456789abcdef0".parse().unwrap(),
        }
    }

    #[tokio::test]
    async fn a_second_channel_replaces_the_first() {
        let hub = Hub::new();
        let first = hub.open(&node());
        let second = hub.open(&node());
        first.replaced().await;
        hub.close(&node(), &first.connection_id);
        assert_eq!(hub.connection_ids(), std::slice::from_ref(&second.connection_id));
        hub.close(&node(), &second.connection_id);
        assert!(hub.connection_ids().is_empty());
    }

    #[tokio::test]
    async fn wake_ups_reach_channels_and_polls() {
        let hub = Hub::new();
        let channel = hub.open(&node());
        let poll = hub.poll(&node());
        let mut woken = Box::pin(poll.wake.notified());
        woken.as_mut().enable();
        hub.wake(&node());
        channel.woken().await;
        woken.await;
        drop(poll);
        assert!(lock(&hub.polls).is_empty());
    }
}
