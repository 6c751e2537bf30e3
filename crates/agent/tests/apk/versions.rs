//! The order of versions, held against apk's own.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use domain::patch::version_apk::{compare, is_valid};

use crate::bed::Bed;

/// Small numbers in a fixed sequence (Marsaglia's xorshift), so that a failure repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

/// Pieces that meet every branch of the comparison, put together at random.
fn corpus(size: usize) -> Vec<String> {
    let pieces = [
        ".0", ".1", ".9", ".10", ".007", ".01", "a", "b", "_alpha", "_beta2", "_pre", "_rc1", "_rc10",
        "_cvs", "_svn3", "_git", "_hg", "_p1", "_p", "_no", "~0a", "~f", "-r0", "-r1", "-r10", "-1", "5",
    ];
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    let mut versions = BTreeSet::new();
    while versions.len() < size {
        let first = ["0", "1", "01", "9", "10", ""][dice.below(6)];
        let rest: String = (0..dice.below(5)).map(|_| pieces[dice.below(pieces.len())]).collect();
        versions.insert(format!("{first}{rest}"));
    }
    versions.into_iter().collect()
}

#[test]
fn agrees_with_apk() {
    let Some(bed) = Bed::new() else { return };
    let corpus = corpus(250);
    // What is no version has no order in apk. Its order is total, so neighbours stand for all pairs.
    let mut valid: Vec<_> = corpus.iter().filter(|version| is_valid(version)).collect();
    valid.sort_by(|a, b| compare(a, b).then_with(|| a.cmp(b)));
    assert!(valid.len() > 80, "{}", valid.len());
    let pairs: Vec<_> = valid.windows(2).map(|pair| (pair[0], pair[1])).collect();
    let mut script = String::new();
    for (left, right) in &pairs {
        // Writing to a String cannot fail.
        let _ = writeln!(script, "/sbin/apk version -t '{left}' '{right}'");
    }
    for version in &corpus {
        let _ = writeln!(script, "/sbin/apk version -q -c '{version}' >/dev/null && echo yes || echo no");
    }
    fs::write(bed.path().join("tmp/ask"), script).unwrap();
    let output =
        std::process::Command::new("chroot").arg(bed.path()).args(["/bin/sh", "/tmp/ask"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let mut answers = said.lines();
    for (left, right) in pairs {
        let ours = match compare(left, right) {
            Ordering::Less => "<",
            Ordering::Equal => "=",
            Ordering::Greater => ">",
        };
        assert_eq!(answers.next(), Some(ours), "{left} {right}");
    }
    for version in &corpus {
        assert_eq!(answers.next(), Some(if is_valid(version) { "yes" } else { "no" }), "{version}");
    }
}
