//! dpkg's own database: what is installed, in which state, and since when.
//! Source: dpkg's status file, its journal of interrupted runs (`updates/`), and the one-file-per-package form of
//! distroless images (`status.d/`).

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use domain::facts::PackageState;
use memchr::{memchr_iter, memmem};

use super::super::ScanError;
use super::super::root::{Directory, Identity, Root};
use super::policy::text;
use super::record::{MultiArch, Record};

/// The text of dpkg's database; what is parsed from it borrows from here.
#[derive(Debug, Default)]
pub struct Database {
    /// Later files override earlier ones, package by package.
    files: Vec<(PathBuf, Vec<u8>)>,
    /// Its stanzas have no Status field: each is an installed package.
    one_file_per_package: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Installed<'a> {
    pub record: Record<'a>,
    pub state: PackageState,
    pub held: bool,
    /// dpkg was ended while it unpacked: nothing but unpacking it again helps.
    pub needs_reinstall: bool,
}

impl Installed<'_> {
    /// The architecture under which apt files this package: `all` counts as the native one.
    pub fn apt_arch<'n>(&'n self, native: &'n str) -> &'n [u8] {
        if self.record.architecture == b"all" { native.as_bytes() } else { self.record.architecture }
    }
}

impl Database {
    pub fn load(root: &Root, status: &Path) -> Result<Self, ScanError> {
        let admin = admin_directory(status);
        if let Some(bytes) = root.read(status)? {
            let mut files = vec![(root.shown(status), bytes)];
            for path in journal(root, &admin)? {
                files.extend(root.read(&path)?.map(|bytes| (root.shown(&path), bytes)));
            }
            return Ok(Self { files, one_file_per_package: false });
        }
        let parts = files_of(root, &admin.join("status.d"), |name| !name.ends_with(".md5sums"))?;
        if parts.is_empty() {
            return Err(ScanError::NoPackageManager { path: root.shown(status) });
        }
        let mut files = Vec::new();
        for path in parts {
            files.extend(root.read(&path)?.map(|bytes| (root.shown(&path), bytes)));
        }
        Ok(Self { files, one_file_per_package: true })
    }

    /// Every package with files on disk, sorted by name and architecture.
    pub fn installed(&self) -> Result<Vec<Installed<'_>>, ScanError> {
        let mut found: Vec<(Installed<'_>, bool)> = Vec::with_capacity(1024);
        for (index, file) in self.files.iter().enumerate() {
            self.read_file(file, &mut |package, present| {
                if index > 0 && !self.one_file_per_package {
                    found.retain(|(known, _)| order(known, &package).is_ne());
                }
                found.push((package, present));
            })?;
        }
        let mut packages: Vec<_> =
            found.into_iter().filter(|(_, present)| *present).map(|(package, _)| package).collect();
        if !packages.is_sorted_by(|left, right| order(left, right).is_le()) {
            packages.sort_by(order);
        }
        Ok(packages)
    }

    fn read_file<'a>(
        &self,
        (path, bytes): &'a (PathBuf, Vec<u8>),
        visit: &mut dyn FnMut(Installed<'a>, bool),
    ) -> Result<(), ScanError> {
        let failed = |at: usize, reason: &str| {
            let line = memchr_iter(b'\n', &bytes[..at.min(bytes.len())]).count() as u64 + 1;
            ScanError::Malformed { path: path.clone(), line, reason: reason.to_owned() }
        };
        let separator = memmem::Finder::new(b"\n\n");
        let mut start = 0;
        loop {
            start += bytes[start..].iter().take_while(|&&byte| byte == b'\n').count();
            let rest = &bytes[start..];
            if rest.is_empty() {
                return Ok(());
            }
            let end = separator.find(rest);
            // dpkg ends every stanza of the status file with a blank line: without one, the file was cut. What an
            // interrupted run leaves under `updates/` is one stanza a file, without.
            let is_whole = self.one_file_per_package || (is_update(path) && bytes.ends_with(b"\n"));
            if end.is_none() && !is_whole {
                return Err(failed(bytes.len(), "the file ends inside a stanza"));
            }
            let stanza = &rest[..end.map_or(rest.len(), |end| end + 1)];
            if memchr::memchr(0, stanza).is_some() {
                return Err(failed(start, "the stanza has zero bytes in it"));
            }
            let record =
                Record::parse(stanza).map_err(|malformed| failed(start + malformed.at, malformed.reason))?;
            let status = if self.one_file_per_package { b"install ok installed" } else { record.status };
            let Status { held, needs_reinstall, state } =
                parse_status(status).map_err(|reason| failed(start, reason))?;
            if state.is_some() && (record.version.is_empty() || record.architecture.is_empty()) {
                return Err(failed(start, "an installed package without a version or an architecture"));
            }
            visit(
                Installed { record, state: state.unwrap_or(PackageState::Installed), held, needs_reinstall },
                state.is_some(),
            );
            start += stanza.len();
        }
    }
}

fn order(left: &Installed<'_>, right: &Installed<'_>) -> Ordering {
    (left.record.package, left.record.architecture).cmp(&(right.record.package, right.record.architecture))
}

