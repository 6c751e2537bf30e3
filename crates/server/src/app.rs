//! What all requests share.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use api::Timestamp;
use domain::parameter::ParameterPath;
use fleet::fact_index::FactIndexes;
use store::{Store, StoreError, StoreOptions};
use tokio::sync::watch;

use crate::agents::Agents;
use crate::auth::KeyCache;
use crate::clock::Clock;
use crate::events::Events;
use crate::fleets::Fleets;
use crate::keyring::Keyring;
use crate::metrics::Metrics;
use crate::objects::Objects;
use crate::operations::inventory::LastCount;
use crate::retention::Retention;
use crate::scripts::Scripts;
use crate::sign_in::{Attempts, Passwords};
use crate::webhooks::Webhooks;

/// Whether the server keeps and checks, or is a test double of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Durable,
    /// In memory, any credentials accepted, may be wiped by a request.
    Ephemeral,
}

pub struct App {
    store: RwLock<Store>,
    pub(crate) clock: Clock,
    pub keyring: Keyring,
    pub mode: Mode,
    pub metrics: Metrics,
    pub agents: Agents,
    pub keys: KeyCache,
    pub retention: Retention,
    pub objects: Objects,
    pub webhooks: Webhooks,
    pub scripts: Scripts,
    /// Held while the inventory of a whole fleet is counted; what came of it, for the pages that follow.
    pub aggregation: tokio::sync::Mutex<Option<LastCount>>,
    pub fact_indexes: FactIndexes,
    pub events: Events,
    pub fleets: Fleets,
    pub attempts: Attempts,
    pub passwords: Passwords,
    /// Of builds of the agent, by their contents; bounded by what operators put there while the process lives.
    pub build_hashes: tokio::sync::Mutex<BTreeMap<String, String>>,
    /// What nodes read without a command that refers to it: nothing, unless it is set before the server serves.
    pub node_parameters: OnceLock<Vec<ParameterPath>>,
    shutdown: watch::Sender<bool>,
}

impl App {
    pub fn new(
        store: Store,
        keyring: Keyring,
        mode: Mode,
        retention: Retention,
        objects: Objects,
        webhooks: Webhooks,
    ) -> Arc<Self> {
        Arc::new(Self {
            store: RwLock::new(store),
            clock: Clock::default(),
            keyring,
            mode,
            metrics: Metrics::new(),
            agents: Agents::new(),
            keys: KeyCache::default(),
            retention,
            objects,
            webhooks,
            scripts: Scripts::default(),
            aggregation: tokio::sync::Mutex::default(),
            fact_indexes: FactIndexes::default(),
            events: Events::default(),
            fleets: Fleets::default(),
            attempts: Attempts::default(),
            passwords: Passwords::default(),
            build_hashes: tokio::sync::Mutex::default(),
            node_parameters: OnceLock::new(),
            shutdown: watch::channel(false).0,
        })
    }

    /// What happens without a request happens at this moment; a request has its own.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn store(&self) -> Store {
        self.store.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets everything. Only for [`Mode::Ephemeral`], whose store is memory.
    pub async fn wipe(&self) -> Result<(), StoreError> {
        let empty = Store::open(&StoreOptions::Memory).await?;
        *self.store.write().unwrap_or_else(PoisonError::into_inner) = empty;
        self.objects.contents.wipe();
        Ok(())
    }

    /// From here on new requests are refused and long polls return.
    pub fn begin_shutdown(&self) {
        self.shutdown.send_replace(true);
    }

    pub fn is_shutting_down(&self) -> bool {
        *self.shutdown.borrow()
    }

    /// Resolves when shutdown begins.
    pub async fn shutting_down(&self) {
        // An error means that the sender is gone, and with it the server.
        let _ = self.shutdown.subscribe().wait_for(|stopping| *stopping).await;
    }
}
