//! The text form that apk keeps packages in: one field a line, a blank line after each package. Both the database of
//! installed packages and the indexes of repositories are written so. What the packages mean to a node is `node`'s.
//! Source: apk-package(5), apk-v2(5).

/// Files of a package that are looked at to tell when it was installed.
const FILES_KEPT: usize = 3;

/// A package, installed or offered. Fields that a form does not have are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub name: String,
    pub version: String,
    pub arch: String,
    /// Of the source package.
    pub origin: String,
    /// Of the package file, as `Q1…`.
    pub checksum: String,
    pub built_at: Option<i64>,
    /// Of the package file.
    pub size_bytes: u64,
    pub installed_bytes: u64,
    /// Installed: the tag of the repository that it came from.
    pub tag: String,
    /// Installed: a letter for each thing that went wrong.
    pub flags: String,
    /// Installed: a few files, as paths below the root. None of those that upgrades leave alone.
    pub files: Vec<String>,
}

impl Record {
    /// Not all files are there as the package has them.
    pub fn has_broken_files(&self) -> bool {
        self.flags.contains('f')
    }

    /// A script or trigger failed.
    pub fn has_broken_script(&self) -> bool {
        self.flags.contains('s')
    }
}

/// Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub line: u64,
    pub reason: String,
}

/// All packages of a text that is at hand.
pub fn parse(text: &[u8]) -> Result<Vec<Record>, Malformed> {
    let mut records = Vec::new();
    let mut take = |record| records.push(record);
    let mut reader = Reader::new(&mut take);
    reader.feed(text)?;
    reader.finish()?;
    Ok(records)
}

/// Takes a text piece by piece and hands over each package once it is whole.
pub struct Reader<'a> {
    take: &'a mut dyn FnMut(Record),
    /// The beginning of a line whose end is yet to come.
    partial: Vec<u8>,
    record: Record,
    has_fields: bool,
    folder: String,
    line: u64,
}

impl<'a> Reader<'a> {
    pub fn new(take: &'a mut dyn FnMut(Record)) -> Self {
        let (partial, record, folder) = Default::default();
        Self { take, partial, record, has_fields: false, folder, line: 0 }
    }

    pub fn feed(&mut self, mut text: &[u8]) -> Result<(), Malformed> {
        while let Some(end) = memchr::memchr(b'\n', text) {
            let (line, rest) = (&text[..end], &text[end + 1..]);
            if self.partial.is_empty() {
                self.take_line(line)?;
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(line);
                self.take_line(&whole)?;
            }
            text = rest;
        }
        self.partial.extend_from_slice(text);
        Ok(())
    }

    pub fn finish(mut self) -> Result<(), Malformed> {
        let rest = std::mem::take(&mut self.partial);
        self.take_line(&rest)?;
        self.end_package()
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), Malformed> {
        self.line += 1;
        let [field, b':', value @ ..] = line else {
            return match line.len() {
                0 | 1 => self.end_package(),
                _ => Err(self.malformed("no field, a letter and a colon, begins this line")),
            };
        };
        self.has_fields = true;
        let text = || String::from_utf8_lossy(value).into_owned();
        let number = || std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
        match field {
            b'P' => self.record.name = text(),
            b'V' => self.record.version = text(),
            b'A' => self.record.arch = text(),
            b'o' => self.record.origin = text(),
            b'C' => self.record.checksum = text(),
            b't' => self.record.built_at = number().and_then(|seconds: u64| i64::try_from(seconds).ok()),
            b'S' => self.record.size_bytes = number().unwrap_or(0),
            b'I' => self.record.installed_bytes = number().unwrap_or(0),
            b's' => self.record.tag = text(),
            b'f' => self.record.flags = text(),
            b'F' => self.folder = text(),
            // What stands below etc may be the node's own version of a file, which upgrades do not replace.
            b'R' if self.record.files.len() < FILES_KEPT
                && self.folder != "etc"
                && !self.folder.starts_with("etc/") =>
            {
                self.record.files.push(format!("{}/{}", self.folder, text()));
            }
            // Files, their owners and hashes, dependencies, descriptions; and what later versions of apk add.
            _ => {}
        }
        Ok(())
    }

    fn end_package(&mut self) -> Result<(), Malformed> {
        if !std::mem::take(&mut self.has_fields) {
            return Ok(());
        }
        self.folder.clear();
        let record = std::mem::take(&mut self.record);
        if record.name.is_empty() || record.version.is_empty() {
            return Err(self.malformed("the package that ends here has no name or no version"));
        }
        (self.take)(record);
        Ok(())
    }

    fn malformed(&self, reason: &str) -> Malformed {
        Malformed { line: self.line, reason: reason.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INSTALLED: &str = "C:Q10D3loyBgzl9OEprG0jVn6ZZIaMU=\nP:libssl3\nV:3.5.4-r0\nA:x86_64\nS:961\nI:4096\n\
        T:a: b\no:openssl\nt:1735787045\nc:abc\nD:so:libc.musl-x86_64.so.1\nF:etc\nR:own.cnf\nF:usr/lib\nM:0:0:755\nR:libssl.so.3\n\
        a:0:0:755\nZ:Q1fGX4e50UoH6ZRqUaoxfFIeFFd8M=\ns:edge\nf:sS\n\nP:b\nV:1-r0\n";

    #[test]
    fn reads_packages() {
        let records = parse(INSTALLED.as_bytes()).unwrap();
        assert_eq!(records.len(), 2);
        let first = &records[0];
        assert_eq!(
            (first.name.as_str(), first.version.as_str(), first.arch.as_str()),
            ("libssl3", "3.5.4-r0", "x86_64")
        );
        assert_eq!((first.origin.as_str(), first.tag.as_str()), ("openssl", "edge"));
        assert_eq!(
            (first.built_at, first.size_bytes, first.installed_bytes),
            (Some(1_735_787_045), 961, 4096)
        );
        assert_eq!(first.files, ["usr/lib/libssl.so.3"]);
        assert!(first.has_broken_script() && !first.has_broken_files());
        assert_eq!(records[1], Record { name: "b".into(), version: "1-r0".into(), ..Record::default() });
    }

    #[test]
    fn damage_is_told_with_its_line() {
        let check =
            |text: &str, line: u64| assert_eq!(parse(text.as_bytes()).unwrap_err().line, line, "{text}");
        check("P:a\nV:1\ngarbage\n", 3);
        check("P:a\n\nP:b\nV:1\n", 2);
        check("V:1\n", 2);
        assert_eq!(parse(b""), Ok(vec![]));
        assert_eq!(parse(b"\n\n"), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn pieces_make_the_same_packages(at in 0..INSTALLED.len(), also in 0..INSTALLED.len()) {
            let (first, second) = (at.min(also), at.max(also));
            let mut records = Vec::new();
            let mut take = |record| records.push(record);
            let mut reader = Reader::new(&mut take);
            for piece in [&INSTALLED[..first], &INSTALLED[first..second], &INSTALLED[second..]] {
                reader.feed(piece.as_bytes()).unwrap();
            }
            reader.finish().unwrap();
            prop_assert_eq!(records, parse(INSTALLED.as_bytes()).unwrap());
        }

        #[test]
        fn takes_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
