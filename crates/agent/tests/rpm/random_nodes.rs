//! Made-up nodes: random repositories, advisories, module streams and installed packages, read by us and by dnf. What a baseline
//! of one type or severity calls missing is what dnf lists with that filter and has to offer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Output};

use agent::packages::rpm::lacking::Kinds;
use domain::facts::FactSet;
use domain::patch::version_rpm::is_newer;
use proptest::prelude::*;
use proptest::sample::select;

use crate::bed::{can, facts_of, lacking_of};
use crate::made_up::{Advisory, Package, Repository, install, missing_by, package, settings};
use crate::oracle;
use crate::pool::{NAMES, VERSIONS};

#[derive(Clone, Debug)]
struct Node {
    repositories: Vec<Repository>,
    installed: Vec<Package>,
    stream: Option<&'static str>,
    excludes: Option<&'static str>,
    /// What is asked for: a type and a severity of advisories.
    asked: (&'static str, &'static str),
}

fn pattern() -> impl Strategy<Value = Option<&'static str>> {
    let patterns = select(vec!["alpha", "lib*", "*.i686", "kernel-2.0*", "beta delta-10.0-1.el9", "?e*"]);
    proptest::option::weighted(0.2, patterns)
}

fn advisory() -> impl Strategy<Value = Advisory> {
    let kinds = select(vec![
        ("security", "Critical"),
        ("security", "Low"),
        ("security", ""),
        ("bugfix", ""),
        ("enhancement", "Low"),
    ]);
    (kinds, prop::collection::vec(package(), 1..4), proptest::option::weighted(0.2, 0..2usize)).prop_map(
        |((kind, severity), packages, of)| Advisory { kind, severity, packages, of, ..Advisory::default() },
    )
}

fn repository() -> impl Strategy<Value = Repository> {
    let obsoletes =
        proptest::option::weighted(0.4, (0..NAMES.len(), select(vec!["", "LT", "LE", "EQ", "GE"])));
    let artifacts = prop::collection::vec(0..9usize, 0..4);
    let artifacts =
        proptest::option::weighted(0.5, (artifacts.clone(), artifacts).prop_map(|(one, two)| [one, two]));
    let choices =
        (proptest::option::weighted(0.5, select(vec![10, 50, 120])), pattern(), pattern(), 0..12u32);
    (
        prop::collection::vec((package(), obsoletes), 1..9),
        prop::collection::vec(advisory(), 0..5),
        artifacts,
        proptest::option::of(0..2usize),
        choices,
    )
        .prop_map(
            |(packages, advisories, artifacts, default_stream, (priority, excludes, includes, rest))| {
                Repository {
                    packages,
                    advisories,
                    artifacts,
                    default_stream,
                    priority,
                    excludes,
                    includes: includes.filter(|_| rest % 3 == 0),
                    hotfixes: rest == 1,
                    packed: rest % 2 == 0,
                    ..Repository::default()
                }
            },
        )
}

fn node() -> impl Strategy<Value = Node> {
    let stream = proptest::option::weighted(0.5, select(vec!["enabled 0", "enabled 1", "disabled"]));
    let asked = select(vec![
        ("security", "*"),
        ("bugfix", "*"),
        ("enhancement", "*"),
        ("*", "Critical"),
        ("*", "Low"),
    ]);
    // Names that several repositories have: a package of the one, in another version, in the other.
    let twins = prop::collection::vec((0..3usize, 0..9usize, 0..3usize, 0..VERSIONS.len()), 0..4);
    (
        prop::collection::vec(repository(), 1..4),
        prop::collection::vec(package(), 1..7),
        stream,
        pattern(),
        asked,
        twins,
    )
        .prop_map(|(mut repositories, installed, stream, excludes, asked, twins)| {
            for (from, at, to, version) in twins {
                let count = repositories.len();
                let packages = &repositories[from % count].packages;
                let twin = Package { version, ..packages[at % packages.len()].0 };
                repositories[to % count].packages.push((twin, None));
            }
            Node { repositories, installed, stream, excludes, asked }
        })
}

/// A node on disk, and how to ask dnf about it.
struct Made {
    folder: tempfile::TempDir,
}

