//! A kept reading: used while nothing changed, given up for everything else.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use agent::packages::apt::{Environment, Options, RefreshLists, gather};
use agent::packages::kept::{FOLDER, Keeper, Note, Source};
use agent::packages::root::Root;
use api::Timestamp;
use domain::facts::{FactSet, Observation, content_hash};

use crate::damage::{STATUS, node};

fn root(folder: &Path) -> Root {
    Root::at(&folder.join("root")).unwrap()
}

fn read(folder: &Path, environment: &str) -> (FactSet, Observation, Source) {
    let options = Options {
        environment: Environment::default(),
        now: Timestamp::from_seconds(1_800_000_000),
        refresh: RefreshLists::Never,
        index: None,
    };
    let root = root(folder).keeping(Keeper::new(&folder.join("data"), environment));
    let (facts, observation) = gather(&root, &options).unwrap();
    let (hash, source) = root.keeper().unwrap().facts_hash().unwrap();
    assert_eq!(hash, content_hash(&facts.to_canonical_json()));
    (facts, observation, source)
}

/// Files that changed a moment ago may change again unseen: reads until a reading is kept and used.
fn settled(folder: &Path) -> (FactSet, Observation) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (facts, observation, source) = read(folder, "");
        if source == Source::Kept {
            return (facts, observation);
        }
        assert!(Instant::now() < deadline, "no reading is kept");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_unchanged_node_is_not_read_again_and_says_the_same() {
    let folder = node();
    let (facts, observation, first) = read(folder.path(), "");
    assert_eq!(first, Source::Read);
    let again = settled(folder.path());
    assert_eq!((&again.0, &again.1), (&facts, &observation));
    assert_eq!(read(folder.path(), "APT_CONFIG=/other").2, Source::Read, "another environment");
}

#[test]
fn whatever_changed_is_read() {
    let changes: [(&str, &str); 4] = [
        (
            STATUS,
            "Package: alpha\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3\nDescription: x\n\n",
        ),
        ("etc/apt/preferences", "Package: alpha\nPin: release a=s\nPin-Priority: -1\n"),
        ("etc/os-release", "ID=other\n"),
        ("run/reboot-required", ""),
    ];
    for (path, text) in changes {
        let folder = node();
        let before = settled(folder.path());
        assert!(Note::load(&folder.path().join("data")).unwrap().is_unchanged(&root(folder.path())));
        let path = folder.path().join("root").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let note = Note::load(&folder.path().join("data")).unwrap();
        assert!(!note.is_unchanged(&root(folder.path())), "{} changed unseen", path.display());
        let (facts, observation, source) = read(folder.path(), "");
        assert_eq!(source, Source::Read, "{}", path.display());
        assert_ne!((facts, observation), before, "{}", path.display());
    }
}

#[test]
fn a_damaged_or_foreign_memory_counts_as_none() {
    let folder = node();
    let (facts, _) = settled(folder.path());
    let kept = folder.path().join("data").join(FOLDER);
    for name in ["facts.bin", "note.json"] {
        let path = kept.join(name);
        let sound = fs::read(&path).unwrap();
        for damaged in [&sound[..sound.len() / 2], b"", b"{}", &[sound.as_slice(), b" "].concat()[1..]] {
            fs::write(&path, damaged).unwrap();
            let (read_again, _, source) = read(folder.path(), "");
            assert_eq!((read_again, source), (facts.clone(), Source::Read), "{name}");
        }
        settled(folder.path());
    }
    // The same files under another root's name are another node's.
    let other = tempfile::tempdir().unwrap();
    fs::rename(folder.path().join("root"), other.path().join("root")).unwrap();
    fs::rename(folder.path().join("data"), other.path().join("data")).unwrap();
    assert_eq!(read(other.path(), "").2, Source::Read);
}

/// A run that installs reads before and after, through one root.
#[test]
fn a_second_reading_through_one_root_sees_what_changed_in_between() {
    let folder = node();
    settled(folder.path());
    let options = Options {
        environment: Environment::default(),
        now: Timestamp::from_seconds(0),
        refresh: RefreshLists::Never,
        index: None,
    };
    let root = root(folder.path()).keeping(Keeper::new(&folder.path().join("data"), ""));
    let (before, _) = gather(&root, &options).unwrap();
    let status = folder.path().join("root").join(STATUS);
    fs::write(&status, fs::read_to_string(&status).unwrap().replace("Version: 1.0", "Version: 2.0")).unwrap();
    let (after, _) = gather(&root, &options).unwrap();
    assert_ne!(before, after);
    let told = root.keeper().unwrap().facts_hash().unwrap();
    assert_eq!(told, (content_hash(&after.to_canonical_json()), Source::Read));
}

/// What is written while the node is read must not be taken for what was read.
#[test]
fn a_reading_of_files_that_just_changed_is_not_kept() {
    let folder = node();
    settled(folder.path());
    let status = folder.path().join("root").join(STATUS);
    fs::write(&status, fs::read(&status).unwrap()).unwrap();
    assert_eq!(read(folder.path(), "").2, Source::Read);
    assert!(Note::load(&folder.path().join("data")).is_none(), "the older note is gone as well");
}
