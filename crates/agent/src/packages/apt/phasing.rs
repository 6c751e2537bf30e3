//! Phased updates: whether this machine is among those that get an update early.
//! The choice is apt's own, keyed to source package, version and machine id, so that both agree on every node.

use std::path::Path;

use super::super::ScanError;
use super::super::root::Root;
use super::policy::{Offer, Versions};
use super::settings::PhasingSettings;

#[derive(Debug)]
pub struct Phasing {
    /// `None`: every phased update is for this machine.
    machine_id: Option<String>,
    never_include: bool,
    lowers_priority: bool,
}

impl Phasing {
    pub fn load(root: &Root, settings: &PhasingSettings) -> Result<Self, ScanError> {
        let mut machine_id = settings.machine_id.clone();
        if machine_id.is_none() {
            let bytes = root.read(&settings.machine_id_file)?.unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            machine_id = text.lines().next().map(|line| line.trim().to_owned()).filter(|id| !id.is_empty());
        }
        if settings.always_include || (root.is_host() && in_chroot()) {
            machine_id = None;
        }
        let never_include = settings.never_include && !settings.always_include;
        Ok(Self { machine_id, never_include, lowers_priority: settings.lowers_priority })
    }

    fn excludes(&self, package: &str, offer: &Offer<'_>) -> bool {
        let Some(percent) = offer.phased_percent else { return false };
        if self.never_include {
            return true;
        }
        let Some(machine_id) = &self.machine_id else { return false };
        let source = offer.source.unwrap_or(package);
        let version = offer.source_version.unwrap_or(offer.version);
        draw(&format!("{source}-{version}-{machine_id}")) > u32::from(percent)
    }

    /// Whether phasing takes a version out of the candidates, as apt 2.2 did and later ones do when told to.
    pub fn lowers(&self, package: &str, offer: &Offer<'_>) -> bool {
        self.lowers_priority && self.excludes(package, offer)
    }

    /// Whether `apt upgrade` would keep the package back: never for a version above one from a security suite.
    pub fn keeps_back(
        &self,
        package: &str,
        versions: &Versions<'_>,
        at: usize,
        is_security: impl Fn(u32) -> bool,
    ) -> bool {
        let version = &versions.list[at];
        if self.lowers_priority || !self.excludes(package, &version.offer) {
            return false;
        }
        let skipped = versions.list[at + 1..].iter().take_while(|version| !version.is_installed);
        !skipped.flat_map(|version| &version.lists).any(|&list| is_security(list))
    }
}

/// A number from 0 to 100: a seed sequence of the text's bytes, one step of the minimal standard generator.
fn draw(text: &str) -> u32 {
    const MODULUS: u64 = 2_147_483_647;
    const MULTIPLIER: u64 = 48_271;
    let seed = u64::from(seed_word(text.as_bytes())) % MODULUS;
    let mut state = if seed == 0 { 1 } else { seed };
    let scaling = (MODULUS - 2) / 101;
    loop {
        state = state * MULTIPLIER % MODULUS;
        let value = (state - 1) / scaling;
        if value <= 100 {
            return value as u32;
        }
    }
}

/// The fourth word that `std::seed_seq::generate` makes of the bytes when asked for four.
fn seed_word(bytes: &[u8]) -> u32 {
    const WORDS: usize = 4;
    let mut words = [0x8b8b_8b8bu32; WORDS];
    let shuffle = |value: u32| value ^ (value >> 27);
    let (count, rounds) = (bytes.len(), WORDS.max(bytes.len() + 1));
    // With four words both offsets are those of the standard's `t = (n - 1) / 2`, `p = (n - t) / 2`, `q = p + t`.
    let (first, second) = (1, 2);
    for round in 0..rounds {
        let (a, b, c) = (round % WORDS, (round + first) % WORDS, (round + WORDS - 1) % WORDS);
        let mixed = shuffle(words[a] ^ words[b] ^ words[c]).wrapping_mul(1_664_525);
        let added = match round {
            0 => count as u32,
            _ if round <= count => (a as u32).wrapping_add(signed(bytes[round - 1])),
            _ => a as u32,
        };
        let stirred = mixed.wrapping_add(added);
        words[b] = words[b].wrapping_add(mixed);
        words[(round + second) % WORDS] = words[(round + second) % WORDS].wrapping_add(stirred);
        words[a] = stirred;
    }
    for round in rounds..rounds + WORDS {
        let (a, b, c) = (round % WORDS, (round + first) % WORDS, (round + WORDS - 1) % WORDS);
        let sum = words[a].wrapping_add(words[b]).wrapping_add(words[c]);
        let mixed = shuffle(sum).wrapping_mul(1_566_083_941);
        let stirred = mixed.wrapping_sub(a as u32);
        words[b] ^= mixed;
        words[(round + second) % WORDS] ^= stirred;
        words[a] = stirred;
    }
    words[3]
}

/// Bytes count as C's signed characters.
fn signed(byte: u8) -> u32 {
    i32::from(byte as i8) as u32
}

/// As `ischroot` tells it. Where that cannot be seen, the machine is taken for what it looks like.
fn in_chroot() -> bool {
    let (own, first) = (rustix::fs::stat(Path::new("/")), rustix::fs::stat(Path::new("/proc/1/root")));
    matches!((own, first), (Ok(own), Ok(first)) if (own.st_dev, own.st_ino) != (first.st_dev, first.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_what_the_cpp_library_draws() {
        // Printed by a program of std::seed_seq, std::minstd_rand and std::uniform_int_distribution(0, 100).
        assert_eq!(draw("tb-phased-1.1-1-0123456789abcdef0123456789abcdef"), 83);
        assert_eq!(draw("a-1-x"), 53);
        assert_eq!(draw("openssl-3.0.2-0ubuntu1.15-ffffffffffffffffffffffffffffffff"), 25);
        assert_eq!(draw("x"), 67);
    }
}
