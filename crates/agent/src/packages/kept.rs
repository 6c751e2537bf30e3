//! The last reading of a node, kept with the identity of everything it was read from: while nothing of that changed,
//! the next reading costs a stat call for each file, also in another process.
//! A cache only: without it the answer is the same, and a damaged one counts as none. Keeping account belongs to `root`.
//!
//! `note.json` is small and all that a resident agent looks at; `facts.bin` is the fact set in its compact form;
//! `processes.json` says which processes ran replaced files then.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use api::Timestamp;
use domain::compact::split_texts;
use domain::facts::{FactSet, RepositoryFailure, content_hash, form};
use serde::{Deserialize, Serialize};

use super::ScanError;
use super::index::checksum;
use super::root::{Identity, Inputs, Root};
use crate::files::write_atomically;

/// Within the agent's folder.
pub const FOLDER: &str = "facts";
const NOTE: &str = "note.json";
const FACTS: &str = "facts.bin";
const SUSPECTS: &str = "processes.json";
/// Changes whenever the note's form or meaning does.
const FORM: u32 = 3;
/// A file that changed this shortly before it was read may change again with the same time stamp: such a reading is not
/// kept.
const TIME_STAMP_NS: i64 = 100_000_000;

/// What a reader of a package manager finds out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub facts: FactSet,
    /// When the oldest package list in use was last fetched or confirmed.
    pub lists_updated_at: Option<Timestamp>,
    /// Enabled repositories of which nothing is there to be read.
    pub missing_repositories: Vec<RepositoryFailure>,
}

/// Where readings are kept, for one use of a root.
#[derive(Debug)]
pub struct Keeper {
    data_dir: PathBuf,
    folder: PathBuf,
    /// What the reading depends on besides files: this program, its environment.
    made_by: String,
    used: RefCell<Option<Used>>,
    /// Hashing costs more than all else of keeping a reading.
    hashes: bool,
}

/// How the last reading came to its facts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Used {
    facts_hash: String,
    source: Source,
}

/// Where facts came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nothing had changed since they were kept.
    Kept,
    Read,
}

/// Which processes ran replaced files when the note was written, or may have.
#[derive(Debug, Serialize, Deserialize)]
struct Suspects {
    note: Identity,
    boot_id: String,
    processes: Vec<u32>,
}

/// What is remembered of a reading without the facts themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    form: u32,
    made_by: String,
    root: PathBuf,
    /// Tells one start of the machine from another; empty for a foreign root.
    boot_id: String,
    pub facts_hash: String,
    facts_sum: u64,
    lists_updated_at: Option<Timestamp>,
    missing_repositories: Vec<RepositoryFailure>,
    inputs: Inputs,
}

impl Keeper {
    /// In the agent's folder; `environment` is whatever of the process's environment changes what is read.
    pub fn new(data_dir: &Path, environment: &str) -> Self {
        let made_by = format!("{} {:x?} {environment}", crate::VERSION, program());
        Self {
            data_dir: data_dir.to_owned(),
            folder: data_dir.join(FOLDER),
            made_by,
            used: RefCell::default(),
            hashes: true,
        }
    }

    /// For a caller that does not ask for [`Self::facts_hash`].
    pub fn without_hash(self) -> Self {
        Self { hashes: false, ..self }
    }

    /// The hash of the facts that the last reading came to (empty from a keeper [`Self::without_hash`]), and whether they
    /// were read for it.
    pub fn facts_hash(&self) -> Option<(String, Source)> {
        self.used.borrow().as_ref().map(|used| (used.facts_hash.clone(), used.source))
    }

    /// The only processes that can run files which packages replaced, when nothing changed since the kept reading: those
    /// that did then, or could not be looked at. Whatever started later found the new files.
    pub fn suspects(&self, boot_id: &str) -> Option<Vec<u32>> {
        let is_kept = self.used.borrow().as_ref().is_some_and(|used| used.source == Source::Kept);
        if !is_kept {
            return None;
        }
        let suspects: Suspects = serde_json::from_slice(&fs::read(self.folder.join(SUSPECTS)).ok()?).ok()?;
        let is_of_note = Some(suspects.note) == Note::identity(&self.data_dir);
        (is_of_note && suspects.boot_id == boot_id).then_some(suspects.processes)
    }

    /// After a whole look that followed the last reading.
    pub fn keep_suspects(&self, boot_id: &str, processes: &[u32]) {
        let Some(note) = Note::identity(&self.data_dir) else { return };
        let suspects = Suspects { note, boot_id: boot_id.to_owned(), processes: processes.to_vec() };
        let written = serde_json::to_vec(&suspects)
            .map_err(io::Error::from)
            .and_then(|bytes| write_atomically(&self.folder.join(SUSPECTS), &bytes));
        if let Err(error) = written {
            tracing::debug!(%error, "the processes that run replaced files are not remembered");
        }
    }

