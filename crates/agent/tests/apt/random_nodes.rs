//! Made-up nodes: random repositories, installed packages, pins and settings, read by us and by apt.

use std::fs;
use std::io::Write;
use std::path::Path;

use agent::packages::apt::{Environment, Options, RefreshLists, gather};
use agent::packages::root::Root;
use api::Timestamp;
use domain::facts::FactSet;
use proptest::prelude::*;
use proptest::sample::select;

use crate::oracle::{self, Apt};

const NAMES: [&str; 7] = ["alpha", "beta-utils", "libgamma1", "zeta+x", "b2", "al", "python3.11"];
const VERSIONS: [&str; 10] =
    ["1.0", "1.0-1", "1:0.5", "2.0~rc1", "2.0", "2.0-0", "1.0-1+deb12u1", "1.0-1+b1", "0:1.0-1", "10.0-1"];
const ARCHS: [&str; 3] = ["amd64", "i386", "all"];

#[derive(Clone, Debug)]
struct Stanza {
    name: usize,
    version: usize,
    arch: usize,
    depends: usize,
    multi_arch: usize,
    size: usize,
    source: usize,
    phased: Option<u8>,
}

#[derive(Clone, Debug)]
struct Repository {
    host: usize,
    suite: usize,
    release: Option<Vec<Option<usize>>>,
    not_automatic: usize,
    lists: Vec<Vec<Stanza>>,
}

#[derive(Clone, Debug)]
struct Node {
    repositories: Vec<Repository>,
    installed: Vec<(Stanza, usize)>,
    preferences: Vec<String>,
    default_release: Option<usize>,
    phase_policy: bool,
    compression: usize,
}

fn stanza() -> impl Strategy<Value = Stanza> {
    let phased = prop_oneof![5 => Just(None), 1 => (0u8..=100).prop_map(Some)];
    (0..NAMES.len(), 0..VERSIONS.len(), 0..3usize, 0..4usize, 0..4usize, 0..3usize, 0..5usize, phased)
        .prop_map(|(name, version, arch, depends, multi_arch, size, source, phased)| Stanza {
            name,
            version,
            arch,
            depends,
            multi_arch,
            size,
            source,
            phased,
        })
}

fn repository() -> impl Strategy<Value = Repository> {
    let release =
        proptest::option::weighted(0.9, prop::collection::vec(proptest::option::weighted(0.8, 0..3usize), 5));
    let lists = prop::collection::vec(prop::collection::vec(stanza(), 0..9), 4);
    (0..4usize, 0..4usize, release, 0..4usize, lists).prop_map(
        |(host, suite, release, not_automatic, lists)| Repository {
            host,
            suite,
            release,
            not_automatic,
            lists,
        },
    )
}

/// One pin: names, what it is about, its priority.
fn preference() -> impl Strategy<Value = String> {
    let names = select(vec![
        "*",
        "*",
        "*",
        "alpha",
        "alpha beta-utils",
        "lib*",
        "/^(al|b)/",
        "src:alpha",
        "src:s*",
        "alpha:i386",
        "*a:any",
        "b?",
        "[a-l]*",
        "alpha:linux-any",
        "zeta+x:amd64",
        "src:s1:any",
        "python3.*",
        "/ALPHA$/",
        "nothing",
        "src:/^s/:i386",
    ]);
    let targets = select(vec![
        "release *",
        "release a=stable",
        "release a=s*",
        "release n=code1",
        "release o=Origin 0",
        "release l=/label/",
        "release c=main",
        "release c=contrib,a=stable",
        "release v=1*",
        "release v=12.0",
        "release b=i386",
        "release b=all",
        "release a=now",
        "release stable",
        "release code0",
        "release 12*",
        "release a=stable-security, o=Origin 1",
        "release x=y",
        "release",
        "origin \"a.example.org\"",
        "origin *.example.org",
        "origin \"\"",
        "origin b.example.org",
        "version 1.0*",
        "version 2.0",
        "version /rc/",
        "version 1:*",
        "version *deb12u1",
        "VERSION 1.0-1",
        "Release A=stable",
        "nonsense x",
        "release o=",
    ]);
    let priorities = select(vec![
        "-1", "1", "99", "100", "500", "501", "990", "999", "1000", "1001", "-32768", "32767", "never",
        "500x",
    ]);
    (names, targets, priorities).prop_map(|(names, target, priority)| {
        let never =
            priority == "never" && (names != "*" || target.to_ascii_lowercase().starts_with("version"));
        let priority = if never { "7" } else { priority };
        format!("Package: {names}\nPin: {target}\nPin-Priority: {priority}\n")
    })
}

