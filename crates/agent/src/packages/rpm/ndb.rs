//! rpm's own database format, `Packages.db`, as SUSE uses it: slots that point at blobs, each blob a package's header.
//! Source: rpm's lib/backend/ndb, its layout as comments there describe it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::super::ScanError;
use super::super::root::Root;

const PAGE_BYTES: u64 = 4096;
const BLOCK_BYTES: u64 = 16;
const SLOT_BYTES: usize = 16;
const HEADER_BYTES: usize = 32;
const BLOB_HEAD_BYTES: u64 = 16;
const BLOB_TAIL_BYTES: u64 = 12;
const MAX_BLOB_BYTES: u64 = 256 << 20;
const MAX_SLOT_PAGES: u32 = 1 << 18;

const DATABASE: [u8; 4] = *b"RpmP";
const SLOT: [u8; 4] = *b"Slot";
const BLOB_HEAD: [u8; 4] = *b"BlbS";
const BLOB_TAIL: [u8; 4] = *b"BlbE";

/// Calls `visit` with each header. `None` when there is no such file; whether it changed meanwhile is told at the end.
pub fn for_each_header(
    root: &Root,
    path: &Path,
    visit: &mut dyn FnMut(&[u8]) -> Result<(), ScanError>,
) -> Result<Option<Consistency>, ScanError> {
    let Some(file) = root.open(path)? else { return Ok(None) };
    let reader = Reader { file, corrupt: &|reason| ScanError::Corrupt { path: root.shown(path), reason } };
    let header: [u8; HEADER_BYTES] = reader.read_at(0)?;
    if header[..4] != DATABASE {
        return Err((reader.corrupt)("not an ndb database".to_owned()));
    }
    if number(&header, 4) != 0 {
        return Err((reader.corrupt)(format!(
            "format {}, which this agent does not read",
            number(&header, 4)
        )));
    }
    let slot_pages = number(&header, 12);
    if slot_pages > MAX_SLOT_PAGES {
        return Err((reader.corrupt)("more slots than any database has".to_owned()));
    }
    let mut page = vec![0; PAGE_BYTES as usize];
    let mut blob = Vec::new();
    for at in 0..u64::from(slot_pages) {
        reader.read_into(&mut page, at * PAGE_BYTES)?;
        let start = if at == 0 { HEADER_BYTES } else { 0 };
        for slot in page[start..].chunks_exact(SLOT_BYTES) {
            if slot[..4] != SLOT {
                return Err((reader.corrupt)(format!("a damaged slot in page {at}")));
            }
            let slot = Slot { package: number(slot, 4), block: number(slot, 8), blocks: number(slot, 12) };
            if slot.block != 0 {
                reader.read_blob(&slot, &mut blob)?;
                visit(&blob)?;
            }
        }
    }
    let again: [u8; HEADER_BYTES] = reader.read_at(0)?;
    let same = number(&again, 8) == number(&header, 8);
    Ok(Some(if same { Consistency::Unchanged } else { Consistency::ChangedMeanwhile }))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    Unchanged,
    ChangedMeanwhile,
}

struct Slot {
    package: u32,
    block: u32,
    blocks: u32,
}

struct Reader<'a> {
    file: File,
    corrupt: &'a dyn Fn(String) -> ScanError,
}

impl Reader<'_> {
    fn read_into(&self, buffer: &mut [u8], offset: u64) -> Result<(), ScanError> {
        let read = self.file.read_exact_at(buffer, offset);
        read.map_err(|error| (self.corrupt)(format!("{} bytes at {offset}: {error}", buffer.len())))
    }

    fn read_at<const N: usize>(&self, offset: u64) -> Result<[u8; N], ScanError> {
        let mut bytes = [0; N];
        self.read_into(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn read_blob(&self, slot: &Slot, blob: &mut Vec<u8>) -> Result<(), ScanError> {
        let damaged = |what: &str| (self.corrupt)(format!("package {}: {what}", slot.package));
        let (start, length) = (u64::from(slot.block) * BLOCK_BYTES, u64::from(slot.blocks) * BLOCK_BYTES);
        let head: [u8; 16] = self.read_at(start)?;
        let blob_bytes = u64::from(number(&head, 12));
        if head[..4] != BLOB_HEAD || number(&head, 4) != slot.package {
            return Err(damaged("its blob begins otherwise than it should"));
        }
        if blob_bytes > MAX_BLOB_BYTES || BLOB_HEAD_BYTES + blob_bytes + BLOB_TAIL_BYTES > length {
            return Err(damaged("its blob is longer than its room"));
        }
        let tail: [u8; 12] = self.read_at(start + length - BLOB_TAIL_BYTES)?;
        if tail[8..] != BLOB_TAIL || u64::from(number(&tail, 4)) != blob_bytes {
            return Err(damaged("its blob ends otherwise than it should"));
        }
        blob.resize(blob_bytes as usize, 0);
        self.read_into(blob, start + BLOB_HEAD_BYTES)
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
