//! The whole fleet at a glance: every node with what lists show of it, in memory, so that any filter and any order costs a
//! walk over memory and not over the store. Of a small fleet the picture is made anew for each question. Of a large one nobody
//! waits for that: it is read anew beside the questions, piece by piece, and the nodes that this process writes are put right
//! every second, and before each answer. What it finds is read from the store again before it is shown.
//! Decision: docs/decisions/0031-sign-in.md.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::Timestamp;
use domain::ids::{AccountId, NodeId, Region};
use fleet::Fleet;
use store::fleet::{FleetNode, Texts};
use store::touched::{Touched, Written};
use store::{Scope, Store, StoreError};
use tokio::sync::Notify;
// The runtime's clock, so that a simulation repeats itself.
use tokio::time::Instant;

use crate::app::App;

/// Nodes that are put right per read.
const CHUNK: usize = 256;
/// What is read this quickly is read for every question.
const QUICK: Duration = Duration::from_millis(20);
/// It is read anew when it is so old, also while nobody asks: the next one who does finds it so.
const KEPT_AGE: Duration = Duration::from_secs(30);
/// What this process writes is put right so often also while nobody asks: who does finds little to wait for.
const FOLLOWED_EVERY: Duration = Duration::from_secs(1);
/// One that nobody asks for is let go.
const UNUSED_FOR: Duration = Duration::from_secs(15 * 60);

type Key = (AccountId, Region);

#[derive(Debug)]
pub struct Fleets {
    known: Mutex<HashMap<Key, Arc<Slot>>>,
    /// Some picture was found aged.
    wanted: Notify,
    quick: Duration,
    /// Nodes in a piece of a picture, and per read: others wait for no longer than one takes.
    piece: usize,
}

#[derive(Debug)]
struct Slot {
    state: Mutex<State>,
    /// Held while all of it is read, so that many questions cost one reading.
    reading: tokio::sync::Mutex<()>,
    /// Held from a read to its place in the picture, so that nothing newer is overwritten.
    turn: tokio::sync::Mutex<()>,
    touched: Arc<Touched>,
}

#[derive(Debug, Default)]
struct State {
    fleet: Option<Arc<Fleet>>,
    /// Somebody found it aged.
    is_wanted: bool,
    /// How often more was written than is kept by id, and how many of these times a reading of all of it began after.
    floods: u64,
    floods_read: u64,
    asked_at: Option<Instant>,
}

impl Default for Fleets {
    fn default() -> Self {
        Self::of(QUICK, fleet::PIECE)
    }
}

impl Fleets {
    fn of(quick: Duration, piece: usize) -> Self {
        Self { known: Mutex::default(), wanted: Notify::new(), quick, piece }
    }

    /// Opens transactions of its own: the caller holds none. Whatever this process committed before is in it, however much
    /// that was, but signs of life may be as old as `as_of`, as may be what other servers wrote.
    pub async fn get(
        &self,
        store: &Store,
        scope: Scope<'_>,
        now: Timestamp,
    ) -> Result<Arc<Fleet>, StoreError> {
        let slot = self.slot(store, scope);
        if let Some(fleet) = self.kept(&slot) {
            if fleet.is_aged() {
                lock(&slot.state).is_wanted = true;
                self.wanted.notify_one();
            }
            return slot.catch_up(store, scope, now, fleet).await;
        }
        let asked_at = Instant::now();
        let turn = slot.reading.lock().await;
        // Somebody else may have read it meanwhile.
        let meanwhile = slot.current().filter(|fleet| fleet.read_at >= asked_at);
        if let Some(fleet) = meanwhile {
            return Ok(fleet);
        }
        if let Some(fleet) = self.kept(&slot) {
            drop(turn);
            return slot.catch_up(store, scope, now, fleet).await;
        }
        let mut fleet = Fleet::begun(now, self.piece);
        read(store, scope, &mut fleet).await?;
        Ok(slot.show(fleet))
    }

    /// The one that questions are answered from, where they are not answered from one of their own.
    fn kept(&self, slot: &Slot) -> Option<Arc<Fleet>> {
        slot.current().filter(|fleet| fleet.took > self.quick)
    }

