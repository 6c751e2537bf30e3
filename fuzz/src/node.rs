//! A node's files in memory: sound ones, of which the fuzzer writes one at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use agent::packages::root::Root;
use agent::packages::tool::ToolRun;

/// A file's path, and its sound content.
pub type Files = &'static [(&'static str, &'static str)];

pub struct Node {
    root: PathBuf,
}

/// The first byte chooses one of `count`: `0` is the first.
pub fn choose(data: &[u8], count: usize) -> Option<(usize, &[u8])> {
    let (choice, rest) = data.split_first()?;
    Some((usize::from(choice.wrapping_sub(b'0')) % count, rest))
}

/// In memory where there is such a folder; left behind when the fuzzer ends the process, for whoever started it to remove.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let base = match std::env::var_os("FUZZ_FOLDER") {
            Some(folder) => PathBuf::from(folder),
            None if memory.is_dir() => memory.to_owned(),
            None => std::env::temp_dir(),
        };
        tempfile::Builder::new().prefix("fettle-fuzz-").tempdir_in(base).expect("a folder").keep()
    })
}

/// For readers that may start tools. None of those here does.
pub fn runner() -> ToolRun {
    ToolRun::new(&folder().join("scratch"), Duration::from_secs(1))
}

pub fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

impl Node {
    pub fn new(name: &str, files: Files) -> Self {
        let root = folder().join(name);
        fs::create_dir_all(&root).expect("a folder");
        let node = Self { root };
        for (name, text) in files {
            node.put(name, text.as_bytes());
        }
        node
    }

    pub fn put(&self, name: &str, bytes: &[u8]) {
        write(&self.root.join(name), bytes);
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.root.join(name)).expect("it was written");
    }

    pub fn remove_if_there(&self, name: &str) {
        let _ = fs::remove_file(self.root.join(name));
    }

    /// Reads the node while this file has other content.
    pub fn with(&self, (name, sound): (&str, &str), bytes: &[u8], read: impl FnOnce(&Root)) {
        self.put(name, bytes);
        read(&self.root());
        self.put(name, sound.as_bytes());
    }

    pub fn root(&self) -> Root {
        Root::at(&self.root).expect("the node")
    }
}
