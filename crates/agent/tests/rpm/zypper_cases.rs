//! Where zypper does what one would not guess, one node for each: what it says of it, and that we say the same. Random nodes found
//! most of these. Why it is so is told in `docs/decisions/0024-zypper.md`.

use std::collections::BTreeSet;

use domain::facts::PackageState;

use crate::bed::package;
use crate::made_up::{Advisory, Package, Repository};
use crate::pool::{NAMES, archs};
use crate::zypper_nodes::{Agreed, Config, Node, compare, is_possible};

/// Versions of the pool: 1.0-1, 1.0-2.el9 and 10.0-1.el9.
const FIRST: usize = 0;
const SECOND: usize = 3;
const LAST: usize = 6;

fn of(name: &str, version: usize, arch: &str) -> Package {
    let name = NAMES.iter().position(|known| *known == name).unwrap();
    Package { name, version, arch: archs(name).iter().position(|known| *known == arch).unwrap() }
}

fn offering(packages: &[Package]) -> Repository {
    Repository {
        packages: packages.iter().map(|package| (*package, None)).collect(),
        ..Repository::default()
    }
}

fn patch(packages: &[Package]) -> Advisory {
    Advisory { kind: "security", severity: "low", packages: packages.to_vec(), ..Advisory::default() }
}

/// A repository that offers these packages and has a patch about them.
fn patching(packages: &[Package]) -> Repository {
    Repository { advisories: vec![patch(packages)], ..offering(packages) }
}

fn node(installed: &[Package], repositories: Vec<Repository>) -> Node {
    Node { installed: installed.to_vec(), repositories, category: "*", severity: "*", ..Node::default() }
}

/// `None` where no node can be made.
fn agreed(node: &Node) -> Option<Agreed> {
    is_possible().then(|| compare(node).unwrap_or_else(|difference| panic!("{difference}")))
}

