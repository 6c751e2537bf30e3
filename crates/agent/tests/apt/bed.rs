//! The hermetic bed: small repositories made on the spot, real dpkg and apt on a root of their own.
//! What it has is told in `testbeds/README.md`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use agent::packages::apt::{Environment, Options, RefreshLists, gather};
use agent::packages::root::Root;
use api::Timestamp;
use domain::facts::{FactSet, ListRefresh, Observation, PackageFact, PackageState};

use crate::oracle::{self, Apt};

pub struct Bed {
    folder: tempfile::TempDir,
    apt: Apt,
}

impl Bed {
    /// `None`, and a line that says so, where the tools are missing.
    pub fn new() -> Option<Self> {
        for tool in ["apt-get", "apt-ftparchive", "dpkg-deb", "dpkg-query"] {
            if !oracle::is_there(tool) {
                oracle::skip(&format!("{tool} is not installed, so there is no bed"));
                return None;
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbeds/apt-local-repo.sh");
        let made = Command::new(script)
            .arg(folder.path())
            .env("BED_UNSIGNED", "1")
            .output()
            .expect("the script runs");
        assert!(made.status.success(), "no bed: {}", String::from_utf8_lossy(&made.stderr));
        let config = folder.path().join("apt.conf").display().to_string();
        let apt = Apt { environment: vec![("APT_CONFIG".to_owned(), config)], ..Apt::default() };
        Some(Self { folder, apt })
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Runs an apt tool on the bed; whether it succeeded.
    pub fn run(&self, program: &str, arguments: &[&str]) -> (bool, String) {
        let mut command = self.apt.command(program);
        command.args(arguments).env("DPKG_ADMINDIR", self.root().join("var/lib/dpkg")).env("TB_SLOW", "0");
        let output = command.output().expect("the tool runs");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Seen through `APT_CONFIG`, after checking that the root itself shows the same.
    fn read(&self) -> (FactSet, Observation) {
        let apt_config = Some(self.folder.path().join("apt.conf"));
        let now = Timestamp::from_seconds(0);
        let options = Options {
            environment: Environment { apt_config },
            now,
            refresh: RefreshLists::Never,
            index: None,
        };
        let (inside, _) = gather(&Root::host(), &options).expect("the bed can be read");
        let (outside, observation) =
            gather(&Root::at(&self.root()).unwrap(), &options).expect("its root too");
        assert_eq!((&inside.packages, &inside.repositories), (&outside.packages, &outside.repositories));
        oracle::assert_equal("bed", &inside, &self.apt);
        assert_eq!(oracle::packages_of(&inside), oracle::dpkg_packages(&self.root().join("var/lib/dpkg")));
        (outside, observation)
    }
}

fn package<'a>(facts: &'a FactSet, name: &str, arch: &str) -> &'a PackageFact {
    let found = facts.packages.iter().find(|package| package.name == name && package.arch == arch);
    found.unwrap_or_else(|| panic!("{name}:{arch} is installed"))
}

#[test]
fn every_kind_of_package_is_read_as_apt_reads_it() {
    let Some(bed) = Bed::new() else { return };
    let (facts, observation) = bed.read();
    let native = facts.os.arch.clone();
    assert_eq!((facts.os.id.as_str(), observation.reboot_required_by), ("debian", None));

    for arch in [native.as_str(), "i386"] {
        let ssl = package(&facts, "tb-ssl", arch);
        assert_eq!(ssl.candidate.as_deref(), Some("1.0-1+deb12u2"));
        let suites: Vec<_> = ssl
            .available
            .iter()
            .map(|offer| facts.repositories[offer.repositories[0] as usize].suite.as_str())
            .collect();
        assert_eq!(suites, ["stable-updates", "stable-security", "stable"]);
        assert_eq!(ssl.source.as_deref(), Some("tb-openssl"));
    }
    assert!(package(&facts, "tb-held", &native).held);
    assert_eq!(package(&facts, "tb-epoch", &native).candidate.as_deref(), Some("1:1.0-1"));
    let pinned = package(&facts, "tb-pinned", &native);
    assert_eq!((pinned.candidate.as_deref(), pinned.available[0].version.as_str()), (Some("1.0-1"), "1.1-1"));
    let phased = &package(&facts, "tb-phased", &native).available[0];
    assert_eq!((phased.phased_percent, phased.phased_out), (Some(0), true));
    assert!(facts.packages.iter().all(|package| package.installed_at.is_some()));
}

#[test]
fn changes_of_a_node_are_seen() {
    let Some(bed) = Bed::new() else { return };
    assert!(bed.run("apt-mark", &["auto", "tb-base"]).0);
    assert!(bed.run("apt-get", &["-y", "-q", "install", "tb-kernel=5.10.2-1"]).0);
    let (failing, _) = bed.run("apt-get", &["-y", "-q", "install", "tb-fail=1.1-1"]);
    assert!(!failing, "tb-fail fails by design");
    let (facts, observation) = bed.read();
    let native = facts.os.arch.clone();
    assert!(package(&facts, "tb-base", &native).automatic);
    assert_eq!(package(&facts, "tb-kernel", &native).version, "5.10.2-1");
    assert_eq!(package(&facts, "tb-fail", &native).state, PackageState::HalfConfigured);
    assert_eq!(observation.reboot_required_by, Some(vec!["tb-kernel".to_owned()]));
    assert_eq!((observation.refresh, observation.booted_at), (ListRefresh::Skipped, None));
}

#[test]
fn phasing_chooses_the_machines_that_apt_chooses() {
    let Some(bed) = Bed::new() else { return };
    let lists = bed.root().join("var/lib/apt/lists");
    for entry in fs::read_dir(&lists).unwrap().flatten() {
        if entry.file_name().to_string_lossy().ends_with("_Packages") {
            let text = fs::read_to_string(entry.path()).unwrap();
            fs::write(
                entry.path(),
                text.replace("Phased-Update-Percentage: 0", "Phased-Update-Percentage: 50"),
            )
            .unwrap();
        }
    }
    let config = bed.folder.path().join("apt.conf");
    let text = fs::read_to_string(&config).unwrap();
    let mut kept = 0;
    for machine in 0..24 {
        // The choice must not hang on whether the tests themselves run in a chroot.
        let machine_id = format!("APT::Machine-ID \"{machine:032x}\"; Dir::Bin::ischroot \"/bin/false\";\n");
        fs::write(&config, format!("{text}{machine_id}")).unwrap();
        let parts = bed.root().join("etc/apt/apt.conf.d/50machine");
        fs::write(&parts, &machine_id).unwrap();
        let (_, simulated) = bed.run("apt-get", &["-s", "-q", "upgrade"]);
        let upgrades = simulated.lines().any(|line| line.starts_with("Inst tb-phased "));
        let (facts, _) = bed.read();
        let offer = package(&facts, "tb-phased", &facts.os.arch).available[0].clone();
        assert_eq!((offer.phased_percent, offer.phased_out), (Some(50), !upgrades), "machine {machine}");
        kept += usize::from(offer.phased_out);
    }
    assert!((1..24).contains(&kept), "some of 24 machines wait and some do not, not {kept}");
}
