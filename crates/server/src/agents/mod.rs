//! What agents use beside the API: their channels, and the way of commands and replies over them.
//! Commands are rows before they are messages: everything here may be lost with the process.
//! Source: agent-protocol.md 3, 4, 11.

pub mod builds;
pub mod channel_lease;
mod connection;
mod control_channel;
pub mod delivery;
pub mod engine;
pub mod hub;
mod kept_logs;
pub mod replies;
#[cfg(any(test, feature = "testing"))]
pub use connection::run as serve;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use store::changes::Topic;
use store::commands::CommandKey;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::App;
use crate::associations;
use crate::error::ApiError;
use crate::progress;
use hub::Hub;

/// Commands counted in one go: whoever reports must not wait long for the commands of others.
const SETTLED_AT_ONCE: usize = 16;
/// A command that was counted rests, by how many nodes it has: counting looks at all of them, and each reports several times.
const REST_PER_NODE: Duration = Duration::from_micros(5);
const MAX_REST: Duration = Duration::from_millis(50);
/// Open channels have this long to end at shutdown.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Work that met a concurrent transaction runs again this often.
const ATTEMPTS: u32 = 10;

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/control-channel/{id}", post(control_channel::create).get(control_channel::upgrade))
        .route(
            "/v1/data-channel/{id}",
            post(control_channel::refuse_data_channel).merge(get(control_channel::refuse_data_channel)),
        )
}

/// What this process knows of agents.
pub struct Agents {
    pub hub: Hub,
    /// Commands whose invocations changed: to be counted anew, and perhaps let on.
    touched: Mutex<BTreeSet<CommandKey>>,
    /// Held by whoever counts, so that many reports of one command cost few counts.
    settling: tokio::sync::Mutex<BTreeMap<CommandKey, Instant>>,
    /// Connections that have not ended yet, their last note in the store included.
    connections: watch::Sender<usize>,
}

/// Counts a connection for as long as it lives.
struct Counted<'a>(&'a Agents);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.connections.send_modify(|count| *count -= 1);
    }
}

impl Agents {
    pub fn new() -> Self {
        Self {
            hub: Hub::new(),
            touched: Mutex::default(),
            settling: tokio::sync::Mutex::default(),
            connections: watch::channel(0).0,
        }
    }

    fn count_connection(&self) -> Counted<'_> {
        self.connections.send_modify(|count| *count += 1);
        Counted(self)
    }

    /// Resolves when all channels have ended, which they do once shutdown has begun.
    pub async fn closed(&self) {
        let mut connections = self.connections.subscribe();
        if tokio::time::timeout(CLOSE_TIMEOUT, connections.wait_for(|count| *count == 0)).await.is_err() {
            tracing::warn!("some control channels did not end in time");
        }
    }

    /// To be called after the commit that changed an invocation of the command.
    pub fn touch(&self, command: CommandKey) {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).insert(command);
    }

    /// Brings some touched commands up to date, or leaves that to who is at it; whether some are
    /// left. The rest follows within a second, and what is lost with the process soon after.
    pub async fn settle(&self, app: &App) -> bool {
        let mut settled = 0;
        while self.has_touched() {
            // Whoever holds it looks once more after letting go.
            let Ok(mut resting) = self.settling.try_lock() else { return false };
            while let Some(command) = self.next_touched(&mut resting).await {
                app.events.name(Topic::Commands, command.id.as_str());
                let mut rest = Duration::ZERO;
                match retry(app, || async { progress::advance(&app.store(), &command, app.now()).await })
                    .await
                {
                    Ok(advanced) => {
                        rest = (REST_PER_NODE * advanced.targets).min(MAX_REST);
                        advanced.nodes.iter().for_each(|node| self.hub.wake(node));
                        if let Some(association) = advanced.association {
                            associations::follow_command(app, &association, &command).await;
                        }
                    }
                    Err(error) => {
                        let (command_id, cause) = (command.id.as_str(), error.chain());
                        tracing::error!(command_id, cause, "cannot advance the command");
                    }
                }
                resting.insert(command, Instant::now() + rest);
                settled += 1;
                if settled == SETTLED_AT_ONCE {
                    return self.has_touched();
                }
            }
        }
        false
    }

    fn has_touched(&self) -> bool {
        !self.touched.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The next one that does not rest, or that has rested enough. It stays touched while it is waited for.
    async fn next_touched(&self, resting: &mut BTreeMap<CommandKey, Instant>) -> Option<CommandKey> {
        loop {
            let now = Instant::now();
            resting.retain(|_, until| *until > now);
            let rested_at = {
                let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
                let ready = touched.iter().find(|command| !resting.contains_key(command)).cloned();
                if let Some(ready) = ready {
                    touched.remove(&ready);
                    return Some(ready);
                }
                touched.iter().filter_map(|command| resting.get(command)).min().copied()?
            };
            tokio::time::sleep_until(rested_at).await;
        }
    }
}

/// Runs again what met a concurrent transaction: nothing of a failed one remains.
pub async fn retry<T, F>(app: &App, work: impl Fn() -> F) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, ApiError>> + Send,
{
    let mut attempt = 1;
    loop {
        match work().await {
            Err(error) if error.is_conflict() && attempt < ATTEMPTS => {
                app.metrics.conflicts.inc();
                let [spread] = crate::keyring::random::<1>();
                let pause = u64::from(attempt) * (500 + 40 * u64::from(spread));
                tokio::time::sleep(Duration::from_micros(pause)).await;
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}
