//! Holds our order of Debian versions against dpkg's own. Needs `dpkg`; says so where it is absent.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
#![expect(clippy::disallowed_methods, reason = "asks the real dpkg")]

use std::cmp::Ordering;
use std::process::Command;

use domain::patch::version_deb;

/// Small steps of every kind of difference, combined with each other.
fn corpus() -> Vec<String> {
    let upstreams = ["1", "1.0", "1.0~rc1", "1.0+b", "1.0a", "1.01", "1.10", "2024.1.9", "1.0-x"];
    let revisions = ["", "-0", "-1", "-1~bpo12+1", "-1+deb12u2", "-1ubuntu0.10"];
    let mut versions = vec!["0:1.0-1".to_owned(), "1:0.1".to_owned(), "3:1.0~~-1".to_owned()];
    for upstream in upstreams {
        for revision in revisions {
            versions.push(format!("{upstream}{revision}"));
        }
    }
    versions
}

fn dpkg_says(left: &str, relation: &str, right: &str) -> Option<bool> {
    let status = Command::new("dpkg").args(["--compare-versions", left, relation, right]).status().ok()?;
    Some(status.success())
}

#[test]
fn agrees_with_dpkg() {
    if dpkg_says("1", "lt", "2").is_none() {
        println!("SKIPPED: no dpkg on this machine to compare with");
        return;
    }
    // One neighbour each keeps it to a few hundred processes; a stride reaches all kinds of pairs.
    let corpus = corpus();
    for (at, left) in corpus.iter().enumerate() {
        for step in [1, 7, 23] {
            let right = &corpus[(at + step) % corpus.len()];
            let relation = match version_deb::compare(left, right) {
                Ordering::Less => "lt",
                Ordering::Equal => "eq",
                Ordering::Greater => "gt",
            };
            assert_eq!(dpkg_says(left, relation, right), Some(true), "{left} {relation} {right}");
        }
    }
}
