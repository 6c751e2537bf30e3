//! Installations through dnf, zypper and apk that are killed with everything below them, at random moments: what a scan
//! tells then is what the package database has, and the next installation repairs and finishes. The moments are the same
//! parts of every run; `FETTLE_TEST_SEED` chooses others, `random` fresh ones. apt's are in `tests/apt`, pacman's in
//! `tests/pacman`; apk's own, at single system calls, in `tests/apk`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bed::Bed;
use crate::killing::kill_all;
use crate::node::Node;

const SEED: u64 = 20_261_121;
/// `tb-slow` has a script that takes a second; `tb-newdep` brings `tb-brandnew`.
const RPMS: [&str; 7] = ["glibc", "kernel", "tb-bug", "tb-locked", "tb-newdep", "tb-slow", "tb-ssl"];
const APKS: [&str; 7] = ["linux-virt", "musl", "tb-bug", "tb-conf", "tb-newdep", "tb-slow", "tb-ssl"];

/// Every version of every package.
type Installed = BTreeMap<String, BTreeSet<String>>;

/// A node of one distribution.
struct Case<'a> {
    make: &'a dyn Fn() -> Option<Bed>,
    system: &'a str,
    packages: [&'a str; 7],
    /// How many times it is killed.
    points: u32,
    installed: fn(&Node) -> Installed,
    /// What the slow package's last script writes when it comes to its end.
    is_done: &'a str,
}

/// Fractions from 0 to 1, the same for the same seed (SplitMix64).
struct Random(u64);

impl Random {
    fn of_test() -> Self {
        let seed = match std::env::var("FETTLE_TEST_SEED").as_deref() {
            Ok("random") => (agent::random_fraction() * 1e15) as u64,
            Ok(seed) => seed.parse().expect("a number, or `random`"),
            Err(_) => SEED,
        };
        eprintln!("FETTLE_TEST_SEED={seed} repeats this run");
        Self(seed)
    }

    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Case<'_> {
    fn node(&self, bed: Bed) -> Node {
        let mut node = Node::new(bed);
        node.set("TB_SLOW", "1");
        std::fs::create_dir_all(node.root().join("tmp")).unwrap();
        std::fs::write(node.root().join("tmp/slow"), "1\n").unwrap();
        node.use_baseline(json!({"OperatingSystem": self.system, "ApprovedPatches": self.packages,
            "ApprovedPatchesEnableNonSecurity": true}));
        let _ = std::fs::remove_file(node.root().join("etc/zypp/locks"));
        node
    }

    fn slow_is_done(&self, node: &Node) -> bool {
        node.root().join(self.is_done).exists()
    }
}

/// As rpm has it.
fn rpm(node: &Node) -> Installed {
    let mut rpm = Command::new("rpm");
    rpm.arg("--root").arg(node.root()).args(["-qa", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\\n"]);
    let output = rpm.env("HOME", node.base().join("home")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut found = Installed::new();
    for (name, version) in
        String::from_utf8(output.stdout).unwrap().lines().filter_map(|line| line.split_once(' '))
    {
        found.entry(name.to_owned()).or_default().insert(version.to_owned());
    }
    found
}

/// As apk has it, and its world, which no run may change.
fn apk(node: &Node) -> Installed {
    let output = Command::new("chroot").arg(node.root()).args(["/sbin/apk", "info", "-v"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut found = Installed::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let at = line.rmatch_indices('-').nth(1).expect("NAME-VERSION-REVISION").0;
        found.entry(line[..at].to_owned()).or_default().insert(line[at + 1..].to_owned());
    }
    let world = std::fs::read_to_string(node.root().join("etc/apk/world")).unwrap();
    found.insert("the world".to_owned(), world.lines().map(str::to_owned).collect());
    found
}

fn check(case: &Case<'_>) {
    let Some(bed) = (case.make)() else { return };
    let mut random = Random::of_test();
    let whole = case.node(bed);
    let before = (case.installed)(&whole);
    let began = Instant::now();
    assert_eq!(whole.begin_install().wait().unwrap().code(), Some(0));
    let (mut length, expected) = (began.elapsed(), (case.installed)(&whole));
    assert!(case.slow_is_done(&whole) && expected["tb-brandnew"].len() == 1, "{expected:?}");
    assert_eq!(before.get("the world"), expected.get("the world"));
    let (mut interrupted, mut half_done) = (0, 0);
    for point in 0..case.points {
        let node = case.node((case.make)().unwrap());
        // Spread over the later part of the run: before that, it only asks.
        let part = (f64::from(point) + random.next()) / f64::from(case.points);
        let after = length.mul_f64(0.3 + 0.7 * part);
        let mut child = node.begin_install();
        let began = Instant::now();
        while began.elapsed() < after && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        match child.try_wait().unwrap() {
            None => interrupted += 1,
            // The machine was busier before: the next ones are killed sooner.
            Some(_) => length = length.min(began.elapsed()),
        }
        kill_all(child.id());
        child.wait().unwrap();

        // The machine comes up again, and what it tells is what there is.
        node.boot();
        let left = (case.installed)(&node);
        half_done += u32::from(left != before && left != expected);
        let scan = node.scan();
        for name in case.packages {
            let is_new = left[name].iter().any(|version| !before[name].contains(version));
            let is_twice = name != "kernel" && left[name].len() > 1;
            let state = match (is_new, is_twice) {
                (false, _) => "Missing",
                (true, true) => "Failed",
                (true, false) => "Installed",
            };
            let told = &scan.item(name)["PatchState"];
            assert_eq!(told, state, "killed after {after:?}: {name} {:?}", left[name]);
        }

        let next = node.install();
        assert_eq!((next.code, next.failures()), (0, vec![]), "killed after {after:?}: {}", next.said);
        assert_eq!((case.installed)(&node), expected, "killed after {after:?}: {}", next.said);
        assert!(
            case.slow_is_done(&node),
            "killed after {after:?}: a script did not come to its end\n{}",
            next.said
        );
        if point + 1 == case.points {
            node.boot();
            node.scan().assert_compliant();
        }
    }
    let points = case.points;
    assert!(interrupted > 0, "none of {points} runs was still going: this test shows nothing");
    eprintln!("{interrupted} of {points} runs were interrupted, {half_done} in the middle of a transaction");
}

/// The script of the slow rpm.
const RPM_IS_DONE: &str = "var/lib/bed/tb-slow-1.1";

#[test]
fn an_installation_through_dnf_is_killed_anywhere_and_finished_by_the_next() {
    let make = || Bed::dnf("rhel");
    let system = "REDHAT_ENTERPRISE_LINUX";
    check(&Case { make: &make, system, packages: RPMS, points: 10, installed: rpm, is_done: RPM_IS_DONE });
}

#[test]
fn an_installation_through_zypper_is_killed_anywhere_and_finished_by_the_next() {
    let make = || Bed::zypper("suse");
    check(&Case {
        make: &make,
        system: "SUSE",
        packages: RPMS,
        points: 10,
        installed: rpm,
        is_done: RPM_IS_DONE,
    });
}

#[test]
fn an_installation_through_apk_is_killed_anywhere_and_finished_by_the_next() {
    let system = "ALPINE_LINUX";
    check(&Case {
        make: &Bed::apk,
        system,
        packages: APKS,
        points: 6,
        installed: apk,
        is_done: "tmp/tb-slow-1.1",
    });
}
