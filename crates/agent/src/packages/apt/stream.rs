//! A package list as a stream of stanzas: found at memory speed, handed over without copying where possible.

use std::fs::File;
use std::io;

use memchr::memmem::Finder;

use super::super::decompress::{Compression, for_each_chunk};

/// No stanza is this long: reaching it means that the file is not a package list.
const MAX_STANZA_BYTES: usize = 16 << 20;

/// Why a stream was left before its end.
#[derive(Debug)]
pub enum StreamError<E> {
    /// Reading or decompressing failed, or the text is no sequence of stanzas.
    Read(io::Error),
    /// The visitor refused the stanza that begins `offset` bytes into the plain text.
    Refused { offset: u64, error: E },
}

/// What has been seen of a stream that was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub bytes: u64,
    /// Whether the text ends with a whole line.
    pub ends_in_newline: bool,
}

/// Calls `visit` with every stanza, without the blank line after it.
pub fn for_each_stanza<E>(
    file: File,
    compression: Compression,
    visit: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Extent, StreamError<E>> {
    let mut splitter = Splitter::new(visit);
    let read = for_each_chunk(file, compression, &mut |chunk| splitter.push(chunk));
    let read = read.and_then(|()| splitter.finish());
    match (splitter.refused, read) {
        (Some((offset, error)), _) => Err(StreamError::Refused { offset, error }),
        (None, Err(error)) => Err(StreamError::Read(error)),
        (None, Ok(())) => Ok(Extent {
            bytes: splitter.taken,
            ends_in_newline: splitter.last_byte.is_none_or(|byte| byte == b'\n'),
        }),
    }
}

/// The line, from 1, at which plain text reaches `offset`. For error messages only: it reads the file again.
pub fn line_at(file: File, compression: Compression, offset: u64) -> u64 {
    let (mut lines, mut left) = (1u64, offset);
    let read = for_each_chunk(file, compression, &mut |chunk| {
        let part = &chunk[..usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len())];
        lines += memchr::memchr_iter(b'\n', part).count() as u64;
        left -= part.len() as u64;
        if left == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    });
    // Whatever ended the reading, the lines up to there are counted.
    drop(read);
    lines
}

struct Splitter<F, E> {
    visit: F,
    separator: Finder<'static>,
    /// The beginning of a stanza whose end was not in the chunks so far, and where it began.
    carry: Vec<u8>,
    carry_offset: u64,
    /// Bytes of text taken in, the carry included.
    taken: u64,
    last_byte: Option<u8>,
    refused: Option<(u64, E)>,
}

impl<E, F: FnMut(&[u8]) -> Result<(), E>> Splitter<F, E> {
    fn new(visit: F) -> Self {
        let separator = Finder::new(b"\n\n");
        Self {
            visit,
            separator,
            carry: Vec::new(),
            carry_offset: 0,
            taken: 0,
            last_byte: None,
            refused: None,
        }
    }

    fn push(&mut self, chunk: &[u8]) -> io::Result<()> {
        if self.taken == 0 {
            check_line_ends(chunk)?;
        }
        self.taken += chunk.len() as u64;
        self.last_byte = chunk.last().copied().or(self.last_byte);
        let mut rest = chunk;
        if !self.carry.is_empty() {
            let Some(end) = self.end_of_carry(chunk) else { return self.extend_carry(chunk) };
            self.extend_carry(&chunk[..end])?;
            rest = &chunk[end + 1..];
            let mut stanza = std::mem::take(&mut self.carry);
            self.hand_over(&stanza, self.carry_offset)?;
            stanza.clear();
            self.carry = stanza;
        }
        loop {
            let blank = rest.iter().take_while(|&&byte| byte == b'\n').count();
            rest = &rest[blank..];
            let offset = self.taken - rest.len() as u64;
            let Some(end) = self.separator.find(rest) else {
                self.carry_offset = offset;
                return self.extend_carry(rest);
            };
            self.hand_over(&rest[..=end], offset)?;
            rest = &rest[end + 2..];
        }
    }

    /// Where in the chunk the blank line after the carried stanza stands.
    fn end_of_carry(&self, chunk: &[u8]) -> Option<usize> {
        if self.carry.last() == Some(&b'\n') && chunk.first() == Some(&b'\n') {
            return Some(0);
        }
        self.separator.find(chunk).map(|at| at + 1)
    }

    fn extend_carry(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.carry.len() + bytes.len() > MAX_STANZA_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a stanza without an end"));
        }
        self.carry.extend_from_slice(bytes);
        Ok(())
    }

    fn hand_over(&mut self, stanza: &[u8], offset: u64) -> io::Result<()> {
        (self.visit)(stanza).map_err(|error| {
            self.refused = Some((offset, error));
            io::ErrorKind::Other.into()
        })
    }

    fn finish(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.carry);
        if rest.is_empty() { Ok(()) } else { self.hand_over(&rest, self.carry_offset) }
    }
}

fn check_line_ends(start: &[u8]) -> io::Result<()> {
    match memchr::memchr(b'\n', start) {
        Some(end) if end > 0 && start[end - 1] == b'\r' => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "lines end in carriage returns"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Stanzas with their offsets when the text arrives in pieces of these sizes.
    fn split(text: &[u8], sizes: &[usize]) -> Vec<Vec<u8>> {
        let mut found: Vec<Vec<u8>> = Vec::new();
        let mut splitter = Splitter::<_, ()>::new(|stanza| {
            found.push(stanza.to_vec());
            Ok(())
        });
        let (mut rest, mut sizes) = (text, sizes.iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((*sizes.next().unwrap()).clamp(1, rest.len()));
            splitter.push(piece).unwrap();
            rest = after;
        }
        splitter.finish().unwrap();
        assert_eq!(splitter.taken, text.len() as u64);
        found
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(text in "[ab\n]{0,60}", sizes in prop::collection::vec(1usize..9, 1..5)) {
            let whole = split(text.as_bytes(), &[usize::MAX]);
            prop_assert_eq!(&whole, &split(text.as_bytes(), &sizes));
            let expected: Vec<_> = text.split("\n\n").map(|part| part.trim_matches('\n')).filter(|part| !part.is_empty()).collect();
            let trimmed: Vec<_> = whole.iter().map(|stanza| String::from_utf8_lossy(stanza).trim_matches('\n').to_owned()).collect();
            prop_assert_eq!(trimmed, expected);
        }
    }

    #[test]
    fn tells_where_the_refused_stanza_begins() {
        let mut splitter =
            Splitter::new(|stanza: &[u8]| if stanza.starts_with(b"bad") { Err("no") } else { Ok(()) });
        let pushed = splitter.push(b"a\n\nb\n\n\nba").and_then(|()| splitter.push(b"d\n\nc"));
        assert!(pushed.is_err());
        assert_eq!(splitter.refused, Some((7, "no")));
    }
}
