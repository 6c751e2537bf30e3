//! A tar archive, read as it streams by: names, and contents of the files that are wanted. Takes any bytes.
//! Source: POSIX pax, ustar; GNU's long names.

const BLOCK: usize = 512;
/// A wanted file or a long name that claims to be larger is damage.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Hands each wanted file to `visit` once it is whole.
pub struct Reader<W, V> {
    is_wanted: W,
    visit: V,
    block: Vec<u8>,
    state: State,
    /// From an entry that says what the next one is called.
    long_name: Option<String>,
    has_ended: bool,
    any: bool,
}

enum State {
    Header,
    Body { left: u64, padding: u64, keep: Keep },
}

enum Keep {
    Nothing,
    File(String, Vec<u8>),
    GnuName(Vec<u8>),
    Pax(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TarError {
    #[error("a header of the archive does not match its checksum")]
    Checksum,
    #[error("a header of the archive has no readable size")]
    Size,
    #[error("a file of the archive is larger than it may be")]
    TooLarge,
    #[error("the archive ends early")]
    Truncated,
}

impl<W: Fn(&str) -> bool, V: FnMut(&str, &[u8])> Reader<W, V> {
    pub fn new(is_wanted: W, visit: V) -> Self {
        Self {
            is_wanted,
            visit,
            block: Vec::with_capacity(BLOCK),
            state: State::Header,
            long_name: None,
            has_ended: false,
            any: false,
        }
    }

    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), TarError> {
        self.any |= !bytes.is_empty();
        while !bytes.is_empty() && !self.has_ended {
            match &mut self.state {
                State::Header => {
                    let count = (BLOCK - self.block.len()).min(bytes.len());
                    self.block.extend_from_slice(&bytes[..count]);
                    bytes = &bytes[count..];
                    if self.block.len() == BLOCK {
                        let block = std::mem::take(&mut self.block);
                        self.header(&block)?;
                    }
                }
                State::Body { left, padding, keep } => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    match keep {
                        Keep::Nothing => {}
                        Keep::File(_, kept) | Keep::GnuName(kept) | Keep::Pax(kept) => {
                            kept.extend_from_slice(&bytes[..count]);
                        }
                    }
                    *left -= count as u64;
                    bytes = &bytes[count..];
                    if *left == 0 {
                        let skipped = usize::try_from(*padding).unwrap_or(0).min(bytes.len());
                        *padding -= skipped as u64;
                        bytes = &bytes[skipped..];
                        if *padding == 0 {
                            self.file_ends();
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Fails unless the archive was whole. Some writers leave the closing blocks out; a file is never cut.
    pub fn finish(self) -> Result<(), TarError> {
        let is_between = matches!(self.state, State::Header) && self.block.is_empty();
        if self.has_ended || (is_between && self.any) { Ok(()) } else { Err(TarError::Truncated) }
    }

    fn header(&mut self, block: &[u8]) -> Result<(), TarError> {
        if block.iter().all(|&byte| byte == 0) {
            self.has_ended = true;
            return Ok(());
        }
        if number(&block[148..156]) != Some(checksum(block)) {
            return Err(TarError::Checksum);
        }
        let size = number(&block[124..136]).ok_or(TarError::Size)?;
        let kind = block[156];
        let name = match self.long_name.take() {
            Some(name) if !is_about_next(kind) => name,
            _ => ustar_name(block),
        };
        let keep = match kind {
            b'L' => Keep::GnuName(Vec::new()),
            b'x' => Keep::Pax(Vec::new()),
            b'0' | 0 if (self.is_wanted)(&name) => Keep::File(name, Vec::new()),
            _ => Keep::Nothing,
        };
        if !matches!(keep, Keep::Nothing) && size > MAX_FILE_BYTES {
            return Err(TarError::TooLarge);
        }
        let padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
        self.state = State::Body { left: size, padding, keep };
        if size == 0 {
            self.file_ends();
        }
        Ok(())
    }

    fn file_ends(&mut self) {
        let State::Body { keep, .. } = std::mem::replace(&mut self.state, State::Header) else { return };
        match keep {
            Keep::Nothing => {}
            Keep::File(name, bytes) => (self.visit)(&name, &bytes),
            Keep::GnuName(bytes) => self.long_name = Some(until_nul(&bytes)),
            Keep::Pax(bytes) => self.long_name = pax_path(&bytes),
        }
    }
}

fn is_about_next(kind: u8) -> bool {
    matches!(kind, b'L' | b'K' | b'x' | b'g')
}

fn ustar_name(block: &[u8]) -> String {
    let name = until_nul(&block[..100]);
    let prefix = if block[257..262] == *b"ustar" { until_nul(&block[345..500]) } else { String::new() };
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

fn until_nul(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Octal with blanks around it, or GNU's binary form for large files.
fn number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        let value = |so_far: u64, byte: &u8| so_far.checked_mul(256)?.checked_add(u64::from(*byte));
        return field[1..].iter().try_fold(0, value);
    }
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(|c: char| c == ' ' || c == '\0');
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

fn checksum(block: &[u8]) -> u64 {
    let is_field = |at: usize| (148..156).contains(&at);
    block.iter().enumerate().map(|(at, &byte)| u64::from(if is_field(at) { b' ' } else { byte })).sum()
}

/// `path` of a list of `LENGTH KEY=VALUE\n`.
fn pax_path(bytes: &[u8]) -> Option<String> {
    let mut rest = bytes;
    let mut path = None;
    while let Some(space) = rest.iter().position(|&byte| byte == b' ') {
        let length: usize = std::str::from_utf8(&rest[..space]).ok()?.parse().ok()?;
        let record = rest.get(space + 1..length)?;
        if let Some(value) = record.strip_prefix(b"path=") {
            path = Some(String::from_utf8_lossy(value.strip_suffix(b"\n").unwrap_or(value)).into_owned());
        }
        rest = &rest[length..];
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(name: &str, kind: u8, body: &[u8]) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", body.len()).as_bytes());
        block[156] = kind;
        block[257..262].copy_from_slice(b"ustar");
        let sum = checksum(&block);
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block.extend_from_slice(body);
        block.resize(block.len().next_multiple_of(BLOCK), 0);
        block
    }

    /// Fed in pieces of this size.
    fn read(bytes: &[u8], piece: usize) -> Result<Vec<(String, Vec<u8>)>, TarError> {
        let mut found = Vec::new();
        let mut reader = Reader::new(
            |name| name.ends_with("desc"),
            |name, body| found.push((name.to_owned(), body.to_vec())),
        );
        for piece in bytes.chunks(piece) {
            reader.push(piece)?;
        }
        reader.finish()?;
        Ok(found)
    }

    #[test]
    fn finds_files_under_short_and_long_names() {
        let end = vec![0; 2 * BLOCK];
        let archive = [
            entry("a-1-1/", b'5', b""),
            entry("a-1-1/desc", b'0', b"A"),
            entry("a-1-1/files", b'0', &[b'x'; 700]),
            entry("././@LongLink", b'L', b"long-1-1/desc\0"),
            entry("cut", b'0', b"L"),
            entry("pax", b'x', b"21 path=pax-1-1/desc\n14 SCHILY.x=y\n"),
            entry("cut", 0, &[b'P'; 512]),
            entry("empty/desc", b'0', b""),
            end,
        ]
        .concat();
        for piece in [1, 7, 511, 512, 513, 100_000] {
            let found = read(&archive, piece).unwrap();
            let names: Vec<_> = found.iter().map(|(name, body)| (name.as_str(), body.len())).collect();
            assert_eq!(
                names,
                [("a-1-1/desc", 1), ("long-1-1/desc", 1), ("cut", 512), ("empty/desc", 0)]
                    .map(|(name, length)| (if name == "cut" { "pax-1-1/desc" } else { name }, length)),
                "{piece}"
            );
        }
    }

    #[test]
    fn damage_is_told() {
        let whole = entry("a/desc", b'0', b"text");
        assert_eq!(read(&whole, 100).unwrap().len(), 1, "without closing blocks");
        assert_eq!(read(&whole[..514], 100), Err(TarError::Truncated));
        assert_eq!(read(&whole[..100], 100), Err(TarError::Truncated));
        assert_eq!(read(b"", 100), Err(TarError::Truncated));
        let mut other = whole;
        other[0] = b'b';
        assert_eq!(read(&other, 100), Err(TarError::Checksum));
        let mut large = entry("a/desc", b'0', b"");
        large[124..135].copy_from_slice(b"77777777777");
        let sum = checksum(&large);
        large[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        assert_eq!(read(&large, 100), Err(TarError::TooLarge));
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000), at in 0usize..600, byte: u8) {
            let _ = read(&bytes, 100);
            let mut archive = [entry("p", b'x', b"15 path=a/desc\n"), entry("a", b'0', b"text")].concat();
            let at = at % archive.len();
            archive[at] = byte;
            let _ = read(&archive, 100);
        }
    }
}
