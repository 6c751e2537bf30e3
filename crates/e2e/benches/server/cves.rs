//! The index from CVEs to nodes in fleets of any size. Facts are written into the store directly: what registration and reports
//! cost is `fleet`'s to measure. Then the questions go to the running server, through the wire.

use std::time::Instant;

use api::Timestamp;
use domain::facts::{AvailableVersion, FactSet, Observation, OsRelease, PackageFact};
use domain::ids::{AccountId, NodeId, Region};
use serde_json::json;
use store::facts::{self, NodeFacts};
use store::{Hash, Scope, Store, StoreOptions};
use tokio::runtime::Runtime;

use crate::Run;
use crate::measure::{self, resident_kib};
use crate::wire::{Connection, Keys, REGION, now};

/// Of every node, three of each source.
const PACKAGES: u64 = 300;
const PER_SOURCE: u64 = 3;
/// Releases of each source that the fleet has: a distinct fact set has each of them at random.
const RELEASES: u64 = 5;
/// One more package on each node, of so many that there are: what few nodes have.
const RARE: u64 = 1000;
/// Nodes per transaction.
const CHUNK: u64 = 500;
/// Nodes that change at once.
const CHANGES: u64 = 1000;

/// A database with nodes of `kinds` distinct fact sets.
pub struct Facts {
    store: Store,
    home: (AccountId, Region),
    runtime: Runtime,
    kinds: u64,
}

impl Facts {
    pub fn open(database: &str, kinds: u64) -> Self {
        let runtime = Runtime::new().unwrap();
        let options = StoreOptions::from_url(database).unwrap();
        let store = runtime.block_on(Store::open(&options)).unwrap();
        // The account that every server begins with.
        let home = ("123456789012".parse().unwrap(), REGION.parse().unwrap());
        Self { store, home, runtime, kinds }
    }

    fn scope(&self) -> Scope<'_> {
        (&self.home.0, &self.home.1)
    }

    pub fn fill(&self, count: u64) {
        let begun = Instant::now();
        let seen = now();
        for first in (0..count).step_by(CHUNK as usize) {
            let nodes = first..count.min(first + CHUNK);
            self.put(nodes.map(|node| (node, node % self.kinds)).collect(), seen);
        }
        println!("{count} nodes of {} fact sets written in {} s", self.kinds, begun.elapsed().as_secs());
    }

    /// Gives these nodes facts that nobody had before.
    fn change(&self, nodes: std::ops::Range<u64>) {
        let base = self.kinds + u64::try_from(now().as_millis()).unwrap() * PACKAGES;
        let nodes: Vec<_> = nodes.map(|node| (node, base + node)).collect();
        for chunk in nodes.chunks(CHUNK as usize) {
            self.put(chunk.to_vec(), now());
        }
    }

    fn put(&self, nodes: Vec<(u64, u64)>, captured_at: Timestamp) {
        self.runtime.block_on(async {
            let mut prepared = Vec::new();
            for (node, kind) in nodes {
                // A second node of the same kind brings nothing new.
                let set = if node < self.kinds || kind >= self.kinds {
                    Some(facts::prepare(&self.store, self.scope(), hash(kind), &set(kind)).await.unwrap())
                } else {
                    None
                };
                prepared.push((node, kind, set));
            }
            let mut tx = self.store.write_by_locks().await.unwrap();
            for (node, kind, set) in prepared {
                if let Some(set) = set {
                    facts::insert(&mut tx, self.scope(), &set, captured_at).await.unwrap();
                }
                let observation = Observation { captured_at, ..Observation::default() };
                let newest = NodeFacts {
                    node: node_id(node),
                    facts_hash: hash(kind),
                    received_at: captured_at,
                    observation,
                };
                facts::put_newest(&mut tx, self.scope(), &newest).await.unwrap();
            }
            tx.commit().await.unwrap();
        });
    }
}

fn mix(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) ^ (mixed >> 31)
}

fn node_id(number: u64) -> NodeId {
    format!("mi-{:017x}", mix(number + 1)).parse().unwrap()
}

/// Stands for the SHA-256 of the content, which nothing here compares with it.
fn hash(kind: u64) -> Hash {
    let mut hash = [0; 32];
    for (at, part) in hash.chunks_mut(8).enumerate() {
        part.copy_from_slice(&mix(kind * 4 + at as u64 + 1).to_be_bytes());
    }
    hash
}

