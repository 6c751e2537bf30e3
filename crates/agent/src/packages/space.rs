//! Free space, asked before a transaction begins: a file system that runs full in the middle leaves half a package.

use std::path::{Path, PathBuf};

use domain::patch::{Failure, FailureCode};

use super::tool::failure;

/// What stays free for everybody else.
const RESERVE_BYTES: u64 = 16 << 20;

/// Bytes that a transaction will take below one folder. The folder, or the nearest one above it that exists, tells
/// which file system that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    pub folder: PathBuf,
    pub bytes: u64,
}

/// Fails when the needs on one file system together are more than it has.
pub fn check(needs: &[Need]) -> Result<(), Failure> {
    let mut systems: Vec<(u64, &Path, u64, u64)> = Vec::new();
    for need in needs.iter().filter(|need| need.bytes > 0) {
        let Some(folder) = need.folder.ancestors().find(|folder| folder.exists()) else { continue };
        // What cannot be told is left to the tool, which fails by itself.
        let (Ok(status), Ok(space)) = (rustix::fs::stat(folder), rustix::fs::statvfs(folder)) else {
            continue;
        };
        #[expect(clippy::unnecessary_cast, reason = "the field widths differ between platforms")]
        let device = status.st_dev as u64;
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        match systems.iter_mut().find(|system| system.0 == device) {
            Some(system) => system.3 = system.3.saturating_add(need.bytes),
            None => systems.push((device, folder, free, need.bytes)),
        }
    }
    match systems.into_iter().find(|(_, _, free, bytes)| bytes.saturating_add(RESERVE_BYTES) > *free) {
        None => Ok(()),
        Some((_, folder, free, bytes)) => {
            let (need, free) = (bytes.saturating_add(RESERVE_BYTES) / 1_000_000, free / 1_000_000);
            let detail = format!("{need} MB are needed below {}, {free} MB are free", folder.display());
            Err(failure(FailureCode::DiskFull, &folder.display().to_string(), detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_on_one_file_system_add_up() {
        let folder = tempfile::tempdir().unwrap();
        let need = |name: &str, bytes: u64| Need { folder: folder.path().join(name), bytes };
        let space = rustix::fs::statvfs(folder.path()).unwrap();
        let free = space.f_bavail * space.f_frsize;
        check(&[need("a/b", 1), need("", 0)]).unwrap();
        let failure = check(&[need("a", free / 2), need("c/d", free / 2 + 1)]).unwrap_err();
        assert_eq!(
            (failure.code, failure.subject),
            (FailureCode::DiskFull, folder.path().display().to_string())
        );
        assert!(failure.detail.contains("MB are free"), "{}", failure.detail);
    }
}
