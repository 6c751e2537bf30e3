//! One package stanza, of dpkg's status file or of a package list: the fields that decide which versions are the same
//! and which is the candidate.

use memchr::memchr;

use super::deb822::Malformed;

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
        let mut at = 0;
        while at < stanza.len() {
            let rest = &stanza[at..];
            let mut end = memchr(b'\n', rest).unwrap_or(rest.len());
            let first_end = end;
            while let Some(&(b' ' | b'\t')) = rest.get(end + 1) {
                end = memchr(b'\n', &rest[end + 1..]).map_or(rest.len(), |more| end + 1 + more);
            }
            if !record.take(&rest[..end], &mut compared)
                && memchr(b':', &rest[..first_end]).is_none_or(|colon| colon == 0)
            {
                return Err(Malformed { at, reason: "line without a field name" });
            }
            at += end + 1;
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
        match texts.into_iter().all(|text| text.is_ascii() || std::str::from_utf8(text).is_ok()) {
            true => Ok(()),
            false => Err(Malformed { at: 0, reason: "a field that is not UTF-8" }),
        }
    }

    /// Whether the field is one of those that matter here. Looks at the place of the colon first: most fields are told
    /// apart by it without a search.
    #[inline]
    fn take(&mut self, field: &'a [u8], compared: &mut Compared<'a>) -> bool {
        let value = |name: &str| {
            let (start, value) = field.split_at_checked(name.len())?;
            let value = value.strip_prefix(b":")?;
            start.eq_ignore_ascii_case(name.as_bytes()).then(|| value.trim_ascii())
        };
        let Some(first) = field.first() else { return false };
        match first | 0x20 {
            b'p' => {
                if let Some(value) = value("Package") {
                    self.package = value;
                } else if let Some(value) = value("Priority") {
                    self.priority = value;
                } else if let Some(value) = value("Pre-Depends") {
                    compared.0[2] = value;
                } else if let Some(value) = value("Phased-Update-Percentage") {
                    self.phased_percent =
                        u8::try_from(leading_number(value)).ok().filter(|&percent| percent < 100);
                } else {
                    return false;
                }
                true
            }
            b's' => {
                if let Some(value) = value("Status") {
                    self.status = value;
                } else if let Some(value) = value("Section") {
                    self.section = value;
                } else if let Some(value) = value("Source") {
                    self.source = value;
                } else if let Some(value) = value("Size") {
                    self.size_bytes = leading_number(value);
                } else {
                    return false;
                }
                true
            }
            b'm' => value("Multi-Arch").map(|value| self.multi_arch = MultiArch::parse(value)).is_some(),
            b'v' => put(&mut self.version, value("Version")),
            b'a' => put(&mut self.architecture, value("Architecture")),
            b'i' => put(&mut compared.0[0], value("Installed-Size")),
            b'd' => put(&mut compared.0[1], value("Depends")),
            b'c' => put(&mut compared.0[3], value("Conflicts")),
            b'b' => put(&mut compared.0[4], value("Breaks")),
            b'r' => put(&mut compared.0[5], value("Replaces")),
            _ => false,
        }
    }

    /// Source package name and version; each is `None` when it is the binary's own.
    pub fn source_parts(&self) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
        split_source(self.source, self.package, self.version)
    }
}

#[inline]
fn put<'a>(place: &mut &'a [u8], value: Option<&'a [u8]>) -> bool {
    let found = value.is_some();
    *place = value.unwrap_or(place);
    found
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

/// What a byte adds to a fingerprint; 0: it is passed over.
/// dpkg writes relations with its own white space, and `<=` where `<` was written.
static WEIGHTS: [u8; 256] = {
    let mut weights = [0; 256];
    let mut byte = 0;
    while byte < weights.len() {
        let skipped = matches!(byte as u8, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | b'=');
        weights[byte] = if skipped { 0 } else { byte as u8 | 0x20 };
        byte += 1;
    }
    weights
};

impl Compared<'_> {
    fn fingerprint(&self) -> u32 {
        let mut hash: u32 = 5381;
        for value in self.0 {
            let mut bytes = value.iter();
            while let Some(&byte) = bytes.next() {
                let weight = WEIGHTS[usize::from(byte)];
                if weight == 0 {
                    continue;
                }
                // dpkg drops a zero epoch.
                if byte == b'0' && bytes.as_slice().first() == Some(&b':') {
                    bytes.next();
                    continue;
                }
                hash = hash.wrapping_mul(33).wrapping_add(u32::from(weight));
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