fn set(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn what_is_listed_for_an_architecture_counts_for_what_fits_all() {
    let installed = [of("delta", FIRST, "noarch")];
    let Some(said) = agreed(&node(&installed, vec![patching(&[of("delta", LAST, "x86_64")])])) else {
        return;
    };
    assert_eq!((said.patches, said.missing), (set(&["A-0-0"]), set(&["delta.noarch"])));
    assert_eq!(said.updates, set(&["delta 10.0-1.el9"]));
}

#[test]
fn what_is_listed_for_all_architectures_counts_for_each() {
    let installed = [of("delta", FIRST, "x86_64")];
    let listed = [of("delta", LAST, "noarch")];
    let Some(said) = agreed(&node(&installed, vec![patching(&listed)])) else { return };
    assert_eq!((said.patches, said.missing), (set(&["A-0-0"]), set(&["delta.x86_64"])));

    // What is listed for one is nothing to another.
    let installed = [of("kernel", FIRST, "i686")];
    let Some(said) = agreed(&node(&installed, vec![patching(&[of("kernel", LAST, "x86_64")])])) else {
        return;
    };
    assert_eq!((said.patches, said.updates), (set(&[]), set(&[])));
}

#[test]
fn of_versions_beside_each_other_the_newest_counts() {
    let installed = [of("kernel", FIRST, "x86_64"), of("kernel", LAST, "x86_64")];
    let repositories = || vec![patching(&[of("kernel", SECOND, "x86_64")])];
    let beside = |multiversion, is_in_folder| Node {
        config: Config { multiversion, is_in_folder, ..Config::default() },
        ..node(&installed, repositories())
    };
    for (multiversion, is_in_folder) in [("provides:multiversion(kernel)", false), ("kernel", true)] {
        let Some(said) = agreed(&beside(multiversion, is_in_folder)) else { return };
        assert_eq!((said.patches, said.missing), (set(&[]), set(&[])));
        assert_eq!(package(&said.facts, "kernel").state, PackageState::Installed);
    }
    // One that is not meant to be there counts, too, and is told as what it is.
    let Some(said) = agreed(&beside("", false)) else { return };
    assert_eq!((said.patches, said.missing), (set(&["A-0-0"]), set(&[])));
    assert_eq!(package(&said.facts, "kernel").state, PackageState::HalfInstalled);
}

#[test]
fn a_filter_takes_features_for_optional_patches() {
    let patches = ["feature", "optional", "recommended"];
    let packages = [of("alpha", LAST, "noarch"), of("beta", LAST, "noarch"), of("libgamma", LAST, "x86_64")];
    let advisories =
        patches.into_iter().zip(packages).map(|(kind, package)| Advisory { kind, ..patch(&[package]) });
    let repository = Repository { advisories: advisories.collect(), ..offering(&packages) };
    let installed = packages.map(|package| Package { version: FIRST, ..package });
    for (category, listed, missing) in [
        ("optional", set(&["A-0-0", "A-0-1"]), set(&["beta.noarch"])),
        ("feature", set(&["A-0-0", "A-0-1"]), set(&["alpha.noarch"])),
        ("recommended", set(&["A-0-2"]), set(&["libgamma.x86_64"])),
    ] {
        let node = Node { category, ..node(&installed, vec![repository.clone()]) };
        let Some(said) = agreed(&node) else { return };
        assert_eq!((said.patches, said.missing), (listed, missing), "{category}");
    }
}

#[test]
fn what_was_retracted_is_neither_listed_nor_to_be_had() {
    let retracted = Advisory { is_retracted: true, ..patch(&[of("alpha", LAST, "noarch")]) };
    let fix = patch(&[of("alpha", SECOND, "noarch")]);
    let packages = [of("alpha", SECOND, "noarch"), of("alpha", LAST, "noarch")];
    let repository = Repository { advisories: vec![retracted, fix], ..offering(&packages) };
    let installed = [of("alpha", FIRST, "noarch")];
    let Some(said) = agreed(&node(&installed, vec![repository.clone()])) else { return };
    assert_eq!(said.updates, set(&["alpha 1.0-2.el9"]));
    assert_eq!((said.patches, said.missing), (set(&["A-0-1"]), set(&["alpha.noarch"])));

    // Nothing is needed or missing because of it alone.
    let repository = Repository { advisories: vec![repository.advisories[0].clone()], ..repository };
    let Some(said) = agreed(&node(&installed, vec![repository.clone()])) else { return };
    assert_eq!((said.patches, said.missing), (set(&[]), set(&[])));

    // What is installed already stays.
    let Some(said) = agreed(&node(&[of("alpha", LAST, "noarch")], vec![repository])) else { return };
    assert_eq!((said.updates, said.patches), (set(&[]), set(&[])));
}

#[test]
fn a_patch_of_another_vendor_is_not_relevant() {
    let installed = [of("alpha", FIRST, "noarch"), of("beta", SECOND, "noarch")];
    let fixes = [of("alpha", LAST, "noarch"), of("beta", LAST, "noarch")];
    let advisories = fixes.iter().map(|package| patch(&[*package])).collect();
    let vendors = vec!["Somebody", "openSUSE"];
    let repository =
        || Repository { vendors: vendors.clone(), advisories: Vec::clone(&advisories), ..offering(&fixes) };
    let with = |config| Node { config, ..node(&installed, vec![repository()]) };
    let Some(said) = agreed(&with(Config::default())) else { return };
    assert_eq!((said.patches, said.updates), (set(&[]), set(&[])));

    // Updates may go there, and still it is not.
    let Some(said) = agreed(&with(Config { allows_vendor_change: true, ..Config::default() })) else {
        return;
    };
    assert_eq!((said.patches, said.missing), (set(&[]), set(&[])));
    assert_eq!(said.updates, set(&["alpha 10.0-1.el9", "beta 10.0-1.el9"]));

    // Where the two vendors are one it is.
    let Some(said) = agreed(&with(Config { vendors: "openSUSE,SUSE", ..Config::default() })) else { return };
    assert_eq!((said.patches, said.updates), (set(&["A-0-1"]), set(&["beta 10.0-1.el9"])));

    // And where its repository does not have what it lists.
    let elsewhere =
        vec![offering(&fixes), Repository { advisories: Vec::clone(&advisories), ..Repository::default() }];
    let Some(said) = agreed(&node(&installed[..1], elsewhere)) else { return };
    assert_eq!((said.patches, said.missing), (set(&["A-1-0"]), set(&["alpha.noarch"])));
}

#[test]
fn a_preferred_repository_hides_others_by_what_may_be_taken_from_it() {
    let preferring = |packages: &[Package], vendors: &[&'static str]| {
        let preferred = Repository { priority: Some(10), vendors: vendors.to_vec(), ..offering(packages) };
        node(
            &[of("alpha", SECOND, "noarch")],
            vec![preferred, with_vendor(offering(&[of("alpha", LAST, "noarch")]))],
        )
    };
    fn with_vendor(repository: Repository) -> Repository {
        Repository { vendors: vec![crate::pool::SUSE], ..repository }
    }
    let update = set(&["alpha 10.0-1.el9"]);
    for (version, vendor, updates) in [
        (FIRST, crate::pool::SUSE, &update),
        (SECOND, crate::pool::SUSE, &set(&[])),
        (SECOND, "Somebody", &update),
    ] {
        let Some(said) = agreed(&preferring(&[of("alpha", version, "noarch")], &[vendor])) else { return };
        assert_eq!(said.updates, *updates, "{version} {vendor}");
    }
}

#[test]
fn what_obsoletes_a_package_takes_its_place() {
    let obsoleting = |flags, packages: &[Package]| {
        let beta = NAMES.iter().position(|name| *name == "beta").unwrap();
        let mut repository = offering(packages);
        repository.packages[0].1 = Some((beta, flags));
        repository
    };
    let new = [of("alpha", LAST, "noarch"), of("beta", LAST, "noarch")];
    let installed = [of("alpha", FIRST, "noarch"), of("beta", FIRST, "noarch")];
    // It obsoletes every version of it, the newer one as well.
    let Some(said) = agreed(&node(&installed, vec![obsoleting("", &new)])) else { return };
    assert_eq!(said.updates, set(&["alpha 10.0-1.el9"]));
    assert_eq!(package(&said.facts, "beta").obsoleted_by.as_deref(), Some("alpha"));
    assert_eq!(package(&said.facts, "beta").candidate.as_deref(), Some("1.0-1"));

    // What is not installed is not shown, though it would come.
    let Some(said) = agreed(&node(&installed[1..], vec![obsoleting("", &new)])) else { return };
    assert_eq!(said.updates, set(&[]));
    assert_eq!(package(&said.facts, "beta").obsoleted_by.as_deref(), Some("alpha"));

    // A locked package keeps off what would take its place.
    let node = Node { lock: Some("?e*"), ..node(&installed, vec![obsoleting("", &new)]) };
    let Some(said) = agreed(&node) else { return };
    assert_eq!(said.updates, set(&[]));
    assert_eq!(package(&said.facts, "beta").obsoleted_by, None);
}

#[test]
fn patches_for_zypper_itself_stand_in_a_list_of_their_own() {
    let packages = [of("alpha", LAST, "noarch"), of("beta", LAST, "noarch")];
    let first = Advisory { suggests_restart: true, ..patch(&packages[..1]) };
    let repository = Repository { advisories: vec![first, patch(&packages[1..])], ..offering(&packages) };
    let installed = packages.map(|package| Package { version: FIRST, ..package });
    let Some(said) = agreed(&node(&installed, vec![repository])) else { return };
    assert_eq!(said.patches, set(&["A-0-0", "A-0-1"]));
}

#[test]
fn kernels_of_two_architectures_get_updates_where_they_may_stand_beside_each_other() {
    let installed = ["i686", "x86_64"].map(|arch| of("kernel", FIRST, arch));
    for (multiversion, updates) in [
        ("provides:multiversion(kernel)", set(&["kernel 10.0-1.el9"])),
        ("kernel", set(&["kernel 10.0-1.el9"])),
        ("", set(&[])),
    ] {
        let config = Config { multiversion, ..Config::default() };
        let node = Node { config, ..node(&installed, vec![offering(&[of("kernel", LAST, "x86_64")])]) };
        let Some(said) = agreed(&node) else { return };
        assert_eq!(said.updates, updates, "{multiversion}");
    }
}

/// As a broken node has them: one may stand for the other where it is not older.
#[test]
fn twins_of_two_architectures() {
    let installed = [of("delta", FIRST, "noarch"), of("delta", SECOND, "x86_64")];
    for offers in [
        vec![offering(&[of("delta", LAST, "x86_64")])],
        vec![offering(&[of("delta", LAST, "noarch")])],
        vec![offering(&[of("delta", FIRST, "x86_64"), of("delta", SECOND, "noarch")])],
    ] {
        if agreed(&node(&installed, offers)).is_none() {
            return;
        }
    }
}
