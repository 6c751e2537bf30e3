//! Servers, nodes and the clock in one process, from a seed: crashes, partitions, slow disks and clocks that jump, and after
//! each the rules that must hold. A seed that breaks one is printed, and replays exactly: `make simulate SEED=…`.
//!
//! The servers are the real ones without sockets (`server::testing::simulation`), the nodes have the agent's real journal.
//! Why it is made so: docs/decisions/0029-simulation.md.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says which seed it was")]

mod node;
mod report;
mod rules;
mod staged;
mod story;
mod wire;
mod world;

use std::cell::Cell;
use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use server::testing::simulation::{self, Dice};
use store::{Store, StoreOptions};
use world::World;

/// Runs of `make test`, each with few nodes; `make simulate` asks for more of either, and `.ci/run` for 1,000 with 5 and with 50.
const SEEDS: u64 = 100;
const NODES: u64 = 5;
/// Seeds that are told twice. What differs in one story of a hundred is not found by so few: ask for more after a change of
/// how tasks wait for each other.
const REPEATED: u64 = 10;
/// Told of a run that broke a rule.
const LAST_EVENTS: usize = 60;

thread_local! {
    static PANICKED: Cell<bool> = const { Cell::new(false) };
}

/// How a run ended.
struct Ended {
    log: Vec<String>,
    broken: Option<String>,
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().filter(|text| !text.is_empty()).map(|text| text.parse().unwrap())
}

fn nodes() -> u8 {
    u8::try_from(setting("FETTLE_SIM_NODES").unwrap_or(NODES)).unwrap()
}

#[test]
fn every_seed_keeps_the_rules() {
    note_panics();
    let template = template();
    if let Some(seed) = setting("FETTLE_SIM_SEED") {
        let ended = run(seed, nodes(), &template);
        ended.log.iter().for_each(|line| println!("{line}"));
        assert_eq!(ended.broken, None, "seed {seed}");
        return;
    }
    let first = setting("FETTLE_SIM_FIRST").unwrap_or(1);
    let count = setting("FETTLE_SIM_SEEDS").unwrap_or(SEEDS);
    let (next, is_broken) = (AtomicU64::new(first), AtomicBool::new(false));
    let begun = Instant::now();
    let work = || {
        while !is_broken.load(Ordering::SeqCst) {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= first + count {
                return;
            }
            if let Some(text) = broken(run(seed, nodes(), &template), seed) {
                is_broken.store(true, Ordering::SeqCst);
                eprintln!("{text}");
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    println!("{count} seeds with {} nodes in {:?}", nodes(), begun.elapsed());
    assert!(!is_broken.load(Ordering::SeqCst), "a seed broke a rule: see above");
}

fn broken(ended: Ended, seed: u64) -> Option<String> {
    let rule = ended.broken?;
    let from = ended.log.len().saturating_sub(LAST_EVENTS);
    let last = ended.log[from..].join("\n");
    let nodes = nodes();
    Some(format!("{last}\nseed {seed}: {rule}\nreplay: make simulate SEED={seed} AGENTS={nodes}"))
}

#[test]
fn a_seed_repeats_itself() {
    note_panics();
    let template = template();
    let first = setting("FETTLE_SIM_FIRST").unwrap_or(1);
    let count = setting("FETTLE_SIM_REPEATED").unwrap_or(REPEATED);
    for seed in first..first + count {
        let (once, again) = (run(seed, nodes(), &template), run(seed, nodes(), &template));
        let differs = once.log.iter().zip(&again.log).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(once.log.len(), again.log.len(), "seed {seed}");
        assert!(once.log.len() > 50, "too little happened: {:?}", once.log);
    }
    let (one, other) = (run(1, nodes(), &template), run(2, nodes(), &template));
    assert_ne!(one.log, other.log, "another seed is another story");
}

/// A task that panics ends alone; here it is a broken rule.
fn note_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICKED.set(true);
        before(info);
    }));
}

/// The files of an empty database, made once: each run starts on a copy.
type Template = Vec<(OsString, Vec<u8>)>;

fn template() -> Template {
    let folder = story::scratch();
    let path = folder.path().join("fettle.db");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&StoreOptions::SqliteFile(path.clone())).await.unwrap();
        store.close().await.unwrap();
    });
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
    files.map(|file| (file.file_name(), std::fs::read(file.path()).unwrap())).collect()
}

fn run(seed: u64, nodes: u8, template: &Template) -> Ended {
    let folder = story::scratch();
    let path = folder.path().join("fettle.db");
    for (name, content) in template {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    PANICKED.set(false);
    // Virtual time: it goes on when everybody waits for it.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(simulate(seed, nodes, &path, folder.path()))
}

async fn simulate(seed: u64, nodes: u8, database: &Path, folder: &Path) -> Ended {
    let mut dice = Dice::new(seed);
    simulation::seed(Dice::new(dice.number()));
    let store = Store::open(&StoreOptions::SqliteFile(database.to_owned())).await.unwrap();
    let mut ids = Vec::new();
    for number in 1..=nodes {
        ids.push(server::testing::add_node(&store, number, world::base()).await);
    }
    let servers = 1 + usize::try_from(dice.roll(2)).unwrap();
    let world = World::new(dice.number(), store, folder.to_owned(), servers, ids);
    story::tell(&world).await;
    if PANICKED.get() {
        world.broken("something panicked".to_owned());
    }
    Ended { broken: world.first_broken(), log: world.take_log() }
}
