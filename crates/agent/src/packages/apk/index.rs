//! The index of a repository: a packed tar with a signature, a description and the packages.
//! The signature is apk's to check, which it does before it takes an index into its cache.
//! Source: apk-v2(5), apk-index(8); the ustar format.

use std::io;
use std::path::Path;

use super::super::ScanError;
use super::super::decompress::{Compression, for_each_chunk};
use super::super::root::Root;
use super::records::{Reader, Record};

const BLOCK: usize = 512;
const PACKAGES: &[u8] = b"APKINDEX";
const DESCRIPTION: &[u8] = b"DESCRIPTION";
/// A description is a line.
const MAX_DESCRIPTION_BYTES: usize = 4 << 10;

/// What is known of an index beside its packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    pub description: String,
    /// When the list of packages was written, seconds.
    pub made_at: Option<i64>,
}

/// Hands over each package of an index. `Ok(None)` when there is no such file.
pub fn read(root: &Root, path: &Path, take: &mut dyn FnMut(Record)) -> Result<Option<About>, ScanError> {
    let Some(file) = root.open(path)? else { return Ok(None) };
    let corrupt = |reason: String| ScanError::Corrupt { path: root.shown(path), reason };
    let mut archive = Archive::new(take);
    let unpacked = for_each_chunk(file, Compression::Gzip, &mut |chunk| archive.feed(chunk));
    unpacked.and_then(|()| archive.finish()).map(Some).map_err(|error| corrupt(error.to_string()))
}

/// The same for an unpacked index at hand.
pub fn parse(tar: &[u8]) -> io::Result<(About, Vec<Record>)> {
    let mut records = Vec::new();
    let mut take = |record| records.push(record);
    let mut archive = Archive::new(&mut take);
    archive.feed(tar)?;
    let about = archive.finish()?;
    Ok((about, records))
}

/// A tar, taken piece by piece.
struct Archive<'a> {
    packages: Option<Reader<'a>>,
    about: About,
    description: Vec<u8>,
    header: Vec<u8>,
    member: Member,
    /// Of the member's content and of what fills its last block.
    left: u64,
    filling: u64,
    found: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Packages,
    Description,
    Other,
}

impl<'a> Archive<'a> {
    fn new(take: &'a mut dyn FnMut(Record)) -> Self {
        Self {
            packages: Some(Reader::new(take)),
            about: About::default(),
            description: Vec::new(),
            header: Vec::with_capacity(BLOCK),
            member: Member::Other,
            left: 0,
            filling: 0,
            found: false,
        }
    }

