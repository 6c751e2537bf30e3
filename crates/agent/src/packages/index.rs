//! The agent's own index of a package list: what the list has of the packages that this node has.
//! It holds for exactly one file and for the names that were asked for when it was made; when the list is another file, or
//! a package was installed since, it is made anew by streaming the list, which costs about as much as reading it without
//! an index. It is a cache only: without it the answer is the same, and a damaged one counts as none.
//! What the records mean is their owner's matter.
//!
//! A file is: header, length of the names, names, records.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::root::Identity;

const HEADER_WORDS: usize = 9;
const HEADER_BYTES: usize = HEADER_WORDS * 8;
/// Indexes of lists that nobody has now.
const FORGET_AFTER: std::time::Duration = std::time::Duration::from_secs(40 * 24 * 3600);

/// Which list an index is of.
pub struct Key<'a> {
    /// Changes whenever the records, or their meaning, change.
    pub magic: u64,
    /// The list's path as the caller of the program would write it.
    pub path: &'a Path,
    pub identity: Identity,
}

impl Key<'_> {
    fn words(&self) -> impl Iterator<Item = u64> {
        [self.magic, self.path_hash()].into_iter().chain(identity_words(&self.identity))
    }

    fn path_hash(&self) -> u64 {
        checksum(self.path.as_os_str().as_encoded_bytes())
    }

    fn file_name(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{:016x}.idx", self.path_hash()))
    }
}

/// The records; `None` when there is no sound index of exactly this list with all of these names (each with a line end, sorted).
pub fn load(folder: &Path, key: &Key<'_>, names: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = fs::read(key.file_name(folder)).ok()?;
    let (header, body) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let mut words =
        header.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()));
    let mut next = || words.next().unwrap_or_default();
    for word in key.words() {
        if next() != word {
            return None;
        }
    }
    let (body_length, body_sum) = (next(), next());
    if body.len() as u64 != body_length || checksum(body) != body_sum {
        return None;
    }
    let (names_length, rest) = body.split_first_chunk::<8>()?;
    let names_length = usize::try_from(u64::from_le_bytes(*names_length)).ok()?;
    let known = rest.get(..names_length)?;
    if known != names && !covers(known, names) {
        return None;
    }
    bytes.drain(..HEADER_BYTES + 8 + names_length);
    Some(bytes)
}

/// Writes an index in place of an older one. A failure leaves the older one alone.
pub fn save(folder: &Path, key: &Key<'_>, names: &[u8], records: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    forget_old(folder);
    let body = [&(names.len() as u64).to_le_bytes(), names, records].concat();
    let words = key.words().chain([body.len() as u64, checksum(&body)]);
    let header: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    let path = key.file_name(folder);
    let temporary = path.with_extension(format!("tmp{}", std::process::id()));
    let written = fs::File::create(&temporary).and_then(|mut file| {
        file.write_all(&header)?;
        file.write_all(&body)?;
        fs::rename(&temporary, &path)
    });
    if written.is_err() {
        // The error that is told is the first one.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Both are sorted: each wanted name must be among the known ones.
fn covers(known: &[u8], names: &[u8]) -> bool {
    let split = |text| <[u8]>::split(text, |&byte| byte == b'\n');
    let mut known = split(known);
    split(names).all(|name| known.any(|known| known == name))
}

fn identity_words(identity: &Identity) -> [u64; 5] {
    let (modified, changed) = (identity.modified_ns as u64, identity.changed_ns as u64);
    [identity.device, identity.inode, identity.size_bytes, modified, changed]
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

/// Against damage, not against malice: whoever can write here can do worse.
pub fn checksum(bytes: &[u8]) -> u64 {
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
