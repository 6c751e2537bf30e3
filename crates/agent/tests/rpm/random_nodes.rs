//! Made-up nodes: random repositories, advisories, module streams and installed packages, read by us and by dnf.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use agent::packages::rpm::lacking::Kinds;
use domain::facts::FactSet;
use domain::patch::version_rpm::is_newer;
use proptest::prelude::*;
use proptest::sample::select;
use sha2::{Digest, Sha256};

use crate::bed::{can, facts_of, lacking_of};
use crate::oracle;
use crate::pool::{self, NAMES, VERSIONS};

/// A package: name, version and architecture by number.
#[derive(Clone, Copy, Debug)]
struct Package {
    name: usize,
    version: usize,
    arch: usize,
}

impl Package {
    fn arch(&self) -> &'static str {
        let archs = pool::archs(self.name);
        archs[self.arch % archs.len()]
    }

    fn nevra(&self) -> String {
        let (epoch, version, release) = VERSIONS[self.version];
        format!("{}-{epoch}:{version}-{release}.{}", NAMES[self.name], self.arch())
    }
}

#[derive(Clone, Debug)]
struct Advisory {
    kind: &'static str,
    severity: &'static str,
    packages: Vec<Package>,
    /// Of one module stream.
    of: Option<usize>,
}

#[derive(Clone, Debug)]
struct Repository {
    packages: Vec<(Package, Option<(usize, &'static str)>)>,
    advisories: Vec<Advisory>,
    /// Of the module's two streams.
    artifacts: Option<[Vec<usize>; 2]>,
    default_stream: Option<usize>,
    priority: Option<u32>,
    excludes: Option<&'static str>,
    includes: Option<&'static str>,
    hotfixes: bool,
    packed: bool,
}

#[derive(Clone, Debug)]
struct Node {
    repositories: Vec<Repository>,
    installed: Vec<Package>,
    stream: Option<&'static str>,
    excludes: Option<&'static str>,
}

fn package() -> impl Strategy<Value = Package> {
    (0..NAMES.len(), 0..VERSIONS.len(), 0..2usize).prop_map(|(name, version, arch)| Package {
        name,
        version,
        arch,
    })
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
    (kinds, prop::collection::vec(package(), 1..4), proptest::option::weighted(0.2, 0..2usize))
        .prop_map(|((kind, severity), packages, of)| Advisory { kind, severity, packages, of })
}

fn repository() -> impl Strategy<Value = Repository> {
    let obsoletes =
        proptest::option::weighted(0.25, (0..NAMES.len(), select(vec!["", "LT", "LE", "EQ", "GE"])));
    let artifacts = prop::collection::vec(0..9usize, 0..4);
    let artifacts =
        proptest::option::weighted(0.5, (artifacts.clone(), artifacts).prop_map(|(one, two)| [one, two]));
    let choices =
        (proptest::option::weighted(0.3, select(vec![10, 50, 120])), pattern(), pattern(), 0..12u32);
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
                }
            },
        )
}

fn node() -> impl Strategy<Value = Node> {
    let stream = proptest::option::weighted(0.5, select(vec!["enabled 0", "enabled 1", "disabled"]));
    (prop::collection::vec(repository(), 1..4), prop::collection::vec(package(), 1..7), stream, pattern())
        .prop_map(|(repositories, installed, stream, excludes)| Node {
            repositories,
            installed,
            stream,
            excludes,
        })
}

impl Repository {
    fn write(&self, folder: &Path, number: usize) {
        let data = folder.join("repodata");
        fs::create_dir_all(&data).unwrap();
        let mut repomd = String::from(
            "<?xml version=\"1.0\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1</revision>\n",
        );
        let mut add = |kind: &str, extension: &str, text: String| {
            let mut bytes = text.into_bytes();
            let mut name = format!("{kind}.{extension}");
            let open = hex::encode(Sha256::digest(&bytes));
            if self.packed {
                let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                std::io::Write::write_all(&mut packer, &bytes).unwrap();
                (bytes, name) = (packer.finish().unwrap(), name + ".gz");
            }
            let sum = hex::encode(Sha256::digest(&bytes));
            repomd += &format!(
                "<data type=\"{kind}\"><checksum type=\"sha256\">{sum}</checksum><open-checksum type=\"sha256\">{open}</open-checksum>\
                 <location href=\"repodata/{name}\"/><timestamp>1700000000</timestamp></data>\n"
            );
            fs::write(data.join(name), bytes).unwrap();
        };
        add("primary", "xml", self.primary());
        add("filelists", "xml", "<?xml version=\"1.0\"?><filelists xmlns=\"http://linux.duke.edu/metadata/filelists\" packages=\"0\"></filelists>".to_owned());
        add("updateinfo", "xml", self.updateinfo(number));
        if let Some(artifacts) = &self.artifacts {
            add("modules", "yaml", self.modules(artifacts));
        }
        fs::write(data.join("repomd.xml"), repomd + "</repomd>\n").unwrap();
    }

