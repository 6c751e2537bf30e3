//! Where on this node downloaded files go, and how much of them is taken: below the folder that was asked for and
//! nowhere else, each file whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use crate::platform;

/// Of one step, all its files together.
pub const MAX_BYTES: u64 = 4 << 30;
/// Of one step.
pub const MAX_FILES: u64 = 10_000;

/// How much a step may still fetch, and whether anybody wants it.
#[derive(Debug)]
pub struct Bounds {
    stop: Arc<AtomicBool>,
    bytes_left: AtomicU64,
    files_left: AtomicU64,
}

impl Bounds {
    pub fn new(stop: Arc<AtomicBool>) -> Self {
        Self::of(stop, MAX_BYTES, MAX_FILES)
    }

    pub fn of(stop: Arc<AtomicBool>, bytes: u64, files: u64) -> Self {
        Self { stop, bytes_left: AtomicU64::new(bytes), files_left: AtomicU64::new(files) }
    }

    pub fn bytes_left(&self) -> u64 {
        self.bytes_left.load(Ordering::Relaxed)
    }

    fn take_file(&self) -> anyhow::Result<()> {
        if take(&self.files_left, 1) { Ok(()) } else { bail!("there are more than {MAX_FILES} files") }
    }

    fn take_bytes(&self, count: usize) -> io::Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("cancelled"));
        }
        if take(&self.bytes_left, count as u64) {
            return Ok(());
        }
        Err(io::Error::other(format!("there are more than {MAX_BYTES} bytes")))
    }
}

fn take(left: &AtomicU64, count: u64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(count)).is_ok()
}

/// What a document calls its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    path: PathBuf,
    /// Files get their own names below it.
    is_folder: bool,
}

impl Place {
    /// `given` is taken relative to the folder of this command's downloads; that one itself by default.
    pub fn of(given: &str, downloads: &Path) -> Self {
        let path = downloads.join(given);
        let ends_as_folder = given.is_empty() || given.ends_with(['/', std::path::MAIN_SEPARATOR]);
        let is_folder = ends_as_folder || path.is_dir();
        Self { path, is_folder }
    }

    pub fn shown(&self) -> std::path::Display<'_> {
        self.path.display()
    }

    /// For the only file of a source, called `name` there.
    pub fn file(&self, name: &str, bounds: &Bounds) -> anyhow::Result<NewFile> {
        if self.is_folder {
            return self.below(name, bounds);
        }
        bounds.take_file()?;
        NewFile::create(self.path.clone())
    }

    /// For one of several files. `relative` comes from outside: it may lead below the destination only.
    pub fn below(&self, relative: &str, bounds: &Bounds) -> anyhow::Result<NewFile> {
        bounds.take_file()?;
        NewFile::create(self.path.join(within(relative)?))
    }
}

/// A relative path without a way up or out.
pub fn within(relative: &str) -> anyhow::Result<PathBuf> {
    let path = Path::new(relative);
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            _ => bail!("`{}` leads out of its folder", relative.escape_debug()),
        }
    }
    if plain.as_os_str().is_empty() || relative.contains('\0') {
        bail!("`{}` is not the name of a file", relative.escape_debug());
    }
    Ok(plain)
}

/// A file that is being written aside, and takes its name when it is whole. Dropped without [`Self::keep`], nothing is left.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    aside: PathBuf,
    path: PathBuf,
    hash: Sha256,
    size_bytes: u64,
    is_kept: bool,
}

impl NewFile {
    pub fn create(path: PathBuf) -> anyhow::Result<Self> {
        let folder = path.parent().context("there is no folder for it")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        if path.is_dir() {
            bail!("{} is a folder", path.display());
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".fettle-part");
        let aside = path.with_file_name(name);
        crate::files::remove_if_present(&aside)
            .with_context(|| format!("cannot remove {}", aside.display()))?;
        // New: a link that waits under this name is not followed.
        let file = OpenOptions::new().write(true).create_new(true).open(&aside);
        let file = file.with_context(|| format!("cannot create {}", aside.display()))?;
        Ok(Self { file, aside, path, hash: Sha256::new(), size_bytes: 0, is_kept: false })
    }

