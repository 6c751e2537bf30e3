//! Checks on the tree itself: which crate may use which, how files open, how long they are.
//! What the compiler and clippy can check is theirs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

/// Our crates, and those of ours that each may name in its manifest; `e2e` may use all, for tests.
const MAY_USE: [(&str, &[&str]); 10] = [
    ("api", &[]),
    ("domain", &["api"]),
    ("store", &["domain", "api"]),
    ("fleet", &["store", "domain", "api"]),
    ("server", &["fleet", "store", "domain", "api", "cli", "script", "console-assets"]),
    ("agent", &["domain", "api"]),
    ("cli", &["api"]),
    ("console-assets", &[]),
    ("script", &[]),
    ("e2e", &[]),
];

/// What a crate must never link, by the beginning of a dependency's name.
const NEVER: [(&str, &[&str]); 5] = [
    ("api", &["tokio", "axum", "hyper", "ureq", "rusqlite"]),
    ("domain", &["tokio", "axum", "hyper", "ureq", "rusqlite", "getrandom"]),
    ("agent", &["rusqlite", "tokio-postgres", "deadpool", "axum", "hyper"]),
    ("cli", &["tokio", "axum", "hyper", "rusqlite"]),
    ("script", &["tokio", "axum", "hyper", "ureq", "rusqlite"]),
];

const MAX_LINES: usize = 500;

/// Files that are longer, with what they may at most be. This list only shrinks.
const LONG: [(&str, usize); 0] = [];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Sources of this kind, with their paths from the root.
fn sources(extension: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    let mut folders = vec![root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|known| known == extension) {
                let text = fs::read_to_string(&path).unwrap();
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
                found.push((name, text));
            }
        }
    }
    assert!(!found.is_empty());
    found.sort();
    found
}

/// The names in the sections of a manifest whose title ends so.
fn dependencies(manifest: &str, section: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = vec![];
    for line in manifest.lines() {
        if let Some(title) = line.strip_prefix('[') {
            let title = title.trim_end().trim_end_matches(']');
            inside = title == section || title.ends_with(&format!(".{section}"));
        } else if let (true, Some((name, _))) = (inside, line.split_once('=')) {
            let name = name.trim().trim_end_matches(".workspace");
            names.push(name.to_owned());
        }
    }
    names
}

#[test]
fn crates_depend_in_one_direction() {
    let ours: Vec<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    let folders = fs::read_dir(root().join("crates")).unwrap();
    let mut present: Vec<String> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    present.sort();
    let mut expected = ours.clone();
    expected.sort_unstable();
    assert_eq!(present, expected, "another crate needs a reason: see ARCHITECTURE.md");

    for (name, allowed) in MAY_USE {
        let manifest = fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
        let used = dependencies(&manifest, "dependencies");
        for other in used.iter().filter(|other| ours.contains(&other.as_str())) {
            assert!(allowed.contains(&other.as_str()), "{name} must not depend on {other}");
        }
        for (_, never) in NEVER.iter().filter(|(crate_name, _)| *crate_name == name) {
            for other in &used {
                let is_never = never.iter().any(|prefix| other.starts_with(prefix));
                // The agent runs on tokio; `tokio-postgres` is another matter.
                assert!(!is_never, "{name} must not depend on {other}");
            }
        }
    }
}

#[test]
fn versions_stand_in_the_workspace_manifest() {
    for (name, text) in sources("toml").into_iter().filter(|(name, _)| name.ends_with("/Cargo.toml")) {
        for line in text.lines().filter(|line| !line.starts_with("version") && !line.starts_with('#')) {
            assert!(!line.contains("version = \""), "{name}: {line}");
        }
        assert!(
            text.contains("[lints]\nworkspace = true"),
            "{name} does not opt in to the workspace's lints"
        );
    }
}

#[test]
fn files_say_what_they_own() {
    for (name, text) in sources("rs") {
        assert!(text.starts_with("//! "), "{name} does not open with `//!`");
    }
}

#[test]
fn files_fit_in_the_head() {
    for (name, text) in sources("rs") {
        let lines = text.lines().count();
        match LONG.iter().find(|(long, _)| *long == name) {
            Some((_, most)) => {
                assert!(lines <= *most, "{name} has grown to {lines} lines; split it");
                assert!(lines > MAX_LINES, "{name} is no exception any more: take it from the list");
            }
            None => assert!(lines <= MAX_LINES, "{name} has {lines} lines; split it"),
        }
    }
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(architecture.lines().count() <= 250, "ARCHITECTURE.md is meant to be read in one go");
}

#[test]
fn nothing_is_left_for_later_unnamed() {
    // Written apart, so that this file does not find itself.
    let later = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let skipped = ["#[ignore", "#[should_panic", "#[allow("];
    for (name, text) in sources("rs") {
        for (number, line) in text.lines().enumerate() {
            let place = format!("{name}:{}: {line}", number + 1);
            let is_later =
                later.iter().any(|word| line.split(|c: char| !c.is_alphanumeric()).any(|part| part == *word));
            assert!(!is_later || line.contains('#'), "cites no issue: {place}");
            let is_skip = skipped.iter().any(|attribute| line.trim_start().starts_with(attribute));
            assert!(!is_skip, "not used here: {place}");
        }
    }
}

/// Tests whose oracle is SQLite itself: they make the databases that the agent reads without it.
const ASKS_SQLITE: [&str; 2] =
    ["crates/agent/src/packages/rpm/sqlite/tests.rs", "crates/agent/tests/rpm/zypper.rs"];
/// Reads the statements that other programs' databases keep of their tables.
const READS_STATEMENTS: &str = "crates/agent/src/packages/rpm/sqlite/record.rs";

/// SQL stands in `store` alone.
#[test]
fn sql_stands_in_the_store() {
    let statements = ["SELECT ", "INSERT INTO", "DELETE FROM", "UPDATE nodes", "CREATE TABLE"];
    for (name, text) in sources("rs") {
        let is_free = name.starts_with("crates/store/") || name.starts_with("crates/e2e/");
        let is_free = is_free || ASKS_SQLITE.contains(&name.as_str()) || name == READS_STATEMENTS;
        for line in text.lines().filter(|line| !is_free && !line.trim_start().starts_with("//")) {
            let is_probe = line.contains("\"SELECT 1\"");
            assert!(is_probe || statements.iter().all(|word| !line.contains(word)), "{name}: {line}");
        }
    }
}
