//! Made-up repositories and nodes: what their packages and advisories are, written as metadata, and the installed ones put into
//! rpm's database. Holding tools against them is `random_nodes`' and `random_zypper`'s.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use api::Timestamp;
use domain::baseline::BaselineRules;
use domain::facts::{FactSet, Observation};
use domain::patch::{Conditions, PatchState, evaluate};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::pool::{self, NAMES, VERSIONS};

/// A package: name, version and architecture by number.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    pub name: usize,
    pub version: usize,
    pub arch: usize,
}

impl Package {
    pub fn arch(&self) -> &'static str {
        let archs = pool::archs(self.name);
        archs[self.arch % archs.len()]
    }

    pub fn nevra(&self) -> String {
        let (epoch, version, release) = VERSIONS[self.version];
        format!("{}-{epoch}:{version}-{release}.{}", NAMES[self.name], self.arch())
    }
}

#[derive(Clone, Debug, Default)]
pub struct Advisory {
    pub kind: &'static str,
    pub severity: &'static str,
    pub packages: Vec<Package>,
    /// Of one module stream.
    pub of: Option<usize>,
    pub is_retracted: bool,
    /// Its installation asks for the package manager to be started anew.
    pub suggests_restart: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Repository {
    pub packages: Vec<(Package, Option<(usize, &'static str)>)>,
    pub advisories: Vec<Advisory>,
    /// Of the module's two streams.
    pub artifacts: Option<[Vec<usize>; 2]>,
    pub default_stream: Option<usize>,
    pub priority: Option<u32>,
    pub excludes: Option<&'static str>,
    pub includes: Option<&'static str>,
    pub hotfixes: bool,
    pub packed: bool,
    /// Of its packages, in turn.
    pub vendors: Vec<&'static str>,
    /// Whether its packages also provide what they obsolete.
    pub succeeds: bool,
}

pub fn package() -> impl Strategy<Value = Package> {
    (0..NAMES.len(), 0..VERSIONS.len(), 0..2usize).prop_map(|(name, version, arch)| Package {
        name,
        version,
        arch,
    })
}

impl Repository {
    pub fn write(&self, folder: &Path, number: usize) {
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
            let mut provides = String::new();
            if let Some((other, _)) = obsoletes.filter(|_| self.succeeds) {
                provides += &format!("<rpm:entry name=\"{}\"/>", NAMES[other]);
            }
            // As the packages of the pool do.
            if name == "kernel" {
                provides += "<rpm:entry name=\"multiversion(kernel)\"/>";
            }
            // SUSE's libsolv adds this where it reads the metadata; Debian's is built without it.
            if self.retracts(package) {
                provides += "<rpm:entry name=\"retracted-patch-package()\"/>";
            }
            let vendor = self.vendors.get(at % self.vendors.len().max(1)).unwrap_or(&"");
            let vendor = vendor.replace('<', "&lt;").replace('>', "&gt;");
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
                 <format><rpm:license>MIT</rpm:license><rpm:vendor>{vendor}</rpm:vendor><rpm:sourcerpm>{name}-1-1.src.rpm</rpm:sourcerpm><rpm:provides>\
                 <rpm:entry name=\"{name}\" flags=\"EQ\" epoch=\"{epoch}\" ver=\"{version}\" rel=\"{release}\"/>{provides}</rpm:provides>{}</format></package>\n",
                1_700_000_000 + at,
                obsoletes.unwrap_or_default(),
            );
        }
        text + "</metadata>\n"
    }

    pub fn retracts(&self, package: &Package) -> bool {
        let lists = |other: &Package| (other.name, other.version) == (package.name, package.version);
        let mut retracted = self.advisories.iter().filter(|advisory| advisory.is_retracted);
        retracted.any(|advisory| advisory.packages.iter().any(lists))
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
                "<update from=\"x\" status=\"{}\" type=\"{}\" version=\"1\"><id>A-{number}-{at}</id><title>t</title>{severity}\
                 <issued date=\"2025-01-02\"/><description>d</description><references/><pkglist><collection short=\"c\"><name>c</name>",
                if advisory.is_retracted { "retracted" } else { "final" },
                advisory.kind,
            );
            let restart = match advisory.suggests_restart {
                true => "<restart_suggested>True</restart_suggested>",
                false => "",
            };
            if let Some(stream) = advisory.of {
                text += &format!(
                    "<module name=\"mod\" stream=\"{stream}\" version=\"1\" context=\"c0\" arch=\"x86_64\"/>"
                );
            }
            for package in &advisory.packages {
                let (epoch, version, release) = VERSIONS[package.version];
                text += &format!(
                    "<package name=\"{}\" version=\"{version}\" release=\"{release}\" epoch=\"{epoch}\" arch=\"{}\"><filename>f</filename>{restart}</package>",
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

/// Puts these packages into a root's database, without their files.
pub fn install(installed: &[Package], root: &Path) {
    let mut seen = BTreeSet::new();
    let mut files = BTreeSet::new();
    // dnf asks this machine for its architecture, we ask the packages: one at least tells it.
    let witness = Package { name: 2, version: 0, arch: 0 };
    for package in installed.iter().chain([&witness]) {
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

/// `name.arch` of everything that a baseline calls missing which approves just this classification and severity, `*` for any.
pub fn missing_by(
    facts: &FactSet,
    observation: &Observation,
    system: &str,
    classification: &str,
    severity: &str,
) -> BTreeSet<String> {
    let filters = serde_json::json!([
        {"Key": "CLASSIFICATION", "Values": [classification]},
        {"Key": "SEVERITY", "Values": [severity]},
    ]);
    let rule = serde_json::json!({"PatchFilterGroup": {"PatchFilters": filters}, "ApproveAfterDays": 0});
    let baseline = serde_json::json!({"OperatingSystem": system, "ApprovalRules": {"PatchRules": [rule]}});
    let baseline: api::ssm::BaselineOverride = serde_json::from_value(baseline).unwrap();
    let rules = BaselineRules::try_from(baseline).unwrap();
    let now = Timestamp::from_seconds(1_900_000_000);
    let judged = evaluate(&rules, facts, observation, &Conditions::at(now)).unwrap();
    let missing = judged.verdicts.iter().filter(|verdict| verdict.state == PatchState::Missing);
    missing.map(|verdict| verdict.id()).collect()
}

/// `PROPTEST_CASES` in place of so many cases. A failure prints its node, shrunk; `PROPTEST_RNG_SEED` repeats a run, whose
/// seed is printed.
pub fn settings(cases: u32) -> ProptestConfig {
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| (agent::random_fraction() * 1e15) as u64);
    eprintln!("PROPTEST_RNG_SEED={seed} repeats this run");
    ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases),
        failure_persistence: None,
        max_shrink_iters: 30,
        rng_seed: proptest::test_runner::RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    }
}