impl Node {
    fn make(&self) -> Made {
        let made = Made { folder: tempfile::tempdir().unwrap() };
        let root = made.folder.path().join("root");
        for folder in [
            "etc/dnf/vars",
            "etc/dnf/modules.d",
            "etc/yum.repos.d",
            "var/lib/rpm",
            "var/cache/dnf",
            "var/log",
            "home",
        ] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("etc/os-release"), "ID=rhel\nVERSION_ID=\"9.4\"\nPLATFORM_ID=\"platform:el9\"\n")
            .unwrap();
        let excludes = self.excludes.map(|pattern| format!("exclude={pattern}\n")).unwrap_or_default();
        fs::write(root.join("etc/dnf/dnf.conf"), format!("[main]\nplugins=0\n{excludes}")).unwrap();
        let mut config = String::new();
        for (number, repository) in self.repositories.iter().enumerate() {
            let folder = made.folder.path().join(format!("repo{number}"));
            repository.write(&folder, number);
            config +=
                &format!("[r{number}]\nname=r{number}\nbaseurl=file://{}\ngpgcheck=0\n", folder.display());
            let mut set = |option: &str, value: Option<String>| {
                config.extend(value.map(|value| format!("{option}={value}\n")));
            };
            set("priority", repository.priority.map(|priority| priority.to_string()));
            set("excludepkgs", repository.excludes.map(str::to_owned));
            set("includepkgs", repository.includes.map(str::to_owned));
            set("module_hotfixes", repository.hotfixes.then(|| "1".to_owned()));
        }
        fs::write(root.join("etc/yum.repos.d/r.repo"), config).unwrap();
        if let Some(stream) = self.stream {
            let (state, stream) = stream.split_once(' ').unwrap_or((stream, ""));
            let text = format!("[mod]\nname=mod\nstream={stream}\nprofiles=\nstate={state}\n");
            fs::write(root.join("etc/dnf/modules.d/mod.module"), text).unwrap();
        }
        install(&self.installed, &root);
        made
    }
}

