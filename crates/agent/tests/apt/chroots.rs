//! Real distributions: roots installed from the main suite only, so that security updates are pending.
//! Slow, and in need of a mirror: behind the `chroots` feature.

use std::path::Path;
use std::process::Command;

use agent::packages::apt::{Environment, Options, RefreshLists, gather};
use agent::packages::root::Root;
use api::Timestamp;

use crate::oracle::{self, Apt};

fn check(suite: &str) {
    if !rustix::process::geteuid().is_root() || !oracle::is_there("mmdebstrap") {
        return oracle::skip("a chroot needs root rights and mmdebstrap");
    }
    let testbeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbeds").canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(testbeds.join("apt-bed.sh"))
        .arg(folder.path())
        .arg(suite)
        .output()
        .expect("the script runs");
    if !made.status.success() {
        let why = String::from_utf8_lossy(&made.stderr);
        return oracle::skip(&format!("no root of {suite}: {}", why.lines().last().unwrap_or_default()));
    }
    let root = folder.path().join("root");
    let options = Options {
        environment: Environment::default(),
        now: Timestamp::from_seconds(0),
        refresh: RefreshLists::Never,
        index: None,
    };
    let (facts, _) = gather(&Root::at(&root).unwrap(), &options).expect("the root can be read");
    let runner = [testbeds.join("bed-exec.sh"), root.clone()].map(|path| path.display().to_string()).to_vec();
    oracle::assert_equal(suite, &facts, &Apt { runner, ..Apt::default() });
    assert_eq!(oracle::packages_of(&facts), oracle::dpkg_packages(&root.join("var/lib/dpkg")), "{suite}");
    let pending =
        facts.packages.iter().filter(|package| package.candidate.as_ref() != Some(&package.version)).count();
    assert!(pending > 0, "{suite} has updates pending, or this test shows little");
}

#[test]
fn bullseye() {
    check("bullseye");
}

#[test]
fn trixie() {
    check("trixie");
}