    fn feed(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let (content, rest) = bytes.split_at(at_most(self.left, bytes));
                self.take_content(content)?;
                self.left -= content.len() as u64;
                bytes = rest;
            } else if self.filling > 0 {
                let filling = at_most(self.filling, bytes);
                self.filling -= filling as u64;
                bytes = &bytes[filling..];
            } else {
                let (header, rest) = bytes.split_at((BLOCK - self.header.len()).min(bytes.len()));
                self.header.extend_from_slice(header);
                bytes = rest;
                if self.header.len() == BLOCK {
                    let header = std::mem::take(&mut self.header);
                    self.begin_member(&header)?;
                }
            }
        }
        Ok(())
    }

    fn begin_member(&mut self, header: &[u8]) -> io::Result<()> {
        // The end of an archive; of the signature's, when others follow.
        if header.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let field = |from: usize, length: usize| {
            let field = &header[from..from + length];
            &field[..field.iter().position(|byte| *byte == 0).unwrap_or(length)]
        };
        if !header[257..].starts_with(b"ustar") {
            let what = if header.starts_with(b"ADB") {
                "an index of apk's third format, which is not read here"
            } else {
                "not a tar"
            };
            return Err(invalid(what));
        }
        let size = octal(field(124, 12)).ok_or_else(|| invalid("a tar member without a size"))?;
        let is_file = matches!(header[156], b'0' | 0);
        self.member = match field(0, 100) {
            PACKAGES if is_file => Member::Packages,
            DESCRIPTION if is_file => Member::Description,
            _ => Member::Other,
        };
        if self.member == Member::Packages {
            if std::mem::replace(&mut self.found, true) {
                return Err(invalid("two lists of packages in one index"));
            }
            self.about.made_at = octal(field(136, 12)).and_then(|seconds| i64::try_from(seconds).ok());
        }
        (self.left, self.filling) = (size, size.wrapping_neg() % BLOCK as u64);
        Ok(())
    }

    fn take_content(&mut self, content: &[u8]) -> io::Result<()> {
        match (self.member, &mut self.packages) {
            (Member::Packages, Some(packages)) => packages.feed(content).map_err(malformed),
            (Member::Description, _) => {
                let room = MAX_DESCRIPTION_BYTES.saturating_sub(self.description.len());
                self.description.extend_from_slice(&content[..room.min(content.len())]);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(mut self) -> io::Result<About> {
        if self.left > 0 || !self.header.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the index ends early"));
        }
        if !self.found {
            return Err(invalid("no list of packages in the index"));
        }
        if let Some(packages) = self.packages.take() {
            packages.finish().map_err(malformed)?;
        }
        self.about.description = String::from_utf8_lossy(&self.description).trim().to_owned();
        Ok(self.about)
    }
}

fn at_most(wanted: u64, bytes: &[u8]) -> usize {
    usize::try_from(wanted).unwrap_or(usize::MAX).min(bytes.len())
}

fn octal(field: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(field).ok()?.trim();
    u64::from_str_radix(digits, 8).ok()
}

fn malformed(error: super::records::Malformed) -> io::Error {
    invalid(&format!("line {} of its list of packages: {}", error.line, error.reason))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn member(name: &str, content: &[u8]) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        block[136..147].copy_from_slice(b"14735401045");
        block[156] = b'0';
        block[257..262].copy_from_slice(b"ustar");
        block.extend_from_slice(content);
        block.resize(block.len().next_multiple_of(BLOCK), 0);
        block
    }

    fn archive() -> Vec<u8> {
        let packages = b"P:a\nV:1-r0\nt:7\n\nP:b\nV:2-r0\n\n";
        [
            member(".SIGN.RSA.bed.rsa.pub", &[7; 256]),
            member("DESCRIPTION", b"bed updates\n"),
            member("APKINDEX", packages),
            vec![0; 2 * BLOCK],
        ]
        .concat()
    }

    #[test]
    fn finds_the_packages() {
        let (about, records) = parse(&archive()).unwrap();
        let expected = About { description: "bed updates".to_owned(), made_at: Some(1_735_787_045) };
        assert_eq!(about, expected);
        let names: Vec<_> =
            records.iter().map(|record| (record.name.as_str(), record.version.as_str())).collect();
        assert_eq!(names, [("a", "1-r0"), ("b", "2-r0")]);
    }

    #[test]
    fn damage_is_told() {
        let check = |bytes: &[u8], expected: &str| {
            let error = parse(bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        let whole = archive();
        check(&whole[..whole.len() - 4 * BLOCK], "no list of packages");
        check(&whole[..4 * BLOCK + 20], "ends early");
        check(&[b"ADB.".to_vec(), vec![0; 600]].concat(), "third format");
        check(&vec![b'x'; 600], "not a tar");
        check(&member("APKINDEX", b"garbage\n"), "line 1");
        check(&[member("APKINDEX", b"P:a\nV:1\n"), member("APKINDEX", b"P:a\nV:2\n")].concat(), "two lists");
        check(b"", "no list of packages");
    }

    proptest! {
        #[test]
        fn takes_any_bytes(mut bytes in Just(archive()), at in 0usize..2560, value in any::<u8>(), end in 0usize..3584) {
            bytes[at] = value;
            let _ = parse(&bytes[..end.min(bytes.len())]);
        }
    }
}
