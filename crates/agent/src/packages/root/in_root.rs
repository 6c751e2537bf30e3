//! Paths within a foreign root where the kernel has no `openat2` (before Linux 5.6), a container forbids it, or it gave up:
//! the same answers, found step by step.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, fstat, openat, readlinkat};
use rustix::io::Errno;

/// As many as the kernel follows.
const MAX_LINKS: usize = 40;

/// Opens `path` as if `root` were the root directory: no link and no `..` leads out of it.
pub fn open(root: &OwnedFd, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    // The parts still to be gone through, the next one last.
    let mut rest = parts(path.as_os_str().as_bytes());
    // The folders below the root that lead to where we are.
    let mut folders: Vec<OwnedFd> = Vec::new();
    let mut links = 0;
    while let Some(part) = rest.pop() {
        if part == b".." {
            folders.pop();
            continue;
        }
        let here = folders.last().unwrap_or(root);
        let found = openat(here, &*part, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let kind = FileType::from_raw_mode(fstat(&found)?.st_mode);
        if kind.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(Errno::LOOP.into());
            }
            let target = readlinkat(&found, "", Vec::new())?;
            if target.as_bytes().first() == Some(&b'/') {
                folders.clear();
            }
            rest.extend(parts(target.as_bytes()));
        } else if rest.is_empty() {
            return Ok(openat(here, &*part, flags | OFlags::NOFOLLOW, Mode::empty())?);
        } else if !kind.is_dir() {
            return Err(Errno::NOTDIR.into());
        } else {
            folders.push(found);
        }
    }
    let here = folders.last().unwrap_or(root).as_fd();
    Ok(openat(here, ".", flags, Mode::empty())?)
}

fn parts(path: &[u8]) -> Vec<Vec<u8>> {
    let parts = path.rsplit(|&byte| byte == b'/').filter(|part| !matches!(*part, b"" | b"."));
    parts.map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{ResolveFlags, openat2};
    use std::os::unix::fs::symlink;

    #[test]
    fn finds_what_the_kernel_finds() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("usr/lib")).unwrap();
        std::fs::write(root.join("usr/lib/file"), "").unwrap();
        std::fs::write(folder.path().join("file"), "outside").unwrap();
        let links = [
            ("lib", "usr/lib"),
            ("usr/absolute", "/usr/lib/file"),
            ("usr/lib/up", "../../../../file"),
            ("loop", "loop"),
            ("nowhere", "usr/gone"),
            ("usr/around", "./lib/../lib//file"),
        ];
        for (name, target) in links {
            symlink(target, root.join(name)).unwrap();
        }
        let dir = rustix::fs::open(&root, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        let paths = [
            "/",
            ".",
            "..",
            "/../..",
            "/usr",
            "/usr/lib/file",
            "/usr//lib/./file",
            "/lib/file",
            "/lib",
            "/usr/absolute",
            "/usr/lib/up",
            "/loop",
            "/nowhere",
            "/usr/around",
            "/usr/lib/file/x",
            "/usr/lib/file/..",
            "/../file",
            "/lib/../file",
            "/lib/../../usr/lib/file",
            "/gone/..",
        ];
        for flags in [OFlags::PATH, OFlags::RDONLY, OFlags::RDONLY | OFlags::DIRECTORY] {
            for path in paths {
                let identity = |fd: OwnedFd| fstat(&fd).map(|stat| (stat.st_dev, stat.st_ino)).unwrap();
                let own = open(&dir, Path::new(path), flags).map(identity);
                // It gives up when anything on the machine was renamed while it followed a `..`.
                let mut kernels = Err(Errno::AGAIN);
                while matches!(kernels, Err(Errno::AGAIN)) {
                    kernels = openat2(&dir, path, flags, Mode::empty(), ResolveFlags::IN_ROOT).map(identity);
                }
                match kernels {
                    Ok(kernels) => assert_eq!(own.unwrap(), kernels, "{path}"),
                    Err(Errno::NOSYS | Errno::PERM) => return,
                    Err(errno) => {
                        assert_eq!(own.unwrap_err().raw_os_error(), Some(errno.raw_os_error()), "{path}")
                    }
                }
            }
        }
    }

    /// Files that are renamed meanwhile, wherever they are, keep nothing from being read.
    #[test]
    fn a_busy_machine_is_read_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("root");
        std::fs::create_dir_all(at.join("etc")).unwrap();
        std::fs::create_dir_all(at.join("usr/lib")).unwrap();
        std::fs::write(at.join("usr/lib/os-release"), "ID=debian\n").unwrap();
        symlink("../usr/lib/os-release", at.join("etc/os-release")).unwrap();
        let root = crate::packages::root::Root::at(&at).unwrap();
        let is_done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let names = [folder.path().join("a"), folder.path().join("b")];
                std::fs::write(&names[0], "").unwrap();
                while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                    std::fs::rename(&names[0], &names[1]).unwrap();
                    std::fs::rename(&names[1], &names[0]).unwrap();
                }
            });
            let read = (0..20_000).map(|_| root.read(Path::new("/etc/os-release")));
            let failed =
                read.filter(|read| !matches!(read, Ok(Some(text)) if text == b"ID=debian\n")).count();
            is_done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(failed, 0);
        });
    }
}
