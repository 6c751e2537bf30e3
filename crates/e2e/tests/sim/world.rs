//! One simulated world: its clock, its dice, its servers on one store, its nodes, and what was seen to happen. Everything
//! in it runs on one thread in virtual time and draws from one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use api::Timestamp;
use api::agent::DocumentStatus;
use domain::ids::NodeId;
use serde_json::Value;
use server::testing::simulation::{As, Dice, Server};
use store::{Gate, Store};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

pub struct World {
    /// Without a gate: what is committed.
    pub store: Store,
    pub folder: PathBuf,
    pub hosts: Vec<Host>,
    pub nodes: Vec<Place>,
    pub truth: Mutex<Truth>,
    dice: Mutex<Dice>,
    log: Mutex<Vec<String>>,
    broken: Mutex<Option<String>>,
    born_at: Instant,
    base: Timestamp,
    skipped_ms: AtomicI64,
}

/// A machine on which a server runs, or does not.
pub struct Host {
    pub process: Mutex<Option<Server>>,
    /// Of its clock, against the world's.
    pub off_by_ms: Arc<AtomicI64>,
    pub disk: Arc<Disk>,
}

/// What a server's transactions have to pass.
#[derive(Default)]
pub struct Disk {
    pub is_slow: AtomicBool,
    /// The server dies with this many passages; at once where it is 1, never where it is 0.
    pub dies_in: AtomicI64,
    pub died: Notify,
}

/// Nothing gets through, and nobody is told. Those who wait for its end go on in the order in which they came: a `watch`
/// wakes them in one that it draws.
#[derive(Default)]
pub struct Silence {
    reigns: AtomicBool,
    ended: Notify,
}

impl Silence {
    pub fn reigns(&self) -> bool {
        self.reigns.load(Ordering::SeqCst)
    }

    pub fn set(&self, reigns: bool) {
        self.reigns.store(reigns, Ordering::SeqCst);
        if !reigns {
            self.ended.notify_waiters();
        }
    }

    pub async fn wait_for_end(&self) {
        loop {
            let ended = self.ended.notified();
            if !self.reigns() {
                return;
            }
            ended.await;
        }
    }
}

/// A node as seen from outside.
pub struct Place {
    pub id: NodeId,
    pub silence: Silence,
    pub hang_up: Notify,
}

/// What really happened, whatever the rows say.
#[derive(Default)]
pub struct Truth {
    /// By job id: how often it began.
    pub begun: BTreeMap<String, u32>,
    /// Of a command that was put on the wire: by which server's clock.
    pub sent: BTreeMap<String, Vec<Timestamp>>,
    /// Final replies that a server has acknowledged, and jobs of which it has acknowledged a step.
    pub acknowledged: BTreeMap<String, DocumentStatus>,
    pub steps: BTreeSet<String>,
    /// Patch reports that were answered: node and execution.
    pub reports: BTreeSet<(String, String)>,
    /// Commands that a server has said it took.
    pub accepted: BTreeSet<String>,
    /// Those of them that are staged rollouts.
    pub rollouts: BTreeSet<String>,
}

impl World {
    pub fn new(seed: u64, store: Store, folder: PathBuf, servers: usize, ids: Vec<NodeId>) -> Arc<Self> {
        let host = |_| Host { process: Mutex::default(), off_by_ms: Arc::default(), disk: Arc::default() };
        let place = |id| Place { id, silence: Silence::default(), hang_up: Notify::new() };
        Arc::new(Self {
            store,
            folder,
            hosts: (0..servers).map(host).collect(),
            nodes: ids.into_iter().map(place).collect(),
            truth: Mutex::default(),
            dice: Mutex::new(Dice::new(seed)),
            log: Mutex::default(),
            broken: Mutex::default(),
            born_at: Instant::now(),
            base: base(),
            skipped_ms: AtomicI64::new(0),
        })
    }

    /// Below `sides`.
    pub fn roll(&self, sides: u64) -> u64 {
        lock(&self.dice).roll(sides)
    }

