//! Remembered reads on both engines: nobody reads what was true before a commit they know of.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use domain::ids::{AccountId, BaselineId, PatchGroup, Region};
use domain::os::OperatingSystem;
use store::patch_groups::{self, Registration};
use store::testing::{TestStore, engines};
use store::{Store, StoreError, Tx};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(20);
const OS: OperatingSystem = OperatingSystem::Debian;

fn account() -> AccountId {
    "123456789012".parse().unwrap()
}

fn region() -> Region {
    "eu-central-1".parse().unwrap()
}

fn group() -> PatchGroup {
    "web".parse().unwrap()
}

fn id(n: u8) -> BaselineId {
    BaselineId::mint([n; 9])
}

/// Puts number `n` in the place of the number before.
async fn try_to_register(store: &Store, n: u8) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    patch_groups::delete(&mut tx, &account(), &region(), &group(), &id(n - 1)).await?;
    let registration = Registration { patch_group: group(), operating_system: OS, baseline_id: id(n) };
    patch_groups::insert(&mut tx, &account(), &region(), &registration).await?;
    tx.commit().await
}

async fn register(store: &Store, n: u8) {
    try_to_register(store, n).await.unwrap();
}

async fn find(tx: &mut Tx) -> Option<BaselineId> {
    patch_groups::find(tx, &account(), &region(), &group(), OS).await.unwrap()
}

async fn registered(store: &Store) -> Option<BaselineId> {
    find(&mut store.read_remembered()).await
}

/// As a server does; nothing where one process has the database for itself.
async fn listen(store: &Store) -> Option<JoinHandle<()>> {
    let mut wakeups = store.wakeups().await.unwrap()?;
    Some(tokio::spawn(async move { while wakeups.next().await.is_ok() {} }))
}

async fn until_remembered(store: &Store) {
    let before = store.recalled();
    let remembered = async {
        while store.recalled() == before {
            registered(store).await;
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, remembered).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_ones_own_is_seen_at_once() {
    for TestStore { store, .. } in &engines().await {
        let listening = listen(store).await;
        until_remembered(store).await;
        assert_eq!(registered(store).await, None);
        for n in 1..40 {
            register(store, n).await;
            assert_eq!(registered(store).await, Some(id(n)));
            until_remembered(store).await;
            assert_eq!(registered(store).await, Some(id(n)));
        }
        // One that is given up changes nothing.
        let mut tx = store.write().await.unwrap();
        patch_groups::delete(&mut tx, &account(), &region(), &group(), &id(39)).await.unwrap();
        drop(tx);
        assert_eq!(registered(store).await, Some(id(39)));
        listening.inspect(JoinHandle::abort);
    }
}

/// Readers beside a writer never go back behind what was committed before they asked.
#[tokio::test(flavor = "multi_thread")]
async fn readers_beside_a_writer_read_nothing_old() {
    for TestStore { store, .. } in &engines().await {
        let listening = listen(store).await;
        register(store, 1).await;
        until_remembered(store).await;
        let committed = Arc::new(AtomicU8::new(1));
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (store, committed) = (store.clone(), Arc::clone(&committed));
                tokio::spawn(async move {
                    loop {
                        let least = committed.load(Ordering::SeqCst);
                        let read = registered(&store).await.unwrap();
                        let number = (least..=200).find(|n| id(*n) == read);
                        assert!(number.is_some(), "{read} is older than number {least}");
                        if least == 200 {
                            return;
                        }
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for n in 2..=200 {
            register(store, n).await;
            committed.store(n, Ordering::SeqCst);
        }
        for reader in readers {
            timeout(PATIENCE, reader).await.unwrap().unwrap();
        }
        listening.inspect(JoinHandle::abort);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_server_writes_is_heard_or_nothing_is_remembered() {
    for TestStore { store, .. } in &engines().await {
        let other = store.without_memory();
        let Some(listening) = listen(store).await else { continue };
        register(&other, 1).await;
        until_remembered(store).await;
        assert_eq!(registered(store).await, Some(id(1)));
        register(&other, 2).await;
        let heard = async {
            while registered(store).await != Some(id(2)) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, heard).await.unwrap();
        // Nobody listens any more: every question goes to the database.
        listening.abort();
        assert!(listening.await.unwrap_err().is_cancelled());
        let recalled = store.recalled();
        register(&other, 3).await;
        assert_eq!(registered(store).await, Some(id(3)));
        assert_eq!((registered(store).await, store.recalled()), (Some(id(3)), recalled));
        // The other one never listened.
        assert_eq!((registered(&other).await, other.recalled()), (Some(id(3)), 0));
    }
}

/// The caller goes away in the middle of its commit: readers see either all of it or nothing, and the same from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_its_caller_is_not_overlooked() {
    for TestStore { store, .. } in &engines().await {
        let listening = listen(store).await;
        register(store, 1).await;
        until_remembered(store).await;
        for n in 2..60 {
            let writer = tokio::spawn({
                let store = store.clone();
                async move { register(&store, n).await }
            });
            sleep(Duration::from_micros(u64::from(n) * 40)).await;
            writer.abort();
            drop(writer.await);
            // Its commit may be over, on its way or given up: done again until it is there.
            while find(&mut store.read().await.unwrap()).await != Some(id(n)) {
                drop(try_to_register(store, n).await);
            }
            let seen = async {
                while registered(store).await != Some(id(n)) {
                    sleep(Duration::from_millis(1)).await;
                }
            };
            timeout(PATIENCE, seen).await.unwrap();
        }
        listening.inspect(JoinHandle::abort);
    }
}