fn node() -> impl Strategy<Value = Node> {
    let installed = prop::collection::vec((stanza(), 0..9usize), 1..10);
    let preferences = prop::collection::vec(preference(), 0..6);
    (
        prop::collection::vec(repository(), 1..5),
        installed,
        preferences,
        proptest::option::weighted(0.3, 0..4usize),
        any::<bool>(),
        0..5usize,
    )
        .prop_map(
            |(repositories, installed, preferences, default_release, phase_policy, compression)| Node {
                repositories,
                installed,
                preferences,
                default_release,
                phase_policy,
                compression,
            },
        )
}

impl Stanza {
    /// As a package list has it, or, with a status, as dpkg has it.
    fn text(&self, status: Option<&str>) -> String {
        let mut text = format!("Package: {}\n", NAMES[self.name]);
        if let Some(status) = status {
            text.push_str(&format!("Status: {status}\n"));
        }
        text.push_str(&format!("Architecture: {}\nVersion: {}\n", ARCHS[self.arch], VERSIONS[self.version]));
        text.push_str(
            ["", "Multi-Arch: same\n", "Multi-Arch: foreign\n", "Multi-Arch: allowed\n"][self.multi_arch],
        );
        text.push_str(
            ["", "Source: alpha\n", "Source: s1 (3.0)\n", "Source: s2\n", "Source: beta-utils (1.0)\n"]
                [self.source],
        );
        let spaced = [
            "Installed-Size: 8\n",
            "Depends: al (>= 1), b2\n",
            "Depends: al (<= 2)\nConflicts: b2\n",
            "Breaks: b2 (= 0:3)\n",
        ];
        let packed = [
            "Installed-Size: 8\n",
            "Depends: al (>=1),  b2\n",
            "Depends: al (< 2)\nConflicts: b2\n",
            "Breaks: b2 (= 3)\n",
        ];
        text.push_str(if status.is_some() { packed } else { spaced }[self.depends]);
        if status.is_none() {
            text.push_str(["", "Size: 100\n", "Size: 200\n"][self.size]);
            if let Some(percent) = self.phased {
                text.push_str(&format!("Phased-Update-Percentage: {percent}\n"));
            }
        }
        text.push_str("Section: misc\nPriority: optional\nDescription: made up\n more\n");
        text
    }
}

const SUITES: [&str; 4] = ["stable", "stable-security", "testing", "./"];
const URIS: [&str; 4] = [
    "http://a.example.org/debian",
    "https://b.example.org:8080/x_y",
    "file:/srv/repo",
    "http://u:p@a.example.org/other/",
];
const LIST_NAMES: [&str; 4] =
    ["a.example.org_debian", "b.example.org:8080_x%5fy", "_srv_repo", "a.example.org_other"];

