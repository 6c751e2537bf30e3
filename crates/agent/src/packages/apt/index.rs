//! The agent's own index of a package list: from a package's name to what the list offers of it.
//! Built by streaming the list once, and again whenever the list is another file than before. It is a cache only: one that
//! is missing, foreign or damaged is built anew, and without it the answer is the same.
//!
//! A file is: header, records one after another, hash table of (name hash, record offset).

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::super::ScanError;
use super::super::root::{Identity, Root};
use super::lists::List;
use super::names::name_hash;
use super::record::{MultiArch, Record};

/// Changes whenever what follows it in the file, or the meaning of a fingerprint, changes.
const MAGIC: &[u8; 8] = b"FTLIDX01";
const HEADER_BYTES: usize = 96;
const SLOT_BYTES: usize = 8;
/// Before each record: its length and its checksum.
const PREFIX_BYTES: usize = 6;
/// Enough for nearly every record.
const READ_BYTES: usize = 512;
/// Indexes of lists that nobody has now.
const FORGET_AFTER: std::time::Duration = std::time::Duration::from_secs(40 * 24 * 3600);

pub struct ListIndex {
    file: File,
    table: Vec<u8>,
    /// Where the records end and the table begins.
    records_end: u64,
}

/// The index does not say what it should; it is to be built anew.
#[derive(Debug)]
pub struct Damaged;

/// Records read from an index, all of them sound.
pub struct Records {
    payloads: Vec<u8>,
    ends: Vec<usize>,
}

impl Records {
    pub fn for_each(&self, visit: &mut dyn FnMut(&Record<'_>)) {
        let mut start = 0;
        for &end in &self.ends {
            if let Some(record) = parse_payload(&self.payloads[start..end]) {
                visit(&record);
            }
            start = end;
        }
    }
}

struct Header {
    list: Identity,
    path_hash: u64,
    records_end: u64,
    slots: u64,
    table_checksum: u64,
}

impl ListIndex {
    /// `None` when there is no index of exactly this list.
    pub fn open(folder: &Path, root: &Root, list: &List) -> Option<Self> {
        let mut file = File::open(file_name(folder, root, list)).ok()?;
        let mut header = [0; HEADER_BYTES];
        file.read_exact(&mut header).ok()?;
        let header = Header::parse(&header)?;
        if header.list != list.identity || header.path_hash != path_hash(root, list) {
            return None;
        }
        let length = file.metadata().ok()?.len();
        let table_bytes = header.slots.checked_mul(SLOT_BYTES as u64)?;
        if header.slots == 0 || header.records_end.checked_add(table_bytes) != Some(length) {
            return None;
        }
        let mut table = vec![0; usize::try_from(table_bytes).ok()?];
        file.read_exact_at(&mut table, header.records_end).ok()?;
        // The table is as it was written, so it has a free slot: searches end.
        (checksum(&table) == header.table_checksum).then_some(Self {
            file,
            table,
            records_end: header.records_end,
        })
    }

