//! Made-up nodes of zypper: what their repositories, packages, locks and settings are, made real, read by us and by zypper.
//! The patches that we would call missing are the ones that zypper lists, for every category and severity, and the updates that
//! we tell are the ones that it would make.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use domain::facts::{FactSet, PackageState};
use domain::patch::version_rpm::is_newer;

use crate::bed::{can, facts_of};
use crate::made_up::{Advisory, Package, Repository, install, missing_by};
use crate::pool::{NAMES, VERSIONS};
use crate::zypper::table;

#[derive(Clone, Debug, Default)]
pub struct Node {
    pub repositories: Vec<Repository>,
    pub installed: Vec<Package>,
    pub lock: Option<&'static str>,
    /// What is asked for: a category and a severity, `*` for any.
    pub category: &'static str,
    pub severity: &'static str,
    pub config: Config,
}

#[derive(Clone, Debug, Default)]
pub struct Config {
    pub multiversion: &'static str,
    /// In a file of its own, not in zypp.conf.
    pub is_in_folder: bool,
    /// A group of vendors that count as one.
    pub vendors: &'static str,
    pub allows_vendor_change: bool,
}

/// zypper, unpacked where it cannot be installed: Debian lets it not stand beside dnf's plugins.
fn zypper() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if Command::new("zypper").arg("--version").output().is_ok() {
            return PathBuf::from("zypper");
        }
        let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("zypper-tools");
        let program = tools.join("usr/bin/zypper");
        if !program.exists() {
            fs::create_dir_all(&tools).unwrap();
            let script = "apt-get -q download zypper && dpkg-deb -x zypper_*.deb .";
            let done = Command::new("sh").args(["-c", script]).current_dir(&tools).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
        program
    })
}

struct Made {
    folder: tempfile::TempDir,
}

impl Node {
    fn make(&self) -> Made {
        let made = Made { folder: tempfile::tempdir().unwrap() };
        let root = made.root();
        for folder in ["etc/zypp/repos.d", "var/lib/rpm", "var/cache/zypp", "var/log", "run", "home"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("etc/os-release"), "ID=sles\nID_LIKE=suse\nVERSION_ID=\"15.5\"\n").unwrap();
        fs::write(root.join("home/.rpmmacros"), "%_dbpath /var/lib/rpm\n").unwrap();
        for (number, repository) in self.repositories.iter().enumerate() {
            let folder = made.folder.path().join(format!("repo{number}"));
            repository.write(&folder, number);
            let priority =
                repository.priority.map(|priority| format!("priority={priority}\n")).unwrap_or_default();
            let text = format!(
                "[r{number}]\nname=r{number}\nbaseurl=dir:{}\nenabled=1\ngpgcheck=0\n{priority}",
                folder.display()
            );
            fs::write(root.join(format!("etc/zypp/repos.d/r{number}.repo")), text).unwrap();
        }
        if let Some(lock) = self.lock {
            let text =
                format!("\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: {lock}\n\n");
            fs::write(root.join("etc/zypp/locks"), text).unwrap();
        }
        self.config.write(&root);
        install(&self.installed, &root);
        made.text(&["refresh"]);
        made
    }

    fn filters(&self) -> Vec<&'static str> {
        // It would add optional patches to those of any other category.
        let with_optional = ["*", "optional", "feature"].contains(&self.category);
        let mut filters = if with_optional { vec!["--with-optional"] } else { Vec::new() };
        for (option, value) in [("--category", self.category), ("--severity", self.severity)] {
            if value != "*" {
                filters.extend([option, value]);
            }
        }
        filters
    }
}

impl Config {
    fn write(&self, root: &Path) {
        let own = |text: &str| if self.is_in_folder { String::new() } else { text.to_owned() };
        let text = format!(
            "[main]\nmultiversion = {}\nsolver.allowVendorChange = {}\n",
            own(self.multiversion),
            self.allows_vendor_change
        );
        fs::write(root.join("etc/zypp/zypp.conf"), text).unwrap();
        for (folder, text) in [
            ("multiversion.d", if self.is_in_folder { self.multiversion.to_owned() } else { String::new() }),
            ("vendors.d", format!("[main]\nvendors = {}\n", self.vendors)),
        ] {
            let folder = root.join("etc/zypp").join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("made-up.conf"), text).unwrap();
        }
    }
}

/// What zypper's filter takes for one and the same.
fn category(kind: &str) -> &str {
    if kind == "feature" { "optional" } else { kind }
}

