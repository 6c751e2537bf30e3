//! The names of installed packages, for asking of each of tens of thousands of stanzas whether it matters.

use super::dpkg::Installed;

/// Eight bytes at a time: of each of tens of thousands of names, nearly all of them of no concern.
#[inline]
fn name_hash(name: &[u8]) -> u32 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| {
        let hash = (hash ^ word).wrapping_mul(MIX);
        hash ^ hash >> 29
    };
    let (words, rest) = name.as_chunks::<8>();
    let hash = words.iter().fold(name.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    // What is left over, with bytes again that came before, where there are any.
    let last = match name.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    };
    (mix(hash, last) >> 32) as u32
}

/// The first eight bytes of names, as far as they are told apart.
struct Beginnings([u64; Self::BITS / 64]);

impl Beginnings {
    const BITS: usize = 1 << 14;

    fn bit(word: u64) -> usize {
        (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - Self::BITS.ilog2())) as usize
    }

    /// Shorter names are not kept: they are followed by what [`Self::may_have`] lets pass.
    fn add(&mut self, name: &[u8]) {
        if let Some(start) = name.first_chunk::<8>() {
            let bit = Self::bit(u64::from_le_bytes(*start));
            self.0[bit / 64] |= 1 << (bit % 64);
        }
    }

    /// Whether a text may begin with one of the names and the end of its line.
    #[inline]
    fn may_have(&self, text: &[u8]) -> bool {
        const EACH: u64 = u64::from_le_bytes([1; 8]);
        let Some(start) = text.first_chunk::<8>() else { return true };
        let word = u64::from_le_bytes(*start);
        // White space, in any of the eight bytes: the name is short, or does not begin here.
        let has_space = word.wrapping_sub(EACH * 0x21) & !word & (EACH * 0x80) != 0;
        let bit = Self::bit(word);
        has_space || self.0[bit / 64] >> (bit % 64) & 1 != 0
    }
}

/// From a name to its packages, which stand together in the sorted list of installed ones.
pub struct Names<'a> {
    installed: &'a [Installed<'a>],
    beginnings: Beginnings,
    /// Open addressing; position plus one, 0 for a free slot.
    slots: Vec<(u32, u32)>,
    shift: u32,
}

impl<'a> Names<'a> {
    /// `installed` is sorted by name.
    pub fn new(installed: &'a [Installed<'a>]) -> Self {
        let size = (installed.len() * 4).next_power_of_two().max(16);
        let beginnings = Beginnings([0; Beginnings::BITS / 64]);
        let slots = vec![(0, 0); size];
        let mut names = Self { installed, beginnings, slots, shift: 32 - size.trailing_zeros() };
        for (at, package) in installed.iter().enumerate() {
            if at > 0 && installed[at - 1].record.package == package.record.package {
                continue;
            }
            names.beginnings.add(package.record.package);
            let hash = name_hash(package.record.package);
            let mut slot = (hash >> names.shift) as usize;
            while names.slots[slot].1 != 0 {
                slot = (slot + 1) % size;
            }
            names.slots[slot] = (hash, at as u32 + 1);
        }
        names
    }

    /// Whether the stanza may be of one of these names; nearly all others are told from their first bytes.
    #[inline]
    pub fn may_be_of(&self, stanza: &[u8]) -> bool {
        let Some(rest) = stanza.strip_prefix(b"Package: ") else { return true };
        self.beginnings.may_have(rest)
            && memchr::memchr(b'\n', rest).is_none_or(|end| self.first(rest[..end].trim_ascii()).is_some())
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

#[cfg(test)]
mod tests {
    use super::super::record::Record;
    use super::*;
    use domain::facts::PackageState;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stanzas_of_the_names_are_found_and_no_others(
            known in prop::collection::btree_set("[a-b]{1,12}", 0..20),
            name in "[a-b]{1,12}",
            before in " {0,2}",
            after in "[ \t\r]{0,9}",
            rest in prop::sample::select(vec!["", "\n", "\nVersion: 1\n"]),
        ) {
            let installed: Vec<_> = known
                .iter()
                .map(|name| Installed {
                    record: Record { package: name.as_bytes(), ..Record::default() },
                    state: PackageState::Installed,
                    held: false,
                    needs_reinstall: false,
                })
                .collect();
            let names = Names::new(&installed);
            let is_known = known.contains(&name);
            prop_assert_eq!(names.first(name.as_bytes()).is_some(), is_known);
            let found = names.may_be_of(format!("Package: {before}{name}{after}{rest}").as_bytes());
            if is_known || !rest.is_empty() {
                prop_assert_eq!(found, is_known);
            }
        }
    }
}
