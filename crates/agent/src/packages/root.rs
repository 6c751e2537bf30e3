//! One root file system: the running machine's, or an unpacked one seen from outside.
//! In a foreign root every path and every symbolic link is resolved inside it.
//! It can keep account of what was looked at, so that a resident agent tells by stat calls alone that nothing changed;
//! remembering that from one process to the next belongs to `kept`.

mod in_root;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use serde::{Deserialize, Serialize};

use super::ScanError;
use super::kept::Keeper;

/// Bytes read from one settings or state file at most; a larger one is not what it claims to be.
const MAX_SMALL_FILE_BYTES: u64 = 256 << 20;

#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    /// `None` for the running machine's own root.
    dir: Option<OwnedFd>,
    /// What was looked at, and what it was then; `None` when nobody wants to know.
    seen: Option<RefCell<BTreeMap<PathBuf, Option<Identity>>>>,
    kept: Option<Keeper>,
}

/// Every file and folder that a scan looked at, absent ones included, as they were before they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs(BTreeMap<PathBuf, Option<Identity>>);

impl Inputs {
    /// Costs one stat call for each.
    pub fn are_unchanged(&self, root: &Root) -> bool {
        self.0.iter().all(|(path, identity)| root.any_identity(path) == *identity)
    }

    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// When the file that changed last did so.
    pub fn last_change_ns(&self) -> Option<i64> {
        self.0.values().flatten().map(|identity| identity.changed_ns).max()
    }
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    pub device: u64,
    pub inode: u64,
    pub size_bytes: u64,
    pub modified_ns: i64,
    pub changed_ns: i64,
}

impl Identity {
    pub fn modified_seconds(&self) -> i64 {
        self.modified_ns.div_euclid(1_000_000_000)
    }
}

impl Root {
    pub fn host() -> Self {
        Self { path: PathBuf::from("/"), dir: None, seen: None, kept: None }
    }

