//! Small private files that are either old or new, never half: written aside, synced, renamed.
//! Which files there are belongs to their users.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::platform;

/// Replaces the file's content durably. The folder must exist.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("new");
    // A leftover of an earlier crash might have other permissions.
    remove_if_present(&aside)?;
    let mut file = platform::private_file().open(&aside)?;
    file.write_all(content)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&aside, path)?;
    path.parent().map_or(Ok(()), platform::sync_dir)
}

pub fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A folder with all that is in it, or a link.
pub fn remove_dir_if_present(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The file's text, or `None` when there is no such file.
pub fn read_if_present(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_ignores_leftovers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("registration.json");
        assert_eq!(read_if_present(&path).unwrap(), None);
        fs::write(dir.path().join("registration.new"), "a torn leftover that is longer").unwrap();
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(read_if_present(&path).unwrap().as_deref(), Some("two"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