    /// Reads the whole list and writes its index. `None` where indexes cannot be kept.
    pub fn build(folder: &Path, root: &Root, list: &List) -> Result<Option<Self>, ScanError> {
        let path = file_name(folder, root, list);
        let mut builder = match Builder::create(folder, &path) {
            Ok(builder) => builder,
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "no index is kept here");
                return Ok(None);
            }
        };
        list.for_each_record(root, |_| true, |record| builder.add(record))?;
        match builder.finish(&path, list.identity, path_hash(root, list)) {
            Ok(()) => Ok(Self::open(folder, root, list)),
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "the index was not written");
                Ok(None)
            }
        }
    }

    /// Every record of these names; of each name in the order of the list.
    pub fn records_of<'a>(&self, names: impl Iterator<Item = &'a [u8]>) -> Result<Records, Damaged> {
        let mut records = Records { payloads: Vec::with_capacity(64 << 10), ends: Vec::new() };
        let slots = self.table.len() / SLOT_BYTES;
        let mut buffer = Vec::with_capacity(READ_BYTES);
        for name in names {
            let hash = name_hash(name);
            let mut slot = home_slot(hash, slots);
            loop {
                let (known, offset) = self.slot(slot);
                if offset == 0 {
                    break;
                }
                if known == hash {
                    let payload = self.read_payload(u64::from(offset), &mut buffer)?;
                    if parse_payload(payload).ok_or(Damaged)?.package == name {
                        records.payloads.extend_from_slice(payload);
                        records.ends.push(records.payloads.len());
                    }
                }
                slot = if slot + 1 == slots { 0 } else { slot + 1 };
            }
        }
        Ok(records)
    }

    fn slot(&self, slot: usize) -> (u32, u32) {
        let bytes: [u8; SLOT_BYTES] =
            self.table[slot * SLOT_BYTES..][..SLOT_BYTES].try_into().expect("the slice has this length");
        let word = u64::from_le_bytes(bytes);
        (word as u32, (word >> 32) as u32)
    }

    fn read_payload<'b>(&self, offset: u64, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], Damaged> {
        let room = self.records_end.checked_sub(offset).ok_or(Damaged)?;
        self.fill(buffer, offset, READ_BYTES.min(usize::try_from(room).unwrap_or(READ_BYTES)))?;
        let (length, _) = buffer.split_first_chunk::<2>().ok_or(Damaged)?;
        let length = usize::from(u16::from_le_bytes(*length));
        if PREFIX_BYTES + length > buffer.len() {
            if (PREFIX_BYTES + length) as u64 > room {
                return Err(Damaged);
            }
            self.fill(buffer, offset, PREFIX_BYTES + length)?;
        }
        let (prefix, payload) = buffer.split_first_chunk::<PREFIX_BYTES>().ok_or(Damaged)?;
        let payload = &payload[..length];
        if (checksum(payload) as u32).to_le_bytes() == prefix[2..] { Ok(payload) } else { Err(Damaged) }
    }

    fn fill(&self, buffer: &mut Vec<u8>, offset: u64, length: usize) -> Result<(), Damaged> {
        buffer.resize(length, 0);
        self.file.read_exact_at(buffer, offset).map_err(|_| Damaged)
    }
}

impl Header {
    fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let list = &self.list;
        let words = [
            list.device,
            list.inode,
            list.size_bytes,
            list.modified_ns as u64,
            list.changed_ns as u64,
            self.path_hash,
            self.records_end,
            self.slots,
            self.table_checksum,
        ];
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        for (at, word) in words.into_iter().enumerate() {
            bytes[8 + at * 8..][..8].copy_from_slice(&word.to_le_bytes());
        }
        let sum = checksum(&bytes[..HEADER_BYTES - 8]);
        bytes[HEADER_BYTES - 8..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn parse(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let mut words =
            bytes[8..].chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()));
        let mut next = || words.next().unwrap_or_default();
        let list = Identity {
            device: next(),
            inode: next(),
            size_bytes: next(),
            modified_ns: next() as i64,
            changed_ns: next() as i64,
        };
        let header =
            Self { list, path_hash: next(), records_end: next(), slots: next(), table_checksum: next() };
        (*bytes == header.to_bytes()).then_some(header)
    }
}

struct Builder {
    file: BufWriter<File>,
    temporary: PathBuf,
    entries: Vec<(u32, u32)>,
    offset: u64,
    payload: Vec<u8>,
    failed: Option<io::Error>,
}

impl Builder {
    fn create(folder: &Path, path: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        forget_old(folder);
        let temporary = path.with_extension(format!("tmp{}", std::process::id()));
        let mut file = BufWriter::with_capacity(64 << 10, File::create(&temporary)?);
        file.write_all(&[0; HEADER_BYTES])?;
        Ok(Self {
            file,
            temporary,
            entries: Vec::new(),
            offset: HEADER_BYTES as u64,
            payload: Vec::new(),
            failed: None,
        })
    }

    fn add(&mut self, record: &Record<'_>) {
        if self.failed.is_none() {
            self.failed = self.write(record).err();
        }
    }