    pub fn one_in(&self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    pub fn pick<'a, T>(&self, list: &'a [T]) -> &'a T {
        &list[usize::try_from(self.roll(list.len() as u64)).unwrap()]
    }

    /// Up to `limit`, of at least a millisecond.
    pub async fn pause(&self, limit: Duration) {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap();
        sleep(Duration::from_millis(1 + self.roll(limit_ms))).await;
    }

    /// The right time.
    pub fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.born_at.elapsed().as_millis()).unwrap();
        self.base.plus_millis(elapsed + self.skipped_ms.load(Ordering::SeqCst))
    }

    /// Time in which nothing happens, anywhere.
    pub fn skip(&self, time: Duration) {
        self.skipped_ms.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
        self.note(&format!("{} s go by", time.as_secs()));
    }

    pub fn note(&self, text: &str) {
        lock(&self.log).push(format!("{:>7} {text}", self.born_at.elapsed().as_millis()));
    }

    /// A rule was broken: the first one counts.
    pub fn broken(&self, text: String) {
        self.note(&format!("BROKEN: {text}"));
        lock(&self.broken).get_or_insert(text);
    }

    pub fn first_broken(&self) -> Option<String> {
        lock(&self.broken).clone()
    }

    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.log))
    }

    pub fn truth(&self) -> MutexGuard<'_, Truth> {
        lock(&self.truth)
    }

    pub fn start_server(self: &Arc<Self>, at: usize) {
        let host = &self.hosts[at];
        let (world, off_by_ms) = (Arc::downgrade(self), Arc::clone(&host.off_by_ms));
        let clock = move || {
            let now = world.upgrade().map_or_else(base, |world| world.now());
            now.plus_millis(off_by_ms.load(Ordering::SeqCst))
        };
        host.disk.dies_in.store(0, Ordering::SeqCst);
        let server = Server::start(self.store.behind(self.gate(at)), clock);
        *lock(&host.process) = Some(server);
        self.note(&format!("server {at} starts"));
    }

    /// As `kill -9` would.
    pub fn kill_server(&self, at: usize) {
        let server = lock(&self.hosts[at].process).take();
        if server.is_some() {
            self.note(&format!("server {at} dies"));
        }
    }

    /// A disk that takes its time, more of it when it is slow; and the moment at which a server dies.
    fn gate(self: &Arc<Self>, at: usize) -> Gate {
        let (world, disk) = (Arc::downgrade(self), Arc::clone(&self.hosts[at].disk));
        Arc::new(move || -> Pin<Box<dyn Future<Output = ()> + Send>> {
            let Some(world) = world.upgrade() else { return Box::pin(std::future::pending()) };
            if disk.dies_in.load(Ordering::SeqCst) > 0 && disk.dies_in.fetch_sub(1, Ordering::SeqCst) == 1 {
                disk.died.notify_one();
                return Box::pin(std::future::pending());
            }
            let (one_in, slowest_ms) = if disk.is_slow.load(Ordering::SeqCst) { (2, 1500) } else { (8, 4) };
            let time = match world.one_in(one_in) {
                true => Duration::from_millis(world.roll(slowest_ms)),
                false => Duration::ZERO,
            };
            Box::pin(async move {
                if !time.is_zero() {
                    sleep(time).await;
                }
            })
        })
    }

    /// One attempt at some server that lives: `None` when it died before it answered, or none lives.
    pub async fn call(
        &self,
        caller: As,
        operation: &str,
        request: &Value,
    ) -> Option<Result<Value, (String, String)>> {
        let living: Vec<&Host> = self.hosts.iter().filter(|host| lock(&host.process).is_some()).collect();
        if living.is_empty() {
            return None;
        }
        let host = self.pick(&living);
        let answered = lock(&host.process).as_mut()?.call(caller, operation, request.clone());
        answered.await.ok()
    }

    /// Attempts until there is an answer, which must be a success.
    pub async fn answer(&self, operation: &str, request: &Value) -> Value {
        loop {
            match self.call(As::Root, operation, request).await {
                Some(Ok(answer)) => return answer,
                // The server's own faults: it is asked again, as an SDK would.
                Some(Err((code, text))) if code != "InternalServerError" => {
                    self.broken(format!("{operation} {request}: {code}: {text}"));
                    return Value::Null;
                }
                Some(Err(_)) | None => self.pause(Duration::from_secs(2)).await,
            }
        }
    }
}

pub fn base() -> Timestamp {
    Timestamp::parse("2026-03-01T12:00:00Z").unwrap()
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // One thread, and no lock is held where anything waits: a panic has ended the run by then.
    mutex.lock().unwrap()
}
