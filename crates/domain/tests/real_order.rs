//! Holds our orders of versions against dpkg's, rpm's and pacman's own. Needs the tools; says so where one is absent.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
#![expect(clippy::disallowed_methods, reason = "asks the real tools")]

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

use domain::patch::{version_deb, version_pacman, version_rpm};

/// Small numbers in a fixed sequence (Marsaglia's xorshift), so that a failure repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn text(&mut self, pieces: &[&'static str], most: usize) -> String {
        (0..=self.below(most)).map(|_| pieces[self.below(pieces.len())]).collect()
    }
}

/// Pieces that meet every branch of the comparison, put together at random: versions that differ in one step and in
/// many.
fn corpus(pieces: &[&'static str], size: usize) -> Vec<String> {
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    let mut versions = BTreeSet::new();
    while versions.len() < size {
        let epoch = ["", "", "", "0:", "1:", "02:"][dice.below(6)];
        let number = dice.below(12);
        let tail = dice.text(pieces, 5);
        let release = dice.text(pieces, 3);
        let release = if dice.below(4) == 0 { String::new() } else { format!("-{}{release}", dice.below(3)) };
        versions.insert(format!("{epoch}{number}{tail}{release}"));
    }
    versions.into_iter().collect()
}

fn skip_unless_required(tool: &str) {
    assert!(
        std::env::var_os("FETTLE_REQUIRE_BEDS").is_none_or(|value| value != "1"),
        "no {tool} on this machine, and FETTLE_REQUIRE_BEDS=1 asks for it"
    );
    println!("SKIPPED: no {tool} on this machine to compare with");
}

fn dpkg_says(left: &str, relation: &str, right: &str) -> Option<bool> {
    let status = Command::new("dpkg").args(["--compare-versions", left, relation, right]).status().ok()?;
    Some(status.success())
}

/// dpkg compares one pair per process. Its order is total, so neighbours of the sorted corpus stand for all pairs.
#[test]
fn agrees_with_dpkg() {
    if dpkg_says("1", "lt", "2").is_none() {
        return skip_unless_required("dpkg");
    }
    let pieces =
        [".", "0", "1", "9", "10", "007", "a", "rc", "Z", "~", "~~", "+", "+deb12u1", "~bpo12+1", "ubuntu0."];
    let mut corpus = corpus(&pieces, 800);
    corpus.sort_by(|a, b| version_deb::compare(a, b).then_with(|| a.cmp(b)));
    for pair in corpus.windows(2) {
        let (left, right) = (&pair[0], &pair[1]);
        let relation = match version_deb::compare(left, right) {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        assert_eq!(dpkg_says(left, relation, right), Some(true), "{left} {relation} {right}");
    }
}

/// vercmp compares one pair per process, and its order is not total where releases are missing: pairs at random.
#[test]
fn agrees_with_vercmp() {
    let says = |left: &str, right: &str| {
        let output = Command::new("vercmp").args([left, right]).output().ok()?;
        String::from_utf8(output.stdout).unwrap().trim().parse::<i32>().ok()
    };
    if says("1", "2").is_none() {
        return skip_unless_required("vercmp");
    }
    let pieces =
        [".", ".", "_", "0", "1", "9", "10", "007", "a", "rc", "Z", "~", "^", "+", ".arch", "..", "r"];
    let corpus = corpus(&pieces, 400);
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for _ in 0..2_000 {
        let left = &corpus[dice.below(corpus.len())];
        // Half of the pairs differ in their ends only.
        let right = match dice.below(2) {
            0 => corpus[dice.below(corpus.len())].clone(),
            _ => format!("{}{}", &left[..dice.below(left.len()) + 1], dice.text(&pieces, 2)),
        };
        let ours = version_pacman::compare(left, &right);
        assert_eq!(Some(ours), says(left, &right).map(|said| said.cmp(&0)), "{left} {right}");
    }
}

/// rpm's own interpreter compares every pair in one process.
#[test]
fn agrees_with_rpm() {
    let pieces = [
        ".", "_", "0", "1", "9", "10", "007", "a", "rc", "Z", "~", "^", "^git", "+", ".el8_", ".amzn2.",
        "..", "~^",
    ];
    let corpus = corpus(&pieces, 500);
    let mut list = String::new();
    for version in &corpus {
        write!(list, "\"{version}\",").unwrap();
    }
    let program = format!(
        "%{{lua: local v = {{{list}}}; local row; for i = 1, #v do row = {{}}; for j = 1, #v do \
         row[j] = ({{[-1] = \"<\", [0] = \"=\", [1] = \">\"}})[rpm.vercmp(v[i], v[j])] end; \
         print(table.concat(row) .. \"\\n\") end}}"
    );
    let Ok(output) = Command::new("rpm").args(["--eval", &program]).output() else {
        return skip_unless_required("rpm");
    };
    let answer = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<&str> = answer.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(rows.len(), corpus.len(), "{}", String::from_utf8_lossy(&output.stderr));
    for (left, row) in corpus.iter().zip(rows) {
        assert_eq!(row.len(), corpus.len());
        for (right, said) in corpus.iter().zip(row.chars()) {
            let ours = match version_rpm::compare(left, right) {
                Ordering::Less => '<',
                Ordering::Equal => '=',
                Ordering::Greater => '>',
            };
            assert_eq!(ours, said, "{left} {right}");
        }
    }
}
