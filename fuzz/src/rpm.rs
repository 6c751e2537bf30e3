//! rpm nodes: the database, the metadata of repositories, the configuration of dnf and of zypper.

use std::sync::OnceLock;

use agent::packages::dnf::Dnf;
use agent::packages::rpm::database::Database;
use agent::packages::rpm::header::Installed;
use agent::packages::rpm::{ini, repomd};
use agent::packages::zypper::Zypper;
use agent::packages::{GatherOptions, PackageManager, RefreshLists};
use api::Timestamp;

use crate::node::{Files, Node, choose};

const OS: (&str, &str) = ("etc/os-release", "ID=rhel\nVERSION_ID=\"9.4\"\nPLATFORM_ID=\"platform:el9\"\n");
const REPOMD: &str = r#"<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision>
<data type="primary"><location href="repodata/primary.xml"/><timestamp>1</timestamp></data>
<data type="updateinfo"><location href="repodata/updateinfo.xml"/></data>
<data type="modules"><location href="repodata/modules.yaml"/></data></repomd>"#;
const PRIMARY: &str = r#"<metadata packages="1"><package type="rpm"><name>alpha</name><arch>x86_64</arch>
<version epoch="0" ver="2.0" rel="1.el9"/><time file="1" build="2"/><format><rpm:vendor>v</rpm:vendor>
<rpm:provides><rpm:entry name="alpha"/></rpm:provides></format></package></metadata>"#;
const UPDATEINFO: &str = r#"<updates><update type="security"><id>A-1</id><issued date="2026-01-02"/><severity>Low</severity>
<references><reference id="CVE-2026-0001" type="cve"/></references><pkglist><collection><package name="alpha" version="2.0"
release="1.el9" epoch="0" arch="x86_64"/></collection></pkglist></update></updates>"#;
const MODULES: &str = "---\ndocument: modulemd\ndata:\n  name: m\n  stream: \"1\"\n  context: c\n  dependencies:\n  - requires:\n      \
                       platform: [el9]\n  artifacts:\n    rpms:\n    - alpha-0:2.0-1.el9.x86_64\n...\n";
/// Metadata first, then configuration. dnf names its folder by id and hash of the address.
const DNF: Files = &[
    ("var/cache/dnf/app-d400e22a37ad7815/repodata/repomd.xml", REPOMD),
    ("var/cache/dnf/app-d400e22a37ad7815/repodata/primary.xml", PRIMARY),
    ("var/cache/dnf/app-d400e22a37ad7815/repodata/updateinfo.xml", UPDATEINFO),
    ("var/cache/dnf/app-d400e22a37ad7815/repodata/modules.yaml", MODULES),
    ("etc/dnf/dnf.conf", "[main]\nexcludepkgs=x*\n"),
    ("etc/yum.repos.d/a.repo", "[app]\nname=App\nbaseurl=http://a.example.org/\npriority=10\n"),
    ("etc/dnf/vars/v", "1\n"),
    ("etc/dnf/plugins/versionlock.conf", "[main]\nenabled=1\n"),
    ("etc/dnf/plugins/versionlock.list", "alpha-0:1.*\n!beta-1-1.*\n"),
    (
        "etc/dnf/versionlock.toml",
        "version = \"1.0\"\n[[packages]]\nname = \"alpha\"\n[[packages.conditions]]\nkey = \"evr\"\ncomparator = \"=\"\nvalue = \"1-1\"\n",
    ),
    ("etc/dnf/modules.d/m.module", "[m]\nname=m\nstream=1\nstate=enabled\n"),
    OS,
];
const ZYPPER: Files = &[
    ("etc/zypp/zypp.conf", "[main]\nsolver.allowVendorChange = true\n"),
    ("etc/zypp/repos.d/a.repo", "[app]\nname=App\nenabled=1\nbaseurl=http://a.example.org/\npriority=10\n"),
    (
        "etc/zypp/locks",
        "\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: al*\nversion: > 1\n\n",
    ),
    ("etc/zypp/vars.d/v", "1\n"),
    ("var/cache/zypp/raw/app/repodata/repomd.xml", REPOMD),
    ("var/cache/zypp/raw/app/repodata/primary.xml", PRIMARY),
    ("var/cache/zypp/raw/app/repodata/updateinfo.xml", UPDATEINFO),
    ("var/cache/zypp/raw/app/repodata/modules.yaml", MODULES),
];
/// How many of dnf's files are metadata, and how many of zypper's are configuration.
const METADATA: usize = 4;
const ZYPPER_SETTINGS: usize = 4;
/// Of the forms that the agent reads itself. The last two belong to nodes with metadata: dnf's history, and yum's form of
/// `primary`.
const DATABASES: [&str; 4] = ["var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages.db", HISTORY, PRIMARY_DB];
const HISTORY: &str = "var/lib/dnf/history.sqlite";
const PRIMARY_DB: &str = "var/cache/dnf/app-d400e22a37ad7815/repodata/primary.sqlite";
const REPOMD_OF_YUM: &str = r#"<repomd><revision>1</revision><data type="primary_db"><location href="repodata/primary.sqlite.bz2"/>
</data><data type="primary"><location href="repodata/primary.xml"/></data></repomd>"#;

