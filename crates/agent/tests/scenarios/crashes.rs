//! Installations through dnf and zypper that are killed with everything below them, at ten random moments: what a scan tells
//! then is what rpm has, and the next installation repairs and finishes. `FETTLE_TEST_SEED` repeats the moments of a run.
//! apt's are in `tests/apt`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::killing::kill_all;
use crate::node::Node;

const POINTS: u32 = 10;
/// `tb-slow` has a `%post` that takes a second; `tb-newdep` brings `tb-brandnew`.
const PACKAGES: [&str; 7] = ["glibc", "kernel", "tb-bug", "tb-locked", "tb-newdep", "tb-slow", "tb-ssl"];

/// Fractions from 0 to 1, the same for the same seed (SplitMix64).
struct Random(u64);

impl Random {
    fn of_test() -> Self {
        let told = std::env::var("FETTLE_TEST_SEED").ok().map(|seed| seed.parse().expect("a number"));
        let seed = told.unwrap_or_else(|| (agent::random_fraction() * 1e15) as u64);
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

fn baseline(system: &str) -> Value {
    json!({"OperatingSystem": system, "ApprovedPatches": PACKAGES, "ApprovedPatchesEnableNonSecurity": true})
}

fn node(bed: Bed, system: &str) -> Node {
    let mut node = Node::new(bed);
    node.set("TB_SLOW", "1");
    node.use_baseline(baseline(system));
    let _ = std::fs::remove_file(node.root().join("etc/zypp/locks"));
    node
}

/// Every version of every package, as rpm has it.
fn rpm(node: &Node) -> BTreeMap<String, BTreeSet<String>> {
    let mut rpm = Command::new("rpm");
    rpm.arg("--root").arg(node.root()).args(["-qa", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\\n"]);
    let output = rpm.env("HOME", node.base().join("home")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, version) in
        String::from_utf8(output.stdout).unwrap().lines().filter_map(|line| line.split_once(' '))
    {
        found.entry(name.to_owned()).or_default().insert(version.to_owned());
    }
    found
}

/// Whether the last script of the slow package came to its end.
fn slow_is_done(node: &Node) -> bool {
    node.root().join("var/lib/bed/tb-slow-1.1").exists()
}

fn check(make: impl Fn() -> Option<Bed>, system: &str) {
    let Some(bed) = make() else { return };
    let mut random = Random::of_test();
    let whole = node(bed, system);
    let before = rpm(&whole);
    let began = Instant::now();
    assert_eq!(whole.begin_install().wait().unwrap().code(), Some(0));
    let (length, expected) = (began.elapsed(), rpm(&whole));
    assert!(slow_is_done(&whole) && expected["tb-brandnew"].len() == 1, "{expected:?}");
    let (mut interrupted, mut half_done) = (0, 0);
    for point in 0..POINTS {
        let node = node(make().unwrap(), system);
        // Spread over the later part of the run: before that, it only asks.
        let part = (f64::from(point) + random.next()) / f64::from(POINTS);
        let after = length.mul_f64(0.3 + 0.7 * part);
        let mut child = node.begin_install();
        let deadline = Instant::now() + after;
        while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        interrupted += u32::from(child.try_wait().unwrap().is_none());
        kill_all(child.id());
        child.wait().unwrap();

        // The machine comes up again, and what it tells is what there is.
        node.boot();
        let left = rpm(&node);
        half_done += u32::from(left != before && left != expected);
        let scan = node.scan();
        for name in PACKAGES {
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
        assert_eq!(rpm(&node), expected, "killed after {after:?}: {}", next.said);
        assert!(
            slow_is_done(&node),
            "killed after {after:?}: a script did not come to its end\n{}",
            next.said
        );
        if point + 1 == POINTS {
            node.boot();
            node.scan().assert_compliant();
        }
    }
    assert!(interrupted > 2, "only {interrupted} of {POINTS} runs were still going: this test shows little");
    eprintln!("{interrupted} of {POINTS} runs were interrupted, {half_done} in the middle of a transaction");
}

#[test]
fn an_installation_through_dnf_is_killed_anywhere_and_finished_by_the_next() {
    check(|| Bed::dnf("rhel"), "REDHAT_ENTERPRISE_LINUX");
}

#[test]
fn an_installation_through_zypper_is_killed_anywhere_and_finished_by_the_next() {
    check(|| Bed::zypper("suse"), "SUSE");
}
