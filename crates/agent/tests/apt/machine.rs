//! The machine that runs the tests, read only.

use std::path::Path;

use agent::packages::apt::{Environment, Options, RefreshLists, gather};
use agent::packages::root::Root;
use api::Timestamp;

use crate::oracle::{self, Apt};

#[test]
fn this_machine_is_read_as_apt_reads_it() {
    if !Path::new("/var/lib/dpkg/status").exists() || !oracle::is_there("apt-cache") {
        return oracle::skip("this machine has no apt");
    }
    let options = Options {
        environment: Environment::default(),
        now: Timestamp::from_seconds(0),
        refresh: RefreshLists::Never,
        index: None,
    };
    let (facts, observation) = gather(&Root::host(), &options).expect("this machine can be read");
    assert!(!facts.packages.is_empty());
    assert!(!observation.running_kernel.is_empty() && observation.booted_at.is_some());
    assert_eq!(oracle::packages_of(&facts), oracle::dpkg_packages(Path::new("/var/lib/dpkg")));
    // apt must not write its caches while the tests look.
    let no_cache = ["-oDir::Cache::pkgcache=", "-oDir::Cache::srcpkgcache="].map(str::to_owned).to_vec();
    let folder = tempfile::tempdir().unwrap();
    let options = Options { index: Some(folder.path().join("index")), ..options };
    for run in ["building", "built"] {
        let (indexed, _) =
            gather(&Root::host(), &options).expect("this machine can be read through an index");
        assert_eq!(facts, indexed, "with the index {run}");
    }
    oracle::assert_equal("this machine", &facts, &Apt { arguments: no_cache, ..Apt::default() });
}
