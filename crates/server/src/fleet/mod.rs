//! The whole fleet at a glance: every node with what lists show of it, in memory, so that any filter and any order costs a
//! walk over memory and not over the store. A picture of one moment: of a small fleet it is made anew for each question; of a
//! large one it is made anew beside the questions, as soon as one finds it some seconds old. What it finds is read from the
//! store again before it is shown.
//! Decision: docs/decisions/0031-sign-in.md.

mod select;
#[cfg(test)]
mod tests;

pub use select::{
    Column, Cursor, Filter, Operator, Order, Selection, patch_group, ping_status, standing, worst,
};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use api::Timestamp;
use domain::ids::{AccountId, NodeId, Region};
use store::fleet::{self, FleetNode, Texts};
use store::{Scope, Store, StoreError};
use tokio::sync::Notify;

use crate::app::App;

/// Nodes per read: others wait for no longer than one takes.
const PAGE: i64 = 1024;
/// What is read this quickly is read for every question.
const QUICK: Duration = Duration::from_millis(20);
/// A slower one may be so many times as old as it took: reading takes a fifth of a processor at most.
const AGE_BY_COST: u32 = 4;
/// Nobody is answered from an older one.
const MAX_AGE: Duration = Duration::from_secs(30);
/// One that nobody asks for is let go.
const UNUSED_FOR: Duration = Duration::from_secs(15 * 60);

/// All nodes of an account in a region at one moment.
#[derive(Debug)]
pub struct Fleet {
    /// By id.
    pub nodes: Vec<FleetNode>,
    pub as_of: Timestamp,
    read_at: Instant,
    took: Duration,
}

type Key = (AccountId, Region);

#[derive(Debug, Default)]
pub struct Fleets {
    known: Mutex<HashMap<Key, Arc<Slot>>>,
    /// Some picture is to be made anew.
    wanted: Notify,
}

#[derive(Debug, Default)]
struct Slot {
    state: Mutex<State>,
    /// Held while it is read, so that many questions cost one reading.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    fleet: Option<Arc<Fleet>>,
    is_wanted: bool,
    asked_at: Option<Instant>,
}

impl Fleets {
    /// Opens transactions of its own: the caller holds none.
    pub async fn get(
        &self,
        store: &Store,
        scope: Scope<'_>,
        now: Timestamp,
    ) -> Result<Arc<Fleet>, StoreError> {
        let slot = self.slot(scope);
        if let Some(fleet) = slot.usable() {
            if fleet.is_aged() {
                lock(&slot.state).is_wanted = true;
                self.wanted.notify_one();
            }
            return Ok(fleet);
        }
        let asked_at = Instant::now();
        let _turn = slot.reading.lock().await;
        // Somebody else may have read it meanwhile.
        let meanwhile = lock(&slot.state).fleet.clone().filter(|fleet| fleet.read_at >= asked_at);
        match meanwhile {
            Some(fleet) => Ok(fleet),
            None => slot.read(store, scope, now).await,
        }
    }

    fn slot(&self, (account, region): Scope<'_>) -> Arc<Slot> {
        let slot = Arc::clone(lock(&self.known).entry((account.clone(), region.clone())).or_default());
        lock(&slot.state).asked_at = Some(Instant::now());
        slot
    }

    /// Those that somebody found aged.
    fn take_wanted(&self) -> Vec<(Key, Arc<Slot>)> {
        let known = lock(&self.known);
        let wanted = known.iter().filter(|(_, slot)| std::mem::take(&mut lock(&slot.state).is_wanted));
        wanted.map(|(key, slot)| (key.clone(), Arc::clone(slot))).collect()
    }

    /// Those that nobody has asked for in a while.
    pub fn forget_unused(&self) {
        lock(&self.known)
            .retain(|_, slot| lock(&slot.state).asked_at.is_some_and(|at| at.elapsed() < UNUSED_FOR));
    }
}

/// Reads anew what is asked for and has aged; ends when it is dropped.
pub async fn keep_fresh(app: Arc<App>) {
    loop {
        app.fleets.wanted.notified().await;
        for ((account, region), slot) in app.fleets.take_wanted() {
            let _turn = slot.reading.lock().await;
            if let Err(error) = slot.read(&app.store(), (&account, &region), app.now()).await {
                tracing::warn!(%error, "the fleet cannot be read; it is shown as it was");
            }
        }
    }
}

impl Slot {
    fn usable(&self) -> Option<Arc<Fleet>> {
        let fleet = lock(&self.state).fleet.clone()?;
        (fleet.took > QUICK && fleet.read_at.elapsed() < MAX_AGE).then_some(fleet)
    }

    async fn read(&self, store: &Store, scope: Scope<'_>, now: Timestamp) -> Result<Arc<Fleet>, StoreError> {
        let fleet = Arc::new(read(store, scope, now).await?);
        lock(&self.state).fleet = Some(Arc::clone(&fleet));
        Ok(fleet)
    }
}

impl Fleet {
    fn is_aged(&self) -> bool {
        self.read_at.elapsed() > self.took * AGE_BY_COST
    }
}

async fn read(store: &Store, scope: Scope<'_>, now: Timestamp) -> Result<Fleet, StoreError> {
    let read_at = Instant::now();
    let mut texts = Texts::default();
    let mut nodes: Vec<FleetNode> = vec![];
    loop {
        let after: Option<NodeId> = nodes.last().map(|node| node.id.clone());
        let mut tx = store.read().await?;
        let page = fleet::page(&mut tx, scope, after.as_ref(), PAGE, &mut texts).await?;
        drop(tx);
        let is_last = i64::try_from(page.len()).is_ok_and(|count| count < PAGE);
        nodes.extend(page);
        if is_last {
            break;
        }
        // The embedded engine answers without waiting: let others have the thread.
        tokio::task::yield_now().await;
    }
    Ok(Fleet { nodes, as_of: now, read_at, took: read_at.elapsed() })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
