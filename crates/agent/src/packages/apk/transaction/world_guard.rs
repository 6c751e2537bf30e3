//! Keeps apk's world as it was. `apk add NAME=VERSION` installs exactly that version and writes the wish into the world, where it
//! would hold the package there for ever; so the world from before is noted on disk first, and put back afterwards, by the next
//! run if this one dies. What somebody else wrote in between stays.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use domain::patch::{Failure, FailureCode};
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::super::super::root::Root;
use super::super::super::tool::failure;
use super::super::world::{self, Entry};
use crate::files::{remove_if_present, write_atomically};

/// Within the root.
const NOTE: &str = "/var/cache/fettle-agent/apk/world.json";
const LOCK: &str = "/lib/apk/db/lock";
/// A world is text for people to edit: whoever may read it still may.
const MODE: u32 = 0o644;
const LOCK_WAIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(200);

/// What is needed to put the world back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    before: String,
    /// What apk is asked for, as it is written into the world.
    asked: Vec<String>,
}

/// Notes the world before apk is asked for this.
pub fn begin(root: &Root, asked: &[String]) -> Result<(), Failure> {
    restore(root)?;
    let before = read(root)?;
    let note = Note { before, asked: asked.to_vec() };
    let path = root.shown(Path::new(NOTE));
    let folder = path.parent().unwrap_or(Path::new("/"));
    let bytes = serde_json::to_vec(&note).map_err(|error| told(&path, &error))?;
    fs::create_dir_all(folder).map_err(|error| told(&path, &error))?;
    write_atomically(&path, &bytes).map_err(|error| told(&path, &error))
}

/// Writes wishes into the world in place of what it says of those packages, for a tool that takes none.
pub fn put_in(root: &Root, asked: &[String]) -> Result<(), Failure> {
    if asked.is_empty() {
        return Ok(());
    }
    let wishes: Vec<Entry> = asked.iter().map(|text| Entry::parse(text)).collect();
    let now = read(root)?;
    let kept = now.split_ascii_whitespace().filter(|text| {
        let name = Entry::parse(text).name;
        !wishes.iter().any(|wish| wish.name == name)
    });
    let lines = kept.chain(asked.iter().map(String::as_str)).map(|line| format!("{line}\n"));
    write(root, &lines.collect::<String>())
}

fn write(root: &Root, text: &str) -> Result<(), Failure> {
    let world = root.shown(Path::new(world::PATH));
    let written = write_atomically(&world, text.as_bytes())
        .and_then(|()| fs::set_permissions(&world, fs::Permissions::from_mode(MODE)));
    written.map_err(|error| told(&world, &error))
}

/// Whether a run left its wishes in the world, or may have.
pub fn is_noted(root: &Root) -> Result<bool, Failure> {
    Ok(root.identity(Path::new(NOTE))?.is_some())
}

/// Puts the world back. Does nothing when nothing is noted, and may be done twice.
pub fn restore(root: &Root) -> Result<(), Failure> {
    let Some(bytes) = root.read(Path::new(NOTE))? else { return Ok(()) };
    let path = root.shown(Path::new(NOTE));
    let note: Note = serde_json::from_slice(&bytes).map_err(|error| told(&path, &error))?;
    // Nobody's apk may have read the wishes and write them again.
    let _lock = lock(root)?;
    let now = read(root)?;
    let back = merged(&note, &now);
    if back != now {
        write(root, &back)?;
    }
    remove_if_present(&path).map_err(|error| told(&path, &error))
}

fn read(root: &Root) -> Result<String, Failure> {
    let bytes = root.read(Path::new(world::PATH))?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Keeps apk processes away until the file is dropped. One that is at work is waited for.
fn lock(root: &Root) -> Result<Option<fs::File>, Failure> {
    let Some(file) = root.open(Path::new(LOCK))? else { return Ok(None) };
    let path = root.shown(Path::new(LOCK));
    let began = Instant::now();
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) if began.elapsed() < LOCK_WAIT => std::thread::sleep(PAUSE),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let detail = format!("apk's world is not put back yet: another apk holds {}", path.display());
                return Err(failure(FailureCode::LockHeld, "", detail));
            }
            Err(error) => return Err(told(&path, &error)),
        }
    }
}

