//! A write-ahead log: pages that are newer than those in the database file, up to the last committed transaction.
//! Source: the SQLite file format, the WAL file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::super::super::ScanError;
use super::super::super::root::Root;

const HEADER_BYTES: usize = 32;
const FRAME_BYTES: usize = 24;
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;

pub struct Wal {
    file: File,
    shown: PathBuf,
    /// From a page to where its newest committed content stands.
    pages: HashMap<u32, u64>,
    /// Of the database after the last committed transaction.
    pub page_count: u32,
}

impl Wal {
    /// `None` when there is no log, or nothing committed in it.
    pub fn open(root: &Root, path: &Path, page_bytes: usize) -> Result<Option<Self>, ScanError> {
        let Some(file) = root.open(path)? else { return Ok(None) };
        let shown = root.shown(path);
        let mut frames = Frames::default();
        match frames.read(BufReader::with_capacity(128 << 10, &file), page_bytes) {
            Ok(()) => {}
            // The log's last frames may never have been written out: what counts is what was committed before.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(source) => return Err(ScanError::Io { path: shown, source }),
        }
        let page_count = frames.committed_pages;
        Ok((page_count > 0).then_some(Self { file, shown, pages: frames.committed, page_count }))
    }

    pub fn offset(&self, page: u32) -> Option<u64> {
        self.pages.get(&page).copied()
    }

    pub fn read(&self, page: &mut [u8], offset: u64) -> Result<(), ScanError> {
        let read = self.file.read_exact_at(page, offset);
        read.map_err(|source| ScanError::Io { path: self.shown.clone(), source })
    }
}

#[derive(Default)]
struct Frames {
    committed: HashMap<u32, u64>,
    pending: Vec<(u32, u64)>,
    committed_pages: u32,
}

impl Frames {
    /// Ends at the first frame that is not of this log: a log is written again from its beginning.
    fn read(&mut self, mut reader: impl Read, page_bytes: usize) -> io::Result<()> {
        let mut header = [0; HEADER_BYTES];
        reader.read_exact(&mut header)?;
        let magic = word(&header, 0);
        if magic & !1 != MAGIC || word(&header, 4) != VERSION || word(&header, 8) as usize != page_bytes {
            return Ok(());
        }
        let mut sum = Checksum { big_endian: magic & 1 == 1, words: [0; 2] };
        sum.add(&header[..24]);
        if sum.words != [word(&header, 24), word(&header, 28)] {
            return Ok(());
        }
        let (mut frame, mut page) = ([0; FRAME_BYTES], vec![0; page_bytes]);
        let mut offset = HEADER_BYTES as u64;
        loop {
            reader.read_exact(&mut frame)?;
            reader.read_exact(&mut page)?;
            if frame[8..16] != header[16..24] {
                return Ok(());
            }
            sum.add(&frame[..8]);
            sum.add(&page);
            if sum.words != [word(&frame, 16), word(&frame, 20)] {
                return Ok(());
            }
            self.pending.push((word(&frame, 0), offset + FRAME_BYTES as u64));
            if word(&frame, 4) != 0 {
                self.committed.extend(self.pending.drain(..));
                self.committed_pages = word(&frame, 4);
            }
            offset += (FRAME_BYTES + page_bytes) as u64;
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

struct Checksum {
    big_endian: bool,
    words: [u32; 2],
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let take = |at: usize| {
                let bytes = [pair[at], pair[at + 1], pair[at + 2], pair[at + 3]];
                if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
            };
            let (first, second) = (take(0), take(4));
            self.words[0] = self.words[0].wrapping_add(first).wrapping_add(self.words[1]);
            self.words[1] = self.words[1].wrapping_add(second).wrapping_add(self.words[0]);
        }
    }
}
