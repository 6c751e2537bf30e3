//! apt nodes: every file that decides what is installed and what is offered.

use std::sync::OnceLock;

use agent::packages::apt::{Environment, Options, RefreshLists, deb822, gather, record, records, release};
use api::Timestamp;

use crate::node::{Files, Node, choose};

const STATUS: &str =
    "Package: alpha\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\nDescription: x\n\n";
const LIST: &str = "Package: alpha\nArchitecture: amd64\nVersion: 2.0\nSize: 10\nDescription: x\n\n";
const FILES: Files = &[
    ("var/lib/dpkg/status", STATUS),
    ("var/lib/apt/lists/a.example.org_d_dists_s_main_binary-amd64_Packages", LIST),
    ("var/lib/apt/lists/a.example.org_d_dists_s_Release", "Origin: x\nSuite: s\n"),
    ("etc/apt/sources.list", "deb http://a.example.org/d s main\n"),
    (
        "etc/apt/sources.list.d/x.sources",
        "Types: deb\nURIs: http://a.example.org/d\nSuites: s\nComponents: main\n",
    ),
    ("etc/apt/preferences", "Package: al*\nPin: release a=s\nPin-Priority: 900\n"),
    ("etc/apt/apt.conf", "APT { Architectures { \"amd64\"; }; };\n"),
    ("var/lib/apt/extended_states", "Package: alpha\nArchitecture: amd64\nAuto-Installed: 1\n\n"),
    ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
];

pub fn node(data: &[u8]) {
    static NODE: OnceLock<Node> = OnceLock::new();
    let Some((chosen, text)) = choose(data, FILES.len()) else { return };
    NODE.get_or_init(|| Node::new("apt", FILES)).with(FILES[chosen], text, |root| {
        let options = Options {
            environment: Environment::default(),
            now: Timestamp::from_seconds(0),
            refresh: RefreshLists::Never,
            index: None,
        };
        let _ = gather(root, &options);
    });
}

/// Stanzas alone, without files: some hundred times as many a second.
pub fn stanzas(data: &[u8]) {
    let Some((chosen, bytes)) = choose(data, 4) else { return };
    match chosen {
        0 => {
            if let Ok(read) = record::Record::parse(bytes) {
                // What is kept of a sound record comes back as it was.
                let mut kept = records::Records::default();
                if kept.push(&read).is_ok() {
                    let again = records::Records::from_bytes(kept.as_bytes().to_vec());
                    let again = again.iter().next().expect("one record was put in");
                    assert_eq!((again.package, again.version), (read.package, read.version));
                }
            }
        }
        1 => {
            let _ = release::Release::parse(bytes);
            let _ = release::Release::index_size_bytes(bytes, "main/binary-amd64/Packages");
        }
        2 => {
            if let Ok(stanzas) = deb822::stanzas(&String::from_utf8_lossy(bytes)) {
                stanzas.iter().for_each(|stanza| drop(stanza.words("Pin")));
            }
        }
        _ => records::Records::from_bytes(bytes.to_vec()).iter().for_each(drop),
    }
}
