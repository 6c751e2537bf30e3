//! Damaged input: an error that names the file, or the right answer; never a panic, never a quiet wrong one.

use std::fs;
use std::path::{Path, PathBuf};

use agent::packages::ScanError;
use agent::packages::apt::{Environment, Options, RefreshLists, gather};
use agent::packages::root::Root;
use api::Timestamp;
use domain::facts::FactSet;
use proptest::prelude::*;

use crate::random_nodes::write_packed;

const LIST: &str = "var/lib/apt/lists/a.example.org_d_dists_s_main_binary-amd64_Packages";
pub const STATUS: &str = "var/lib/dpkg/status";

fn status() -> String {
    let package = |name: &str| {
        format!(
            "Package: {name}\nStatus: install ok installed\nSection: misc\nArchitecture: amd64\nVersion: 1.0\nDescription: x\n\n"
        )
    };
    ["alpha", "beta", "gamma"].map(package).concat()
}

fn list() -> String {
    let package = |name: &str| {
        format!("Package: {name}\nArchitecture: amd64\nVersion: 2.0\nSize: 10\nDescription: x\n more\n\n")
    };
    ["aaa", "alpha", "beta", "delta"].map(package).concat()
}

fn release(list: &str) -> String {
    format!("Origin: x\nSuite: s\nSHA256:\n 00 {} main/binary-amd64/Packages\n", list.len())
}

/// A sound node of three packages.
pub fn node() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    for name in ["etc/apt/sources.list.d", "etc/apt/preferences.d", "var/lib/apt/lists", "var/lib/dpkg"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::write(root.join("etc/apt/sources.list"), "deb http://a.example.org/d s main\n").unwrap();
    fs::write(root.join(STATUS), status()).unwrap();
    fs::write(root.join("var/lib/apt/lists/a.example.org_d_dists_s_Release"), release(&list())).unwrap();
    write_packed(&root.join(LIST), list().as_bytes(), 0);
    folder
}

fn read(folder: &Path, index: Option<PathBuf>) -> Result<FactSet, ScanError> {
    let now = Timestamp::from_seconds(0);
    let options = Options { environment: Environment::default(), now, refresh: RefreshLists::Never, index };
    gather(&Root::at(&folder.join("root")).unwrap(), &options).map(|(facts, _)| facts)
}

/// What the error says after the folder of the test.
fn error(folder: &Path) -> String {
    let error = read(folder, None).expect_err("the damage is seen").to_string();
    let root = folder.join("root").canonicalize().unwrap();
    error.replace(&format!("{}/", root.display()), "")
}

#[test]
fn damage_is_named_with_file_and_line() {
    let check = |path: &str, text: &str, expected: &str| {
        let folder = node();
        fs::write(folder.path().join("root").join(path), text).unwrap();
        assert_eq!(error(folder.path()), expected);
    };
    let whole = status();
    check(STATUS, &whole[..whole.len() - 1], "var/lib/dpkg/status:21: the file ends inside a stanza");
    check(STATUS, &whole[..40], "var/lib/dpkg/status:2: the file ends inside a stanza");
    check(
        STATUS,
        &whole.replacen("Section: misc", "Section misc", 1),
        "var/lib/dpkg/status:3: line without a field name",
    );
    check(
        STATUS,
        &whole.replacen("ok installed", "ok instaled", 1),
        "var/lib/dpkg/status:1: unknown third word in the Status field",
    );
    check(
        STATUS,
        &whole.replacen("Version: 1.0\n", "", 1),
        "var/lib/dpkg/status:1: an installed package without a version or an architecture",
    );
    check(
        STATUS,
        &whole.replacen("beta", "be\0ta", 1),
        "var/lib/dpkg/status:8: the stanza has zero bytes in it",
    );
    check(
        LIST,
        &list().replacen("Size: 10\n", "Size 10\n", 2),
        &format!("{LIST}:11: line without a field name"),
    );
    check(
        LIST,
        &list()[..200],
        &format!("{LIST}: 200 bytes of text where its release file has {}", list().len()),
    );
    check(
        "etc/apt/sources.list",
        "deb http://a.example.org/d s main\nnonsense\n",
        "etc/apt/sources.list:2: malformed entry",
    );
    check(
        "etc/apt/preferences",
        "Package: x\nPin: version 1\nPin-Priority: 0\n",
        "etc/apt/preferences:1: no priority (or zero) for a pin",
    );
    check(
        "etc/apt/preferences.d/p",
        "\nPin: version 1\n",
        "etc/apt/preferences.d/p:2: pin without a Package field",
    );
    check("etc/apt/apt.conf", "A \"b\";\n\"\n", "etc/apt/apt.conf:2: statement without an end: `\"`");
    check(
        "var/lib/apt/extended_states",
        "Package: alpha\nAuto",
        "var/lib/apt/extended_states:2: the file ends inside a line",
    );
}