    fn find(&self, root: &Root) -> Option<(Reading, String)> {
        let note = Note::load(&self.data_dir).filter(|note| note.made_by == self.made_by)?;
        if !note.holds(root) {
            return None;
        }
        let bytes = fs::read(self.folder.join(FACTS)).ok()?;
        if checksum(&bytes) != note.facts_sum {
            return None;
        }
        let (texts, fields) = split_texts(&bytes).ok()?;
        let facts = form::read(fields, texts).ok()?;
        let Note { lists_updated_at, missing_repositories, facts_hash, .. } = note;
        Some((Reading { facts, lists_updated_at, missing_repositories }, facts_hash))
    }

    /// Writes the reading in place of an older one, note last. Returns the hash of its facts.
    fn keep(&self, root: &Root, reading: &Reading, inputs: Inputs, started_ns: i64) -> io::Result<String> {
        let facts_hash = match self.hashes {
            true => content_hash(&reading.facts.to_canonical_json()),
            false => String::new(),
        };
        crate::platform::create_private_dir(&self.folder)?;
        if inputs.last_change_ns().is_some_and(|changed| changed > started_ns - TIME_STAMP_NS) {
            // The older note must not outlive what it describes only to be found out by luck.
            crate::files::remove_if_present(&self.folder.join(NOTE))?;
            return Ok(facts_hash);
        }
        let facts = form::draft(&reading.facts).to_bytes();
        let note = Note {
            form: FORM,
            made_by: self.made_by.clone(),
            root: root.shown(Path::new("/")),
            boot_id: boot_id(root),
            facts_hash: facts_hash.clone(),
            facts_sum: checksum(&facts),
            lists_updated_at: reading.lists_updated_at,
            missing_repositories: reading.missing_repositories.clone(),
            inputs,
        };
        write_atomically(&self.folder.join(FACTS), &facts)?;
        write_atomically(&self.folder.join(NOTE), &serde_json::to_vec(&note)?)?;
        Ok(facts_hash)
    }
}

impl Note {
    /// `None` when there is none that this program understands.
    pub fn load(data_dir: &Path) -> Option<Self> {
        let bytes = fs::read(data_dir.join(FOLDER).join(NOTE)).ok()?;
        serde_json::from_slice(&bytes).ok().filter(|note: &Self| note.form == FORM)
    }

    /// Changes when another process has kept another reading.
    pub fn identity(data_dir: &Path) -> Option<Identity> {
        Root::host().any_identity(&std::path::absolute(data_dir.join(FOLDER).join(NOTE)).ok()?)
    }

    /// Costs one stat call for each file that was read.
    pub fn is_unchanged(&self, root: &Root) -> bool {
        self.inputs.are_unchanged(root)
    }

    /// Whether it is of this root, and of this start of the machine.
    pub fn is_of(&self, root: &Root) -> bool {
        self.root == root.shown(Path::new("/")) && self.boot_id == boot_id(root)
    }

    fn holds(&self, root: &Root) -> bool {
        self.root == root.shown(Path::new("/")) && self.is_unchanged(root)
    }
}

/// The kept reading when the root keeps one and nothing changed since; else what `read` finds, which is then kept.
pub fn reading(root: &Root, read: impl FnOnce() -> Result<Reading, ScanError>) -> Result<Reading, ScanError> {
    let Some(keeper) = root.keeper() else { return read() };
    keeper.used.take();
    if let Some((reading, facts_hash)) = keeper.find(root) {
        tracing::debug!("nothing changed since the last reading");
        keeper.used.replace(Some(Used { facts_hash, source: Source::Kept }));
        return Ok(reading);
    }
    let started_ns = now_ns();
    let reading = read()?;
    match keeper.keep(root, &reading, root.inputs(), started_ns) {
        Ok(facts_hash) => drop(keeper.used.replace(Some(Used { facts_hash, source: Source::Read }))),
        Err(error) => tracing::debug!(%error, "the reading is not kept"),
    }
    Ok(reading)
}

/// Another build of this program may read the same files differently.
fn program() -> Option<(u64, i64)> {
    let path = std::env::current_exe().ok()?;
    Root::host().any_identity(&path).map(|identity| (identity.size_bytes, identity.modified_ns))
}

fn boot_id(root: &Root) -> String {
    if !root.is_host() {
        return String::new();
    }
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn now_ns() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}
