//! What changed, for pages that are open: topics, and where it is known the id, never what is there now; that is read through
//! the API. Gathered for a moment, so that a busy fleet is one event and not thousands; other servers hear of it by the
//! database. Whoever does not keep up is told that something was missed, and looks again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use store::changes::{Topic, Topics};
use tokio::sync::{Semaphore, broadcast};

use crate::app::App;

/// Events that a client may be behind.
const BACKLOG: usize = 256;
/// Changes are gathered for so long.
const GATHERED_FOR: Duration = Duration::from_millis(500);
/// Ids of one moment; with more the topic alone is told.
const MOST_IDS: usize = 50;
/// Pages that one server keeps in touch with.
pub const MOST_STREAMS: usize = 1_000;

/// One line of the stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Event {
    pub topic: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

pub struct Events {
    sender: broadcast::Sender<Event>,
    named: Mutex<BTreeSet<(Topic, String)>>,
    pub streams: Arc<Semaphore>,
}

impl Default for Events {
    fn default() -> Self {
        let (sender, _) = broadcast::channel(BACKLOG);
        Self { sender, named: Mutex::default(), streams: Arc::new(Semaphore::new(MOST_STREAMS)) }
    }
}

impl Events {
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    /// To be called after the commit that changed it, where it is known what. That something of its topic changed is known
    /// without.
    pub fn name(&self, topic: Topic, id: &str) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if self.sender.receiver_count() > 0 && named.len() <= MOST_IDS {
            named.insert((topic, id.to_owned()));
        }
    }

    /// Tells who listens here.
    pub fn tell(&self, topics: Topics) {
        let named = std::mem::take(&mut *self.named.lock().unwrap_or_else(PoisonError::into_inner));
        let named = if named.len() > MOST_IDS { BTreeSet::new() } else { named };
        let ids = named.into_iter().map(|(topic, id)| Event { topic: topic.as_str(), id: Some(id) });
        let plain = topics.iter().map(|topic| Event { topic: topic.as_str(), id: None });
        for event in plain.chain(ids) {
            // Nobody may be listening.
            let _ = self.sender.send(event);
        }
    }
}

/// Passes on what this process changes, to pages here and to other servers; ends when it is dropped.
pub async fn pass_on(app: Arc<App>) {
    loop {
        let store = app.store();
        let mut topics = store.changes().next().await;
        tokio::time::sleep(GATHERED_FOR).await;
        topics.add(store.changes().take());
        app.events.tell(topics);
        if let Err(error) = store.announce_topics(app.agents.hub.server_id(), topics).await {
            tracing::warn!(%error, "other servers are not told what changed; their pages look again later");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_and_ids_are_told_and_floods_are_not() {
        let events = Events::default();
        events.name(Topic::Commands, "nobody listens");
        let mut listener = events.subscribe();
        events.name(Topic::Commands, "one");
        events.name(Topic::Commands, "one");
        events.tell([Topic::Commands, Topic::Nodes].into_iter().collect());
        let mut told = vec![];
        while let Ok(event) = listener.try_recv() {
            told.push(serde_json::to_string(&event).unwrap());
        }
        let expected =
            [r#"{"topic":"commands"}"#, r#"{"topic":"nodes"}"#, r#"{"topic":"commands","id":"one"}"#];
        assert_eq!(told, expected);
        for number in 0..3 * MOST_IDS {
            events.name(Topic::Commands, &number.to_string());
        }
        events.tell([Topic::Commands].into_iter().collect());
        assert_eq!(listener.try_recv().unwrap().id, None);
        assert!(listener.try_recv().is_err());
    }

    #[tokio::test]
    async fn who_does_not_keep_up_learns_that() {
        let events = Events::default();
        let mut listener = events.subscribe();
        for _ in 0..2 * BACKLOG {
            events.tell([Topic::Nodes].into_iter().collect());
        }
        assert!(matches!(listener.recv().await, Err(broadcast::error::RecvError::Lagged(_))));
    }
}