#[test]
fn packed_lists_that_are_cut_are_errors() {
    for compression in 1..=4 {
        let folder = node();
        let plain = folder.path().join("root").join(LIST);
        fs::remove_file(&plain).unwrap();
        fs::remove_file(folder.path().join("root/var/lib/apt/lists/a.example.org_d_dists_s_Release"))
            .unwrap();
        write_packed(&plain, list().repeat(400).as_bytes(), compression);
        assert!(read(folder.path(), None).is_ok(), "form {compression} is read when whole");
        let packed = fs::read_dir(plain.parent().unwrap())
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .next()
            .unwrap();
        let whole = fs::read(&packed).unwrap();
        for length in [0, 3, whole.len() / 2, whole.len() - 5, whole.len() - 1] {
            fs::write(&packed, &whole[..length]).unwrap();
            let outcome = read(folder.path(), None);
            // An empty file is an empty list, as apt has it for every form but xz.
            assert!(
                outcome.is_err() || length == 0,
                "form {compression} cut to {length} of {} bytes",
                whole.len()
            );
        }
    }
}

#[test]
fn a_damaged_index_is_built_anew() {
    let folder = node();
    let index = folder.path().join("index");
    let whole = read(folder.path(), None).unwrap();
    assert_eq!(read(folder.path(), Some(index.clone())).unwrap(), whole);
    let file = fs::read_dir(&index)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .next()
        .expect("an index was written");
    let good = fs::read(&file).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x5a;
        fs::write(&file, &bad).unwrap();
        assert_eq!(
            read(folder.path(), Some(index.clone())).unwrap(),
            whole,
            "byte {at} of the index changed"
        );
        fs::write(&file, &good[..at]).unwrap();
        assert_eq!(read(folder.path(), Some(index.clone())).unwrap(), whole, "the index cut at {at}");
    }
}

#[test]
fn a_changed_list_is_read_anew() {
    let folder = node();
    let index = Some(folder.path().join("index"));
    read(folder.path(), index.clone()).unwrap();
    let newer = list().replace("Version: 2.0", "Version: 3.0");
    fs::write(folder.path().join("root").join(LIST), newer).unwrap();
    let facts = read(folder.path(), index).unwrap();
    assert_eq!(facts.packages[0].candidate.as_deref(), Some("3.0"));
}

#[test]
fn a_resident_agent_sees_every_change_by_stat() {
    let folder = node();
    let now = Timestamp::from_seconds(0);
    let options =
        Options { environment: Environment::default(), now, refresh: RefreshLists::Never, index: None };
    let files = [
        STATUS,
        LIST,
        "etc/apt/preferences",
        "etc/apt/sources.list.d/new.list",
        "etc/apt/apt.conf",
        "var/lib/dpkg/arch",
        "run/reboot-required",
    ];
    for name in files {
        let root = Root::at(&folder.path().join("root")).unwrap().recording();
        gather(&root, &options).unwrap();
        let inputs = root.inputs();
        assert!(inputs.are_unchanged(&root));
        let path = folder.path().join("root").join(name);
        let before = fs::read(&path).ok();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "changed\n").unwrap();
        assert!(!inputs.are_unchanged(&root), "{name} changed unseen");
        match before {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
    }
}

fn mutate(text: &mut Vec<u8>, at: usize, change: u8, kind: usize) {
    let at = at % text.len().max(1);
    match kind {
        0 => text.truncate(at),
        1 => text[at] = change,
        2 => text.insert(at, change),
        _ => drop(text.drain(at..(at + usize::from(change)).min(text.len()))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens to a file, nothing panics, and with the index or without the outcome is the same.
    #[test]
    fn any_damage_is_survived(file in 0usize..7, changes in prop::collection::vec((any::<usize>(), any::<u8>(), 0usize..4), 1..4)) {
        let folder = node();
        let root = folder.path().join("root");
        let sources = "Types: deb\nURIs: http://a.example.org/d\nSuites: s\nComponents: main\n";
        let (path, text) = [
            (STATUS, status()),
            (LIST, list()),
            ("var/lib/apt/lists/a.example.org_d_dists_s_Release", release(&list())),
            ("etc/apt/sources.list.d/x.sources", sources.to_owned()),
            ("etc/apt/preferences", "Package: al*\nPin: release a=s\nPin-Priority: 900\n".to_owned()),
            ("etc/apt/apt.conf", "APT { Architectures { \"amd64\"; }; }; // x\n#clear A;\n".to_owned()),
            ("var/lib/apt/extended_states", "Package: alpha\nArchitecture: amd64\nAuto-Installed: 1\n\n".to_owned()),
        ][file].clone();
        let mut text = text.into_bytes();
        for (at, change, kind) in changes {
            if !text.is_empty() {
                mutate(&mut text, at, change, kind);
            }
        }
        fs::write(root.join(path), &text).unwrap();
        let plain = read(folder.path(), None).map_err(|error| error.to_string());
        for _ in 0..2 {
            let indexed = read(folder.path(), Some(folder.path().join("index"))).map_err(|error| error.to_string());
            prop_assert_eq!(&plain, &indexed);
        }
    }
}