struct Status {
    held: bool,
    needs_reinstall: bool,
    /// `None`: no file of it is there.
    state: Option<PackageState>,
}

fn parse_status(status: &[u8]) -> Result<Status, &'static str> {
    let mut words = status.split(|&byte| byte == b' ');
    let (Some(want), Some(flag), Some(state), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("the Status field has not three words");
    };
    let held = match want {
        b"hold" => true,
        b"unknown" | b"install" | b"deinstall" | b"purge" => false,
        _ => return Err("unknown first word in the Status field"),
    };
    let needs_reinstall = match flag {
        b"reinstreq" | b"hold-reinstreq" => true,
        b"ok" | b"hold" => false,
        _ => return Err("unknown second word in the Status field"),
    };
    let state = match state {
        b"not-installed" | b"config-files" => None,
        b"installed" => Some(PackageState::Installed),
        b"half-installed" => Some(PackageState::HalfInstalled),
        b"unpacked" => Some(PackageState::Unpacked),
        b"half-configured" => Some(PackageState::HalfConfigured),
        b"triggers-awaited" => Some(PackageState::TriggersAwaited),
        b"triggers-pending" => Some(PackageState::TriggersPending),
        _ => return Err("unknown third word in the Status field"),
    };
    Ok(Status { held, needs_reinstall, state })
}

fn admin_directory(status: &Path) -> PathBuf {
    status.parent().unwrap_or(Path::new("/")).to_owned()
}

/// dpkg's journal: numbered files, in order.
fn journal(root: &Root, admin: &Path) -> Result<Vec<PathBuf>, ScanError> {
    files_of(root, &admin.join("updates"), |name| name.bytes().all(|byte| byte.is_ascii_digit()))
}

fn files_of(root: &Root, directory: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, ScanError> {
    let mut names = root.list_files(directory)?;
    names.retain(|name| wanted(name));
    names.sort_unstable();
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

/// The architectures that dpkg was told to accept besides its own.
pub fn foreign_architectures(root: &Root, status: &Path) -> Result<Vec<String>, ScanError> {
    let bytes = root.read(&admin_directory(status).join("arch"))?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.split_ascii_whitespace().map(str::to_owned).collect())
}

/// The architecture of dpkg itself; where it is not installed, the most common one.
pub fn native_architecture(installed: &[Installed<'_>]) -> Option<String> {
    let dpkg = installed.iter().find(|package| package.record.package == b"dpkg");
    let arch = dpkg.map(|package| package.record.architecture).or_else(|| {
        let mut archs: Vec<_> = installed
            .iter()
            .map(|package| package.record.architecture)
            .filter(|&arch| arch != b"all")
            .collect();
        archs.sort_unstable();
        archs.chunk_by(|left, right| left == right).max_by_key(|same| same.len()).map(|same| same[0])
    });
    arch.map(|arch| String::from_utf8_lossy(arch).into_owned())
}

/// Tells when packages were unpacked: dpkg writes a package's list of files then, and at no other time.
pub struct UnpackTimes {
    info: Option<Directory>,
}

impl UnpackTimes {
    pub fn open(root: &Root, status: &Path) -> Self {
        Self { info: root.directory(&admin_directory(status).join("info")) }
    }

    /// `buffer` is room for file names, to be used again.
    pub fn of(&self, record: &Record<'_>, buffer: &mut String) -> Option<Identity> {
        let info = self.info.as_ref()?;
        let mut identity = |arch: Option<&str>| {
            buffer.clear();
            buffer.push_str(text(record.package));
            for part in arch.into_iter().flat_map(|arch| [":", arch]).chain([".list"]) {
                buffer.push_str(part);
            }
            info.identity(buffer)
        };
        match record.multi_arch {
            MultiArch::Same => identity(Some(text(record.architecture))).or_else(|| identity(None)),
            _ => identity(None),
        }
    }
}

/// Of dpkg's journal of one package each, named by numbers.
fn is_update(path: &Path) -> bool {
    path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "updates")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// dpkg was killed: its journal holds a stanza without the blank line that ends those of the status file.
    #[test]
    fn what_an_interrupted_run_left_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let admin = dir.path().join("var/lib/dpkg");
        std::fs::create_dir_all(admin.join("updates")).unwrap();
        let stanza = |state: &str, version: &str| {
            format!("Package: a\nStatus: install ok {state}\nArchitecture: amd64\nVersion: {version}\n")
        };
        std::fs::write(admin.join("status"), stanza("installed", "1") + "\n").unwrap();
        std::fs::write(admin.join("updates/0000"), stanza("half-configured", "2")).unwrap();
        let read =
            || Database::load(&Root::at(dir.path()).unwrap(), Path::new("/var/lib/dpkg/status")).unwrap();
        let database = read();
        let installed = database.installed().unwrap();
        assert_eq!(
            (installed[0].record.version, installed[0].state),
            (&b"2"[..], PackageState::HalfConfigured)
        );
        std::fs::write(admin.join("updates/0000"), "Package: a\nStat").unwrap();
        assert!(read().installed().unwrap_err().to_string().contains("ends inside"));
    }
}
