//! Alpine nodes: what is installed, what repositories offer, what was asked for.

use std::io::Write;
use std::sync::OnceLock;

use agent::packages::apk::{ApkTransactions, index, records, repositories::Repositories, world::World};
use agent::packages::{self, GatherOptions, RefreshLists};
use api::Timestamp;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::node::{Files, Node, choose, runner};

const INSTALLED: &str = "C:Q1abc=\nP:alpha\nV:1.0-r0\nA:x86_64\nS:1\nI:1\no:alpha\nt:1700000000\nF:usr/bin\nR:alpha\n\n\
                         P:beta\nV:1.0-r0\nA:x86_64\ns:edge\n\n";
/// The last is the index, which is packed on its way to the disk.
const FILES: Files = &[
    ("lib/apk/db/installed", INSTALLED),
    ("etc/apk/world", "alpha~1.0\nbeta@edge\n!gamma\n"),
    ("etc/apk/repositories", "/repo\n@edge /repo\n"),
    ("etc/apk/arch", "x86_64\n"),
    ("etc/os-release", "ID=alpine\nVERSION_ID=3.23.6\n"),
    ("var/cache/fettle-agent/apk/world.json", r#"{"before":"alpha\n","asked":["alpha=1.0-r1"]}"#),
    (INDEX, ""),
];
const INDEX: &str = "repo/x86_64/APKINDEX.tar.gz";
const NOTE: usize = 5;
const PACKAGES: &str = "P:alpha\nV:1.1-r0\nA:x86_64\nt:1700000001\n\nP:beta\nV:2.0-r0\nA:noarch\n\n";

/// The texts alone, without files.
pub fn files(data: &[u8]) {
    let Some((chosen, bytes)) = choose(data, 4) else { return };
    let text = String::from_utf8_lossy(bytes);
    match chosen {
        0 => {
            let whole = records::parse(bytes);
            // Pieces make the same packages.
            let mut found = Vec::new();
            let mut take = |record| found.push(record);
            let mut reader = records::Reader::new(&mut take);
            let fed = bytes.chunks(7).try_for_each(|piece| reader.feed(piece)).and_then(|()| reader.finish());
            assert_eq!(fed.map(|()| found), whole);
        }
        1 => drop(index::parse(bytes)),
        2 => {
            let found = Repositories::parse(&text, "/etc/apk/repositories", "x86_64");
            found.all.iter().for_each(|repository| {
                assert!(!repository.shown_address().is_empty() && !repository.name().is_empty());
                let _ = repository.local_path();
            });
        }
        _ => {
            let world = World::parse(&text);
            let names: Vec<_> = world.entries.iter().map(|entry| entry.name.clone()).collect();
            names.iter().for_each(|name| {
                let _ =
                    (world.has(name), world.tag(name), world.is_pinned(name), world.admits(name, "1.0-r0"));
            });
        }
    }
}

/// A whole reading of a node, one of whose files has other content.
pub fn node(data: &[u8]) {
    static NODE: OnceLock<Node> = OnceLock::new();
    let Some((chosen, bytes)) = choose(data, FILES.len()) else { return };
    let node = NODE.get_or_init(|| {
        let node = Node::new("apk", &FILES[..FILES.len() - 1]);
        node.put(INDEX, &packed(&tar(PACKAGES.as_bytes())));
        node.remove(FILES[NOTE].0);
        node
    });
    let (name, sound) = FILES[chosen];
    let options =
        GatherOptions { now: Timestamp::from_seconds(0), refresh: RefreshLists::Never, data_dir: None };
    match chosen {
        // What a run that died noted of the world. The world is what it was, whatever stands there.
        NOTE => {
            node.put(name, bytes);
            let _ = ApkTransactions::new(&node.root()).repair(&mut runner());
            node.put("etc/apk/world", FILES[1].1.as_bytes());
            node.remove_if_there(name);
        }
        _ if name == INDEX => {
            node.put(name, &packed(&tar(bytes)));
            let _ = packages::of(&node.root()).map(|apk| apk.gather(&options).is_ok());
        }
        _ => node.with((name, sound), bytes, |root| {
            let _ = packages::of(root).map(|apk| apk.gather(&options).is_ok());
        }),
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes it")
}

/// The list of packages as the only member.
fn tar(packages: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..8].copy_from_slice(b"APKINDEX");
    block[124..135].copy_from_slice(format!("{:011o}", packages.len()).as_bytes());
    block[136..147].copy_from_slice(b"14735401045");
    block[156] = b'0';
    block[257..262].copy_from_slice(b"ustar");
    block.extend_from_slice(packages);
    block.resize(block.len().next_multiple_of(512) + 1024, 0);
    block
}
