//! What a repository says about itself: the fields of its `InRelease` or `Release` file.
//! Signatures are apt's business: it verifies what it downloads before it puts it among the lists.

use api::Timestamp;
use memchr::memmem;

use super::config::to_bool;

/// Absent fields are `None`: a pin never matches them, whatever its pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    pub origin: Option<String>,
    pub label: Option<String>,
    pub suite: Option<String>,
    pub codename: Option<String>,
    pub version: Option<String>,
    pub architectures: Vec<String>,
    /// Index kinds whose `all` architecture is not to be used.
    pub no_support_for_all: Vec<String>,
    pub not_automatic: bool,
    pub but_automatic_upgrades: bool,
    pub date: Option<Timestamp>,
    pub valid_until: Option<Timestamp>,
}

impl Release {
    /// Fails with the line and the reason.
    pub fn parse(bytes: &[u8]) -> Result<Self, (u64, &'static str)> {
        let mut release = Self::default();
        let (mut fields, mut in_armor) = (0, bytes.starts_with(b"-----BEGIN PGP SIGNED MESSAGE-----"));
        let signed = in_armor;
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', bytes).chain((!bytes.ends_with(b"\n")).then_some(bytes.len())) {
            let line = &bytes[start..end];
            start = end + 1;
            if in_armor {
                in_armor = !line.trim_ascii().is_empty();
                continue;
            }
            // The long lists of hashes are continuation lines.
            if matches!(line.first(), Some(b' ' | b'\t')) {
                continue;
            }
            if line.trim_ascii().is_empty() {
                if fields > 0 { break } else { continue }
            }
            if line.starts_with(b"-----BEGIN") {
                break;
            }
            let Some(colon) = memchr::memchr(b':', line).filter(|&colon| colon > 0) else {
                return Err((line_number(bytes, end), "line without a field name"));
            };
            fields += 1;
            release.take(&line[..colon], &String::from_utf8_lossy(line[colon + 1..].trim_ascii()));
        }
        if signed && memmem::find(bytes, b"\n-----BEGIN PGP SIGNATURE-----").is_none() {
            return Err((line_number(bytes, bytes.len()), "the file ends before its signature"));
        }
        if fields == 0 {
            return Err((1, "no field in it"));
        }
        Ok(release)
    }

    fn take(&mut self, name: &[u8], value: &str) {
        let text = || (!value.is_empty()).then(|| value.to_owned());
        let words = || value.split_ascii_whitespace().map(str::to_owned).collect();
        match name.to_ascii_lowercase().as_slice() {
            b"origin" => self.origin = text(),
            b"label" => self.label = text(),
            b"suite" => self.suite = text(),
            b"codename" => self.codename = text(),
            b"version" => self.version = text(),
            b"architectures" => self.architectures = words(),
            b"no-support-for-architecture-all" => self.no_support_for_all = words(),
            b"notautomatic" => self.not_automatic = to_bool(value).unwrap_or(self.not_automatic),
            b"butautomaticupgrades" => {
                self.but_automatic_upgrades = to_bool(value).unwrap_or(self.but_automatic_upgrades)
            }
            b"date" => self.date = parse_date(value),
            b"valid-until" => self.valid_until = parse_date(value),
            _ => {}
        }
    }

    /// The size that this file gives for an index, such as `main/binary-amd64/Packages`.
    pub fn index_size_bytes(release: &[u8], index: &str) -> Option<u64> {
        let needle = format!(" {index}\n");
        let at = memmem::find(release, needle.as_bytes())?;
        let line_start = memchr::memrchr(b'\n', &release[..at]).map_or(0, |newline| newline + 1);
        let size =
            release[line_start..at].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).nth(1)?;
        std::str::from_utf8(size).ok()?.parse().ok()
    }
}

fn line_number(bytes: &[u8], end: usize) -> u64 {
    memchr::memchr_iter(b'\n', &bytes[..end]).count() as u64 + 1
}

/// `Sat, 11 Oct 2025 09:59:59 UTC`, with any name of the zero offset.
fn parse_date(text: &str) -> Option<Timestamp> {
    let text = ["UTC", "GMT", "Z"].iter().find_map(|zone| text.strip_suffix(zone)).unwrap_or(text);
    let text = text.trim_end().trim_end_matches("+0000").trim_end();
    let (_, day) = text.split_once(", ")?;
    let date = jiff::civil::DateTime::strptime("%d %b %Y %H:%M:%S", day).ok()?;
    let moment = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(Timestamp::from_millis(moment.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: Debian\nSuite: stable-security\n\
        NotAutomatic: yes\nDate: Fri, 20 Nov 2026 20:17:31 UTC\nSHA256:\n abc 120 main/binary-amd64/Packages\n\
        \x20def    7 main/binary-amd64/Packages.xz\nAcquire-By-Hash: yes\n-----BEGIN PGP SIGNATURE-----\n\nxyz\n";

    #[test]
    fn reads_fields_around_hash_lists() {
        let release = Release::parse(SIGNED.as_bytes()).unwrap();
        assert_eq!(release.suite.as_deref(), Some("stable-security"));
        assert_eq!(
            (release.label, release.not_automatic, release.but_automatic_upgrades),
            (None, true, false)
        );
        assert_eq!(release.date, Some(Timestamp::from_millis(1_795_205_851_000)));
        assert_eq!(Release::index_size_bytes(SIGNED.as_bytes(), "main/binary-amd64/Packages"), Some(120));
    }

    #[test]
    fn a_cut_signed_file_is_an_error() {
        let cut = &SIGNED[..SIGNED.find("-----BEGIN PGP SIGNATURE").unwrap()];
        assert_eq!(Release::parse(cut.as_bytes()).unwrap_err(), (12, "the file ends before its signature"));
        assert!(Release::parse(b"").is_err());
    }
}
