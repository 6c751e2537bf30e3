//! One package stanza, of dpkg's status file or of a package list: the fields that decide which versions are the same
//! and which is the candidate.

use super::deb822::{Malformed, fields};

/// Borrowed from the stanza; absent fields are empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'a> {
    pub package: &'a [u8],
    pub version: &'a [u8],
    pub architecture: &'a [u8],
    pub status: &'a [u8],
    pub section: &'a [u8],
    pub priority: &'a [u8],
    pub source: &'a [u8],
    pub multi_arch: MultiArch,
    /// Of the archive file; 0 in dpkg's status.
    pub size_bytes: u64,
    pub phased_percent: Option<u8>,
    /// See [`Record::parse`].
    pub fingerprint: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MultiArch {
    #[default]
    No,
    Same,
    Foreign,
    Allowed,
}

impl MultiArch {
    fn parse(text: &[u8]) -> Self {
        match text {
            b"same" => Self::Same,
            b"foreign" => Self::Foreign,
            b"allowed" => Self::Allowed,
            _ => Self::No,
        }
    }

    pub fn to_code(self) -> u8 {
        self as u8
    }

    pub fn from_code(code: u8) -> Option<Self> {
        [Self::No, Self::Same, Self::Foreign, Self::Allowed].into_iter().find(|known| known.to_code() == code)
    }
}

/// The fields whose text makes two stanzas of one version string the same version or not, in apt's order.
#[derive(Default)]
struct Compared<'a>([&'a [u8]; 6]);

impl<'a> Record<'a> {
    /// The fingerprint is apt's own hash of size and relations, so that stanzas which apt takes for the same version
    /// (although dpkg reformats them) compare equal here too.
    pub fn parse(stanza: &'a [u8]) -> Result<Self, Malformed> {
        let mut record = Self::default();
        let mut compared = Compared::default();
        for field in fields(stanza) {
            let (name, value) = field?;
            record.take(name, value, &mut compared);
        }
        if record.package.is_empty() {
            return Err(Malformed { at: 0, reason: "stanza without a Package field" });
        }
        if record.multi_arch == MultiArch::Same && record.architecture == b"all" {
            record.multi_arch = MultiArch::No;
        }
        record.check_text()?;
        record.fingerprint = compared.fingerprint();
        Ok(record)
    }

    /// What ends in reports must be text.
    pub fn check_text(&self) -> Result<(), Malformed> {
        let texts = [self.package, self.version, self.architecture, self.section, self.priority, self.source];
        match texts.into_iter().all(|text| std::str::from_utf8(text).is_ok()) {
            true => Ok(()),
            false => Err(Malformed { at: 0, reason: "a field that is not UTF-8" }),
        }
    }

    #[inline]
    fn take(&mut self, name: &'a [u8], value: &'a [u8], compared: &mut Compared<'a>) {
        let Some(first) = name.first() else { return };
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        match (first | 0x20, name.len()) {
            (b'p', 7) if is("Package") => self.package = value,
            (b'v', 7) if is("Version") => self.version = value,
            (b'a', 12) if is("Architecture") => self.architecture = value,
            (b's', 6) if is("Status") => self.status = value,
            (b's', 7) if is("Section") => self.section = value,
            (b's', 6) if is("Source") => self.source = value,
            (b's', 4) if is("Size") => self.size_bytes = leading_number(value),
            (b'p', 8) if is("Priority") => self.priority = value,
            (b'm', 10) if is("Multi-Arch") => self.multi_arch = MultiArch::parse(value),
            (b'p', 24) if is("Phased-Update-Percentage") => {
                self.phased_percent =
                    u8::try_from(leading_number(value)).ok().filter(|&percent| percent < 100);
            }
            (b'i', 14) if is("Installed-Size") => compared.0[0] = value,
            (b'd', 7) if is("Depends") => compared.0[1] = value,
            (b'p', 11) if is("Pre-Depends") => compared.0[2] = value,
            (b'c', 9) if is("Conflicts") => compared.0[3] = value,
            (b'b', 6) if is("Breaks") => compared.0[4] = value,
            (b'r', 8) if is("Replaces") => compared.0[5] = value,
            _ => {}
        }
    }

    /// Source package name and version; each is `None` when it is the binary's own.
    pub fn source_parts(&self) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
        split_source(self.source, self.package, self.version)
    }
}

fn split_source<'a>(
    source: &'a [u8],
    package: &[u8],
    version: &[u8],
) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
    let space = source.iter().position(|&byte| byte == b' ').unwrap_or(source.len());
    let (name, rest) = source.split_at(space);
    let open = rest.iter().position(|&byte| byte == b'(');
    let inner = open.map(|open| &rest[open + 1..]);
    let inner =
        inner.and_then(|inner| inner.iter().position(|&byte| byte == b')').map(|close| &inner[..close]));
    let name = Some(name).filter(|name| !name.is_empty() && *name != package);
    (name, inner.filter(|inner| !inner.is_empty() && *inner != version))
}

impl Compared<'_> {
    fn fingerprint(&self) -> u32 {
        let mut hash: u32 = 5381;
        for value in self.0 {
            let mut at = 0;
            while at < value.len() {
                let byte = value[at];
                // dpkg drops a zero epoch, white space around relations and the `=` of `<=` spelled `<`.
                if byte == b'0' && value.get(at + 1) == Some(&b':') {
                    at += 2;
                    continue;
                }
                at += 1;
                if byte == b'=' || byte == b' ' || byte.is_ascii_whitespace() || byte == 0x0b {
                    continue;
                }
                hash = hash.wrapping_mul(33).wrapping_add(u32::from(byte | 0x20));
            }
        }
        hash
    }
}

fn leading_number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_through_dpkgs_reformatting() {
        let list = b"Package: a\nVersion: 1\nInstalled-Size: 8\nDepends: b (>=0:2), c\nSize: 90\n";
        let status = b"Package: a\nStatus: install ok installed\nInstalled-Size: 8\nVersion: 1\nDepends: b (>= 2), c\n";
        let (list, status) = (Record::parse(list).unwrap(), Record::parse(status).unwrap());
        assert_eq!(list.fingerprint, status.fingerprint);
        assert_eq!((list.size_bytes, status.size_bytes), (90, 0));
        let other = Record::parse(b"Package: a\nInstalled-Size: 9\nDepends: b (>= 2), c\n").unwrap();
        assert_ne!(other.fingerprint, status.fingerprint);
    }

    #[test]
    fn splits_the_source_field() {
        let check = |source: &str, name: Option<&str>, version: Option<&str>| {
            let parts = split_source(source.as_bytes(), b"bin", b"1.0");
            assert_eq!(parts, (name.map(str::as_bytes), version.map(str::as_bytes)), "{source}");
        };
        check("", None, None);
        check("src", Some("src"), None);
        check("src (2.0)", Some("src"), Some("2.0"));
        check("bin (1.0)", None, None);
        check("src (broken", Some("src"), None);
    }

    #[test]
    fn keeps_partial_phasing_only() {
        let percent = |text: &str| {
            let stanza = format!("Package: a\nPhased-Update-Percentage: {text}\n");
            Record::parse(stanza.as_bytes()).unwrap().phased_percent
        };
        assert_eq!(
            [percent("0"), percent("50"), percent("100"), percent("x")],
            [Some(0), Some(50), None, Some(0)]
        );
    }
}
