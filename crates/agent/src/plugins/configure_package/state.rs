//! Which packages are installed, in which version, and which installation is under way: a folder for each package, its
//! state written before anything is done.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{files, platform};

const FOLDER: &str = "packages";
const STATE: &str = "state.json";
const LOCK: &str = "lock";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub installed: Option<Installed>,
    /// Begun and not ended: by a crash, or because its script asked for a restart.
    #[serde(default)]
    pub underway: Option<Installed>,
    /// What is `installed` was uninstalled already, to make way.
    #[serde(default)]
    pub is_gone: bool,
}

/// A version on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// As the manifest has it.
    pub version: String,
    /// Of the document.
    pub document_version: String,
    #[serde(default)]
    pub version_name: String,
    /// Of the file that was unpacked.
    pub sha256: String,
    /// Below the package's own.
    pub folder: String,
}

impl Installed {
    /// By whatever name a version may be asked for.
    pub fn is_called(&self, asked: &str) -> bool {
        [&self.version, &self.version_name, &self.document_version].into_iter().any(|name| name == asked)
    }
}

pub struct Packages {
    folder: PathBuf,
}

impl Packages {
    pub fn open(data_dir: &Path) -> anyhow::Result<Self> {
        let folder = data_dir.join(FOLDER);
        platform::create_private_dir(&folder).with_context(|| format!("{}", folder.display()))?;
        Ok(Self { folder })
    }

    /// Named after the package, and after its whole name where that is no name of a folder.
    pub fn folder(&self, name: &str) -> PathBuf {
        let plain: String = name
            .rsplit(['/', ':'])
            .next()
            .unwrap_or(name)
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(40)
            .collect();
        let hash = hex::encode(Sha256::digest(name.as_bytes()));
        self.folder.join(format!("{plain}-{}", &hash[..16]))
    }

    pub fn version_folder(&self, name: &str, folder: &str) -> PathBuf {
        self.folder(name).join(folder)
    }

    /// Held until it is dropped.
    pub fn lock(&self, name: &str) -> anyhow::Result<File> {
        let folder = self.folder(name);
        platform::create_private_dir(&folder).with_context(|| format!("{}", folder.display()))?;
        let file = platform::open_private(&folder.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => bail!("another command is about this package right now"),
            Err(fs::TryLockError::Error(error)) => Err(error).context("the package's lock"),
        }
    }

    pub fn load(&self, name: &str) -> anyhow::Result<State> {
        let path = self.folder(name).join(STATE);
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(State::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    pub fn save(&self, name: &str, state: &State) -> anyhow::Result<()> {
        let path = self.folder(name).join(STATE);
        let text = serde_json::to_string(state)?;
        files::write_atomically(&path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_folders_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let packages = Packages::open(dir.path()).unwrap();
        let arn = "arn:aws:ssm:eu-central-1:111122223333:document/my.pkg";
        let folders = [
            packages.folder("my.pkg"),
            packages.folder("mypkg"),
            packages.folder(arn),
            packages.folder(".."),
        ];
        for (at, folder) in folders.iter().enumerate() {
            assert_eq!(folder.parent(), Some(dir.path().join("packages").as_path()));
            assert!(!folders[at + 1..].contains(folder), "{}", folder.display());
        }
    }

    #[test]
    fn one_command_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let packages = Packages::open(dir.path()).unwrap();
        let held = packages.lock("pkg").unwrap();
        assert!(packages.lock("pkg").is_err() && packages.lock("other").is_ok());
        drop(held);
        assert!(packages.lock("pkg").is_ok());
        assert_eq!(packages.load("pkg").unwrap(), State::default());
    }
}