/// The world as it would be without what was asked.
fn merged(note: &Note, now: &str) -> String {
    let entries = |text: &str| -> Vec<Entry> { text.split_ascii_whitespace().map(Entry::parse).collect() };
    let (before, now_entries) = (entries(&note.before), entries(now));
    let asked: Vec<Entry> = note.asked.iter().map(|text| Entry::parse(text)).collect();
    // A package file that was asked for stands in the world with its checksum, under the package's name.
    let is_ours = |entry: &Entry| {
        entry.operator == "><" && !before.contains(entry)
            || asked.iter().any(|asked| asked.text == entry.text)
    };
    let mut lines: Vec<&str> = Vec::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for entry in &now_entries {
        if !is_ours(entry) {
            lines.push(&entry.text);
        } else if done.insert(&entry.name) {
            let own = before.iter().filter(|own| own.name == entry.name);
            lines.extend(own.map(|own| own.text.as_str()));
        }
    }
    let same = |text: &str| text.split_ascii_whitespace().map(str::to_owned).collect::<BTreeSet<_>>();
    let back: BTreeSet<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    match () {
        () if back == same(&note.before) => note.before.clone(),
        () if back == same(now) => now.to_owned(),
        () => lines.into_iter().map(|line| format!("{line}\n")).collect(),
    }
}

fn told(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    let detail = format!("cannot keep apk's world as it is: {}: {error}", path.display());
    failure(FailureCode::ToolFailed, "apk", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, asked: &[&str], now: &str, expected: &str) {
        let note =
            Note { before: before.to_owned(), asked: asked.iter().map(|text| (*text).to_owned()).collect() };
        assert_eq!(merged(&note, now), expected, "{before} {asked:?} {now}");
    }

    #[test]
    fn wishes_go_and_the_rest_stays() {
        check("a\nb~1\n", &["a=2", "lib=3", "!x"], "!x\na=2\nb~1\nlib=3\n", "a\nb~1\n");
        check("a@edge\n", &["a@edge=2"], "a@edge=2\n", "a@edge\n");
        check("a\n", &["a=2"], "a\n", "a\n"); // apk wrote nothing
        check("a=2\n", &["a=2"], "a=2\n", "a=2\n"); // it was so before
        check("a", &["/cache/a-1.apk"], "a><Q1abc=\n", "a");
    }

    #[test]
    fn what_others_wrote_in_between_stays() {
        check("a\nb\n", &["a=2"], "a=2\nb\nnew\n", "a\nb\nnew\n");
        check("a\nb\n", &["a=2"], "a=2\n", "a\n"); // somebody took b away
        check("a\n", &["a=2"], "a=3\n", "a=3\n"); // somebody chose another version
        check("a\n", &["a=2"], "b\n", "b\n"); // somebody took a away
    }

    #[test]
    fn a_run_that_died_is_made_good() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("etc/apk")).unwrap();
        fs::create_dir_all(folder.path().join("lib/apk/db")).unwrap();
        fs::write(folder.path().join("lib/apk/db/lock"), "").unwrap();
        let world = folder.path().join("etc/apk/world");
        fs::write(&world, "a\nb\n").unwrap();
        let root = Root::at(folder.path()).unwrap();
        assert!(!is_noted(&root).unwrap());
        restore(&root).unwrap();
        begin(&root, &["a=2".to_owned()]).unwrap();
        fs::write(&world, "a=2\nb\n").unwrap();
        assert!(is_noted(&root).unwrap());
        restore(&root).unwrap();
        assert_eq!(fs::read_to_string(&world).unwrap(), "a\nb\n");
        assert!(!is_noted(&root).unwrap());
        restore(&root).unwrap();
    }
}
