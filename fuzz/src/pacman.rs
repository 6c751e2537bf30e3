//! Arch nodes: the local database, the lists of repositories, the configuration.

use std::sync::OnceLock;

use agent::packages::pacman::{Pacman, lists};
use agent::packages::{GatherOptions, PackageManager, RefreshLists};
use api::Timestamp;
use domain::patch::transaction::{Change, ChangeReason};

use crate::node::{Files, Node, choose, runner};

const DESC: &str = "%NAME%\nalpha\n\n%VERSION%\n1.0-1\n\n%BASE%\nalpha\n\n%ARCH%\nx86_64\n\n%INSTALLDATE%\n1700000000\n\n\
                    %GROUPS%\nbase\n\n";
/// Of which the last is an archive that is made when it is needed.
const FILES: Files = &[
    ("var/lib/pacman/local/alpha-1.0-1/desc", DESC),
    ("var/lib/pacman/local/alpha-1.0-1/files", "%FILES%\nusr/\nusr/bin/alpha\n\n%BACKUP%\netc/alpha\tx\n"),
    (
        "etc/pacman.conf",
        "[options]\nArchitecture = x86_64\nIgnorePkg = beta*\n[core]\nInclude = /etc/pacman.d/mirrorlist\n",
    ),
    ("etc/pacman.d/mirrorlist", "Server = https://a.example.org/$repo/os/$arch\n"),
    ("etc/os-release", "ID=arch\nPRETTY_NAME=\"Arch Linux\"\n"),
    (LIST, ""),
];
const LIST: &str = "var/lib/pacman/sync/core.db";
const OFFERED: &str =
    "%NAME%\nalpha\n\n%VERSION%\n1.1-1\n\n%BUILDDATE%\n1700000001\n\n%REPLACES%\nalpha<1\n\n";

/// A list as it streams by: as it is, and with headers whose sums are right, which no fuzzer guesses.
pub fn list(data: &[u8]) {
    let Some((chosen, bytes)) = choose(data, 2) else { return };
    let _ = match chosen {
        0 => lists::read_bytes(bytes),
        _ => lists::read_bytes(&with_sums(bytes)),
    };
}

/// A whole reading of a node, one of whose files has other content.
pub fn node(data: &[u8]) {
    static NODE: OnceLock<Node> = OnceLock::new();
    let Some((chosen, bytes)) = choose(data, FILES.len()) else { return };
    let node = NODE.get_or_init(|| {
        let node = Node::new("pacman", &FILES[..FILES.len() - 1]);
        node.put(LIST, &tar(OFFERED.as_bytes()));
        node
    });
    let (name, sound) = FILES[chosen];
    let options =
        GatherOptions { now: Timestamp::from_seconds(0), refresh: RefreshLists::Never, data_dir: None };
    let change = Change {
        name: "alpha".to_owned(),
        arch: "x86_64".to_owned(),
        from: Some("1.0-1".to_owned()),
        to: Some("1.1-1".to_owned()),
        reason: ChangeReason::Wanted,
    };
    if name == LIST {
        node.put(name, &tar(bytes));
        let _ = Pacman::new(&node.root()).gather(&options);
        return;
    }
    node.with((name, sound), bytes, |root| {
        let pacman = Pacman::new(root);
        let _ = pacman.gather(&options);
        pacman.files_of(&[change], &mut runner());
    });
}

/// One package's `desc` as the only member.
fn tar(desc: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..12].copy_from_slice(b"alpha-1/desc");
    block[124..135].copy_from_slice(format!("{:011o}", desc.len()).as_bytes());
    block[156] = b'0';
    block[257..262].copy_from_slice(b"ustar");
    block.extend_from_slice(desc);
    block.resize(block.len().next_multiple_of(512), 0);
    with_sums(&block)
}

/// Walks from header to header by the sizes that stand there, as far as they lead.
fn with_sums(bytes: &[u8]) -> Vec<u8> {
    let mut archive = bytes.to_vec();
    let mut at = 0;
    while let Some(header) = archive.get_mut(at..at + 512) {
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        header[148..156].fill(b' ');
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let size = String::from_utf8_lossy(&header[124..136]).into_owned();
        let size = u32::from_str_radix(size.trim_matches(|c| c == ' ' || c == '\0'), 8).unwrap_or(0);
        at += 512 + (size as usize).next_multiple_of(512);
    }
    archive
}
