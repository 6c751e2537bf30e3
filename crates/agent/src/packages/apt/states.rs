//! apt's extended states: which packages were installed as dependencies.

use std::path::Path;

use super::super::ScanError;
use super::super::root::Root;
use super::deb822::fields;

/// The text that tells every package marked as automatic.
pub struct Automatic {
    bytes: Vec<u8>,
}

impl Automatic {
    pub fn load(root: &Root, path: &Path) -> Result<Self, ScanError> {
        Ok(Self { bytes: root.read(path)?.unwrap_or_default() })
    }

    /// Calls `visit` with name and architecture of each.
    pub fn for_each<'a>(
        &'a self,
        shown: &Path,
        visit: &mut dyn FnMut(&'a [u8], &'a [u8]),
    ) -> Result<(), ScanError> {
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
                visit(name, arch);
            }
            (name, arch, automatic) = (b"", b"", false);
            start = end;
        }
        Ok(())
    }
}
