//! The dnf bed: one package for each thing that can happen, read as dnf reads it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use agent::packages::rpm::lacking::Kinds;
use api::Timestamp;
use domain::facts::{FactSet, ListRefresh};

use crate::bed::{Bed, lacking_of, package};
use crate::oracle;

fn rpm_installed(bed: &Bed) -> BTreeSet<String> {
    let rpm = bed.tool().with_file_name("rpm");
    let output = Command::new(rpm).args(["-qa", "--qf", oracle::RPM_QUERY]).output().unwrap();
    oracle::rpm_query(&String::from_utf8(output.stdout).unwrap())
}

fn assert_equal(bed: &Bed) -> FactSet {
    let (facts, _) = bed.facts();
    assert_eq!(oracle::installed(&facts), rpm_installed(bed));
    let output = bed.run(&["-q", "check-update"]);
    assert!(
        [Some(0), Some(100)].contains(&output.status.code()),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let listed = oracle::check_update(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(oracle::upgradable(&facts), listed);
    let listed = oracle::updateinfo_list(&bed.must(&["-q", "updateinfo", "list"]));
    assert_eq!(oracle::advisories(&facts), listed);
    assert_eq!(oracle::lacking(&lacking_of(&bed.root(), Kinds::All)), listed);
    let security = oracle::updateinfo_list(&bed.must(&["-q", "updateinfo", "list", "--security"]));
    assert_eq!(oracle::lacking(&lacking_of(&bed.root(), Kinds::Security)), security);
    facts
}

#[test]
fn a_node_of_dnf_is_read_as_dnf_reads_it() {
    let Some(bed) = Bed::dnf() else { return };
    let facts = assert_equal(&bed);
    assert_eq!(facts.os.id, "rhel");
    let (_, observation) = bed.facts();
    assert_eq!((observation.refresh, observation.booted_at), (ListRefresh::Skipped, None));
    assert!(observation.lists_updated_at.is_some() && observation.failed_repositories.is_empty());

    let ssl = package(&facts, "tb-ssl");
    assert_eq!((ssl.version.as_str(), ssl.candidate.as_deref()), ("1.0-1.bed", Some("1.1-1.bed")));
    assert!(ssl.installed_at.is_some() && ssl.available[0].built_at.is_some());
    let advisory = &facts.advisories[ssl.notices[0].advisory as usize];
    assert_eq!((advisory.id.as_str(), advisory.severity.as_str()), ("BED-SA-2025:0001", "Critical"));
    assert_eq!(advisory.cve_ids, ["CVE-2024-11111", "CVE-2024-11112"]);
    assert_eq!(advisory.issued_at.map(Timestamp::to_iso_seconds).as_deref(), Some("2025-01-02T03:04:05Z"));
    assert_eq!(advisory.updated_at.map(Timestamp::to_iso_seconds).as_deref(), Some("2025-01-03T00:00:00Z"));
    assert!(!advisory.reboot_suggested);
    let kernel = &facts.advisories[package(&facts, "kernel").notices[0].advisory as usize];
    assert!(kernel.reboot_suggested);
    assert!(facts.absent.is_empty(), "every package of an advisory is installed: {:?}", facts.absent);

    bed.must(&["-q", "upgrade", "tb-ssl", "kernel"]);
    bed.must(&["-q", "remove", "tb-locked"]);
    let facts = assert_equal(&bed);
    let kernel = package(&facts, "kernel");
    assert_eq!(
        (kernel.version.as_str(), kernel.other_versions.as_slice()),
        ("5.10.2-1.bed", &["5.10.1-1.bed".to_owned()][..])
    );
    assert_eq!((facts.absent.len(), facts.absent[0].packages), (1, 1));
    assert_eq!(
        (facts.absent[0].terms[0].severity.as_str(), facts.absent[0].terms[0].kind.as_str()),
        ("Low", "security")
    );
}

fn chosen(facts: &FactSet) -> BTreeSet<String> {
    let own = facts.packages.iter().filter(|package| !package.automatic);
    own.map(|package| format!("{}.{}", package.name, package.arch)).collect()
}

fn user_installed(bed: &Bed) -> BTreeSet<String> {
    let listed = bed.must(&["-q", "repoquery", "--userinstalled", "--qf", "%{name}.%{arch}"]);
    listed.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn what_came_as_a_dependency_is_dnfs() {
    let Some(bed) = Bed::dnf() else { return };
    let check = |automatic: &[&str]| {
        let (facts, _) = bed.facts();
        assert_eq!(chosen(&facts), user_installed(&bed));
        let own = facts.packages.iter().filter(|package| package.automatic);
        assert_eq!(own.map(|package| package.name.as_str()).collect::<Vec<_>>(), automatic);
    };
    check(&[]);
    bed.must(&["-q", "remove", "tb-app", "tb-ssl"]);
    bed.must(&["-q", "install", "tb-app"]);
    check(&["tb-ssl"]);
    bed.must(&["-q", "mark", "remove", "tb-bug"]);
    check(&["tb-bug", "tb-ssl"]);
    bed.must(&["-q", "upgrade", "tb-bug"]);
    check(&["tb-bug", "tb-ssl"]);
    bed.must(&["-q", "mark", "install", "tb-ssl"]);
    check(&["tb-bug"]);
    // What no history tells of counts as chosen.
    fs::remove_file(bed.root().join("var/lib/dnf/history.sqlite")).unwrap();
    let (facts, _) = bed.facts();
    assert!(facts.packages.iter().all(|package| !package.automatic));
}

#[test]
fn amazon_linux_is_read_at_its_newest_release() {
    let Some(bed) = Bed::dnf() else { return };
    let folder = bed.tool().parent().unwrap().to_owned();
    for (release, repository) in [("2023.1", "repo-base"), ("latest", "repo-updates")] {
        std::os::unix::fs::symlink(folder.join(repository), folder.join(format!("al-{release}"))).unwrap();
    }
    let repository =
        format!("[al]\nname=al\nbaseurl=file://{}/al-$releasever\ngpgcheck=0\n", folder.display());
    fs::write(bed.root().join("etc/yum.repos.d/bed.repo"), repository).unwrap();
    fs::write(bed.root().join("etc/os-release"), "ID=amzn\nVERSION_ID=2023\n").unwrap();
    fs::write(bed.root().join("etc/dnf/vars/releasever"), "2023.1\n").unwrap();
    assert!(bed.error().contains("run `dnf makecache --releasever=latest`"), "{}", bed.error());
    let check = |read: &str, candidate: &str| {
        let (facts, _) = bed.facts();
        let from = &facts.repositories[0];
        assert_eq!((from.component.as_str(), from.codename.as_str()), (read, "2023.1"));
        assert_eq!(package(&facts, "tb-ssl").candidate.as_deref(), Some(candidate));
    };
    // Nothing of the newest is there yet: what the node is locked to is better than nothing.
    bed.must(&["-q", "--releasever=2023.1", "makecache"]);
    check("2023.1", "1.0-1.bed");
    bed.must(&["-q", "--releasever=latest", "makecache"]);
    check("latest", "1.1-1.bed");
}

#[test]
fn excludes_priorities_and_locks_are_dnfs() {
    let Some(bed) = Bed::dnf() else { return };
    let repo = bed.root().join("etc/yum.repos.d/bed.repo");
    let text = fs::read_to_string(&repo).unwrap();
    fs::write(&repo, text.replace("[bed-updates]", "[bed-updates]\nexcludepkgs=tb-b* glibc-2.2*")).unwrap();
    let facts = assert_equal(&bed);
    let bug = package(&facts, "tb-bug");
    assert!(bug.available[0].excluded && bug.candidate.as_deref() == Some("1.0-1.bed"));

    // The base repository is preferred, and has every name.
    fs::write(&repo, text.replace("[bed-base]", "[bed-base]\npriority=10")).unwrap();
    let facts = assert_equal(&bed);
    assert_eq!(oracle::upgradable(&facts), BTreeSet::new());

    fs::write(&repo, text).unwrap();
    let plugins = bed.root().join("etc/dnf/plugins");
    let config = bed.root().join("etc/dnf/dnf.conf");
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("plugins=0", "plugins=1")).unwrap();
    let list = plugins.join("versionlock.list");
    let settings = format!("[main]\nenabled = 1\nlocklist = {}\n", list.display());
    fs::write(plugins.join("versionlock.conf"), settings).unwrap();
    fs::write(&list, "tb-locked-0:1.0-1.bed.*\n!tb-ssl-0:1.1-1.bed.*\ntb-slow-0:1.1-*.*\n").unwrap();
    let listed = oracle::check_update(&String::from_utf8(bed.run(&["-q", "check-update"]).stdout).unwrap());
    // The list's path is the host's; within the root it is another.
    fs::write(plugins.join("versionlock.conf"), "[main]\nenabled = 1\n").unwrap();
    let (facts, _) = bed.facts();
    let may: BTreeSet<_> = oracle::upgradable(&facts)
        .into_iter()
        .filter(|line| !package(&facts, line.split(' ').next().unwrap()).held)
        .filter(|line| !line.starts_with("tb-ssl "))
        .collect();
    assert_eq!(may, listed);
    assert!(package(&facts, "tb-locked").held && !package(&facts, "tb-slow").held);
    assert!(package(&facts, "tb-ssl").held, "the only newer version is excluded");
}

#[test]
fn what_is_missing_or_damaged_is_named() {
    let Some(bed) = Bed::dnf() else { return };
    let repo = bed.root().join("etc/yum.repos.d/bed.repo");
    let text = fs::read_to_string(&repo).unwrap();
    fs::write(&repo, format!("{text}\n[gone]\nbaseurl=http://gone.example.org/\n")).unwrap();
    let told = bed.error();
    assert!(told.contains("`gone`: no metadata in ") && told.contains("dnf makecache"), "{told}");
    fs::write(
        &repo,
        format!("{text}\n[gone]\nbaseurl=http://u:p@gone.example.org/\nskip_if_unavailable=1\n"),
    )
    .unwrap();
    let (_, observation) = bed.facts();
    let failed = &observation.failed_repositories[0];
    assert_eq!((failed.suite.as_str(), failed.uri.as_str()), ("gone", "http://gone.example.org/"));

    fs::write(&repo, &text).unwrap();
    let cache = bed.root().join("var/cache/dnf");
    let find = |ending: &str| {
        let folders = fs::read_dir(&cache).unwrap().flatten().map(|entry| entry.path().join("repodata"));
        let files = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
        let of_updates = |path: &std::path::PathBuf| path.to_string_lossy().contains("bed-updates");
        files
            .map(|entry| entry.path())
            .filter(of_updates)
            .find(|path| path.to_string_lossy().ends_with(ending))
            .unwrap()
    };
    for ending in ["-primary.xml.gz", "-updateinfo.xml.gz"] {
        let path = find(ending);
        let sound = fs::read(&path).unwrap();
        fs::write(&path, &sound[..sound.len() / 2]).unwrap();
        let told = bed.error();
        assert!(told.contains(ending), "{told}");
        fs::remove_file(&path).unwrap();
        assert!(bed.error().contains(ending));
        fs::write(&path, sound).unwrap();
    }
    let database = bed.root().join("var/lib/rpm/rpmdb.sqlite");
    let sound = fs::read(&database).unwrap();
    fs::write(&database, &sound[..sound.len() / 2]).unwrap();
    assert!(bed.error().contains("rpmdb.sqlite"), "{}", bed.error());
    fs::write(&database, b"").unwrap();
    assert!(bed.error().contains("rpmdb.sqlite"));
    fs::write(&database, sound).unwrap();
    bed.facts();
}