impl Made {
    fn dnf(&self, arguments: &[&str]) -> Output {
        let root = self.folder.path().join("root");
        let shown = root.display();
        let home = root.join("home");
        fs::write(home.join(".rpmmacros"), "%_dbpath /var/lib/rpm\n").unwrap();
        let mut command = Command::new("dnf");
        command
            .args(["-q", "-y", "--releasever=9", "--disableplugin=*"])
            .arg(format!("--installroot={shown}"));
        command.arg("-c").arg(root.join("etc/dnf/dnf.conf"));
        for (option, place) in [
            ("reposdir", "etc/yum.repos.d"),
            ("varsdir", "etc/dnf/vars"),
            ("cachedir", "var/cache/dnf"),
            ("logdir", "var/log"),
            ("persistdir", "var/lib/dnf"),
        ] {
            command.arg(format!("--setopt={option}={shown}/{place}"));
        }
        command.args(["--setopt=module_platform_id=platform:el9", "--setopt=metadata_expire=never"]);
        command.args(arguments).env("HOME", home).env("LC_ALL", "C.UTF-8").output().expect("dnf runs")
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.dnf(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!([Some(0), Some(100)].contains(&output.status.code()), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The newest version to be had of each name.
fn newest(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let mut newest: BTreeMap<String, String> = BTreeMap::new();
    for (name, version) in pairs {
        let known = newest.entry(name).or_insert_with(|| version.clone());
        if is_newer(&version, known) {
            *known = version;
        }
    }
    newest
}

fn own_updates(facts: &FactSet) -> BTreeMap<String, String> {
    newest(facts.packages.iter().filter_map(|package| {
        let candidate =
            package.candidate.as_ref().filter(|candidate| is_newer(candidate, &package.version))?;
        Some((package.name.clone(), candidate.clone()))
    }))
}

fn dnf_updates(text: &str) -> BTreeMap<String, String> {
    newest(oracle::check_update(text).into_iter().map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        (words[0].to_owned(), words[1].to_owned())
    }))
}

/// From what is installed to what replaces it; of several, the first by name.
fn own_obsoletes(facts: &FactSet) -> BTreeMap<String, String> {
    let replaced = facts.packages.iter().filter_map(|package| {
        Some((format!("{}.{}", package.name, package.arch), package.obsoleted_by.clone()?))
    });
    replaced.collect()
}

/// dnf prints what replaces in one line, what is replaced in the next, indented. It prints a package that obsoletes its own
/// name as well, even where that very version is installed; to us a package is only obsoleted by another.
fn dnf_obsoletes(text: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut new = "";
    for line in text.lines().skip_while(|line| !line.starts_with("Obsoleting Packages")).skip(1) {
        let first = line.split_whitespace().next().unwrap_or_default();
        if !line.starts_with(' ') {
            new = first.rsplit_once('.').map_or(first, |(name, _)| name);
            continue;
        }
        if first.rsplit_once('.').is_some_and(|(name, _)| name == new) {
            continue;
        }
        let known = found.entry(first.to_owned()).or_insert_with(|| new.to_owned());
        if new < known.as_str() {
            *known = new.to_owned();
        }
    }
    found
}

/// What replaces an installed package in one repository is no update where a preferred repository has its name at all, in
/// whatever version, installed or not; what is excluded there does not count.
#[test]
fn a_preferred_name_hides_what_replaces_elsewhere() {
    if !can(&["dnf", "rpm", "rpmbuild"]) {
        return;
    }
    let package = |name: &str, version: usize| {
        let name = NAMES.iter().position(|known| *known == name).unwrap();
        Package { name, version, arch: 0 }
    };
    let alpha = package("alpha", 0);
    let check = |replacing: &str, preferred: Repository, expected: bool| {
        // One that is less preferred than what is installed.
        let priority = preferred.packages.is_empty().then_some(120);
        let other = Repository {
            packages: vec![(package(replacing, 5), Some((alpha.name, "")))],
            priority,
            ..Repository::default()
        };
        let node = Node {
            repositories: vec![preferred, other],
            installed: vec![alpha, package("delta", 0)],
            stream: None,
            excludes: None,
            asked: ("security", "*"),
        };
        let made = node.make();
        let listed = made.text(&["check-update"]);
        let (facts, _) = facts_of(&made.folder.path().join("root"));
        assert_eq!(own_obsoletes(&facts), dnf_obsoletes(&listed), "{node:?} {listed}");
        assert_eq!(own_updates(&facts), dnf_updates(&listed), "{node:?} {listed}");
        let replaced_by = expected.then(|| replacing.to_owned());
        assert_eq!(own_obsoletes(&facts).get("alpha.noarch"), replaced_by.as_ref(), "{node:?} {listed}");
    };
    let having = |name: &str, priority: Option<u32>| Repository {
        packages: vec![(package(name, 0), None)],
        priority,
        ..Repository::default()
    };
    // The second is installed, the first is not.
    for (replacing, excludes) in [("beta", "bet*"), ("delta", "delt*")] {
        check(replacing, having(replacing, Some(10)), false);
        check(replacing, having(replacing, None), true);
        check(replacing, Repository { excludes: Some(excludes), ..having(replacing, Some(10)) }, true);
    }
    // Only the names of what replaces count, not the replaced one's.
    check("beta", having("alpha", Some(10)), true);
    check("beta", Repository::default(), true);
    check("delta", Repository::default(), false);
}

proptest! {
    #![proptest_config(settings(8))]

    #[test]
    fn made_up_nodes_are_read_as_dnf_reads_them(node in node()) {
        if !can(&["dnf", "rpm", "rpmbuild"]) {
            return Ok(());
        }
        let made = node.make();
        let listed = made.text(&["check-update"]);
        let advisories = made.text(&["updateinfo", "list"]);
        let root = made.folder.path().join("root");
        let (facts, observation) = facts_of(&root);
        prop_assert_eq!(own_updates(&facts), dnf_updates(&listed), "{}", listed);
        if node.excludes.is_none() {
            prop_assert_eq!(own_obsoletes(&facts), dnf_obsoletes(&listed), "{}", listed);
        }
        // What the main section excludes, dnf does not see even where it is installed. Advisories of it are facts all the same.
        prop_assert_eq!(oracle::lacking(&lacking_of(&root, Kinds::All)), oracle::advisories(&facts));
        let (own, lines) = (oracle::advisories(&facts), oracle::updateinfo_list(&advisories));
        if node.excludes.is_none() {
            prop_assert_eq!(own, lines);
        } else {
            prop_assert!(own.is_superset(&lines), "{:?} {:?}", own, lines);
        }

        // Of one type, or of one severity.
        let (kind, severity) = node.asked;
        let filter = if kind == "*" { format!("--sec-severity={severity}") } else { format!("--{kind}") };
        let text = made.text(&["updateinfo", "list", &filter]);
        let fits = |value: &str, wanted: &str| wanted == "*" || value == wanted;
        let chosen = |advisory: &domain::facts::Advisory| fits(&advisory.kind, kind) && fits(&advisory.severity, severity);
        let (own, lines) = (oracle::advisories_that(&facts, chosen), oracle::updateinfo_list(&text));
        let is_free = node.excludes.is_none()
            && node.repositories.iter().all(|repository| repository.excludes.is_none() && repository.includes.is_none());
        if node.excludes.is_none() {
            prop_assert_eq!(&own, &lines, "{}", filter);
        }
        // Excludes do not count for baselines.
        if is_free {
            let offered = made.text(&["repoquery", "--available", "--qf", "%{name}-%{evr}.%{arch}"]);
            let offered: BTreeSet<_> = offered.lines().collect();
            let mut expected = BTreeSet::new();
            for nevra in lines.iter().filter_map(|line| line.rsplit(' ').next()).filter(|nevra| offered.contains(nevra)) {
                let (rest, arch) = nevra.rsplit_once('.').unwrap();
                let name = rest.rsplitn(3, '-').nth(2).unwrap();
                expected.insert(format!("{name}.{arch}"));
            }
            let missing = missing_by(&facts, &observation, "REDHAT_ENTERPRISE_LINUX", kind, severity);
            prop_assert_eq!(missing, expected, "{} {}", filter, text);
        }
    }
}
