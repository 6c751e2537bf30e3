//! apt's extended states: which packages were installed as dependencies.

use std::collections::HashSet;
use std::path::Path;

use super::super::ScanError;
use super::super::root::Root;
use super::deb822::fields;

/// (name, architecture).
pub type Package<'a> = (&'a [u8], &'a [u8]);

/// The text that tells every package marked as automatic.
pub struct Automatic {
    bytes: Vec<u8>,
}

impl Automatic {
    pub fn load(root: &Root, path: &Path) -> Result<Self, ScanError> {
        Ok(Self { bytes: root.read(path)?.unwrap_or_default() })
    }

    pub fn packages(&self, shown: &Path) -> Result<HashSet<Package<'_>>, ScanError> {
        let mut packages = HashSet::new();
        let (mut name, mut arch, mut automatic) = (&b""[..], &b""[..], false);
        let mut start = 0;
        let failed = |at: usize, reason: &str| {
            let line = memchr::memchr_iter(b'\n', &self.bytes[..at]).count() as u64 + 1;
            ScanError::Malformed { path: shown.to_owned(), line, reason: reason.to_owned() }
        };
        if !self.bytes.is_empty() && !self.bytes.ends_with(b"\n") {
            return Err(failed(self.bytes.len(), "the file ends inside a line"));
        }
        let ends = memchr::memmem::find_iter(&self.bytes, b"\n\n").map(|at| at + 1).chain([self.bytes.len()]);
        for end in ends {
            let blank = self.bytes[start..end].iter().take_while(|&&byte| byte == b'\n').count();
            start += blank;
            for field in fields(&self.bytes[start..end.max(start)]) {
                match field.map_err(|malformed| failed(start + malformed.at, malformed.reason))? {
                    (b"Package", value) => name = value,
                    (b"Architecture", value) => arch = value,
                    (b"Auto-Installed", value) => automatic = value == b"1",
                    _ => {}
                }
            }
            if automatic {
                packages.insert((name, arch));
            }
            (name, arch, automatic) = (b"", b"", false);
            start = end;
        }
        Ok(packages)
    }
}
