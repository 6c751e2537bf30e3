//! The agent's own index of a package list: what the list offers of the packages that this node has.
//! It holds for exactly one file and for the names that were asked for when it was made; when the list is another file, or
//! a package was installed since, it is made anew by streaming the list, which costs about as much as reading it without
//! an index. It is a cache only: without it the answer is the same, and a damaged one counts as none.
//!
//! A file is: header, length of the names, names, records.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::super::root::{Identity, Root};
use super::lists::List;
use super::names::Names;
use super::records::Records;

/// Changes whenever what follows it in the file, or the meaning of a fingerprint, changes.
const MAGIC: u64 = u64::from_le_bytes(*b"FTLIDX02");
const HEADER_WORDS: usize = 9;
const HEADER_BYTES: usize = HEADER_WORDS * 8;
/// Indexes of lists that nobody has now.
const FORGET_AFTER: std::time::Duration = std::time::Duration::from_secs(40 * 24 * 3600);

/// `None` when there is no sound index of exactly this list with all of these names.
pub fn load(folder: &Path, root: &Root, list: &List, names: &Names<'_>) -> Option<Records> {
    let mut bytes = fs::read(file_name(folder, root, list)).ok()?;
    let (header, body) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let mut words =
        header.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()));
    let mut next = || words.next().unwrap_or_default();
    let expected = [MAGIC, path_hash(root, list)].into_iter().chain(identity_words(&list.identity));
    for word in expected {
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
    if known != joined(names) && !covers(known, names) {
        return None;
    }
    bytes.drain(..HEADER_BYTES + 8 + names_length);
    Some(Records::from_bytes(bytes))
}

/// Writes an index in place of an older one. A failure leaves the older one alone.
pub fn save(folder: &Path, root: &Root, list: &List, names: &Names<'_>, records: &Records) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    forget_old(folder);
    let names = joined(names);
    let body = [&(names.len() as u64).to_le_bytes(), names.as_slice(), records.as_bytes()].concat();
    let words = [MAGIC, path_hash(root, list)]
        .into_iter()
        .chain(identity_words(&list.identity))
        .chain([body.len() as u64, checksum(&body)]);
    let header: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    let path = file_name(folder, root, list);
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

fn joined(names: &Names<'_>) -> Vec<u8> {
    let mut joined = Vec::with_capacity(16 << 10);
    for name in names.iter() {
        joined.extend_from_slice(name);
        joined.push(b'\n');
    }
    joined
}

/// Both are sorted: each wanted name must be among the known ones.
fn covers(known: &[u8], names: &Names<'_>) -> bool {
    let mut known = known.split(|&byte| byte == b'\n');
    names.iter().all(|name| known.any(|known| known == name))
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

fn path_hash(root: &Root, list: &List) -> u64 {
    checksum(root.shown(&list.path).as_os_str().as_encoded_bytes())
}

fn file_name(folder: &Path, root: &Root, list: &List) -> PathBuf {
    folder.join(format!("{:016x}.idx", path_hash(root, list)))
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