    fn slot(&self, store: &Store, (account, region): Scope<'_>) -> Arc<Slot> {
        let key = (account.clone(), region.clone());
        let slot = Arc::clone(lock(&self.known).entry(key).or_insert_with(|| Arc::new(Slot::new(store))));
        lock(&slot.state).asked_at = Some(Instant::now());
        slot
    }

    /// Brings what is kept up to date: read anew where somebody found it aged or it is old, else what was written put right.
    async fn follow(&self, store: &Store, now: Timestamp) {
        let known: Vec<(Key, Arc<Slot>)> =
            lock(&self.known).iter().map(|(key, slot)| (key.clone(), Arc::clone(slot))).collect();
        for ((account, region), slot) in known {
            let Some(fleet) = self.kept(&slot) else { continue };
            let scope = (&account, &region);
            let outcome = match slot.take_wanted(&fleet) {
                true => slot.renew(store, scope, now).await,
                false => slot.catch_up(store, scope, now, fleet).await.map(drop),
            };
            if let Err(error) = outcome {
                tracing::warn!(%error, "the fleet cannot be read; the next question about it tries again");
            }
        }
    }

    /// Those that nobody has asked for in a while.
    pub fn forget_unused(&self) {
        lock(&self.known)
            .retain(|_, slot| lock(&slot.state).asked_at.is_some_and(|at| at.elapsed() < UNUSED_FOR));
    }
}

/// Reads every fleet once, so that the first question finds it, and keeps it up to date; ends when it is dropped.
pub async fn keep_fresh(app: Arc<App>) {
    if let Err(error) = read_all(&app).await {
        tracing::warn!(%error, "fleets cannot be read; the first question about each will");
    }
    loop {
        let _ = tokio::time::timeout(FOLLOWED_EVERY, app.fleets.wanted.notified()).await;
        app.fleets.follow(&app.store(), app.now()).await;
    }
}

async fn read_all(app: &App) -> Result<(), StoreError> {
    let scopes = store::fleet::scopes(&mut app.store().read_each().await?).await?;
    for (account, region) in &scopes {
        app.fleets.get(&app.store(), (account, region), app.now()).await?;
    }
    Ok(())
}

/// Nodes that are still to be put right: told again where that does not come to its end.
struct Waiting<'a> {
    touched: &'a Touched,
    nodes: Vec<NodeId>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.touched.put_back(&self.nodes);
    }
}

impl Slot {
    fn new(store: &Store) -> Self {
        let touched = store.touched();
        Self { state: Mutex::default(), reading: Default::default(), turn: Default::default(), touched }
    }

    fn current(&self) -> Option<Arc<Fleet>> {
        lock(&self.state).fleet.clone()
    }

    fn show(&self, fleet: Fleet) -> Arc<Fleet> {
        let fleet = Arc::new(fleet);
        lock(&self.state).fleet = Some(Arc::clone(&fleet));
        fleet
    }

    /// Whether it is to be read anew: somebody found it aged, or it is old.
    fn take_wanted(&self, fleet: &Fleet) -> bool {
        let is_wanted = std::mem::take(&mut lock(&self.state).is_wanted);
        (is_wanted || fleet.read_at.elapsed() > KEPT_AGE) && fleet.is_aged()
    }

    /// With all that this process wrote before. Where that was more than is kept by id, it is read anew: who asks waits for a
    /// reading that begins afterwards, but for no second one.
    async fn catch_up(
        &self,
        store: &Store,
        scope: Scope<'_>,
        now: Timestamp,
        fleet: Arc<Fleet>,
    ) -> Result<Arc<Fleet>, StoreError> {
        self.put_right(store, scope).await?;
        let floods = lock(&self.state).floods;
        while lock(&self.state).floods_read < floods {
            let reading = self.reading.lock().await;
            // Somebody else may have read it meanwhile.
            if lock(&self.state).floods_read < floods {
                self.read_anew(store, scope, now).await?;
            }
            drop(reading);
        }
        Ok(self.current().unwrap_or(fleet))
    }