impl Node {
    fn write(&self, root: &Path) {
        let folders = [
            "etc/apt/preferences.d",
            "etc/apt/apt.conf.d",
            "etc/apt/sources.list.d",
            "var/lib/apt/lists/partial",
            "var/lib/dpkg/updates",
            "var/cache/apt",
        ];
        for folder in folders {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("var/lib/dpkg/arch"), "amd64\ni386\n").unwrap();
        fs::write(root.join("var/lib/dpkg/status"), self.status()).unwrap();
        let mut sources = String::new();
        let mut seen = Vec::new();
        for repository in &self.repositories {
            if !seen.contains(&(repository.host, repository.suite)) {
                seen.push((repository.host, repository.suite));
                repository.write(root, self.compression, &mut sources);
            }
        }
        fs::write(root.join("etc/apt/sources.list"), sources).unwrap();
        let (first, rest) = self.preferences.split_at(self.preferences.len() / 2);
        fs::write(root.join("etc/apt/preferences"), first.join("\n# comment\n")).unwrap();
        fs::write(root.join("etc/apt/preferences.d/more.pref"), rest.join("\n")).unwrap();
        let mut config = String::from(
            "APT::Architecture \"amd64\";\nAPT::Machine-ID \"0123456789abcdef0123456789abcdef\";\nDir::Bin::ischroot \"/bin/false\";\n",
        );
        if let Some(release) = self.default_release {
            let release = ["now", "a=stable", "n*=x", "o=Origin 1"][release];
            config.push_str(&format!(
                "APT::Default-Release \"{}\";\n",
                if release == "n*=x" { "now" } else { release }
            ));
        }
        config.push_str(&format!("APT::Get::Phase-Policy \"{}\";\n", self.phase_policy));
        fs::write(root.join("etc/apt/apt.conf.d/50node"), config).unwrap();
    }

    fn status(&self) -> String {
        let states = [
            "install ok installed",
            "hold ok installed",
            "install ok unpacked",
            "install ok half-configured",
            "deinstall ok config-files",
            "install reinstreq half-installed",
            "install ok triggers-pending",
            "install ok installed",
            "purge ok not-installed",
        ];
        let mut seen = Vec::new();
        let mut text = String::new();
        for (stanza, state) in &self.installed {
            // dpkg keeps one package for `all` and the native architecture.
            let place = (stanza.name, if stanza.arch == 2 { 0 } else { stanza.arch });
            if !seen.contains(&place) {
                seen.push(place);
                text.push_str(&stanza.text(Some(states[*state])));
                text.push('\n');
            }
        }
        text
    }
}

impl Repository {
    fn write(&self, root: &Path, compression: usize, sources: &mut String) {
        let suite = SUITES[self.suite];
        let (folder, parts): (_, Vec<(String, &Vec<Stanza>)>) = if suite == "./" {
            sources.push_str(&format!("deb [trusted=yes] {} ./\n", URIS[self.host]));
            (format!("{}_._", LIST_NAMES[self.host]), vec![("Packages".to_owned(), &self.lists[0])])
        } else {
            sources.push_str(&format!("deb [trusted=yes] {} {suite} main contrib\n", URIS[self.host]));
            let names = ["main_binary-amd64", "main_binary-i386", "contrib_binary-amd64", "main_binary-all"];
            let parts = names.iter().zip(&self.lists).map(|(name, list)| (format!("{name}_Packages"), list));
            (format!("{}_dists_{suite}_", LIST_NAMES[self.host]), parts.collect())
        };
        let lists = root.join("var/lib/apt/lists");
        for (name, stanzas) in parts.into_iter().filter(|(_, stanzas)| !stanzas.is_empty()) {
            let text: String = stanzas.iter().map(|stanza| stanza.text(None) + "\n").collect();
            write_packed(&lists.join(format!("{folder}{name}")), text.as_bytes(), compression);
        }
        if let Some(fields) = &self.release {
            fs::write(lists.join(format!("{folder}Release")), self.release_text(fields)).unwrap();
        }
    }