    fn primary(&self) -> String {
        let mut text = format!(
            "<?xml version=\"1.0\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"{}\">\n",
            self.packages.len()
        );
        for (at, (package, obsoletes)) in self.packages.iter().enumerate() {
            let (epoch, version, release) = VERSIONS[package.version];
            let (name, arch) = (NAMES[package.name], package.arch());
            let sum = hex::encode(Sha256::digest(package.nevra()));
            let obsoletes = obsoletes.map(|(other, flags)| {
                let limit = if flags.is_empty() {
                    String::new()
                } else {
                    format!(" flags=\"{flags}\" epoch=\"0\" ver=\"1.0\" rel=\"2.el9\"")
                };
                format!("<rpm:obsoletes><rpm:entry name=\"{}\"{limit}/></rpm:obsoletes>", NAMES[other])
            });
            text += &format!(
                "<package type=\"rpm\"><name>{name}</name><arch>{arch}</arch><version epoch=\"{epoch}\" ver=\"{version}\" rel=\"{release}\"/>\
                 <checksum type=\"sha256\" pkgid=\"YES\">{sum}</checksum><summary>a &amp; b</summary><description>d</description>\
                 <time file=\"1\" build=\"{}\"/><size package=\"1\" installed=\"1\" archive=\"1\"/><location href=\"{name}-{at}.rpm\"/>\
                 <format><rpm:license>MIT</rpm:license><rpm:sourcerpm>{name}-1-1.src.rpm</rpm:sourcerpm><rpm:provides>\
                 <rpm:entry name=\"{name}\" flags=\"EQ\" epoch=\"{epoch}\" ver=\"{version}\" rel=\"{release}\"/></rpm:provides>{}</format></package>\n",
                1_700_000_000 + at,
                obsoletes.unwrap_or_default(),
            );
        }
        text + "</metadata>\n"
    }

    fn updateinfo(&self, number: usize) -> String {
        let mut text = String::from("<?xml version=\"1.0\"?>\n<updates>\n");
        for (at, advisory) in self.advisories.iter().enumerate() {
            let severity = if advisory.severity.is_empty() {
                String::new()
            } else {
                format!("<severity>{}</severity>", advisory.severity)
            };
            text += &format!(
                "<update from=\"x\" status=\"final\" type=\"{}\" version=\"1\"><id>A-{number}-{at}</id><title>t</title>{severity}\
                 <issued date=\"2025-01-02\"/><description>d</description><references/><pkglist><collection short=\"c\"><name>c</name>",
                advisory.kind,
            );
            if let Some(stream) = advisory.of {
                text += &format!(
                    "<module name=\"mod\" stream=\"{stream}\" version=\"1\" context=\"c0\" arch=\"x86_64\"/>"
                );
            }
            for package in &advisory.packages {
                let (epoch, version, release) = VERSIONS[package.version];
                text += &format!(
                    "<package name=\"{}\" version=\"{version}\" release=\"{release}\" epoch=\"{epoch}\" arch=\"{}\"><filename>f</filename></package>",
                    NAMES[package.name],
                    package.arch(),
                );
            }
            text += "</collection></pkglist></update>\n";
        }
        text + "</updates>\n"
    }

    fn modules(&self, artifacts: &[Vec<usize>; 2]) -> String {
        let mut text = String::new();
        for (stream, artifacts) in artifacts.iter().enumerate() {
            text += &format!(
                "---\ndocument: modulemd\nversion: 2\ndata:\n  name: mod\n  stream: \"{stream}\"\n  version: 1\n  context: c0\n  arch: x86_64\n  \
                 summary: s\n  description: >-\n    d\n  license:\n    module:\n    - MIT\n  dependencies:\n  - requires:\n      platform: [el9]\n"
            );
            let chosen: BTreeSet<_> = artifacts
                .iter()
                .filter_map(|&at| self.packages.get(at))
                .map(|(package, _)| package.nevra())
                .collect();
            if !chosen.is_empty() {
                text += "  artifacts:\n    rpms:\n";
                chosen.iter().for_each(|nevra| text += &format!("    - {nevra}\n"));
            }
            text += "...\n";
        }
        if let Some(stream) = self.default_stream {
            text += &format!(
                "---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: mod\n  stream: \"{stream}\"\n...\n"
            );
        }
        text
    }
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
        self.install(&root);
        made
    }

    fn install(&self, root: &Path) {
        let mut seen = BTreeSet::new();
        let mut files = BTreeSet::new();
        // dnf asks this machine for its architecture, we ask the packages: one at least tells it.
        let witness = Package { name: 2, version: 0, arch: 0 };
        for package in self.installed.iter().chain([&witness]) {
            // Several versions of one package stay side by side only where dnf lets them.
            if NAMES[package.name] == "kernel" || seen.insert((package.name, package.arch())) {
                files.insert(pool::file(package.name, package.version, package.arch()));
            }
        }
        let done = Command::new("rpm")
            .arg("--root")
            .arg(root)
            .args(["--define", "_dbpath /var/lib/rpm", "--define", "_pkgverify_level none"])
            .args(["-i", "--justdb", "--nodeps", "--noscripts", "--force", "--ignorearch", "--nosignature"])
            .args(files)
            .output()
            .expect("rpm runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
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

/// dnf prints what replaces in one line, what is replaced in the next, indented.
fn dnf_obsoletes(text: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut new = "";
    for line in text.lines().skip_while(|line| !line.starts_with("Obsoleting Packages")).skip(1) {
        let first = line.split_whitespace().next().unwrap_or_default();
        if !line.starts_with(' ') {
            new = first.rsplit_once('.').map_or(first, |(name, _)| name);
            continue;
        }
        let known = found.entry(first.to_owned()).or_insert_with(|| new.to_owned());
        if new < known.as_str() {
            *known = new.to_owned();
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12),
        failure_persistence: None,
        max_shrink_iters: 30,
        ..ProptestConfig::default()
    })]

    #[test]
    fn made_up_nodes_are_read_as_dnf_reads_them(node in node()) {
        if !can(&["dnf", "rpm", "rpmbuild"]) {
            return Ok(());
        }
        let made = node.make();
        let listed = made.text(&["check-update"]);
        let advisories = made.text(&["updateinfo", "list"]);
        let root = made.folder.path().join("root");
        let (facts, _) = facts_of(&root);
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
    }
}
