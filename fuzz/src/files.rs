//! Parsers that read files: one small node in memory, of which the fuzzer writes one file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use agent::packages::apt::{Environment, Options, RefreshLists, gather};
use agent::packages::root::Root;
use agent::packages::rpm::database::Database;
use api::Timestamp;

const STATUS: &str =
    "Package: alpha\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\nDescription: x\n\n";
const LIST: &str = "Package: alpha\nArchitecture: amd64\nVersion: 2.0\nSize: 10\nDescription: x\n\n";
/// The files that the first byte chooses from, with their sound content.
const APT: [(&str, &str); 8] = [
    ("var/lib/dpkg/status", STATUS),
    ("var/lib/apt/lists/a.example.org_d_dists_s_main_binary-amd64_Packages", LIST),
    ("var/lib/apt/lists/a.example.org_d_dists_s_Release", "Origin: x\nSuite: s\n"),
    ("etc/apt/sources.list", "deb http://a.example.org/d s main\n"),
    ("etc/apt/sources.list.d/x.sources", "Types: deb\nURIs: http://a.example.org/d\nSuites: s\nComponents: main\n"),
    ("etc/apt/preferences", "Package: al*\nPin: release a=s\nPin-Priority: 900\n"),
    ("etc/apt/apt.conf", "APT { Architectures { \"amd64\"; }; };\n"),
    ("var/lib/apt/extended_states", "Package: alpha\nArchitecture: amd64\nAuto-Installed: 1\n\n"),
];
/// Of rpm's three formats.
const RPM: [&str; 3] = ["var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages.db", "var/lib/rpm/Packages"];

/// In memory where there is such a folder; left behind when the fuzzer ends the process.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("fettle-fuzz-").tempdir_in(base).expect("a folder").keep();
        for (name, text) in APT {
            write(&folder.join("apt").join(name), text.as_bytes());
        }
        fs::create_dir_all(folder.join("rpm/var/lib/rpm")).expect("a folder");
        folder
    })
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

pub fn apt_node(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let (name, sound) = APT[usize::from(*choice) % APT.len()];
    let root = folder().join("apt");
    write(&root.join(name), text);
    let options = Options {
        environment: Environment::default(),
        now: Timestamp::from_seconds(0),
        refresh: RefreshLists::Never,
        index: None,
    };
    let _ = gather(&Root::at(&root).expect("the node"), &options);
    write(&root.join(name), sound.as_bytes());
}

pub fn rpm_database(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let root = folder().join("rpm");
    let path = root.join(RPM[usize::from(*choice) % RPM.len()]);
    write(&path, bytes);
    let node = Root::at(&root).expect("the node");
    let _ = Database::require(&node).and_then(|database| database.installed(&node));
    fs::remove_file(&path).expect("it was written");
}