    fn release_text(&self, fields: &[Option<usize>]) -> String {
        let mut text = String::from("Acquire-By-Hash: no\n");
        let values = [
            ("Origin", ["Origin 0", "Origin 1", "x, y, Inc."]),
            ("Label", ["label", "Label 2", "other"]),
            ("Suite", ["stable", "stable-security", "testing"]),
            ("Codename", ["code0", "code1", "stable"]),
            ("Version", ["12.0", "1.5", "12"]),
        ];
        for ((name, values), field) in values.iter().zip(fields) {
            if let Some(value) = field {
                text.push_str(&format!("{name}: {}\n", values[*value]));
            }
        }
        text.push_str(
            [
                "",
                "NotAutomatic: yes\n",
                "NotAutomatic: yes\nButAutomaticUpgrades: yes\n",
                "ButAutomaticUpgrades: yes\n",
            ][self.not_automatic],
        );
        text.push_str("Date: Fri, 20 Nov 2026 20:17:31 UTC\n");
        text
    }
}

pub fn write_packed(path: &Path, text: &[u8], compression: usize) {
    let packed = |extension: &str| format!("{}{extension}", path.display());
    match compression {
        0 => fs::write(path, text).unwrap(),
        1 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(fs::File::create(packed(".lz4")).unwrap());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap();
        }
        2 => {
            let mut encoder = flate2::write::GzEncoder::new(
                fs::File::create(packed(".gz")).unwrap(),
                flate2::Compression::fast(),
            );
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap();
        }
        3 => lzma_rs::xz_compress(&mut &text[..], &mut fs::File::create(packed(".xz")).unwrap()).unwrap(),
        _ => {
            let mut file = fs::File::create(packed(".zst")).unwrap();
            ruzstd::encoding::compress(text, &mut file, ruzstd::encoding::CompressionLevel::Fastest);
        }
    }
}

/// An apt that sees nothing but the root.
pub fn apt_of(root: &Path) -> Apt {
    let config = root.with_extension("conf");
    let shown = root.display();
    let text = format!(
        "Dir \"{shown}/\"; Dir::State::status \"{shown}/var/lib/dpkg/status\"; Dir::Bin::dpkg \"/usr/bin/dpkg\";\n\
         Dir::Bin::methods \"/usr/lib/apt/methods\"; Dir::Cache::pkgcache \"\"; Dir::Cache::srcpkgcache \"\";\n\
         APT::Architectures {{ \"amd64\"; \"i386\"; }};\n"
    );
    fs::write(&config, text).unwrap();
    Apt { environment: vec![("APT_CONFIG".to_owned(), config.display().to_string())], ..Apt::default() }
}

/// The facts as seen from outside, after checking that `APT_CONFIG` and an index, new or old, show the same.
pub fn facts_of(root: &Path, apt: &Apt) -> FactSet {
    let apt_config = Some(apt.environment[0].1.clone().into());
    let now = Timestamp::from_seconds(0);
    let options =
        Options { environment: Environment { apt_config }, now, refresh: RefreshLists::Never, index: None };
    let (outside, _) = gather(&Root::at(root).unwrap(), &options).expect("the root can be read");
    let (inside, _) = gather(&Root::host(), &options).expect("and through APT_CONFIG");
    assert_eq!((&outside.packages, &outside.repositories), (&inside.packages, &inside.repositories));
    let indexed = Options { index: Some(root.with_extension("index")), ..options };
    for run in ["building", "built"] {
        let (through_index, _) = gather(&Root::at(root).unwrap(), &indexed).expect("and through an index");
        assert_eq!(outside, through_index, "with the index {run}");
    }
    outside
}

/// `PROPTEST_CASES` asks for more than CI has time for.
pub fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(60), failure_persistence: None, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn made_up_nodes_are_read_as_apt_reads_them(node in node()) {
        if !oracle::is_there("apt-cache") {
            oracle::skip("no apt-cache");
            return Ok(());
        }
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        node.write(&root);
        let apt = apt_of(&root);
        let facts = facts_of(&root, &apt);
        if facts.packages.is_empty() {
            return Ok(());
        }
        oracle::assert_equal("made-up node", &facts, &apt);
    }
}