fn source(number: u64) -> String {
    format!("package-{}", number * PER_SOURCE)
}

fn version(source: u64, release: u64) -> String {
    format!("1.{}-{release}", source % 40)
}

fn set(kind: u64) -> FactSet {
    let package = |name: String, version: String, of: Option<String>| PackageFact {
        name,
        arch: "amd64".into(),
        version: version.clone(),
        section: "libs".into(),
        priority: "optional".into(),
        source: of,
        candidate: Some(version.clone()),
        available: vec![AvailableVersion { version, pin: 500, ..AvailableVersion::default() }],
        ..PackageFact::default()
    };
    let mut packages: Vec<_> = (0..PACKAGES)
        .map(|number| {
            let of = number / PER_SOURCE;
            let release = mix(kind * PACKAGES + of + 1) % RELEASES;
            let source = Some(source(of)).filter(|_| number % PER_SOURCE > 0);
            package(format!("package-{number}"), version(of, release), source)
        })
        .collect();
    packages.push(package(format!("rare-{}", kind % RARE), "1.0-1".to_owned(), None));
    packages.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
    let os = OsRelease {
        id: "debian".into(),
        version_id: "12".into(),
        arch: "amd64".into(),
        ..OsRelease::default()
    };
    FactSet { os, packages, ..FactSet::default() }
}

impl Run {
    /// A feed that says of each release of each source something of its own, and of each rare package. The first question
    /// makes the index.
    pub fn cves(&self, facts: &Facts) {
        let keys = Keys::from_environment();
        let mut connection = Connection::open(&self.endpoint);
        let of_sources = (0..PACKAGES / PER_SOURCE * RELEASES).map(|i| {
            let (of, release) = (i / RELEASES, i % RELEASES);
            json!({"CveId": frequent(i), "Distribution": "debian:12", "Package": source(of), "Fixed": version(of, release + 1)})
        });
        let of_rare = (0..RARE).map(|i| {
            json!({"CveId": rare(i), "Distribution": "debian:12", "Package": format!("rare-{i}"), "Fixed": "1.0-2"})
        });
        let statements: Vec<_> = of_sources.chain(of_rare).collect();
        let feed = json!({"Feed": "bench", "Format": "OSV", "Origin": "bench", "Chunk": 0,
            "Statements": statements, "Last": true});
        connection.call(&keys, "Fettle.ImportAdvisories", &feed);

        let question = |name: &str, count: usize| {
            // Between two questions so many nodes change that a server closes what is idle.
            let mut connection = Connection::open(&self.endpoint);
            self.once(name, count, || {
                connection.call(
                    &keys,
                    "Fettle.DescribeAdvisories",
                    &json!({"CveId": rare(0), "MaxResults": 1}),
                )
            });
        };
        let before = resident_kib(self.pid);
        question("index of CVEs, made", self.count);
        let more = resident_kib(self.pid).saturating_sub(before);
        let per_node = more as f64 * 1024.0 / self.count as f64;
        measure::note("index of CVEs, memory", &format!("{more} KiB, {per_node:.0} bytes per node"));

        let frequent = |i: usize| frequent(i as u64 * 7 % (PACKAGES / PER_SOURCE * RELEASES));
        let rare = |i: usize| rare(i as u64 * 7 % RARE);
        let target = "Fettle.DescribeAdvisories";
        self.ask(
            "a CVE of many nodes, a page of 50",
            target,
            &keys,
            |i| json!({"CveId": frequent(i), "MaxResults": 50}),
        );
        self.ask(
            "a CVE of many nodes, one",
            target,
            &keys,
            |i| json!({"CveId": frequent(i), "MaxResults": 1}),
        );
        self.ask("a CVE of few nodes, one", target, &keys, |i| json!({"CveId": rare(i), "MaxResults": 1}));

        let all = self.count as u64;
        facts.change(0..CHANGES.min(all));
        question("the first question after changes, per change", CHANGES.min(all) as usize);
        // As many sets are left over as make the index smaller again.
        facts.change(0..all / 2);
        question("the same after every second node's", (all / 2) as usize);
    }
}

fn frequent(number: u64) -> String {
    format!("CVE-2026-{:05}", number)
}

fn rare(number: u64) -> String {
    format!("CVE-2025-{:05}", number)
}
