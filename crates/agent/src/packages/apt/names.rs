//! The names of installed packages, for asking of each of tens of thousands of stanzas whether it matters.

use super::dpkg::Installed;

/// Stable: the index on disk is built with it.
#[inline]
pub fn name_hash(name: &[u8]) -> u32 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = name.len() as u64;
    let mut chunks = name.chunks_exact(8);
    for chunk in &mut chunks {
        let word = chunk.iter().rev().fold(0u64, |word, &byte| word << 8 | u64::from(byte));
        hash = (hash ^ word).wrapping_mul(MIX);
        hash ^= hash >> 29;
    }
    let word = chunks.remainder().iter().rev().fold(0u64, |word, &byte| word << 8 | u64::from(byte));
    hash = (hash ^ word).wrapping_mul(MIX);
    (hash >> 32) as u32
}

/// From a name to its packages, which stand together in the sorted list of installed ones.
pub struct Names<'a> {
    installed: &'a [Installed<'a>],
    /// Open addressing; position plus one, 0 for a free slot.
    slots: Vec<(u32, u32)>,
    shift: u32,
}

impl<'a> Names<'a> {
    /// `installed` is sorted by name.
    pub fn new(installed: &'a [Installed<'a>]) -> Self {
        let size = (installed.len() * 4).next_power_of_two().max(16);
        let mut names = Self { installed, slots: vec![(0, 0); size], shift: 32 - size.trailing_zeros() };
        for (at, package) in installed.iter().enumerate() {
            if at > 0 && installed[at - 1].record.package == package.record.package {
                continue;
            }
            let hash = name_hash(package.record.package);
            let mut slot = (hash >> names.shift) as usize;
            while names.slots[slot].1 != 0 {
                slot = (slot + 1) % size;
            }
            names.slots[slot] = (hash, at as u32 + 1);
        }
        names
    }

    /// The position of the first package of this name.
    #[inline]
    pub fn first(&self, name: &[u8]) -> Option<usize> {
        let hash = name_hash(name);
        let mut slot = (hash >> self.shift) as usize;
        loop {
            let (known, at) = self.slots[slot];
            if at == 0 {
                return None;
            }
            let at = at as usize - 1;
            if known == hash && self.installed[at].record.package == name {
                return Some(at);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    /// The positions of all packages that share the name of the one at `position`.
    pub fn all(&self, position: usize) -> std::ops::Range<usize> {
        let same = |other: &&Installed<'_>| other.record.package == self.installed[position].record.package;
        let before = self.installed[..position].iter().rev().take_while(same).count();
        let after = self.installed[position..].iter().take_while(same).count();
        position - before..position + after
    }

    /// Each name once, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        let same = |left: &Installed<'_>, right: &Installed<'_>| left.record.package == right.record.package;
        self.installed.chunk_by(same).map(|packages| packages[0].record.package)
    }
}
