//! A real server and a real agent, each a process of its own, with data of their own.

pub mod agent;
pub mod apt_root;
pub mod balancer;
pub mod btrfs_bed;
pub mod file_server;
pub mod patch_bed;
pub mod server;
pub mod wire;

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use agent::Agent;
pub use file_server::FileServer;
pub use patch_bed::PatchBed;
pub use server::Server;

const POLL: Duration = Duration::from_millis(20);

/// What a server keeps its rows in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// SQLite always; PostgreSQL when `FETTLE_TEST_POSTGRES_URL` names a server.
pub fn engines() -> Vec<Engine> {
    match postgres_url() {
        Some(_) => vec![Engine::Sqlite, Engine::Postgres],
        None => {
            eprintln!("FETTLE_TEST_POSTGRES_URL is not set: tested on SQLite only");
            vec![Engine::Sqlite]
        }
    }
}

fn postgres_url() -> Option<String> {
    std::env::var("FETTLE_TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty())
}

/// A program of this workspace, built in the profile of this test.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: run `cargo build --bins` first", path.display());
    path
}

/// Polls until there is something, or fails saying what was awaited.
pub fn eventually<T>(awaited: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {within:?}: {awaited}");
        std::thread::sleep(POLL);
    }
}