    /// Empty again, for another attempt.
    pub fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.hash = Sha256::new();
        self.size_bytes = 0;
        Ok(())
    }

    /// Of what was written so far, in hexadecimal digits.
    pub fn sha256(&self) -> String {
        hex::encode(self.hash.clone().finalize())
    }

    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub fn expect(&self, sha256: Option<&str>) -> anyhow::Result<()> {
        let Some(expected) = sha256.map(str::trim).filter(|expected| !expected.is_empty()) else {
            return Ok(());
        };
        let found = self.sha256();
        if found.eq_ignore_ascii_case(expected) {
            return Ok(());
        }
        bail!(
            "its SHA-256 is {found} and not {expected}: it was changed on its way, or the document is older"
        )
    }

    /// A file that takes this name is replaced; so is a link, and not what it points to. Scripts are to be run by name.
    pub fn keep(mut self) -> anyhow::Result<()> {
        platform::make_executable(&self.file).with_context(|| format!("{}", self.aside.display()))?;
        fs::rename(&self.aside, &self.path)
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        self.is_kept = true;
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.size_bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = fs::remove_file(&self.aside);
        }
    }
}

/// Writes no more than a step may fetch.
pub struct Bounded<'a, W> {
    pub to: W,
    pub bounds: &'a Bounds,
}

impl<W: Write> Write for Bounded<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bounds.take_bytes(bytes.len())?;
        self.to.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_stay_inside() {
        for good in ["a", "a/b.sh", "./a", "a//b", "..a", "a/...", "größe"] {
            assert!(within(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "/", "/etc/passwd", "..", "../a", "a/../../b", "a/..", "a\0b"] {
            assert!(within(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn one_file_goes_into_a_folder_or_under_a_new_name() {
        let dir = tempfile::tempdir().unwrap();
        let bounds = Bounds::new(Arc::default());
        let write = |given: &str| {
            let place = Place::of(given, dir.path());
            let mut file = place.file("name.sh", &bounds).unwrap();
            file.write_all(given.as_bytes()).unwrap();
            file.keep().unwrap();
        };
        fs::create_dir(dir.path().join("there")).unwrap();
        for given in ["", "new/", "there", "other"] {
            write(given);
        }
        for path in ["name.sh", "new/name.sh", "there/name.sh", "other"] {
            assert!(dir.path().join(path).is_file(), "{path}");
        }
        let absolute = dir.path().join("absolute");
        write(absolute.to_str().unwrap());
        assert!(absolute.is_file());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_replaced_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("outside");
        fs::write(&outside, "mine").unwrap();
        for name in ["script.sh", "script.sh.fettle-part"] {
            std::os::unix::fs::symlink(&outside, dir.path().join(name)).unwrap();
        }
        let mut file = NewFile::create(dir.path().join("script.sh")).unwrap();
        file.write_all(b"new").unwrap();
        file.keep().unwrap();
        assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
        assert_eq!(fs::read_to_string(dir.path().join("script.sh")).unwrap(), "new");
    }

    #[test]
    fn what_is_not_whole_or_not_right_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = NewFile::create(dir.path().join("a")).unwrap();
        file.write_all(b"abc").unwrap();
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(file.expect(Some(hash)).is_ok() && file.expect(None).is_ok());
        assert!(file.expect(Some(&hash.replace('b', "c"))).unwrap_err().to_string().contains(hash));
        drop(file);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_step_takes_so_much_and_no_more() {
        let bounds = Bounds::of(Arc::default(), 5, 1);
        let mut to = Bounded { to: Vec::new(), bounds: &bounds };
        to.write_all(b"abcde").unwrap();
        assert!(to.write_all(b"f").is_err());
        assert!(bounds.take_file().is_ok() && bounds.take_file().is_err());
        let stop = Arc::new(AtomicBool::new(true));
        let stopped = Bounds::new(stop);
        assert!(Bounded { to: Vec::new(), bounds: &stopped }.write_all(b"a").is_err());
    }
}
