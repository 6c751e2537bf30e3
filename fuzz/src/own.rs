//! The agent's own files, as damage or an older version may leave them.

use std::io::Write;

use agent::enroll::Registration;
use agent::journal::{Journal, Limits};
use agent::packages::kept::Note;
use agent::packages::windows_update::rounds::ProgressFile;
use agent::patch_run::{history, memory};
use api::Timestamp;
use sha2::{Digest, Sha256};

use crate::node::{choose, folder, write};

pub fn files(data: &[u8]) {
    let Some((chosen, bytes)) = choose(data, 7) else { return };
    let folder = folder().join("agent");
    match chosen {
        0 => journal(&folder, bytes),
        1 => journal(&folder, &with_checksums(bytes)),
        2 => {
            write(&folder.join("patch-memory.json"), bytes);
            drop(memory::MemoryFile::open(&folder, "boot"));
        }
        3 => {
            write(&folder.join("patch-history.json"), bytes);
            drop(history::find(&folder, "one"));
        }
        4 => {
            write(&folder.join("kept/note.json"), bytes);
            drop(Note::load(&folder));
        }
        5 => {
            write(&folder.join("registration.json"), bytes);
            drop(Registration::require(&folder));
        }
        _ => {
            write(&folder.join("windows-updates/6a1b0c3e.json"), bytes);
            drop(ProgressFile::of(&folder, "6a1b0c3e").read());
        }
    }
}

fn journal(folder: &std::path::Path, bytes: &[u8]) {
    let path = folder.join("journal");
    write(&path, bytes);
    if let Ok(journal) = Journal::open(&path, Limits::default(), Timestamp::from_seconds(0)) {
        let (leftovers, replies) = (journal.leftovers().len(), journal.unacknowledged().count());
        drop(journal);
        // It rewrote what it understood, which reads the same.
        let again =
            Journal::open(&path, Limits::default(), Timestamp::from_seconds(0)).expect("its own file");
        assert_eq!((again.leftovers().len(), again.unacknowledged().count()), (leftovers, replies));
    }
}

/// Lines that are sound as far as their sum goes: no fuzzer guesses one.
fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let mut sum = hex::encode(Sha256::digest(line));
        sum.truncate(16);
        let _ = write!(text, "{sum} ");
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text
}