impl Made {
    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn zypper(&self, arguments: &[&str]) -> Output {
        let root = self.root();
        let mut command = Command::new(zypper());
        command.arg("--root").arg(&root).args(["--non-interactive", "--no-gpg-checks"]).args(arguments);
        command.env("HOME", root.join("home")).env("ZYPP_LOCKFILE_ROOT", &root);
        // Without it the host's would count.
        command.env("ZYPP_CONF", root.join("etc/zypp/zypp.conf"));
        command
            .env("ZYPP_LOGFILE", root.join("var/log/zypper.log"))
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap()
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.zypper(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{arguments:?}: {errors} {}",
            String::from_utf8_lossy(&output.stdout)
        );
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Packages that the listed patches are about, newer than what is installed and offered: what an installation of these patches
/// has to bring. From zypper's answer and what the test made up, not from what we read.
fn expected(node: &Node, listed: &BTreeSet<String>, facts: &FactSet) -> BTreeSet<String> {
    let mut expected = BTreeSet::new();
    let advisories = node.repositories.iter().enumerate().flat_map(|(number, repository)| {
        repository
            .advisories
            .iter()
            .enumerate()
            .map(move |(at, advisory)| (format!("A-{number}-{at}"), advisory))
    });
    // zypper's filter takes features for optional patches too; a baseline's does not.
    let asked = |advisory: &Advisory| node.category == "*" || advisory.kind == node.category;
    for (_, advisory) in advisories.filter(|(id, advisory)| listed.contains(id) && asked(advisory)) {
        for package in &advisory.packages {
            let (epoch, version, release) = VERSIONS[package.version];
            let version = if epoch == 0 {
                format!("{version}-{release}")
            } else {
                format!("{epoch}:{version}-{release}")
            };
            let concerned = facts.packages.iter().filter(|installed| {
                installed.name == NAMES[package.name]
                    && installed.state == PackageState::Installed
                    && may_become(&installed.arch, package.arch())
                    && is_newer(&version, &installed.version)
                    && is_offered(node, package, &installed.arch)
            });
            expected.extend(concerned.map(|installed| format!("{}.{}", installed.name, installed.arch)));
        }
    }
    expected
}

fn may_become(from: &str, to: &str) -> bool {
    from == to || [from, to].contains(&"noarch")
}

fn is_offered(node: &Node, package: &Package, arch: &str) -> bool {
    node.repositories.iter().any(|repository| {
        let is_it = |offer: &Package| {
            (offer.name, offer.version) == (package.name, package.version)
                && may_become(arch, offer.arch())
                && !repository.retracts(offer)
        };
        repository.packages.iter().any(|(offer, _)| is_it(offer))
    })
}

/// Patches that list something newer. Of a package that is there twice and should not be, each version counts.
fn needed(facts: &FactSet) -> impl Iterator<Item = &domain::facts::Advisory> {
    facts.packages.iter().flat_map(|package| {
        let oldest = match package.state {
            PackageState::HalfInstalled => package.other_versions.last().unwrap_or(&package.version),
            _ => &package.version,
        };
        let newer = package.notices.iter().filter(move |notice| is_newer(&notice.version, oldest));
        newer.map(|notice| &facts.advisories[notice.advisory as usize])
    })
}

fn own_updates(facts: &FactSet) -> BTreeSet<String> {
    let newer = facts.packages.iter().filter_map(|package| {
        let candidate = package.candidate.as_ref()?;
        is_newer(candidate, &package.version).then(|| format!("{} {candidate}", package.name))
    });
    newer.collect()
}

/// What zypper says of a node, and we too.
#[derive(Debug)]
pub struct Agreed {
    /// Ids of patches that it lists.
    pub patches: BTreeSet<String>,
    /// `name version` of updates that it lists.
    pub updates: BTreeSet<String>,
    pub missing: BTreeSet<String>,
    pub facts: FactSet,
}

/// Whether a node can be made here; says so where not.
pub fn is_possible() -> bool {
    can(&["rpm", "rpmbuild"]) && Path::new("/etc/zypp").exists()
}

/// `Err` tells where we differ.
pub fn compare(node: &Node) -> Result<Agreed, String> {
    let made = node.make();
    let (facts, observation) = facts_of(&made.root());

    let arguments: Vec<_> = ["--no-refresh", "list-patches"].into_iter().chain(node.filters()).collect();
    let text = made.text(&arguments);
    let patches: BTreeSet<_> = table(&text).into_iter().map(|row| row[1].clone()).collect();
    let fits = |value: &str, wanted: &str| wanted == "*" || value == wanted;
    let own: BTreeSet<_> = needed(&facts)
        .filter(|advisory| fits(category(&advisory.kind), category(node.category)))
        .filter(|advisory| fits(&advisory.severity, node.severity))
        .map(|advisory| advisory.id.clone())
        .collect();
    equal("patches", &own, &patches, &text)?;

    let missing = missing_by(&facts, &observation, "SUSE", node.category, node.severity);
    equal("missing packages", &missing, &expected(node, &patches, &facts), &text)?;

    // The architecture it shows is the newer version's.
    let text = made.text(&["--no-refresh", "list-updates"]);
    let updates = table(&text).into_iter().map(|row| format!("{} {}", row[2], row[4])).collect();
    equal("updates", &own_updates(&facts), &updates, &text)?;
    Ok(Agreed { patches, updates, missing, facts })
}

fn equal(what: &str, own: &BTreeSet<String>, theirs: &BTreeSet<String>, text: &str) -> Result<(), String> {
    match own == theirs {
        true => Ok(()),
        false => Err(format!("{what}: ours {own:?}, zypper's {theirs:?}\n{text}")),
    }
}
