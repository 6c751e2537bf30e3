//! Made-up nodes of zypper: random repositories, patches, locks and installed packages, read by us and by zypper.
//! The patches that we would call missing are the ones that zypper lists, for every category and severity.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use domain::facts::FactSet;
use domain::patch::version_rpm::is_newer;
use proptest::prelude::*;
use proptest::sample::select;

use crate::bed::{can, facts_of};
use crate::made_up::{self, Advisory, Package, Repository, install, missing_by, settings};
use crate::pool::{NAMES, VERSIONS};
use crate::zypper::table;

#[derive(Clone, Debug)]
struct Node {
    repositories: Vec<Repository>,
    installed: Vec<Package>,
    lock: Option<&'static str>,
    /// What is asked for: a category and a severity, `*` for any.
    category: &'static str,
    severity: &'static str,
}

/// Without `delta`, which exists for every and for one architecture: what a patch lists for one of them counts for zypper
/// where the other is installed. We do not see that yet.
fn package() -> impl Strategy<Value = Package> {
    made_up::package().prop_map(|package| Package { name: package.name % 4, ..package })
}

fn advisory() -> impl Strategy<Value = Advisory> {
    let kinds = select(vec![
        ("security", "critical"),
        ("security", "low"),
        ("recommended", "moderate"),
        ("recommended", ""),
        ("feature", "low"),
        ("optional", "low"),
    ]);
    (kinds, prop::collection::vec(package(), 1..4)).prop_map(|((kind, severity), packages)| Advisory {
        kind,
        severity,
        packages,
        of: None,
    })
}

/// Nothing obsoletes anything: which of the two zypper then calls an update depends on more than we know of it.
fn repository() -> impl Strategy<Value = Repository> {
    let priority = proptest::option::weighted(0.3, select(vec![10, 50, 120]));
    (
        prop::collection::vec(package().prop_map(|package| (package, None)), 1..9),
        prop::collection::vec(advisory(), 0..5),
        priority,
        any::<bool>(),
    )
        .prop_map(|(packages, advisories, priority, packed)| Repository {
            packages,
            advisories,
            priority,
            packed,
            ..Repository::default()
        })
}

fn node() -> impl Strategy<Value = Node> {
    let locks = proptest::option::weighted(0.4, select(vec!["alpha", "lib*", "delta", "?e*"]));
    // zypper's filter takes features for optional patches too; a baseline's does not.
    let categories = select(vec!["*", "security", "recommended"]);
    let severities = select(vec!["*", "critical", "low", "moderate"]);
    (
        prop::collection::vec(repository(), 1..4),
        prop::collection::vec(package(), 1..7),
        locks,
        categories,
        severities,
    )
        .prop_map(|(repositories, mut installed, lock, category, severity)| Node {
            repositories,
            // Two versions of one package beside each other are what a killed transaction leaves: not for this test.
            installed: {
                let mut seen = BTreeSet::new();
                installed.retain(|package| seen.insert(package.name));
                installed
            },
            lock,
            category,
            severity,
        })
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
        install(&self.of_one_architecture(), &root);
        made.text(&["refresh"]);
        made
    }

    /// Each name once. Of a name that is installed for two architectures, zypper lists the updates of one of them.
    fn of_one_architecture(&self) -> Vec<Package> {
        let mut seen = BTreeSet::new();
        // What `install` adds is one of these names already.
        let first = Package { name: 2, version: 0, arch: 0 };
        let chosen =
            std::iter::once(&first).chain(&self.installed).filter(|package| seen.insert(package.name));
        chosen.copied().collect()
    }

    fn filters(&self) -> Vec<&'static str> {
        // It would add optional patches to those of any other category.
        let with_optional = ["*", "optional"].contains(&self.category);
        let mut filters = if with_optional { vec!["--with-optional"] } else { Vec::new() };
        for (option, value) in [("--category", self.category), ("--severity", self.severity)] {
            if value != "*" {
                filters.extend([option, value]);
            }
        }
        filters
    }
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
    for (number, repository) in node.repositories.iter().enumerate() {
        for (at, advisory) in repository.advisories.iter().enumerate() {
            if !listed.contains(&format!("A-{number}-{at}")) {
                continue;
            }
            for package in &advisory.packages {
                let is_it =
                    |other: &Package| (other.nevra(), other.arch()) == (package.nevra(), package.arch());
                let is_offered = node
                    .repositories
                    .iter()
                    .any(|repository| repository.packages.iter().any(|(offer, _)| is_it(offer)));
                let (epoch, version, release) = VERSIONS[package.version];
                let version = if epoch == 0 {
                    format!("{version}-{release}")
                } else {
                    format!("{epoch}:{version}-{release}")
                };
                let newer = facts.packages.iter().filter(|installed| {
                    (installed.name.as_str(), installed.arch.as_str())
                        == (NAMES[package.name], package.arch())
                        && is_newer(&version, &installed.version)
                });
                expected.extend(
                    newer
                        .filter(|_| is_offered)
                        .map(|installed| format!("{}.{}", installed.name, installed.arch)),
                );
            }
        }
    }
    expected
}

proptest! {
    #![proptest_config(settings(10))]

    #[test]
    fn made_up_nodes_are_read_as_zypper_reads_them(node in node()) {
        if !can(&["rpm", "rpmbuild"]) || !Path::new("/etc/zypp").exists() {
            return Ok(());
        }
        let made = node.make();
        let (facts, observation) = facts_of(&made.root());

        let arguments: Vec<_> = ["--no-refresh", "list-patches"].into_iter().chain(node.filters()).collect();
        let text = made.text(&arguments);
        let listed: BTreeSet<_> = table(&text).into_iter().map(|row| row[1].clone()).collect();
        let needed = facts.packages.iter().flat_map(|package| {
            package.notices.iter().filter(|notice| is_newer(&notice.version, &package.version))
        });
        let fits = |value: &str, wanted: &str| wanted == "*" || value == wanted;
        let own: BTreeSet<_> = needed
            .map(|notice| &facts.advisories[notice.advisory as usize])
            .filter(|advisory| fits(&advisory.kind, node.category) && fits(&advisory.severity, node.severity))
            .map(|advisory| advisory.id.clone())
            .collect();
        prop_assert_eq!(&own, &listed, "{}", text);

        let missing = missing_by(&facts, &observation, "SUSE", node.category, node.severity);
        prop_assert_eq!(missing, expected(&node, &listed, &facts), "{}", text);

        // Without locked ones; the architecture it shows is the newer version's.
        let text = made.text(&["--no-refresh", "list-updates"]);
        let listed: BTreeSet<_> = table(&text).into_iter().map(|row| format!("{} {}", row[2], row[4])).collect();
        let own = facts.packages.iter().filter(|package| !package.held).filter_map(|package| {
            let candidate =
                package.candidate.as_ref().filter(|candidate| is_newer(candidate, &package.version))?;
            Some(format!("{} {candidate}", package.name))
        });
        prop_assert_eq!(own.collect::<BTreeSet<_>>(), listed, "{}", text);
    }
}