    fn write(&mut self, record: &Record<'_>) -> io::Result<()> {
        let too_large = || io::Error::new(io::ErrorKind::InvalidData, "the list is too large for an index");
        write_payload(&mut self.payload, record).ok_or_else(too_large)?;
        let length = u16::try_from(self.payload.len()).map_err(|_| too_large())?;
        let offset = u32::try_from(self.offset).map_err(|_| too_large())?;
        self.entries.push((name_hash(record.package), offset));
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&(checksum(&self.payload) as u32).to_le_bytes())?;
        self.file.write_all(&self.payload)?;
        self.offset += PREFIX_BYTES as u64 + u64::from(length);
        Ok(())
    }

    fn finish(mut self, path: &Path, list: Identity, path_hash: u64) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let slots = self.entries.len() * 3 / 2 + 1;
        let mut table = vec![0u8; slots * SLOT_BYTES];
        for &(hash, offset) in &self.entries {
            let mut slot = home_slot(hash, slots);
            while table[slot * SLOT_BYTES + 4..][..4] != [0; 4] {
                slot = if slot + 1 == slots { 0 } else { slot + 1 };
            }
            table[slot * SLOT_BYTES..][..4].copy_from_slice(&hash.to_le_bytes());
            table[slot * SLOT_BYTES + 4..][..4].copy_from_slice(&offset.to_le_bytes());
        }
        let header = Header {
            list,
            path_hash,
            records_end: self.offset,
            slots: slots as u64,
            table_checksum: checksum(&table),
        };
        self.file.write_all(&table)?;
        self.file.flush()?;
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header.to_bytes())?;
        fs::rename(&self.temporary, path)
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        // After a successful rename there is nothing left to remove.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn forget_old(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let age =
            entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > FORGET_AFTER) {
            // Somebody else may have removed it, or will next time.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn write_payload(payload: &mut Vec<u8>, record: &Record<'_>) -> Option<()> {
    payload.clear();
    payload.extend_from_slice(&record.fingerprint.to_le_bytes());
    payload.extend_from_slice(&record.size_bytes.to_le_bytes());
    payload.push(record.multi_arch.to_code());
    payload.push(record.phased_percent.unwrap_or(u8::MAX));
    for text in
        [record.package, record.version, record.architecture, record.section, record.priority, record.source]
    {
        payload.push(u8::try_from(text.len()).ok()?);
        payload.extend_from_slice(text);
    }
    Some(())
}

fn parse_payload(payload: &[u8]) -> Option<Record<'_>> {
    let (fixed, mut rest) = payload.split_at_checked(14)?;
    let mut text = || {
        let (&length, after) = rest.split_first()?;
        let (text, after) = after.split_at_checked(usize::from(length))?;
        rest = after;
        Some(text)
    };
    Some(Record {
        package: text()?,
        version: text()?,
        architecture: text()?,
        section: text()?,
        priority: text()?,
        source: text()?,
        status: b"",
        multi_arch: MultiArch::from_code(fixed[12])?,
        size_bytes: u64::from_le_bytes(fixed[4..12].try_into().ok()?),
        phased_percent: Some(fixed[13]).filter(|&percent| percent != u8::MAX),
        fingerprint: u32::from_le_bytes(fixed[..4].try_into().ok()?),
    })
}

/// Spreads hashes over any number of slots.
fn home_slot(hash: u32, slots: usize) -> usize {
    ((u64::from(hash) * slots as u64) >> 32) as usize
}

fn path_hash(root: &Root, list: &List) -> u64 {
    checksum(root.shown(&list.path).as_os_str().as_encoded_bytes())
}

fn file_name(folder: &Path, root: &Root, list: &List) -> PathBuf {
    folder.join(format!("{:016x}.idx", path_hash(root, list)))
}

/// Against damage, not against malice: whoever can write here can do worse.
fn checksum(bytes: &[u8]) -> u64 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut lanes = [bytes.len() as u64, MIX];
    let mut chunks = bytes.chunks_exact(16);
    for chunk in &mut chunks {
        for (lane, word) in lanes.iter_mut().zip(chunk.chunks_exact(8)) {
            let word = u64::from_le_bytes(word.try_into().unwrap_or_default());
            *lane = (*lane ^ word).wrapping_mul(MIX).rotate_left(29);
        }
    }
    for &byte in chunks.remainder() {
        lanes[0] = (lanes[0] ^ u64::from(byte)).wrapping_mul(MIX).rotate_left(29);
    }
    let mixed = (lanes[0] ^ lanes[1].rotate_left(17)).wrapping_mul(MIX);
    mixed ^ (mixed >> 32)
}