fn options() -> GatherOptions {
    GatherOptions { now: Timestamp::from_seconds(0), refresh: RefreshLists::Never, data_dir: None }
}

fn dnf_node() -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| {
        let node = Node::new("dnf", DNF);
        node.put("var/lib/rpm/Packages.db", &database());
        node
    })
}

fn zypper_node() -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| {
        let node = Node::new("zypper", ZYPPER);
        node.put("usr/lib/sysimage/rpm/Packages.db", &database());
        node
    })
}

/// What repositories publish: repomd, primary, updateinfo, modules.
pub fn repodata(data: &[u8]) {
    let Some((chosen, bytes)) = choose(data, METADATA) else { return };
    if chosen == 0 {
        let _ = repomd::RepoMd::parse(bytes);
    }
    dnf_node().with(DNF[chosen], bytes, |root| drop(Dnf::new(root).gather(&options())));
}

/// What an administrator writes: options, repositories, variables, locks, module streams.
pub fn settings(data: &[u8]) {
    let of_dnf = DNF.len() - METADATA;
    let Some((chosen, bytes)) = choose(data, of_dnf + ZYPPER_SETTINGS) else { return };
    let _ = ini::parse(&String::from_utf8_lossy(bytes));
    match chosen.checked_sub(of_dnf) {
        None => {
            dnf_node().with(DNF[METADATA + chosen], bytes, |root| drop(Dnf::new(root).gather(&options())))
        }
        Some(chosen) => {
            zypper_node().with(ZYPPER[chosen], bytes, |root| drop(Zypper::new(root).gather(&options())))
        }
    }
}

/// Every input as a package's header too: those are soon read.
pub fn database_file(data: &[u8]) {
    let _ = Installed::parse(data);
    static NODE: OnceLock<Node> = OnceLock::new();
    static YUM: OnceLock<Node> = OnceLock::new();
    let Some((chosen, bytes)) = choose(data, DATABASES.len()) else { return };
    let path = DATABASES[chosen];
    let node = match path {
        HISTORY => dnf_node(),
        PRIMARY_DB => YUM.get_or_init(|| {
            let node = Node::new("yum", DNF);
            node.put(DNF[0].0, REPOMD_OF_YUM.as_bytes());
            node.remove(DNF[1].0);
            node.put("var/lib/rpm/Packages.db", &database());
            node
        }),
        _ => NODE.get_or_init(|| Node::new("rpm", &[OS])),
    };
    node.put(path, bytes);
    let root = node.root();
    match path {
        HISTORY | PRIMARY_DB => drop(Dnf::new(&root).gather(&options())),
        _ => drop(Database::require(&root).and_then(|database| database.installed(&root))),
    }
    node.remove(path);
}

/// An ndb database of three packages.
fn database() -> Vec<u8> {
    const SYSTEM: [(u32, &str); 2] = [(1047, "system-release(releasever)"), (1113, "9")];
    let headers = [
        header_of("alpha", "1.0", "x86_64", &[]),
        header_of("bash", "5.1", "x86_64", &[]),
        header_of("test-release", "9.4", "noarch", &SYSTEM),
    ];
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let name = |text: &[u8; 4]| u32::from_le_bytes(*text);
    let mut slots = words(&[name(b"RpmP"), 0, 7, 1, 4, 0, 0, 0]);
    let mut blobs = Vec::new();
    for (number, header) in (1..).zip(headers) {
        let (block, length) = ((4096 + blobs.len() as u32) / 16, header.len() as u32);
        let blocks = (length + 16 + 12).div_ceil(16);
        slots.extend(words(&[name(b"Slot"), number, block, blocks]));
        let start = blobs.len();
        blobs.extend(words(&[name(b"BlbS"), number, 0, length]));
        blobs.extend(header);
        blobs.resize(start + blocks as usize * 16 - 12, 0);
        blobs.extend(words(&[0, length, name(b"BlbE")]));
    }
    while slots.len() < 4096 {
        slots.extend(words(&[name(b"Slot"), 0, 0, 0]));
    }
    [slots, blobs].concat()
}

/// Every value a text.
fn header_of(name: &str, version: &str, arch: &str, more: &[(u32, &str)]) -> Vec<u8> {
    let (mut index, mut data) = (Vec::new(), Vec::new());
    let values = [(1000, name), (1001, version), (1002, "1.el9"), (1022, arch)];
    let count = values.len() + more.len();
    for (tag, text) in values.iter().chain(more) {
        for word in [*tag, 6, data.len() as u32, 1] {
            index.extend(word.to_be_bytes());
        }
        data.extend_from_slice(text.as_bytes());
        data.push(0);
    }
    let lengths = [count as u32, data.len() as u32].map(u32::to_be_bytes).concat();
    [lengths, index, data].concat()
}