    /// Puts what this process wrote in its place: by id, so that the nodes of a piece come together and it is copied once,
    /// and shown bit by bit, so that the old pieces go meanwhile.
    async fn put_right(&self, store: &Store, scope: Scope<'_>) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let mut waiting = match self.touched.take() {
            Written::Nodes(nodes) => Waiting { touched: &self.touched, nodes },
            Written::Many => {
                lock(&self.state).floods += 1;
                return Ok(());
            }
        };
        waiting.nodes.sort_unstable();
        while !waiting.nodes.is_empty() {
            let from = waiting.nodes.len().saturating_sub(CHUNK);
            let ids: Vec<&str> = waiting.nodes[from..].iter().map(NodeId::as_str).collect();
            let rows = store::fleet::list_of(&mut store.read().await?, scope, &ids).await?;
            let mut rows: HashMap<NodeId, FleetNode> =
                rows.into_iter().map(|row| (row.id.clone(), row)).collect();
            let Some(mut fleet) = self.current().map(|fleet| Fleet::clone(&fleet)) else { return Ok(()) };
            for id in &waiting.nodes[from..] {
                fleet.put(id, rows.remove(id));
            }
            self.show(fleet);
            waiting.nodes.truncate(from);
            // The embedded engine answers without waiting: let others have the thread.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Reads all of it, after whoever is at it.
    async fn renew(&self, store: &Store, scope: Scope<'_>, now: Timestamp) -> Result<(), StoreError> {
        let _reading = self.reading.lock().await;
        self.read_anew(store, scope, now).await
    }

    /// Reads all of it into its place, page by page, while it is shown. The caller holds `reading`.
    async fn read_anew(&self, store: &Store, scope: Scope<'_>, now: Timestamp) -> Result<(), StoreError> {
        let floods = lock(&self.state).floods;
        let read_at = Instant::now();
        let Some(piece) = self.current().map(|fleet| fleet.piece) else { return Ok(()) };
        let (mut texts, mut after, mut took) = (Texts::default(), None, Duration::ZERO);
        loop {
            let turn = self.turn.lock().await;
            let begun = Instant::now();
            let (nodes, last) = page(store, scope, after.as_ref(), piece, &mut texts).await?;
            let Some(mut fleet) = self.current().map(|fleet| Fleet::clone(&fleet)) else { return Ok(()) };
            fleet.replace(after.as_ref(), last.as_ref(), nodes);
            took += begun.elapsed();
            if last.is_none() {
                (fleet.as_of, fleet.read_at, fleet.took) = (now, read_at, took);
                self.show(fleet);
                let mut state = lock(&self.state);
                state.floods_read = state.floods_read.max(floods);
                return Ok(());
            }
            self.show(fleet);
            drop(turn);
            after = last;
            tokio::task::yield_now().await;
        }
    }
}

async fn read(store: &Store, scope: Scope<'_>, fleet: &mut Fleet) -> Result<(), StoreError> {
    let (mut texts, mut after) = (Texts::default(), None);
    loop {
        let begun = Instant::now();
        let (nodes, last) = page(store, scope, after.as_ref(), fleet.piece, &mut texts).await?;
        fleet.replace(after.as_ref(), last.as_ref(), nodes);
        fleet.took += begun.elapsed();
        if last.is_none() {
            return Ok(());
        }
        after = last;
        tokio::task::yield_now().await;
    }
}

/// A page, and its last node where there may be more behind it.
async fn page(
    store: &Store,
    scope: Scope<'_>,
    after: Option<&NodeId>,
    limit: usize,
    texts: &mut Texts,
) -> Result<(Vec<FleetNode>, Option<NodeId>), StoreError> {
    let nodes = store::fleet::page(
        &mut store.read().await?,
        scope,
        after,
        i64::try_from(limit).unwrap_or(i64::MAX),
        texts,
    )
    .await?;
    let is_last = nodes.len() < limit;
    let last = nodes.last().filter(|_| !is_last).map(|node| node.id.clone());
    Ok((nodes, last))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
