//! What is taken of small pools. That zypper does the same is for `tests/rpm` to show.

use std::collections::BTreeSet;

use super::*;

struct Plain;

impl Rules for Plain {
    fn may_change_vendor(&self, from: &str, to: &str) -> bool {
        from == to
    }

    fn architecture(&self, arch: &str) -> Option<u8> {
        (arch != "noarch").then(|| u8::from(arch == "i686"))
    }
}

fn installed(name: &'static str, version: &'static str) -> Package<'static> {
    Package {
        name,
        arch: "x86_64",
        version,
        vendor: "",
        priority: None,
        obsoletes: &[],
        provides: &[],
        is_one_of_several: false,
        is_locked: false,
    }
}

fn offer(name: &'static str, version: &'static str) -> Package<'static> {
    Package { priority: Some(99), ..installed(name, version) }
}

fn obsoleting(name: &str) -> Vec<Relation> {
    vec![Relation { name: name.to_owned(), ..Relation::default() }]
}

/// `name version` of what is taken, `name by name` of what is replaced.
fn told(installed: &[Package<'_>], offers: &[Package<'_>]) -> BTreeSet<String> {
    let found = Pool::new(installed.to_vec(), offers.to_vec(), &Plain).updates();
    let taken = found.taken.iter().map(|&at| format!("{} {}", offers[at].name, offers[at].version));
    let replaced = found.replaced.iter();
    let replaced = replaced.map(|(&from, &by)| format!("{} by {}", installed[from].name, offers[by].name));
    taken.chain(replaced).collect()
}

fn check(installed: &[Package<'_>], offers: &[Package<'_>], expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(told(installed, offers), expected, "{installed:#?} {offers:#?}");
}

#[test]
fn one_package_by_itself() {
    let own = [installed("a", "2")];
    check(&own, &[offer("a", "1"), offer("a", "3"), offer("a", "4")], &["a 4"]);
    check(&own, &[offer("a", "1"), offer("a", "2"), offer("b", "3")], &[]);
    // Preferred repositories hide what may be taken from others, if something may be taken from them.
    let preferred = |version| Package { priority: Some(1), ..offer("a", version) };
    check(&own, &[preferred("3"), offer("a", "4")], &["a 3"]);
    check(&own, &[preferred("2"), offer("a", "4")], &[]);
    check(&own, &[preferred("1"), offer("a", "4")], &["a 4"]);
    check(&own, &[Package { vendor: "x", ..preferred("3") }, offer("a", "4")], &["a 4"]);
    check(&own, &[Package { arch: "i686", ..preferred("3") }, offer("a", "4")], &["a 4"]);
    check(&own, &[Package { is_locked: true, ..preferred("3") }, offer("a", "4")], &["a 4"]);
    check(&[Package { is_locked: true, ..own[0] }], &[offer("a", "4")], &[]);
    check(&own, &[Package { arch: "noarch", ..offer("a", "5") }, offer("a", "4")], &["a 5"]);
}

#[test]
fn versions_beside_each_other() {
    let several = |package: Package<'static>| Package { is_one_of_several: true, ..package };
    let own = [several(installed("k", "1")), several(installed("k", "2"))];
    check(&own, &[several(offer("k", "3")), several(offer("k", "2"))], &["k 3"]);
    let again = [installed("k", "1"), installed("k", "2")];
    check(&again, &[offer("k", "3")], &["k 3"]);
}

#[test]
fn obsoleted_packages() {
    let of_b = obsoleting("b");
    let replacing = Package { obsoletes: &of_b, ..offer("a", "1") };
    let own = [installed("b", "1")];
    check(&own, &[replacing], &["a 1", "b by a"]);
    check(&own, &[replacing, offer("b", "2")], &["a 1", "b by a"]);
    check(&[Package { is_locked: true, ..own[0] }], &[replacing], &[]);
    check(&own, &[Package { vendor: "x", ..replacing }, offer("b", "2")], &["b 2"]);
    // The one that also provides the name is the successor.
    let name = ["b".to_owned()];
    let successor = Package { name: "c", provides: &name, ..replacing };
    check(&own, &[replacing, successor], &["c 1", "b by c"]);
    // Older versions alone: then the newer one stays possible, and is preferred.
    let older = vec![Relation { name: "b".to_owned(), flags: "LT".to_owned(), version: "2".to_owned() }];
    let replacing = Package { obsoletes: &older, ..offer("a", "1") };
    check(&own, &[replacing, offer("b", "2")], &["b 2"]);
    check(&own, &[replacing], &["a 1", "b by a"]);
}

#[test]
fn what_clashes_is_taken_back() {
    // The update of `a` would take away `b`, which is locked, or has nothing to be replaced by.
    let of_b = obsoleting("b");
    let own = [installed("a", "1"), Package { is_locked: true, ..installed("b", "1") }];
    let update = Package { obsoletes: &of_b, ..offer("a", "2") };
    check(&own, &[update], &[]);
    check(&own, &[update, offer("a", "1.5")], &["a 1.5"]);
    check(&[own[0], Package { vendor: "x", ..installed("b", "1") }], &[update], &[]);
    // Two architectures of one name stand in each other's way.
    let both = [Package { arch: "i686", ..installed("a", "1") }, installed("a", "1")];
    check(&both, &[offer("a", "2")], &[]);
    check(&both, &[Package { arch: "noarch", ..offer("a", "2") }], &["a 2"]);
}