    pub fn at(path: &Path) -> Result<Self, ScanError> {
        let failed = |source| ScanError::Io { path: path.to_owned(), source };
        let path = path.canonicalize().map_err(failed)?;
        if path == Path::new("/") {
            return Ok(Self::host());
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(&path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        Ok(Self { path, dir: Some(dir), seen: None, kept: None })
    }

    /// Keeps account from here on; see [`Self::inputs`].
    pub fn recording(self) -> Self {
        Self { seen: Some(RefCell::default()), ..self }
    }

    /// Keeps account, and lets a package manager's reader use the last reading of an unchanged node.
    pub fn keeping(self, keeper: Keeper) -> Self {
        Self { kept: Some(keeper), ..self.recording() }
    }

    /// Begins a new account: a second reading through this root looks at everything anew.
    pub fn forget_looks(&self) {
        if let Some(seen) = &self.seen {
            seen.borrow_mut().clear();
        }
    }

    pub fn keeper(&self) -> Option<&Keeper> {
        self.kept.as_ref()
    }

    /// What was looked at since recording began. What the kernel makes up (`/proc`) is left out.
    pub fn inputs(&self) -> Inputs {
        Inputs(self.seen.as_ref().map(|seen| seen.borrow().clone()).unwrap_or_default())
    }

    /// Comes before the look itself, so that a change in between is seen as one.
    fn note(&self, path: &Path) {
        let Some(seen) = self.seen.as_ref().filter(|_| !path.starts_with("/proc")) else { return };
        if !seen.borrow().contains_key(path) {
            let identity = self.any_identity(path);
            seen.borrow_mut().insert(path.to_owned(), identity);
        }
    }

    /// Of files and folders alike.
    pub fn any_identity(&self, path: &Path) -> Option<Identity> {
        self.stat(path).ok().map(|stat| identity_of(&stat))
    }

    pub fn is_host(&self) -> bool {
        self.dir.is_none()
    }

    /// The path as the caller of the program would write it.
    pub fn shown(&self, path: &Path) -> PathBuf {
        match self.dir {
            None => path.to_owned(),
            Some(_) => self.path.join(path.strip_prefix("/").unwrap_or(path)),
        }
    }

    fn open_fd(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        let fd = match &self.dir {
            None => rustix::fs::open(path, flags, Mode::empty())?,
            Some(dir) => match rustix::fs::openat2(dir, path, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
                // It also gives up on a `..` while files anywhere on the machine are being renamed.
                Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => in_root::open(dir, path, flags)?,
                found => found?,
            },
        };
        Ok(fd)
    }

    /// `None` when there is no such file.
    pub fn open(&self, path: &Path) -> Result<Option<File>, ScanError> {
        self.note(path);
        match self.open_fd(path, OFlags::RDONLY | OFlags::NONBLOCK) {
            Ok(fd) => Ok(Some(File::from(fd))),
            Err(error) if is_absence(&error) => Ok(None),
            Err(source) => Err(self.io_error(path, source)),
        }
    }

    /// The whole of a small file; `None` when there is no such file.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, ScanError> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(MAX_SMALL_FILE_BYTES)).unwrap_or(0) + 1);
        file.take(MAX_SMALL_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| self.io_error(path, source))?;
        if bytes.len() as u64 > MAX_SMALL_FILE_BYTES {
            let reason = format!("larger than {MAX_SMALL_FILE_BYTES} bytes");
            return Err(ScanError::Corrupt { path: self.shown(path), reason });
        }
        Ok(Some(bytes))
    }

    /// Follows symbolic links; `None` for anything but a regular file.
    pub fn identity(&self, path: &Path) -> Result<Option<Identity>, ScanError> {
        self.note(path);
        match self.stat(path) {
            Ok(stat) => Ok(regular(&stat)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(source) => Err(self.io_error(path, source)),
        }
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        match &self.dir {
            None => Ok(rustix::fs::stat(path)?),
            Some(_) => Ok(rustix::fs::fstat(self.open_fd(path, OFlags::PATH)?)?),
        }
    }

    /// The regular files of a directory, links to such included; empty when there is no such directory.
    pub fn list_files(&self, path: &Path) -> Result<Vec<String>, ScanError> {
        self.note(path);
        let failed = |errno: rustix::io::Errno| self.io_error(path, errno.into());
        let fd = match self.open_fd(path, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(fd) => fd,
            Err(error) if is_absence(&error) => return Ok(Vec::new()),
            Err(source) => return Err(self.io_error(path, source)),
        };
        let mut names = Vec::new();
        for entry in Dir::new(fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            let is_file = match entry.file_type() {
                FileType::RegularFile => true,
                FileType::Symlink | FileType::Unknown => self.identity(&path.join(name))?.is_some(),
                _ => false,
            };
            if is_file {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// The directories in a directory, links left out; `None` when there is no such directory.
    pub fn list_folders(&self, path: &Path) -> Result<Option<Vec<String>>, ScanError> {
        self.note(path);
        let failed = |errno: rustix::io::Errno| self.io_error(path, errno.into());
        let fd = match self.open_fd(path, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(fd) => fd,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(source) => return Err(self.io_error(path, source)),
        };
        let mut names = Vec::new();
        for entry in Dir::new(fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let is_folder = match entry.file_type() {
                FileType::Directory => true,
                FileType::Unknown => {
                    let stat = self.stat(&path.join(name)).map_err(|source| self.io_error(path, source))?;
                    FileType::from_raw_mode(stat.st_mode).is_dir()
                }
                _ => false,
            };
            if is_folder && name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        Ok(Some(names))
    }

    pub fn directory(&self, path: &Path) -> Option<Directory> {
        let fd = self.open_fd(path, OFlags::PATH | OFlags::DIRECTORY).ok()?;
        Some(Directory { fd })
    }

    fn io_error(&self, path: &Path, source: io::Error) -> ScanError {
        ScanError::Io { path: self.shown(path), source }
    }
}

/// An open directory, for looking at many files of it cheaply.
pub struct Directory {
    fd: OwnedFd,
}

impl Directory {
    /// Does not follow symbolic links.
    pub fn identity(&self, name: &str) -> Option<Identity> {
        let stat = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        regular(&stat)
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn regular(stat: &Stat) -> Option<Identity> {
    FileType::from_raw_mode(stat.st_mode).is_file().then(|| identity_of(stat))
}

#[expect(clippy::unnecessary_cast, reason = "the field widths differ between platforms")]
pub fn identity_of(stat: &Stat) -> Identity {
    Identity {
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        size_bytes: stat.st_size as u64,
        modified_ns: stat.st_mtime as i64 * 1_000_000_000 + stat.st_mtime_nsec as i64,
        changed_ns: stat.st_ctime as i64 * 1_000_000_000 + stat.st_ctime_nsec as i64,
    }
}
